"""The weather and the calendar by command: files that people hold, and tables that need none."""

import json
from pathlib import Path

import pytest

from transit_assets.context.calendar.schema import CALENDAR_DAYS
from transit_assets.context.congestion.schema import CONGESTION_HOURLY
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.lake import Lake
from transit_assets_tests.cli.conftest import Transit
from transit_assets_tests.context.congestion import tomtom_hours
from transit_assets_tests.context.weather import LONDON, NOON, hour, timeline


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


def test_files_of_the_context_are_told_apart_and_built_by_their_domains(
    transit: Transit, lake: Lake, tmp_path: Path
) -> None:
    weather, holidays, congestion = (tmp_path / name for name in ("weather", "holidays", "congestion"))
    weather.write_bytes(timeline([hour(NOON, zone="Europe/London", windspeed=10.0)], LONDON))
    event = {"title": "Day of the Test", "date": "2023-05-09", "notes": "", "bunting": True}
    holidays.write_text(json.dumps({"england-and-wales": {"division": "england-and-wales", "events": [event]}}))
    congestion.write_bytes(tomtom_hours({NOON: 35.0}))
    files = (congestion, weather, holidays)
    result = transit("import", "context", "--units", "uk", "--place", "london", *files)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        "congestion: tomtom_hours_json, 1 rows",
        "  2024-07-01",
        "weather: visual_crossing_json, 1 rows",
        "  2024-07-01",
        "holidays: gov_uk_bank_holidays_json, 1 rows",
        "  2023-01-01",
    ]
    assert "`transit run congestion weather calendar` builds them" in result.stderr
    built = transit("run", "congestion", "weather", "calendar")
    assert built.exit_code == 0, built.stderr
    (row,) = lake.table(CONGESTION_HOURLY).read().to_pylist()
    assert (row["place"], row["hour_start_at"], row["congestion_percent"]) == ("london", NOON, 35.0)
    (row,) = lake.table(WEATHER_HOURLY).read().to_pylist()
    assert (row["place"], row["wind_speed_km_per_hour"]) == ("london", pytest.approx(16.09344))
    days = lake.table(CALENDAR_DAYS)
    query = "SELECT count(*) AS days FROM days WHERE public_holiday_name = ?"
    assert days.scan(query, ["Day of the Test"]).to_pylist() == [{"days": 1}]


def test_a_calendar_that_was_built_takes_what_is_imported_later(transit: Transit, lake: Lake, tmp_path: Path) -> None:
    assert transit("run", "calendar").exit_code == 0
    event = {"title": "Day of the Test", "date": "2023-05-09"}
    (tmp_path / "file").write_text(json.dumps({"england-and-wales": {"events": [event]}}))
    assert transit("import", "context", tmp_path / "file").exit_code == 0
    assert transit("run", "calendar").exit_code == 0
    rows = lake.table(CALENDAR_DAYS).scan("SELECT public_holiday_name AS name FROM days WHERE day = '2023-05-09'")
    assert "Day of the Test" in rows["name"].to_pylist()


def test_one_bad_file_of_the_context_keeps_all_of_them_out(transit: Transit, lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(timeline([hour(NOON)]))
    (tmp_path / "bad").write_bytes(tomtom_hours({NOON: 35.0}))
    result = transit("import", "context", tmp_path / "good", tmp_path / "bad")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: bad: nothing in it tells its place: say with --place which it is, london, paris\n"
    assert lake.landing.is_empty("weather")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("context",), "error: file: unknown format: text that begins with 'a;b"),
        (("bikes", "--place", "london"), "error: --units and --place are about files of the context, not of bikes"),
        (("weather", "--place", "london"), "error: --units and --place are about files of the context, not of weather"),
        (("road", "--units", "uk"), "error: --units and --place are about files of the context, not of road"),
    ],
)
def test_wrong_use_of_the_import_is_one_line(
    transit: Transit, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "file").write_bytes(b"a;b\n1;2\n")
    result = transit("import", *arguments, tmp_path / "file")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith(message)


@pytest.mark.parametrize("domain", ["road", "weather", "calendar"])
def test_what_cannot_be_asked_for_how_it_is_now_is_wrong_use(transit: Transit, domain: str) -> None:
    assert transit("live", domain).exit_code == 2


def test_the_calendar_is_built_without_a_feed(transit: Transit, lake: Lake) -> None:
    result = transit("run", "calendar", feeds="simulated")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.endswith("built what has no days or months\n")
    assert lake.landing.origin() is None
    assert lake.table(CALENDAR_DAYS).read().num_rows > 20_000
