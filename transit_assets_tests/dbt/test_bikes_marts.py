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
from transit_assets_tests.dbt.conftest import BIKES, report, rows_of, zone_of

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
            if code == "1002" and at < start + (end - start) * 0.4:
                more = {"mechanical": None, "ebike": None}  # a source that does not tell the kinds apart
            elif chance.random() < 0.06:
                more = chance.choice(
                    [
                        {"is_stale": True},
                        {"is_renting": False},
                        {"is_returning": None},
                        {"bikes": None},
                        {"ebike": None},
                        {"reported_at": at - dt.timedelta(minutes=50)},
                        {"reported_at": at - dt.timedelta(minutes=50), "reported_at_provenance": "poll"},
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
    outcome = build(lake, select=BIKES)
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
    expected: dict[tuple, list] = {}
    for row in mart(lake, "bikes__station_hourly", "day", "station_code", "hour_start_at").values():
        expected.setdefault((row["station_code"], row["day"].isoweekday(), row["local_hour"]), []).append(row)
    found = mart(lake, "bikes__station_profile", "station_code", "weekday", "local_hour")
    assert found.keys() == expected.keys()
    for key, rows in expected.items():
        for name in ("ebike_time_weighted_mean", "docks_free_mean", "empty_share"):
            known = [row for row in rows if row[name] is not None]
            weight = sum(row["coverage"] for row in known)
            mean = sum(row[name] * row["coverage"] for row in known) / weight if known else None
            assert found[key][name] == pytest.approx(mean, abs=1e-6), (key, name)
        known = [row for row in rows if row["empty_share"] is not None]
        assert (found[key]["hours"], found[key]["hours_observed"]) == (len(rows), len(known))
        assert found[key]["coverage"] == pytest.approx(sum(row["coverage"] for row in rows) / len(rows), abs=1e-6)
        assert found[key]["docks_free_max"] == max((row["docks_free_max"] for row in known), default=None)


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


def test_bikes_of_unknown_kind_count_as_bikes(lake: Lake) -> None:
    start, _ = reference.bounds(PLAIN)
    unknown = {"mechanical": None, "ebike": None}
    polls = [start + dt.timedelta(minutes=15 * number) for number in range(96)]
    rows = [report("1001", at, number % 2, 5) | unknown for number, at in enumerate(polls)]
    lake.table(STATION_STATUS).replace(rows_of(STATION_STATUS, rows), [PLAIN])
    assert build(lake, select=["bikes__station_daily"]).has_passed
    (row,) = mart(lake, "bikes__station_daily", "station_code").values()
    assert (row["coverage"], row["empty_share"], row["bikes_time_weighted_mean"]) == (1, 0.5, 0.5)
    assert (row["docks_free_min"], row["mechanical_min"], row["ebike_mean"]) == (5, None, None)


@pytest.mark.parametrize(("provenance", "coverage"), [("provider", 1 / 24), ("poll", 1)])
def test_a_frozen_station_is_observed_for_an_hour(lake: Lake, provenance: str, coverage: float) -> None:
    start, end = reference.bounds(PLAIN)
    frozen = report("1001", start, 3, 5, end - dt.timedelta(minutes=1), reported_at_provenance=provenance)
    lake.table(STATION_STATUS).replace(rows_of(STATION_STATUS, [frozen]), [PLAIN])
    assert build(lake, select=["bikes__station_hourly", "bikes__station_daily"]).has_passed
    (row,) = mart(lake, "bikes__station_daily", "station_code").values()
    assert row["coverage"] == pytest.approx(coverage)
    hours = mart(lake, "bikes__station_hourly", "hour_start_at").values()
    assert len(hours) == 24
    assert sum(row["coverage"] for row in hours) == pytest.approx(24 * coverage)


def test_a_single_poll_fills_every_mart_with_what_it_knows(lake: Lake) -> None:
    at = reference.bounds(PLAIN)[0] + dt.timedelta(hours=9)
    lake.table(STATION_STATUS).replace(rows_of(STATION_STATUS, [report("1001", at, 3, 5)]), [PLAIN])
    described = {"day": PLAIN, "station_code": "1001", "zone": zone_of("1001")}
    lake.table(STATION_INFORMATION).replace(rows_of(STATION_INFORMATION, [described]), [PLAIN])
    assert build(lake, select=BIKES).has_passed
    third = pytest.approx(1 / 3, abs=1e-6)
    (zone,) = mart(lake, "bikes__zone_hourly", "zone").values()
    assert (zone["coverage"], zone["stations"], zone["stations_observed"]) == (third, 1, 0)
    (zone_day,) = mart(lake, "bikes__zone_daily", "zone").values()
    assert (zone_day["coverage"], zone_day["stations_observed"]) == (pytest.approx(1 / 72, abs=1e-6), 0)
    for name, key in (("bikes__station_profile", "station_code"), ("bikes__zone_profile", "zone")):
        (profile,) = mart(lake, name, key).values()
        assert (profile["coverage"], profile["hours"], profile["hours_observed"]) == (third, 1, 0)
        assert profile["bikes_mean"] is None
    assert mart(lake, "bikes__stations_sometimes_empty", "station_code") == {}
