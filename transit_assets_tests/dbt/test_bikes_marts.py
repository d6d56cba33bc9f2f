"""What the marts of bikes say, held against a plain reading of the same rows."""

import datetime as dt
import random
from pathlib import Path
from typing import Any

import pytest

from transit_assets.bikes.schema import STATION_INFORMATION, STATION_STATUS
from transit_assets.dbt_lake import build, mart_tables
from transit_assets.lake import Lake
from transit_assets_tests.dbt import reference
from transit_assets_tests.dbt.conftest import report, rows_of, zone_of

SPRING_FORWARD, FALL_BACK, PLAIN = dt.date(2025, 3, 30), dt.date(2025, 10, 26), dt.date(2025, 9, 9)
CODES = ("1001", "1002", "1003", "12001", "21001", "21002")


def irregular_reports(day: dt.date, seed: int) -> list[dict]:
    """Reports with gaps, lasting states, stale and closed stations, unknown counts: everything a day can bring."""
    chance = random.Random(seed)
    start, end = reference.bounds(day)
    rows = []
    for code in CODES:
        at = start + dt.timedelta(seconds=chance.randrange(0, 4000))
        while at < end:
            bikes, docks = chance.choice([0, 0, 1, 4, 7, 12]), chance.choice([0, 0, 2, 5, 9])
            until = min(at + dt.timedelta(minutes=chance.choice([0, 0, 3, 25])), end - dt.timedelta(microseconds=1))
            more: dict[str, Any] = {}
            if chance.random() < 0.06:
                more = chance.choice(
                    [
                        {"is_stale": True},
                        {"is_renting": False},
                        {"is_returning": None},
                        {"bikes": None},
                        {"ebike": None},
                    ]
                )
            rows.append(report(code, at, bikes, docks, until) | more)
            at = until + dt.timedelta(
                seconds=chance.choice([30, 300, 600, 900, 900, 1100, 1100, 1700, 9000]),
                microseconds=chance.randrange(9),
            )
    return rows


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, list[dict], dict[tuple, str]]:
    """A lake whose marts were built from irregular reports of three days, two of them with 23 and 25 hours."""
    lake = Lake.at(tmp_path_factory.mktemp("marts") / "lake")
    days = (SPRING_FORWARD, PLAIN, FALL_BACK)
    rows = [row for number, day in enumerate(days) for row in irregular_reports(day, number)]
    shuffled = random.Random(5).sample(rows, len(rows))  # order is for the SQL to make, not to inherit
    lake.table(STATION_STATUS).replace(rows_of(STATION_STATUS, shuffled), days)
    zones = {(day, code): zone_of(code) for day in days for code in CODES if code != "1003"}
    information = [{"day": day, "station_code": code, "zone": zone} for (day, code), zone in zones.items()]
    lake.table(STATION_INFORMATION).replace(rows_of(STATION_INFORMATION, information), days)
    outcome = build(lake)
    assert outcome.has_passed, outcome.error
    return lake, lake.table(STATION_STATUS).read().to_pylist(), zones


def mart(lake: Lake, name: str, *key: str) -> dict[tuple, dict]:
    table = next(table for table in mart_tables() if table.identifier == name)
    rows = lake.table(table).read().to_pylist()
    return {tuple(row[column] for column in key): row for row in rows}


def assert_same(found: dict[tuple, dict], expected: dict[tuple, dict]) -> None:
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert {name: found[key][name] for name in values} == pytest.approx(values, abs=1e-6), key


def test_station_days_are_those_of_a_plain_reading(built: tuple[Lake, list[dict], dict]) -> None:
    lake, rows, _ = built
    assert_same(mart(lake, "bikes__station_daily", "day", "station_code"), reference.station_daily(rows))


def test_station_hours_are_those_of_a_plain_reading(built: tuple[Lake, list[dict], dict]) -> None:
    lake, rows, _ = built
    found = mart(lake, "bikes__station_hourly", "day", "station_code", "hour_start_at")
    assert_same(found, reference.station_hourly(rows))


def test_zone_hours_are_totals_of_a_plain_reading(built: tuple[Lake, list[dict], dict]) -> None:
    lake, rows, zones = built
    found = mart(lake, "bikes__zone_hourly", "day", "zone", "hour_start_at")
    expected = reference.zone_hourly(rows, zones)
    assert any(values["mechanical_min"] is not None for values in expected.values())
    assert_same(found, expected)


@pytest.mark.parametrize(("day", "hours"), [(SPRING_FORWARD, 23), (PLAIN, 24), (FALL_BACK, 25)])
def test_a_day_has_the_hours_that_it_has(built: tuple[Lake, list[dict], dict], day: dt.date, hours: int) -> None:
    found = mart(built[0], "bikes__station_hourly", "day", "station_code", "hour_start_at")
    starts = sorted({at for d, _, at in found if d == day})
    first, end = reference.bounds(day)
    assert first <= starts[0]
    assert starts[-1] < end
    assert (end - first) == dt.timedelta(hours=hours)
    local = [found[key]["local_hour"] for key in found if key[0] == day]
    assert (2 in local) == (day != SPRING_FORWARD)


def test_a_profile_is_the_mean_of_its_hours(built: tuple[Lake, list[dict], dict]) -> None:
    lake, _, _ = built
    hours = mart(lake, "bikes__station_hourly", "day", "station_code", "hour_start_at").values()
    expected: dict[tuple, list] = {}
    for row in hours:
        if row["empty_share"] is not None:
            key = (row["station_code"], row["day"].isoweekday(), row["local_hour"])
            expected.setdefault(key, []).append(row)
    found = mart(lake, "bikes__station_profile", "station_code", "weekday", "local_hour")
    assert found.keys() == expected.keys()
    for key, rows in expected.items():
        weight = sum(row["coverage"] for row in rows)
        mean = sum(row["ebike_time_weighted_mean"] * row["coverage"] for row in rows) / weight
        assert found[key]["ebike_time_weighted_mean"] == pytest.approx(mean, abs=1e-6)
        assert found[key]["hours"] == len(rows)
        assert found[key]["docks_free_max"] == max(row["docks_free_max"] for row in rows)


def test_stations_are_ranked_by_the_time_they_were_empty(built: tuple[Lake, list[dict], dict]) -> None:
    rows = sorted(
        mart(built[0], "bikes__stations_sometimes_empty", "empty_rank").values(), key=lambda r: r["empty_rank"]
    )
    assert [row["empty_rank"] for row in rows] == list(range(1, len(rows) + 1))
    shares = [row["empty_share"] for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert min(shares) > 0


def test_unknown_is_never_counted_as_empty(lake: Lake, tmp_path: Path) -> None:
    start, _ = reference.bounds(PLAIN)
    polls = [start + dt.timedelta(minutes=15 * number) for number in range(96)]
    rows = [report("1001", at, 0, 0) | {"bikes": None, "mechanical": None, "ebike": None} for at in polls]
    lake.table(STATION_STATUS).replace(rows_of(STATION_STATUS, rows), [PLAIN])
    assert build(lake, select=["bikes__station_daily"]).has_passed
    (row,) = mart(lake, "bikes__station_daily", "station_code").values()
    assert (row["coverage"], row["empty_share"], row["mechanical_min"], row["states"]) == (0, None, None, 0)
