"""What the marts of the fire say, held against a plain reading of the same calls and vehicles."""

import datetime as dt
import math
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow.compute as pc
import pytest

from transit_assets.dbt_lake import build, mart_tables
from transit_assets.fire.schema import INCIDENTS, MOBILISATIONS, TARGET_SECONDS
from transit_assets.lake import Lake
from transit_assets_tests.dbt.fire_calls import (
    CLOSED,
    EMPTY,
    GROUNDS,
    LONDON,
    LONG_AGO,
    MARCH,
    OCTOBER,
    REASONS,
    Row,
    call,
    fill,
    irregular_calls,
    irregular_vehicles,
    stored,
    vehicle,
)

LEAST = 10
FIRE = ["marts.fire"]
MARTS = {table.name: table for table in mart_tables() if table.domain == "fire"}
BY_MONTH = [table for table in MARTS.values() if table.partition_by == "month"]

Filled = tuple[Lake, list[Row], list[Row]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """A lake whose marts were built from two months with a clock change, an empty one, and one of two years before."""
    lake = Lake.at(tmp_path_factory.mktemp("fire") / "lake")
    calls = [row for seed, month in enumerate((MARCH, OCTOBER)) for row in irregular_calls(month, seed)]
    long_ago = dt.datetime(2015, 5, 4, 9, tzinfo=dt.UTC)
    calls += [call(f"1505-{serial}", long_ago, ground, 999) for ground in ("Clapham", CLOSED) for serial in range(12)]
    for serial, row in enumerate(calls):
        row["incident_number"] = f"{serial:06}"
    vehicles = irregular_vehicles(calls, 7)
    shuffled = random.Random(5)  # order is for the SQL to make, not to inherit
    fill(lake, shuffled.sample(calls, len(calls)), shuffled.sample(vehicles, len(vehicles)), [EMPTY])
    outcome = build(lake, select=FIRE)
    assert outcome.has_passed, outcome.error
    return lake, calls, vehicles


def read(lake: Lake, name: str, *key: str) -> dict[Any, Row]:
    """Rows of a mart by their key; one row each."""
    rows = lake.table(MARTS[name]).read().to_pylist()
    found = {tuple(row[column] for column in key): row for row in rows}
    assert len(found) == len(rows)
    return found


def grouped(rows: Iterable[Row], key: Callable[[Row], tuple[Any, ...]]) -> dict[tuple[Any, ...], list[Row]]:
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def known(rows: Iterable[Row], name: str) -> list[Any]:
    return [row[name] for row in rows if row.get(name) is not None]


def about(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-9)


def enough(statistic: Callable[[list[Any]], float], values: list[Any]) -> Any:
    return about(statistic(values)) if len(values) >= LEAST else None


def share_within(limit: int) -> Callable[[list[int]], float]:
    return lambda values: sum(one <= limit for one in values) / len(values)


def ninetieth(values: list[int]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[8]


def has_second(row: Row) -> bool:
    return (row["pumps_attending"] or 0) >= 2 or row.get("second_pump_attendance_seconds") is not None


def attendance_of(calls: Sequence[Row]) -> Row:
    """The columns of attendance that these calls make."""
    first, second = (known(calls, f"{pump}_pump_attendance_seconds") for pump in ("first", "second"))
    with_second = sum(map(has_second, calls))
    expected: Row = {
        "calls": len(calls),
        "first_pump_coverage": about(len(first) / len(calls)),
        "second_pump_calls": with_second,
        "second_pump_coverage": about(len(second) / with_second) if with_second else None,
    }
    for pump, times, target in zip(("first", "second"), (first, second), TARGET_SECONDS, strict=True):
        expected |= {
            f"{pump}_pump_timed": len(times),
            f"{pump}_pump_mean_seconds": enough(statistics.fmean, times),
            f"{pump}_pump_median_seconds": enough(statistics.median, times),
            f"{pump}_pump_p90_seconds": enough(ninetieth, times),
            f"{pump}_pump_within_{target}_share": enough(share_within(target), times),
        }
    return expected


def assert_says(found: Row, expected: Row, where: object) -> None:
    assert {name: found[name] for name in expected} == expected, where


@pytest.mark.parametrize(
    ("mart", "column"),
    [("borough_monthly", "borough"), ("ward_monthly", "ward_code"), ("station_ground_monthly", "station_ground")],
)
def test_a_month_of_an_area_is_what_its_calls_say(built: Filled, mart: str, column: str) -> None:
    lake, calls, _ = built
    groups = grouped(calls, lambda row: (row["month"], row[column] or "unknown"))
    found = read(lake, mart, "month", column)
    assert set(found) == set(groups)  # a month in which nothing happened has no rows
    for place, members in groups.items():
        assert_says(found[place], attendance_of(members), place)


def test_areas_that_nothing_tells_are_unknown_and_have_no_code_or_name(built: Filled) -> None:
    lake, _, _ = built
    boroughs = read(lake, "borough_monthly", "month", "borough")
    wards = read(lake, "ward_monthly", "month", "ward_code")
    assert boroughs[MARCH, "Lambeth"]["borough_code"] == "code of Lambeth"
    assert boroughs[MARCH, "unknown"]["borough_code"] is None
    assert (wards[MARCH, "E05000416"]["ward"], wards[MARCH, "E05000416"]["borough"]) == ("ward E05000416", "Lambeth")
    assert (wards[MARCH, "unknown"]["ward"], wards[MARCH, "unknown"]["borough"]) == (None, None)


def test_the_usual_day_goes_by_the_clock_in_london_over_the_last_year_of_a_ground(built: Filled) -> None:
    lake, calls, _ = built

    def of_hour(row: Row) -> tuple[str, bool, int]:
        local = row["called_at"].astimezone(LONDON)
        return row["station_ground"] or "unknown", local.isoweekday() > 5, local.hour

    recent = [row for row in calls if row["month"] != LONG_AGO or row["station_ground"] == CLOSED]
    groups = grouped(recent, of_hour)
    found = read(lake, "hourly_profile", "station_ground", "is_weekend", "local_hour")
    assert set(found) == set(groups)
    for place, members in groups.items():
        days = [row["called_at"].astimezone(LONDON).date() for row in members]
        expected = attendance_of(members) | {"first_day": min(days), "last_day": max(days)}
        assert_says(found[place], expected, place)
    assert found[CLOSED, False, 10]["calls"] == 12  # nine o'clock UTC in May


def straight_line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    line = statistics.linear_regression(*zip(*points, strict=True))
    return line.intercept, line.slope


def metres_to_station(row: Row) -> int | None:
    _, _, easting, northing = GROUNDS.get(row["first_pump_station"], GROUNDS[None])
    if None in (easting, row["easting_m"]):
        return None
    distance = round(math.hypot(row["easting_m"] - easting, row["northing_m"] - northing))
    return distance if distance <= 10_000 else None  # it was under way elsewhere


def least_share(share: float, number: int, z: float = statistics.NormalDist().inv_cdf(0.975)) -> float:
    """Wilson's: the lower root of (p - share)² = z² p (1 - p) / number."""
    a, b, c = 1 + z * z / number, -2 * share - z * z / number, share * share
    return (-b - math.sqrt(b * b - 4 * a * c)) / (2 * a)


def test_stations_are_ranked_by_how_often_they_are_late_at_the_least(built: Filled) -> None:
    lake, calls, _ = built
    timed = [row for row in calls if row["first_pump_station"] and row["month"] != LONG_AGO]
    of_all = sum(row["first_pump_attendance_seconds"] > 360 for row in timed) / len(timed)
    placed = [(metres, row) for row in timed if (metres := metres_to_station(row)) is not None]
    at_once, by_metre = straight_line([(metres, row["first_pump_attendance_seconds"]) for metres, row in placed])
    found = read(lake, "stations_often_late", "station")
    stations = grouped(timed, lambda row: (row["first_pump_station"],))
    assert sum(metres_to_station(row) is None for row in timed) > LEAST
    assert set(found) == set(stations)  # one that has closed is no longer ranked
    for place, members in stations.items():
        seconds = [row["first_pump_attendance_seconds"] for row in members]
        share = sum(one > 360 for one in seconds) / len(seconds)
        own = [(metres, row) for metres, row in placed if (row["first_pump_station"],) == place]
        longer = [row["first_pump_attendance_seconds"] - at_once - by_metre * metres for metres, row in own]
        expected = {
            "timed": len(seconds),
            "late_share": about(share),
            "late_share_at_least": pytest.approx(least_share(share, len(seconds)), rel=1e-6),
            "late_share_of_all": about(of_all),
            "is_often_late": least_share(share, len(seconds)) > of_all,
            "attendance_median_seconds": about(statistics.median(seconds)),
            "placed": len(own),
            "distance_median_m": about(statistics.median([metres for metres, _ in own])),
            "longer_than_all_seconds": pytest.approx(statistics.fmean(longer), rel=1e-6, abs=1e-6),
            "longer_than_all_error_seconds": pytest.approx(statistics.stdev(longer) / math.sqrt(len(longer)), rel=1e-6),
        }
        assert_says(found[place], expected, place)
    ranked = sorted(found.values(), key=lambda row: row["late_rank"])
    assert [row["late_rank"] for row in ranked] == [1, 2, 3]
    assert ranked == sorted(ranked, key=lambda row: -row["late_share_at_least"])
    assert (ranked[0]["station"], ranked[0]["is_often_late"]) == ("Ruislip", True)


def test_a_station_of_which_too_little_is_known_is_not_ranked(lake: Lake) -> None:
    at = dt.datetime(2017, 3, 6, 9, tzinfo=dt.UTC)
    calls = [call(f"a{serial}", at, "Clapham", 300 + serial) for serial in range(12)]
    calls += [call(f"b{serial}", at, "Ruislip", 900) for serial in range(9)]
    calls += [call(f"c{serial}", at, "Nowhere", 700) for serial in range(10)]
    fill(lake, calls)
    assert build(lake, select=FIRE).has_passed
    found = read(lake, "stations_often_late", "station")
    few, unplaced = found["Ruislip",], found["Nowhere",]
    assert (few["timed"], few["late"]) == (9, 9)
    unknown = ("late_rank", "late_share", "late_share_at_least", "is_often_late", "attendance_median_seconds")
    assert {few[name] for name in unknown} == {None}
    assert (unplaced["late_rank"], unplaced["late_share"], unplaced["placed"]) == (1, 1.0, 0)
    # Every call lies at its station: no line of seconds by metres can be drawn.
    for row in found.values():
        assert (row["longer_than_all_seconds"], row["longer_than_all_error_seconds"]) == (None, None)


def test_reasons_of_delay_are_those_of_recorded_vehicles_with_what_share_has_one(built: Filled) -> None:
    lake, _, vehicles = built
    recorded = grouped((row for row in vehicles if not row["is_derived"]), lambda row: (row["month"],))
    groups = grouped(
        (row for row in vehicles if not row["is_derived"] and row["delay_reason"]),
        lambda row: (row["month"], row["delay_reason"]),
    )
    found = read(lake, "delay_reasons_monthly", "month", "delay_reason")
    assert set(found) == set(groups)
    for (month, reason), members in groups.items():
        held_up = len(known(recorded[month,], "delay_reason"))
        times = known(members, "attendance_seconds")
        expected = {
            "mobilisations": len(members),
            "share": about(len(members) / held_up),
            "attendance_mean_seconds": enough(statistics.fmean, times),
            "attendance_median_seconds": enough(statistics.median, times),
            "mobilisations_with_reason": held_up,
            "recorded_mobilisations": len(recorded[month,]),
            "coverage": about(held_up / len(recorded[month,])),
        }
        assert_says(found[month, reason], expected, (month, reason))
        assert reason == REASONS[found[month, reason]["delay_code"]]


def test_a_reason_without_words_goes_by_its_code_and_no_delay_is_none(lake: Lake) -> None:
    incident = call("a", dt.datetime(2017, 3, 6, 9, tzinfo=dt.UTC), "Clapham", 300)
    given: list[Row] = [{"delay_code": 9}, {"delay_code": 0}, {"delay_reason": "At drills"}, {}]
    fill(lake, [incident], [vehicle(f"{serial}", incident, 300, **one) for serial, one in enumerate(given)])
    assert build(lake, select=FIRE).has_passed
    found = read(lake, "delay_reasons_monthly", "delay_reason", "delay_code")
    assert set(found) == {("code 9", 9), ("At drills", None)}
    assert found["code 9", 9]["coverage"] == 0.5
    assert found["code 9", 9]["attendance_mean_seconds"] is None


def seconds_until(row: Row, end: str) -> float | None:
    if row.get(end) is None or row["mobilised_at"] is None or row[end] < row["mobilised_at"]:
        return None
    return float((row[end] - row["mobilised_at"]).total_seconds())


def test_a_month_of_a_station_is_what_its_vehicles_say(built: Filled) -> None:
    lake, _, vehicles = built
    groups = grouped(vehicles, lambda row: (row["month"], row["station"] or "unknown"))
    found = read(lake, "station_monthly", "month", "station")
    assert set(found) == set(groups)
    for place, members in groups.items():
        recorded = [row for row in members if not row["is_derived"]]
        homes = [row["deployed_from"] == "Home Station" for row in recorded if row["deployed_from"]]
        expected: Row = {
            "mobilisations": len(members),
            "derived_mobilisations": len(members) - len(recorded),
            "calls": len({row["incident_number"] for row in members}),
            "attendance_median_seconds": enough(statistics.median, known(members, "attendance_seconds")),
            "deployed_from_known": len(homes),
            "home_station_share": enough(statistics.fmean, homes),
        }
        for part in ("turnout", "travel"):
            times = known(recorded, f"{part}_seconds")
            expected |= {
                f"{part}_timed": len(times),
                f"{part}_median_seconds": enough(statistics.median, times),
            }
        for state, end in (("engaged", "left_at"), ("busy", "returned_at")):
            times = [one for row in recorded if (one := seconds_until(row, end)) is not None]
            coverage = len(times) / len(recorded)
            expected |= {
                f"{state}_timed": len(times),
                f"{state}_coverage": about(coverage),
                f"{state}_minutes": about(sum(times) / 60 if coverage >= 0.5 else None),
                f"{state}_mean_minutes": enough(lambda values: statistics.fmean(values) / 60, times),
            }
        assert_says(found[place], expected, place)


def test_vehicles_that_were_all_derived_have_no_workload_and_no_delays(lake: Lake) -> None:
    incident = call("a", dt.datetime(2017, 3, 6, 9, tzinfo=dt.UTC), "Clapham", 300)
    derived = {"is_derived": True, "mobilised_at": None, "arrived_at": None}
    fill(lake, [incident], [vehicle(f"a/{number}", incident, 300, **derived) for number in (1, 2)])
    assert build(lake, select=FIRE).has_passed
    (found,) = read(lake, "station_monthly", "station").values()
    assert (found["mobilisations"], found["derived_mobilisations"], found["calls"]) == (2, 2, 1)
    unknown = ("engaged_coverage", "engaged_minutes", "busy_coverage", "busy_minutes", "home_station_share")
    assert {found[name] for name in unknown} == {None}
    assert read(lake, "delay_reasons_monthly", "delay_reason") == {}


def test_a_day_of_a_month_builds_its_month_whole_and_no_other(built: Filled, lake: Lake) -> None:
    _, calls, vehicles = built
    fill(lake, calls, vehicles)
    assert build(lake, select=FIRE).has_passed
    before = {table.name: lake.table(table).read() for table in MARTS.values()}
    for month in (MARCH, OCTOBER):
        for table in (INCIDENTS, MOBILISATIONS):
            lake.table(table).replace(stored(table, []), [month])
    outcome = build(lake, "2017-10-15", "2017-10-15", FIRE)
    assert outcome.has_passed, outcome.error
    assert {mart.relation: list(mart.rows) for mart in outcome.marts if None not in mart.rows} == {
        table.relation: ["2017-10-01"] for table in BY_MONTH
    }
    for table in BY_MONTH:
        held = lake.table(table).read()
        assert held == before[table.name].filter(pc.less(before[table.name]["month"], OCTOBER)), table.relation
        assert lake.ledger.latest(table.relation, "committed")["2017-10-01"].kept_rows == 0


def test_a_lake_without_calls_has_marts_without_rows(lake: Lake) -> None:
    outcome = build(lake, select=FIRE)
    assert outcome.has_passed, outcome.error
    assert {table.name: lake.table(table).read().num_rows for table in MARTS.values()} == dict.fromkeys(MARTS, 0)


def test_the_same_rows_in_another_order_make_the_same_marts_to_the_last_bit(built: Filled, lake: Lake) -> None:
    made, calls, vehicles = built
    fill(lake, calls, vehicles, [EMPTY])
    assert build(lake, select=FIRE).has_passed
    for table in MARTS.values():
        by = [(name, "ascending") for name in table.key]
        assert lake.table(table).read().sort_by(by) == made.table(table).read().sort_by(by), table.relation
