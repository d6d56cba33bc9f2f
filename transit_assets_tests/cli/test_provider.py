"""`transit import` and `transit live`: what comes in from outside."""

import json
from pathlib import Path

import pytest

from transit_assets.lake import Lake
from transit_assets_tests.cli.conftest import Transit


@pytest.fixture
def pair(recordings: Path) -> list[Path]:
    """One pair of the operator's payloads."""
    return sorted((recordings / "bikes" / "payloads").glob("gbfs_station_*_2025-10-18.json"))


def test_an_import_prints_the_days_it_touches(transit: Transit, pair: list[Path], lake: Lake) -> None:
    result = transit("import", "bikes", *pair)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("2025-10-18\n") == 2
    assert "1,495 rows" in result.stdout
    assert lake.landing.origin() == "real"


def test_a_file_imported_twice_touches_nothing(transit: Transit, pair: list[Path], lake: Lake) -> None:
    transit("import", "bikes", *pair)
    before = len(lake.landing.fetches("bikes"))
    result = transit("import", "bikes", *pair)
    assert (result.exit_code, result.stdout.count("imported before")) == (0, 2)
    assert len(lake.landing.fetches("bikes")) == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"results": [{"iu_ac": "4264", "q": 12}]}', "unknown format"),
        (b"\x89PNG\r\n\x1a\n", "unknown format"),
        (b"a;b\n1;2\n", "unknown format"),
    ],
)
def test_an_unknown_format_names_what_it_saw_and_what_it_knows(
    transit: Transit, tmp_path: Path, lake: Lake, content: bytes, says: str
) -> None:
    file = tmp_path / "file.bin"
    file.write_bytes(content)
    result = transit("import", "bikes", file)
    assert (result.exit_code, result.stderr.count("error: file.bin")) == (2, 1)
    assert says in result.stderr
    assert "Known for bikes:" in result.stderr
    assert lake.landing.origin() is None


def test_one_unknown_file_keeps_all_out(transit: Transit, pair: list[Path], tmp_path: Path, lake: Lake) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert transit("import", "bikes", *pair, tmp_path / "notes.txt").exit_code == 2
    assert lake.landing.fetches("bikes") == []


@pytest.mark.parametrize("arguments", [["bikes"], ["bikes", "missing.csv"], ["boats", "x"]])
def test_a_file_or_domain_that_is_not_there_is_wrong_use(transit: Transit, arguments: list[str]) -> None:
    assert transit("import", *arguments).exit_code == 2


def test_live_gives_rows_straight_from_the_provider_and_stores_nothing(transit: Transit, lake: Lake) -> None:
    done = transit("live", "bikes", "--rows", 3, "--format", "json")
    assert "of the simulated city" in done.stderr
    first = json.loads(done.stdout)
    assert len(first) == 3
    code = first[1]["station_code"]
    (one,) = json.loads(transit("live", "bikes", "--station", code, "--format", "json").stdout)
    assert (one["station_code"], one["name"]) == (code, first[1]["name"])
    assert lake.landing.origin() is None


def test_an_unknown_station_is_a_failure(transit: Transit) -> None:
    result = transit("live", "bikes", "--station", "1")
    assert (result.exit_code, result.stderr) == (1, "no station 1\n")


def test_a_poll_says_how_many_rows_it_could_not_use(transit: Transit) -> None:
    result = transit("poll", "--count", 1, simulator_faults="ok,clock_ahead", now="2026-03-02T12:00:00+00:00")
    assert result.exit_code == 0, result.stderr
    assert "rows for the quarantine: " in result.stderr.splitlines()[-1]


def test_the_rail_is_polled_feed_by_feed(transit: Transit) -> None:
    result = transit("poll", "rail", "--count", 1)
    assert result.exit_code == 0, result.stderr
    told = result.stderr.splitlines()[-1]
    assert "gtfs landed, " in told
    assert "stop_monitoring landed, " in told
    assert "general_message landed, " in told
