"""The hourly weather: imported whole, one row per place and hour, and known when it could be known."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from transit_assets.context.weather.archive import import_files
from transit_assets.context.weather.clean.errors import UnknownFormat
from transit_assets.context.weather.clean.hourly import weather_hourly
from transit_assets.context.weather.landed import FEEDS, FEEDS_OF, observations_by_month, payloads
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.lake import Lake, Load
from transit_assets.lake.errors import OriginMismatch, PayloadUnreadable
from transit_assets.settings import Settings
from transit_assets_tests.context.weather import LONDON, NOON, csv_of, hour, hours, timeline

SETTINGS = Settings(_env_file=None, now=datetime(2024, 7, 20, 9, 30, tzinfo=UTC))  # type: ignore[call-arg]
JULY = "2024-07-01"


def file(folder: Path, payload: bytes) -> Path:
    path = folder / f"{len(list(folder.iterdir()))}.dat"
    path.write_bytes(payload)
    return path


def load_months(lake: Lake, months: Sequence[str]) -> list[Load]:
    from transit_assets.quality.load import load

    fingerprints = lake.landing.fingerprints("weather", FEEDS)
    return load(
        lake,
        WEATHER_HOURLY,
        (
            weather_hourly(date.fromisoformat(month), observed, fingerprints.get(month))
            for month, observed in observations_by_month(lake, FEEDS, months)
        ),
    )


def rows(lake: Lake) -> list[dict[str, Any]]:
    return lake.table(WEATHER_HOURLY).scan("SELECT * FROM hourly ORDER BY place, hour_start_at").to_pylist()


def test_every_hour_of_the_recorded_paris_file_is_a_row(lake: Lake, recordings: Path) -> None:
    now = Settings(_env_file=None)  # type: ignore[call-arg]
    (found,) = import_files(lake, [recordings / "context/paris_weather_2021-12_to_2023-01.csv"], now)
    assert (found.format, found.rows, len(found.partitions)) == ("paris_csv", 10_197, 15)
    assert (found.partitions[0], found.partitions[-1]) == ("2021-11-01", "2023-01-01")
    loads = load_months(lake, found.partitions)
    assert sum(load.kept_rows or 0 for load in loads) == 10_197
    assert {load.quarantined_rows for load in loads} == {0}
    assert {month: one.records for month, one in payloads(lake, found.partitions).items()} == {
        load.partition: load.landed_rows for load in loads
    }
    first = rows(lake)[0]
    assert (first["place"], first["hour_start_at"]) == ("paris", datetime(2021, 11, 30, 23, tzinfo=UTC))
    assert (first["temperature_celsius"], first["visibility_km"], first["is_forecast"]) == (6.9, 10.0, False)
    assert first["known_at"] == datetime(2021, 12, 1, tzinfo=UTC)


def test_an_observation_is_known_when_its_hour_is_over_and_a_forecast_when_it_is_fetched(
    lake: Lake, tmp_path: Path
) -> None:
    at = datetime(2024, 7, 20, 8, tzinfo=UTC)
    found = [hour(at), hour(at + timedelta(hours=1), source=None), hour(at + timedelta(hours=2), source="fcst")]
    import_files(lake, [file(tmp_path, timeline(found))], SETTINGS, units="metric")
    load_months(lake, [JULY])
    assert [(row["is_forecast"], f"{row['known_at']:%H:%M}", f"{row['fetched_at']:%H:%M}") for row in rows(lake)] == [
        (False, "09:00", "09:30"),
        (True, "09:30", "09:30"),  # not over, and nothing says what it is
        (True, "09:30", "09:30"),
    ]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_observation_beats_a_forecast_whichever_lands_first(
    lake: Lake, tmp_path: Path, order: tuple[int, int]
) -> None:
    files = [timeline([hour(NOON, temp=25.0, source="fcst")]), timeline([hour(NOON, temp=21.0)])]
    import_files(lake, [file(tmp_path, files[number]) for number in order], SETTINGS, units="metric")
    (load,) = load_months(lake, [JULY])
    assert (load.landed_rows, load.kept_rows, load.duplicate_rows, load.conflict_rows) == (2, 1, 1, 1)
    assert [(row["temperature_celsius"], row["is_forecast"]) for row in rows(lake)] == [(21.0, False)]


def test_visual_crossing_beats_the_scaled_file_and_later_files_earlier_ones(lake: Lake, tmp_path: Path) -> None:
    scaled = b"datetime;tempC;precipMM;visibility\n2024-07-06T14:00:00+02:00;0.8;0.1;1.0\n"
    files = [timeline([hour(NOON, temp=20.0)]), timeline([hour(NOON, temp=20.5)]), scaled]
    import_files(lake, [file(tmp_path, payload) for payload in files], SETTINGS, units="metric")
    load_months(lake, [JULY])
    assert [(row["temperature_celsius"], row["source"]) for row in rows(lake)] == [(20.5, "visual_crossing_json")]


def test_both_formats_of_one_hour_say_the_same(lake: Lake, tmp_path: Path) -> None:
    as_json = file(tmp_path, timeline([hour(NOON, zone="Europe/London")], LONDON))
    as_csv = file(tmp_path, csv_of([{"name": "London", "datetime": "2024-07-06T14:00:00"}]))
    import_files(lake, [as_json, as_csv], SETTINGS, units="metric")
    load_months(lake, [JULY])
    first, second = rows(lake)
    differ = {name for name in first if first[name] != second[name]}
    assert differ == {"hour_start_at", "known_at", "source", "payload_sha256", "fetched_at"}


def test_an_impossible_figure_is_put_aside_with_its_rule(lake: Lake, tmp_path: Path) -> None:
    found = hours(NOON, 40)
    found[3]["temp"] = 99.0
    import_files(lake, [file(tmp_path, timeline(found))], SETTINGS, units="metric")
    (load,) = load_months(lake, [JULY])
    assert (load.outcome, load.kept_rows, load.quarantined_rows) == ("committed", 39, 1)
    with lake.engine() as connection:
        lake.register(connection)
        broken = connection.execute("SELECT rule FROM quarantine.weather__hourly").fetchall()
    assert broken == [("temperature_celsius_maximum",)]


def test_a_file_of_two_months_is_read_for_each_of_them(lake: Lake, tmp_path: Path) -> None:
    payload = timeline(hours(datetime(2024, 6, 30, 22, tzinfo=UTC), 5))
    (found,) = import_files(lake, [file(tmp_path, payload)], SETTINGS, units="metric")
    assert found.partitions == ("2024-06-01", JULY)
    assert json.loads(found.fetch.headers["rows-by-month"]) == {"2024-06-01": 2, JULY: 3}
    assert [load.kept_rows for load in load_months(lake, found.partitions)] == [2, 3]
    assert {month: one.records for month, one in payloads(lake, [JULY]).items()} == {JULY: 3}


def test_units_that_were_said_hold_when_the_file_is_read_again(lake: Lake, tmp_path: Path) -> None:
    (found,) = import_files(lake, [file(tmp_path, timeline([hour(NOON)]))], SETTINGS, units="uk")
    for path in (Path(lake.location.root) / "raw/weather/archive/decoded").rglob("*"):
        if path.is_file():
            path.unlink()
    load_months(lake, found.partitions)
    assert rows(lake)[0]["wind_speed_km_per_hour"] == pytest.approx(20 * 1.609344)


def test_the_same_file_again_makes_nothing_due(lake: Lake, tmp_path: Path) -> None:
    path = file(tmp_path, timeline([hour(NOON)]))
    import_files(lake, [path], SETTINGS, units="metric")
    load_months(lake, [JULY])
    (again,) = import_files(lake, [path], SETTINGS, units="metric")
    assert not again.is_new
    feeds = FEEDS_OF[WEATHER_HOURLY.relation]
    assert lake.ledger.stale(WEATHER_HOURLY.relation, lake.landing.fingerprints("weather", feeds)) == []


@pytest.mark.parametrize(
    ("payload", "error", "message"),
    [
        (b"a,b\n1,2\n", UnknownFormat, r"0\.dat: unknown format.*Known for weather"),
        (timeline([hour(NOON + timedelta(days=30))]), PayloadUnreadable, r"0\.dat: it has hours of 2024-08.*2024-07"),
    ],
)  # fmt: skip
def test_a_file_that_is_refused_lands_nothing(
    lake: Lake, tmp_path: Path, payload: bytes, error: type[Exception], message: str
) -> None:
    bad, good = file(tmp_path, payload), file(tmp_path, timeline([hour(NOON)]))
    with pytest.raises(error, match=message):
        import_files(lake, [good, bad], SETTINGS, units="metric")
    assert lake.landing.is_empty("weather")


def test_a_simulated_lake_takes_no_file(lake: Lake, tmp_path: Path) -> None:
    lake.landing.claim("simulated")
    with pytest.raises(OriginMismatch, match="TRANSIT_LAKE"):
        import_files(lake, [file(tmp_path, timeline([hour(NOON)]))], SETTINGS)
