"""A damaged table is named by `transit sql` and `transit status`, and takes nothing else with it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from transit_assets.lake import Fetch, Lake
from transit_assets.lake.ledger import CheckResult, Load
from transit_assets_tests.cli.conftest import Transit

NOON = datetime(2025, 9, 8, 12, tzinfo=UTC)
FETCHES, LOADS = "raw.fetches", "quality.loads"


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """A lake of three tables, of which `quality.loads` has two files."""
    fetch = Fetch("bikes", "station_status", NOON, "host", "https://host/", "landed", True, partitions=("2025-09-08",))
    lake.landing.land([(fetch, b"payload")])
    for day in ("2025-09-07", "2025-09-08"):
        lake.ledger.record([Load("interim.x", day, "refused", loaded_at=NOON)])
    lake.ledger.record_checks([CheckResult("rows_add_up", "interim.x", None, True, True)])
    return lake


def files(lake: Lake, relation: str) -> list[Path]:
    return sorted(Path(uri) for uri in lake.open(relation).file_uris())


def lose_first(lake: Lake, relation: str) -> str:
    files(lake, relation)[0].unlink()
    return files(lake, relation)[0].name


def lose_last(lake: Lake, relation: str) -> str:
    files(lake, relation)[-1].unlink()
    return files(lake, relation)[-1].name


def cut(lake: Lake, relation: str) -> str:
    file = files(lake, relation)[-1]
    file.write_bytes(file.read_bytes()[:100])
    return file.name


def overwrite_log(lake: Lake, relation: str) -> str:
    log = Path(lake.location.root, *relation.split("."), "_delta_log")
    sorted(log.glob("*.json"))[-1].write_text("garbage")
    return "_delta_log"


DAMAGES = [lose_first, lose_last, cut, overwrite_log]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("relation", "other"), [(FETCHES, LOADS), (LOADS, FETCHES)])
def test_a_query_fails_on_the_damaged_table_alone(
    transit: Transit, filled: Lake, damage: Callable[[Lake, str], str], relation: str, other: str
) -> None:
    named = damage(filled, relation)
    result = transit("sql", f"SELECT count(*) AS n, max(t) FROM {relation} AS t", "--format", "csv")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert relation in result.stderr
    assert named in result.stderr
    assert transit("sql", f"SELECT count(*) > 0 AS ok FROM {other}", "--format", "csv").stdout == "ok\ntrue\n"


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("relation", [FETCHES, LOADS, "quality.check_results"])
def test_the_status_names_the_damaged_table_and_shows_the_rest(
    transit: Transit, filled: Lake, damage: Callable[[Lake, str], str], relation: str
) -> None:
    named = damage(filled, relation)
    (line,) = [line for line in transit("status").stdout.splitlines() if line.startswith(f"✗ {relation} is damaged")]
    assert named in line
    report = json.loads(transit("status", "--json").stdout)
    assert report["is_healthy"] is False
    assert [table["relation"] for table in report["tables"] if table["damage"]] == [relation]
    assert len(report["tables"]) == 3
    assert bool(report["feeds"]) is (relation != FETCHES)


def test_rot_within_a_file_of_the_right_length_is_found_by_the_query(transit: Transit, filled: Lake) -> None:
    file = files(filled, LOADS)[0]
    content = file.read_bytes()
    file.write_bytes(content[:4] + bytes(len(content) // 3) + content[4 + len(content) // 3 :])
    result = transit("sql", f"SELECT max(t) FROM {LOADS} AS t")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert f"{LOADS}: the file {file}" in result.stderr
