"""The weather and the calendar by command: files that people hold, and tables that need none."""

from pathlib import Path

import pytest

from transit_assets.context.calendar.schema import CALENDAR_DAYS
from transit_assets.lake import Lake
from transit_assets_tests.cli.conftest import Transit


def test_a_file_of_weather_says_which_months_it_touches(transit: Transit, recordings: Path) -> None:
    path = recordings / "context" / "paris_weather_2021-12_to_2023-01.csv"
    result = transit("import", "weather", path)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"{path.name}: paris_csv, 10,197 rows\n  2021-11-01 2021-12-01 ")
    assert "`transit run weather` builds them" in result.stderr
    assert "imported before: nothing changed" in transit("import", "weather", path).stdout


def test_a_file_that_is_no_weather_is_one_line_and_exit_code_2(transit: Transit, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a;b\n1;2\n")
    result = transit("import", "weather", tmp_path / "file")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("error: file: ")


@pytest.mark.parametrize("domain", ["road", "weather", "calendar"])
def test_what_cannot_be_asked_for_how_it_is_now_is_wrong_use(transit: Transit, domain: str) -> None:
    assert transit("live", domain).exit_code == 2


def test_the_calendar_is_built_without_a_feed(transit: Transit, lake: Lake) -> None:
    result = transit("run", "calendar", feeds="simulated")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.endswith("built what has no days or months\n")
    assert lake.landing.origin() is None
    assert lake.table(CALENDAR_DAYS).read().num_rows > 20_000
