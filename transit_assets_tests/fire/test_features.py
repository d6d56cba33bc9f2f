"""Features of the fire: what each of them is, and that none knows what was written afterwards or of other calls."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from transit_assets.context.congestion.schema import CONGESTION_HOURLY
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.fire.features import (
    AT_CALL,
    CALL_COLUMNS,
    CATEGORIES,
    MOBILISATION_COLUMNS,
    MOMENTS,
    NAMES,
    OUTCOME_COLUMNS,
    Calls,
    features,
    read_calls,
)
from transit_assets.fire.model import MODELS, examples
from transit_assets.fire.schema import INCIDENTS, STATIONS
from transit_assets.fire.surroundings import FIGURES, Hours, Stations, Surroundings
from transit_assets.lake import Lake
from transit_assets.learning.categories import number_of
from transit_assets.learning.examples import Window
from transit_assets_tests.fire.called import london, recorded

MARCH = Window(london("2017-03-01"), london("2017-04-01"))
_NEVER = {
    "incident_group",
    "stop_code",
    "special_service_type",
    "address_qualifier",
    "first_pump_attendance_seconds",
    "second_pump_attendance_seconds",
    "second_pump_station",
    "stations_attending",
    "pumps_attending",
    "pump_count",
    "pump_minutes",
    "notional_cost_gbp",
    "calls",
}
"""Columns that are written afterwards."""


@pytest.fixture(scope="module")
def lake(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The recorded calls of January to April 2017."""
    return recorded(Lake.at(tmp_path_factory.mktemp("fire") / "lake"), recordings)


@pytest.fixture(scope="module")
def march(lake: Lake) -> tuple[Calls, pa.Table]:
    return read_calls(lake, MARCH)


@pytest.fixture(scope="module")
def around(lake: Lake) -> Surroundings:
    return Surroundings.read(lake, MARCH)


def stations(*rows: tuple[str, float, float, date, date | None]) -> Stations:
    made = [
        {"station": name, "easting_m": east, "northing_m": north, "valid_from": since, "valid_to": until}
        for name, east, north, since, until in rows
    ]
    filled = [{field.name: None for field in STATIONS.schema} | row for row in made]
    return Stations.of(
        pa.Table.from_pylist(filled, schema=pa.schema([field.with_nullable(True) for field in STATIONS.schema]))
    )


def surrounded(of: Stations | None = None, weather: Hours | None = None) -> Surroundings:
    none = Surroundings.none()
    return Surroundings(of or none.stations, weather or none.weather, none.congestion)


def asked(call: Calls, around: Surroundings) -> dict[str, float]:
    """The features of one call by name."""
    return dict(zip(NAMES, features(call, around)[0].tolist(), strict=True))


LONG_AGO = date(2009, 1, 1)
TWO = stations(
    ("Alpha", 530_000.0, 180_000.0, LONG_AGO, None), ("Beta", 533_000.0, 180_000.0, LONG_AGO, date(2014, 1, 9))
)


# Moments of knowledge ---------------------------------------------------------------------------


def test_every_feature_has_its_moment() -> None:
    assert set(MOMENTS) == set(NAMES)
    assert set(AT_CALL) == {name for name, moment in MOMENTS.items() if moment == "at_call"}
    for model in MODELS:
        moment = "at_mobilisation" if model.name.endswith("mobilisation") else "at_call"
        assert model.features == (NAMES if moment == "at_mobilisation" else AT_CALL)


def test_no_column_that_is_written_afterwards_is_read() -> None:
    known = set(CALL_COLUMNS) | set(MOBILISATION_COLUMNS)
    assert not known & _NEVER
    assert not known & set(OUTCOME_COLUMNS)
    whole = {column.name for column in INCIDENTS.columns}
    told = {"month", "source", "payload_sha256", "ward", "borough_code", "latitude", "longitude", "is_over_the_border"}
    assert known | _NEVER | told == whole, "a new column needs its moment"


def test_shuffling_what_is_written_afterwards_changes_no_feature(
    lake: Lake, march: tuple[Calls, pa.Table], around: Surroundings, tmp_path: Path
) -> None:
    expected = features(march[0], around)
    rows = lake.table(INCIDENTS).read(partitions=["2017-03-01"])
    order = np.random.default_rng(0).permutation(rows.num_rows)
    for name in _NEVER:
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), rows[name].take(order))
    other = Lake.at(tmp_path / "lake")
    other.table(INCIDENTS).replace(rows, ["2017-03-01"])
    shuffled, outcomes = read_calls(other, MARCH)
    assert not outcomes.equals(march[1])
    np.testing.assert_array_equal(features(shuffled, around), expected)


def test_the_future_and_other_calls_change_no_feature(march: tuple[Calls, pa.Table], around: Surroundings) -> None:
    expected = features(march[0], around)
    some = np.arange(0, len(march[0]), 97)
    np.testing.assert_array_equal(features(march[0].take(some), around), expected[some])


def test_the_station_that_sends_changes_no_feature_of_the_call(
    march: tuple[Calls, pa.Table], around: Surroundings
) -> None:
    calls = march[0]
    order = np.random.default_rng(1).permutation(len(calls))
    other = Calls(calls.number, calls.at, calls.place, calls.names, calls.station[order])
    at_call = [NAMES.index(name) for name in AT_CALL]
    before, after = features(calls, around), features(other, around)
    np.testing.assert_array_equal(after[:, at_call], before[:, at_call])
    assert (after != before).any()


# One and many -----------------------------------------------------------------------------------


def test_one_call_has_the_features_that_it_has_among_many(march: tuple[Calls, pa.Table], around: Surroundings) -> None:
    calls = march[0]
    many = features(calls, around)
    for row in (0, 500, len(calls) - 1):
        names = {name: calls.names[name][row] for name in CATEGORIES}
        east, north = calls.place[row]
        one = Calls.one(
            datetime.fromtimestamp(int(calls.at[row]), UTC),
            easting_m=east,
            northing_m=north,
            station=calls.station[row],
            **names,
        )
        np.testing.assert_array_equal(features(one, around)[0], many[row])


def test_a_call_that_nothing_is_known_of_has_features_all_the_same() -> None:
    found = asked(Calls.one(datetime(2017, 3, 1, 12, tzinfo=UTC)), Surroundings.none())
    assert (found["hour"], found["weekday"]) == (12.0, 2.0)
    unknown = {name for name, value in found.items() if np.isnan(value)}
    assert {"easting_m", "ground_distance_m", "station", "is_own_station", *FIGURES, *CATEGORIES} <= unknown


def test_no_call_has_no_features() -> None:
    none = Calls.one(datetime(2017, 3, 1, tzinfo=UTC)).take(np.empty(0, np.int64))
    assert features(none, Surroundings.none()).shape == (0, len(NAMES))


# What they are ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "hour", "weekday"),
    [
        ("2017-01-01T00:30", 0.5, 6.0),
        ("2017-03-26T00:30", 0.5, 6.0),  # the night in which clocks go forward
        ("2017-03-26T02:30", 2.5, 6.0),
        ("2017-07-03T23:45", 23.75, 0.0),
    ],
)
def test_hours_are_those_of_londons_clock(at: str, hour: float, weekday: float) -> None:
    found = asked(Calls.one(london(at)), Surroundings.none())
    assert (found["hour"], found["weekday"], found["hour_of_week"]) == (hour, weekday, weekday * 24 + hour)


def test_holidays_are_those_of_london() -> None:
    assert asked(Calls.one(london("2017-04-14T12:00")), Surroundings.none())["is_public_holiday"] == 1.0
    assert asked(Calls.one(london("2017-07-14T12:00")), Surroundings.none())["is_public_holiday"] == 0.0


def test_distances_are_from_stations_that_stood_on_that_day() -> None:
    place: dict[str, Any] = {"easting_m": 532_000, "northing_m": 180_000, "station_ground": "Alpha", "station": "Beta"}
    before = asked(Calls.one(london("2013-06-01T12:00"), **place), surrounded(TWO))
    assert (before["ground_distance_m"], before["station_distance_m"]) == (2000.0, 1000.0)
    assert (before["nearest_distance_m"], before["ground_rank"], before["ground_detour_m"]) == (1000.0, 1.0, 1000.0)
    assert (before["station_rank"], before["station_beyond_ground_m"], before["is_own_station"]) == (0.0, -1000.0, 0.0)
    assert np.isnan(before["third_distance_m"])
    after = asked(Calls.one(london("2014-01-09T00:00"), **place), surrounded(TWO))
    assert (after["nearest_distance_m"], after["ground_rank"]) == (2000.0, 0.0)
    assert np.isnan(after["station_distance_m"])


def test_a_category_is_the_number_of_its_name_and_an_unknown_one_none() -> None:
    found = asked(Calls.one(london("2017-03-01"), property_type="House"), Surroundings.none())
    assert found["property_type"] == number_of("House")
    assert np.isnan(found["borough"])


def hours(*rows: tuple[datetime, datetime, float]) -> Hours:
    made = [{"hour_start_at": at, "known_at": known, **dict.fromkeys(FIGURES, value)} for at, known, value in rows]
    instant = pa.timestamp("us", "UTC")
    schema = pa.schema([("hour_start_at", instant), ("known_at", instant), *((name, pa.float64()) for name in FIGURES)])
    return Hours.of(pa.Table.from_pylist(made, schema=schema), FIGURES)


def test_weather_is_that_of_the_newest_hour_that_was_over_and_known() -> None:
    noon, hour = datetime(2017, 3, 1, 12, tzinfo=UTC), timedelta(hours=1)
    weather = hours(
        (noon - 2 * hour, noon - hour, 1.0),
        (noon - hour, noon + 5 * timedelta(minutes=1), 2.0),
        (noon, noon + hour, 3.0),
    )

    def rain(minutes: int) -> float:
        return asked(Calls.one(noon + timedelta(minutes=minutes)), surrounded(weather=weather))["precipitation_mm"]

    assert rain(0) == 1.0  # the hour before is not known yet
    assert rain(5) == 2.0
    assert rain(59) == 2.0  # nobody knows the hour that is not over
    assert rain(60) == 3.0
    assert np.isnan(rain(240))


def test_tables_of_the_lake_that_are_absent_are_unknown_features(around: Surroundings, march: tuple) -> None:
    matrix = features(march[0], around)
    for name in (*FIGURES, "congestion_percent"):
        assert np.isnan(matrix[:, NAMES.index(name)]).all()
    assert not len(Surroundings.none().stations.names)


def test_weather_and_congestion_of_the_lake_are_read(lake: Lake, tmp_path: Path) -> None:
    other, at = Lake.at(tmp_path / "lake"), datetime(2017, 3, 1, 11, tzinfo=UTC)
    for table, figures in (
        (WEATHER_HOURLY, {"precipitation_mm": 4.0}),
        (CONGESTION_HOURLY, {"congestion_percent": 30.0}),
    ):
        row = {field.name: None for field in table.schema} | {
            "month": date(2017, 3, 1),
            "place": "london",
            "hour_start_at": at,
            "known_at": at + timedelta(hours=1),
            "fetched_at": at + timedelta(hours=1),
            "source": table.columns[[one.name for one in table.columns].index("source")].values[0],  # type: ignore[index]
            "payload_sha256": "0" * 64,
            "is_forecast": False,
            "resolution": "hour",
            **figures,
        }
        kept = {name: value for name, value in row.items() if name in table.schema.names}
        other.table(table).replace(pa.Table.from_pylist([kept], schema=table.schema), ["2017-03-01"])
    found = asked(Calls.one(at + timedelta(minutes=90)), Surroundings.read(other, MARCH))
    assert (found["precipitation_mm"], found["congestion_percent"]) == (4.0, 30.0)


# Recorded calls ---------------------------------------------------------------------------------


def test_recorded_calls_know_their_place_and_their_stations(march: tuple, around: Surroundings) -> None:
    matrix = features(march[0], around)
    known = np.isfinite(matrix).mean(axis=0)
    for name in ("easting_m", "ground_distance_m", "nearest_distance_m", "station_ground", "ward_code"):
        assert known[NAMES.index(name)] > 0.98, name
    assert 0.9 < known[NAMES.index("station_distance_m")] < 0.98  # as many as a vehicle was timed of
    assert np.nanmedian(matrix[:, NAMES.index("ground_distance_m")]) < 1700


def test_calls_without_a_timed_vehicle_have_no_answer(march: tuple, around: Surroundings) -> None:
    found = examples(*march, around)
    seconds = found.targets["attendance"]
    assert np.isnan(seconds).sum() > 100
    assert np.nanmin(seconds) > 0
    assert np.nanmax(seconds) <= 1200
    assert (np.isnan(found.targets["within_360"]) == np.isnan(seconds)).all()
    assert set(found.targets["pumps"][np.isfinite(found.targets["pumps"])]) <= {1.0, 2.0, 3.0, 4.0, 5.0}


def test_a_block_is_a_day_of_london(march: tuple, around: Surroundings) -> None:
    found = examples(*march, around)
    assert len(np.unique(found.block)) == 31
