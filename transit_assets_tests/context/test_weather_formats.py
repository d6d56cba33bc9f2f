"""Files of the weather: told by content, in metric units, at true instants; what cannot be known stays unknown."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from transit_assets.context.hours import by_month, rows_by_month
from transit_assets.context.weather.clean.errors import UnknownFormat
from transit_assets.context.weather.clean.formats import decode
from transit_assets.context.weather.clean.units import Units
from transit_assets.lake.errors import PayloadUnreadable
from transit_assets_tests.context.weather import FIGURES, NOON, csv_of, hour, hours, timeline

LONDON_NAME = "London, England, United Kingdom"


def first(payload: bytes, units: Units | None = None) -> dict[str, Any]:
    return decode(payload, units).records.slice(0, 1).to_pylist()[0]


def starts(rows: pa.Table) -> list[str]:
    return [f"{start:%Y-%m-%dT%H:%M}Z" if start else "" for start in rows["hour_start_at"].to_pylist()]


def test_the_recorded_paris_file_is_scaled_back(recordings: Path) -> None:
    found = decode((recordings / "context/paris_weather_2021-12_to_2023-01.csv").read_bytes())
    rows = found.records
    assert (rows.num_rows, len(set(starts(rows))), rows["problem"].null_count) == (10_197, 10_197, 10_197)
    assert (starts(rows)[0], starts(rows)[-1]) == ("2021-11-30T23:00Z", "2023-01-29T19:00Z")
    temperature = rows["temperature_celsius"].to_pylist()
    assert (temperature[0], max(temperature), min(temperature)) == (6.9, 42.9, -3.9)
    assert max(rows["visibility_km"].to_pylist()) == 10.0
    assert round(sum(rows["precipitation_mm"].to_pylist())) == 546
    july = [one for one, start in zip(temperature, starts(rows), strict=True) if start.startswith("2022-07")]
    assert 22 < sum(july) / len(july) < 25


def test_a_file_of_that_shape_that_is_not_scaled_is_taken_as_it_is() -> None:
    line = "2022-07-19T12:00:00+02:00;06:08 AM;38;0.1;10"
    rows = decode(f"datetime;sunrise;tempC;precipMM;visibility\n{line}\n".encode()).records
    assert starts(rows) == ["2022-07-19T10:00Z"]
    assert (rows["temperature_celsius"][0].as_py(), rows["visibility_km"][0].as_py()) == (38.0, 10.0)


def test_the_recorded_answer_has_no_hours_and_is_refused_with_the_way_out(recordings: Path) -> None:
    payload = (recordings / "context/visualcrossing_timeline_london_2024-07-06.json").read_bytes()
    with pytest.raises(PayloadUnreadable, match=r"days and no hours.*include=hours"):
        decode(payload)


def test_the_recorded_day_as_an_hour_is_read_in_the_units_that_its_figures_tell(recordings: Path) -> None:
    """Its units stand nowhere: 57.8 with a dew point of 51.3 and 79.7 % humidity is Fahrenheit."""
    answer = json.loads((recordings / "context/visualcrossing_timeline_london_2024-07-06.json").read_bytes())
    (day,) = answer["days"]
    day["hours"] = [{name: day[name] for name in day if name not in ("datetime", "hours")} | {"datetime": "00:00:00"}]
    found = decode(json.dumps(answer).encode())
    row = found.records.to_pylist()[0]
    assert found.units == "us"
    assert row["place"] == "london"
    assert row["hour_start_at"] == datetime(2024, 7, 5, 23, tzinfo=UTC)
    wanted = {
        "temperature_celsius": 14.33,
        "dew_point_celsius": 10.72,
        "precipitation_mm": 11.61,
        "wind_speed_km_per_hour": 35.24,
        "visibility_km": 13.36,
        "pressure_hpa": 1001.8,
    }
    assert {name: round(row[name], 2) for name in wanted} == wanted
    assert (row["precipitation_types"], row["is_forecast"], row["problem"]) == ("rain", None, None)


UNITS: list[tuple[Units, Callable[[dict], dict]]] = [
    ("metric", lambda figures: {}),
    ("uk", lambda f: {name: f[name] / 1.609344 for name in ("windspeed", "windgust", "visibility")}),
    (
        "us",
        lambda f: (
            {name: f[name] / 1.609344 for name in ("windspeed", "windgust", "visibility")}
            | {name: f[name] * 1.8 + 32 for name in ("temp", "feelslike", "dew")}
            | {"precip": f["precip"] / 25.4}
        ),
    ),
    (
        "base",
        lambda f: (
            {name: f[name] / 3.6 for name in ("windspeed", "windgust")}
            | {name: f[name] + 273.15 for name in ("temp", "feelslike", "dew")}
        ),
    ),
]


@pytest.mark.parametrize(("units", "changes"), UNITS)
def test_units_that_are_said_are_converted(units: Units, changes: Callable[[dict], dict]) -> None:
    row = first(timeline([hour(NOON, **changes(FIGURES))]), units)
    names = {"temperature_celsius": "temp", "precipitation_mm": "precip", "visibility_km": "visibility"}
    names |= {"wind_speed_km_per_hour": "windspeed", "dew_point_celsius": "dew", "wind_gust_km_per_hour": "windgust"}
    assert {name: row[name] for name in names} == pytest.approx({name: FIGURES[of] for name, of in names.items()})


@pytest.mark.parametrize(("units", "changes"), UNITS)
def test_units_that_nobody_says_are_told_by_humidity(units: Units, changes: Callable[[dict], dict]) -> None:
    """Kilometres and miles are not: wind and visibility of a file in Celsius stay unknown."""
    found = decode(timeline([hour(NOON, **changes(FIGURES))]))
    row = found.records.to_pylist()[0]
    is_celsius = units in ("metric", "uk")
    assert found.units == ("celsius" if is_celsius else units)
    assert row["temperature_celsius"] == pytest.approx(20.0)
    assert (row["wind_speed_km_per_hour"] is None, row["visibility_km"] is None) == (is_celsius, is_celsius)


@pytest.mark.parametrize("changes", [{"humidity": None}, {"dew": 20.0, "humidity": 100.0}])
def test_figures_that_tell_no_units_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PayloadUnreadable, match="metric, uk, us or base"):
        decode(timeline([hour(NOON, **changes)]))


@pytest.mark.parametrize(
    ("written", "read"),
    [(["snow", "rain"], "rain,snow"), ("snow, rain", "rain,snow"), (None, None), ([], None), (["Rain"], "rain")],
)
def test_what_fell_is_a_list_or_a_joined_text(written: Any, read: str | None) -> None:
    assert first(timeline([hour(NOON, preciptype=written)]), "metric")["precipitation_types"] == read


@pytest.mark.parametrize(
    ("source", "is_forecast"), [("obs", False), ("fcst", True), ("comb", True), ("stats", True), ("histfcst", False)]
)
def test_the_source_says_what_is_a_forecast(source: str, is_forecast: bool) -> None:
    assert first(timeline([hour(NOON, source=source)]), "metric")["is_forecast"] is is_forecast


def test_json_takes_the_epoch_and_not_the_offset_of_another_day() -> None:
    """`tzoffset` is that of the first day: on 27 October it is wrong from 01:00 UTC on."""
    found = decode(timeline(hours(datetime(2024, 10, 26, 22, tzinfo=UTC), 27), tzoffset=2.0), "metric")
    assert starts(found.records)[:5] == [
        f"2024-10-{day}Z" for day in ("26T22:00", "26T23:00", "27T00:00", "27T01:00", "27T02:00")
    ]
    assert starts(found.records)[-1] == "2024-10-28T00:00Z"


def test_csv_is_the_wall_clock_of_its_place() -> None:
    rows = [{"name": name, "datetime": "2024-07-06T12:00:00"} for name in (LONDON_NAME, "Paris,France")]
    found = decode(csv_of(rows), "metric").records
    assert found["place"].to_pylist() == ["london", "paris"]
    assert starts(found) == ["2024-07-06T11:00Z", "2024-07-06T10:00Z"]
    row = found.to_pylist()[0]
    assert (row["pressure_hpa"], row["precipitation_types"], row["conditions"]) == (
        1013.0,
        "rain",
        "Rain, Partially cloudy",
    )


def test_an_hour_that_comes_twice_is_two_hours() -> None:
    clock = ["01:00", "02:00", "02:00", "03:00"]
    found = decode(csv_of([{"name": "Paris", "datetime": f"2024-10-27T{one}:00"} for one in clock]), "metric").records
    assert starts(found) == [f"2024-10-{one}Z" for one in ("26T23:00", "27T00:00", "27T01:00", "27T02:00")]


def test_an_hour_that_the_clock_leaves_out_is_put_aside() -> None:
    clock = ["01:00", "02:00", "03:00"]
    found = decode(csv_of([{"name": "Paris", "datetime": f"2024-03-31T{one}:00"} for one in clock]), "metric").records
    assert starts(found) == ["2024-03-31T00:00Z", "", "2024-03-31T01:00Z"]
    assert found["problem"].to_pylist() == [None, "datetime_exists_at_the_place: '2024-03-31T02:00:00'", None]
    assert rows_by_month(found) == {"2024-03-01": 3}


def test_hours_of_2009_are_read_by_the_clocks_of_2009() -> None:
    clock = ["2009-01-01T00:00", "2009-07-01T00:00"]
    found = decode(csv_of([{"name": "London", "datetime": f"{one}:00"} for one in clock]), "metric").records
    assert starts(found) == ["2009-01-01T00:00Z", "2009-06-30T23:00Z"]


def test_a_csv_with_coordinates_needs_no_name() -> None:
    rows = [{"latitude": 51.5, "longitude": -0.1, "datetime": "2024-01-06T12:00:00"}]
    columns = ["latitude", "longitude", "datetime", "temp", "humidity", "dew"]
    assert first(csv_of(rows, columns))["place"] == "london"


def test_one_bad_hour_costs_itself_only() -> None:
    payload = timeline([hour(NOON), "no hour", hour(NOON + timedelta(hours=1), temp="warm"), hour(NOON, starts="x")])
    rows = decode(payload, "metric").records.to_pylist()
    assert sorted(row["row_number"] for row in rows) == [0, 1, 2, 3]
    problems = {row["row_number"]: row["problem"] for row in rows}
    assert problems[0] is None
    assert problems[3] is None
    assert problems[1].startswith("record_is_readable: ")
    assert problems[2].startswith("record_is_readable: ")


def test_a_csv_figure_that_is_no_number_is_named() -> None:
    rows = [
        {"name": "Paris", "datetime": f"2024-07-06T{one}:00:00", "temp": temp} for one, temp in ((10, 20), (11, "warm"))
    ]
    found = decode(csv_of(rows), "metric").records
    assert found["problem"].to_pylist() == [None, "temperature_celsius_is_a_number: 'warm'"]


def test_months_are_those_of_utc() -> None:
    found = decode(timeline(hours(datetime(2024, 6, 30, 22, tzinfo=UTC), 4)), "metric").records
    assert {month: rows.num_rows for month, rows in by_month(found)} == {"2024-06-01": 2, "2024-07-01": 2}


@pytest.mark.parametrize(
    ("payload", "error", "message"),
    [
        (b"", UnknownFormat, "unknown format: an empty file"),
        (b"<html>", UnknownFormat, "begins with '<html>'"),
        (b"\x00\x01", UnknownFormat, "binary data"),
        (b"a,b\n1,2\n", UnknownFormat, "Visual Crossing's timeline with hours"),
        (b'{"days": 3}', UnknownFormat, "not the expected JSON"),
        (csv_of([]), PayloadUnreadable, "there are no records in it"),
        (csv_of([]).replace(b"datetime", b"datetime,Temp, temp"), PayloadUnreadable, "two columns are called 'temp'"),
        (b"datetime;tempC;precipMM;visibility;tempC\n1;2;3;4;5\n", PayloadUnreadable, "two columns are called 'tempc'"),
        (csv_of([{"name": "Oslo", "datetime": "2024-07-06T12:00:00"}]), PayloadUnreadable, r"Oslo.*london, paris"),
        (csv_of([{"name": "Paris", "datetime": "2024-07-06"}]), PayloadUnreadable, "include=hours"),
        (timeline([hour(NOON)], latitude=59.9, resolvedAddress="Oslo"), PayloadUnreadable, "Oslo"),
        (timeline([hour(NOON, datetimeEpoch=None)]), PayloadUnreadable, "datetimeEpoch"),
    ],
)  # fmt: skip
def test_what_is_no_weather_is_refused_by_name(payload: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        decode(payload, "metric")
