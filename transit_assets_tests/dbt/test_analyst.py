"""dbt as an analyst runs it: in the project folder, with nothing set up but the lake."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from transit_assets.bikes.schema import STATION_STATUS
from transit_assets.dbt_lake import PROJECT, build, mart_tables
from transit_assets.lake import Lake
from transit_assets.lake.ledger import CHECK_RESULTS
from transit_assets.status import status
from transit_assets_tests.dbt.conftest import BIKES, DAYS, dbt, environment, parsed_project, report, rows_of

NOON = datetime(2025, 9, 9, 12, tzinfo=UTC)


def test_dbt_build_works_on_a_lake_that_holds_nothing(lake: Lake, tmp_path: Path) -> None:
    done = dbt(lake, "build", target=tmp_path, is_parsed=False)
    assert done.returncode == 0, done.stdout
    assert {table.relation for table in mart_tables()} <= set(lake.relations())


def passed_and_failed(lake: Lake) -> tuple[int, int]:
    found = status(lake, datetime.now(UTC))
    return found.checks_passed, len(found.failed_checks)


def test_the_tests_of_a_build_are_in_the_ledger_for_each_day_and_no_others(filled: Lake, tmp_path: Path) -> None:
    """After one mart was built again, its checks were older than its rows: `transit status` counted them no more."""
    assert build(filled, DAYS[0].isoformat(), DAYS[-1].isoformat(), BIKES).has_passed
    before = filled.ledger.latest_checks()
    assert passed_and_failed(filled) == (len(before), 0)

    done = dbt(filled, "build", "--select", "bikes__station_daily", target=tmp_path)
    assert done.returncode == 0, done.stdout
    after = filled.ledger.latest_checks()
    assert [(one.check_name, one.relation, one.partition) for one in after] == [
        (one.check_name, one.relation, one.partition) for one in before
    ]
    again = [one for one in after if one.relation == "processed.bikes__station_daily"]
    assert {one.partition for one in again} == {day.isoformat() for day in DAYS}
    assert not {one.run_id for one in again} & {one.run_id for one in before}
    rows = filled.table(CHECK_RESULTS).read().num_rows
    assert rows == len({(one.check_name, one.relation, one.partition, one.run_id) for one in [*before, *after]})


def test_a_test_that_fails_is_in_the_ledger_though_nothing_was_committed(filled: Lake, tmp_path: Path) -> None:
    polls = [NOON + timedelta(minutes=15 * number) for number in range(24)]
    broken = rows_of(STATION_STATUS, [report("1001", poll, -5, 12) for poll in polls])
    filled.table(STATION_STATUS).replace(broken, [DAYS[1]])
    done = dbt(filled, "build", "--select", "bikes__station_hourly", target=tmp_path)
    assert done.returncode == 1, done.stdout
    assert not any(relation.startswith("processed.") for relation in filled.relations())
    failed = [one for one in filled.ledger.latest_checks() if not one.has_passed]
    assert {one.relation for one in failed} == {"processed.bikes__station_hourly"}
    assert {one.partition for one in failed} == {day.isoformat() for day in DAYS}
    assert all(one.is_blocking for one in failed)


def test_what_tests_without_building_leaves_the_ledger_alone(filled: Lake, tmp_path: Path) -> None:
    done = dbt(filled, "run", "--select", "bikes__station_hourly", target=tmp_path)
    assert dbt(filled, "test", "--select", "bikes__station_hourly", target=tmp_path).returncode == 0, done.stdout
    assert not filled.table(CHECK_RESULTS).exists()


def test_two_analysts_build_at_the_same_time(filled: Lake, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        command = ("build", "--select", *BIKES)
        for done in pool.map(lambda name: dbt(filled, *command, target=tmp_path / name), ("one", "other")):
            assert done.returncode == 0, done.stdout
            assert "Unable to do partial parsing" not in done.stdout  # though it was parsed for another lake
    assert filled.table(next(t for t in mart_tables() if t.name == "station_daily")).read().num_rows == 4 * len(DAYS)


def test_a_filled_lake_can_be_tested_shown_and_documented(built: Lake, tmp_path: Path) -> None:
    tested = dbt(built, "test", "--select", *BIKES, target=tmp_path)
    assert tested.returncode == 0, tested.stdout
    show = ["show", "--output", "json", "--limit", "-1"]
    inline = ["--inline", "select day, count(*) as rows from {{ ref('bikes__zone_daily') }} group by day order by day"]
    shown = dbt(built, *show, *inline, target=tmp_path)
    assert shown.returncode == 0, shown.stdout
    rows = json.loads(shown.stdout[shown.stdout.index("{") :])["show"]
    assert [row["rows"] for row in rows] == [3, 3, 3]
    one_day = dbt(
        built, *show, "--select", "bikes__station_daily", target=tmp_path, from_day="2025-09-09", to_day="2025-09-09"
    )
    assert len(json.loads(one_day.stdout[one_day.stdout.index("{") :])["show"]) == 4
    documented = dbt(built, "docs", "generate", target=tmp_path)
    assert documented.returncode == 0, documented.stdout
    catalog = json.loads((tmp_path / "catalog.json").read_text())
    assert "model.transit_assets.bikes__station_daily" in catalog["nodes"]
    assert "source.transit_assets.bikes_interim.bikes__station_status" in catalog["sources"]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"from_day": "2025-09-10", "to_day": "2025-09-09"}, "from_day 2025-09-10 is after to_day 2025-09-09"),
        ({"from_day": "yesterday"}, "from_day and to_day are days such as 2025-09-08, not yesterday"),
        ({"to_day": "2025-09-31' or true --"}, "from_day and to_day are days such as 2025-09-08"),
    ],
)
def test_days_that_make_no_sense_are_refused(filled: Lake, variables: dict[str, str], says: str) -> None:
    outcome = build(filled, variables.get("from_day"), variables.get("to_day"), BIKES)
    assert not outcome.has_passed
    assert says in str(outcome.error)
    assert not any(relation.startswith("processed.") for relation in filled.relations())


def test_a_connection_that_is_used_again_sees_what_was_committed_meanwhile(filled: Lake, tmp_path: Path) -> None:
    """An in-process dbt that reused its connection once wrote no rows, with every test green."""
    script = """
import sys, json
from dbt.cli.main import dbtRunner
from transit_assets.bikes.schema import STATION_STATUS
from transit_assets.lake import Lake
arguments = ["--quiet", "build", "--select", "bikes__station_daily", "--target-path", sys.argv[2]]
assert dbtRunner().invoke(arguments).success
table = Lake.at(sys.argv[1]).table(STATION_STATUS)
table.replace(STATION_STATUS.schema.empty_table(), ["2025-09-08"])
assert dbtRunner().invoke(arguments).success
"""
    shutil.copy(parsed_project(), tmp_path)
    command = [sys.executable, "-c", script, filled.location.root, str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, env=environment(filled, tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert filled.table(next(t for t in mart_tables() if t.name == "station_daily")).partitions() == [
        "2025-09-09",
        "2025-09-10",
    ]
