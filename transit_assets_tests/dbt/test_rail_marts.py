"""What the marts say of the ways of trains, held against a plain reading of the same trains."""

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations, pairwise
from typing import Any

import duckdb
import pytest

from transit_assets.dbt_lake import PROJECT, build
from transit_assets.lake import Lake
from transit_assets.rail.stations import STATIONS
from transit_assets_tests.dbt.rail_reference import (
    Filled,
    about,
    assert_says,
    built_in,
    clock_hour,
    enough,
    grouped,
    ninetieth,
    read,
    scheduled_at,
    seconds,
)
from transit_assets_tests.dbt.rail_trains import (
    ARMISTICE,
    AULNAY,
    BEFORE_FALL_BACK,
    CDG,
    COURNEUVE,
    DATES,
    FALL_BACK,
    GARE_DU_NORD,
    MINUTE,
    MITRY,
    MONDAY,
    ORDER,
    SATURDAY,
    VILLEPINTE,
    Row,
    call,
    event,
    fill,
    start_of,
    timetable,
    trip,
    untimed,
)

RECENT = (BEFORE_FALL_BACK, FALL_BACK, MONDAY, ARMISTICE)
TRAVELS = ("scheduled_travel_times", "observed_travel_times", "last_five_trains", "dwell", "headways")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return built_in(tmp_path_factory.mktemp("rail"), TRAVELS)


def test_the_stations_of_the_sql_are_those_of_the_line() -> None:
    said = (PROJECT / "models" / "staging" / "rail" / "rail__stations.sql").read_text()
    assert duckdb.sql(said).fetchall() == [(one.uic, one.name, one.order, one.branch) for one in STATIONS]


def day_type(day: dt.date) -> str:
    kinds = {SATURDAY: "saturday", BEFORE_FALL_BACK: "saturday", MONDAY: "weekday"}
    return kinds.get(day, "sunday_or_holiday")


def test_scheduled_times_are_of_the_last_four_weeks_by_kind_of_day_hour_and_stops_between(built: Filled) -> None:
    expected = defaultdict(list)
    trips = grouped((row for row in built.calls if row["service_date"] in RECENT), "service_date", "trip_id")
    for (day, _), calls in trips.items():
        ordered = sorted(calls, key=lambda row: row["stop_sequence"])
        for (first, a), (last, b) in combinations(enumerate(ordered), 2):
            hour = clock_hour(a["departure_at"])
            key = (a["station"], b["station"], a["direction"], day_type(day), hour, last - first - 1)
            expected[key].append((day, seconds(a["departure_at"], b["arrival_at"])))
    found = read(built.lake, "scheduled_travel_times")
    assert set(found) == set(expected)
    assert {key[3] for key in found} == {"weekday", "saturday", "sunday_or_holiday"}
    for key, trains in expected.items():
        days, times = zip(*trains, strict=True)
        says = {
            "mean_seconds": about(statistics.fmean(times)),
            "median_seconds": about(statistics.median(times)),
            "min_seconds": min(times),
            "max_seconds": max(times),
            "trains": len(times),
            "dates": len(set(days)),
            "first_date": min(days),
            "last_date": max(days),
        }
        assert_says(found[key], says, key)


def test_an_express_is_kept_apart_from_trains_that_call_everywhere(built: Filled) -> None:
    by_stops = grouped(read(built.lake, "scheduled_travel_times").values(), "origin", "destination", "stops_between")
    assert {key[2] for key in by_stops if key[:2] == (CDG, GARE_DU_NORD)} == {1, 3}
    for between, minutes in ((1, 21), (3, 30)):
        assert {row["mean_seconds"] for row in by_stops[CDG, GARE_DU_NORD, between]} == {minutes * 60}


def observed_pairs(events: Iterable[Row]) -> dict[tuple[Any, ...], tuple[int, Row, Row]]:
    """Stops in between and both events of each pair of stations at which a train was observed in order."""
    pairs = {}
    for (day, journey), rows in grouped(events, "service_date", "journey_id").items():
        running = [row for row in rows if not row["is_cancelled"]]
        running.sort(key=lambda row: ORDER[row["station"]] * (-1 if row["direction"] == "north" else 1))
        for (first, a), (last, b) in combinations(enumerate(running), 2):
            if a["observed_at"] and b["observed_at"] and a["observed_at"] < b["observed_at"]:
                pairs[day, journey, a["station"], b["station"]] = (last - first - 1, a, b)
    return pairs


def test_observed_times_are_of_pairs_at_which_the_train_was_observed_in_order(built: Filled) -> None:
    expected = observed_pairs(built.events)
    found = read(built.lake, "observed_travel_times")
    assert set(found) == set(expected)
    for key, (between, a, b) in expected.items():
        start, end = scheduled_at(a), scheduled_at(b)
        says = {
            "stops_between": between,
            "direction": a["direction"],
            "departed_at": a["observed_at"],
            "arrived_at": b["observed_at"],
            "local_hour": clock_hour(a["observed_at"]),
            "seconds": seconds(a["observed_at"], b["observed_at"]),
            "scheduled_seconds": seconds(start, end) if start and end else None,
            "uncertainty_seconds": a["uncertainty_seconds"] + b["uncertainty_seconds"],
        }
        assert_says(found[key], says, key)


def test_a_train_that_runs_through_a_change_of_the_clock_takes_as_long_as_ever(built: Filled) -> None:
    """A train of Saturday that leaves at 25:50 or so passes Paris at 2 o'clock, which is 3 in spring."""
    found = read(built.lake, "observed_travel_times").values()
    for day, change in ((SATURDAY, dt.datetime(2025, 3, 30, 1)), (BEFORE_FALL_BACK, dt.datetime(2025, 10, 26, 1))):
        turn = change.replace(tzinfo=dt.UTC)
        through = [row for row in found if row["departed_at"] < turn <= row["arrived_at"]]
        assert through
        assert {row["service_date"] for row in through} == {day}
        assert max(row["seconds"] for row in through) < 3000


def test_the_last_five_trains_are_those_that_had_arrived(built: Filled) -> None:
    as_of = max(row["last_seen_at"] for row in built.events if row["last_seen_at"])
    by_pair = defaultdict(list)
    for (day, journey, origin, destination), (_, a, b) in observed_pairs(built.events).items():
        if day in RECENT and b["observed_at"] <= as_of:
            by_pair[origin, destination].append((b["observed_at"], a["observed_at"], journey))
    found = read(built.lake, "last_five_trains")
    expected = {}
    for (origin, destination), trains in by_pair.items():
        last = sorted(trains, reverse=True)[:5]
        mean = about(statistics.fmean(seconds(one[1], one[0]) for one in last)) if len(last) == 5 else None
        for rank, (arrived, _, journey) in enumerate(last, 1):
            expected[origin, destination, rank] = (arrived, journey, len(last), mean)
    assert set(found) == set(expected)
    for key, says in expected.items():
        row = found[key]
        assert (row["arrived_at"], row["journey_id"], row["trains"], row["mean_seconds"]) == says, key
        assert row["as_of"] == as_of


def test_fewer_than_five_trains_that_arrived_have_no_mean(lake: Lake) -> None:
    rows = [
        event(scheduled, 0)
        for number in range(5)
        for scheduled in trip(MONDAY, 2 * number, "airport", 600 + 15 * number)
    ]
    start = trip(MONDAY, 10, "mitry", 500)
    strayed = [event(row, 0) for row in start] + [event(call(MONDAY, "mitry 10", 1, VILLEPINTE, None, 499), 0)]
    fill(lake, events=rows + strayed)
    assert build(lake, select=["+rail__last_five_trains"]).has_passed
    found = read(lake, "last_five_trains")
    # the last train is announced at Gare du Nord 20 s after the line was last observed
    assert {key[2] for key in found if key[:2] == (CDG, GARE_DU_NORD)} == {1, 2, 3, 4}
    assert {row["mean_seconds"] for key, row in found.items() if key[:2] == (CDG, GARE_DU_NORD)} == {None}
    assert found[CDG, AULNAY, 5]["mean_seconds"] == pytest.approx(12.5 * 60)
    assert found[CDG, AULNAY, 1]["origin_name"].startswith("Aéroport Charles de Gaulle 2")
    # the stations of two branches are no journey, whatever bears the same number
    assert (MITRY, GARE_DU_NORD, 1) in found
    assert not any({*key} >= {VILLEPINTE, MITRY} for key in found)


def test_dwell_is_that_of_observed_trains(built: Filled) -> None:
    groups = grouped(
        (row for row in built.events if row["observations"] and not row["is_cancelled"]),
        *("service_date", "station", "direction"),
    )
    found = read(built.lake, "dwell")
    assert set(found) == set(groups)
    for key, rows in groups.items():
        timed = [r for r in rows if r["observed_at"] and r["predicted_arrival_at"] and r["predicted_departure_at"]]
        stood = [seconds(row["predicted_arrival_at"], row["predicted_departure_at"]) for row in timed]
        planned = [
            seconds(row["scheduled_arrival_at"], row["scheduled_departure_at"]) for row in timed if scheduled_at(row)
        ]
        coverage = len(timed) / len(rows)
        says = {
            "calls": len(rows),
            "timed": len(timed),
            "coverage": about(coverage),
            "mean_seconds": enough(statistics.fmean, stood, coverage),
            "median_seconds": enough(statistics.median, stood, coverage),
            "p90_seconds": enough(ninetieth, stood, coverage),
            "scheduled": len(planned),
            "scheduled_mean_seconds": enough(statistics.fmean, planned, 1),
        }
        assert_says(found[key], says, key)
    assert {row["timed"] for key, row in found.items() if key[1] in (CDG, MITRY, GARE_DU_NORD)} == {0}


def wait(headways: list[int]) -> float:
    return sum(one * one for one in headways) / (2 * sum(headways))


def hour_of(at: dt.datetime) -> dt.datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def test_headways_are_of_trains_that_were_observed_one_after_the_other(built: Filled) -> None:
    expected: dict[Any, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    ran = [row for row in built.events if row["observations"] and not row["is_cancelled"]]
    for place, rows in grouped(ran, "service_date", "station", "direction").items():
        ordered = sorted(rows, key=lambda row: (row["time_at"], row["journey_id"]))
        expected[*place, hour_of(ordered[0]["time_at"])]["first"].append(1)
        for before, row in pairwise(ordered):
            hour = expected[*place, hour_of(row["time_at"])]
            hour["announced"].append(1)
            if before["observed_at"] and row["observed_at"]:
                hour["observed"].append(seconds(before["observed_at"], row["observed_at"]))
    for place, rows in grouped(built.calls, "service_date", "station", "direction").items():
        times = sorted(row["departure_at"] or row["arrival_at"] for row in rows)
        expected[*place, hour_of(times[0])]["first"].append(1)
        for earlier, later in pairwise(times):
            expected[*place, hour_of(later)]["scheduled"].append(seconds(earlier, later))
    for row in built.events:
        place = row["service_date"], row["station"], row["direction"], hour_of(scheduled_at(row) or row["time_at"])
        if row["is_cancelled"] and place in expected:
            expected[place]["cancelled"].append(1)
    found = read(built.lake, "headways")
    assert set(found) == set(expected)
    for key, hour in expected.items():
        due = max(len(hour["announced"]), len(hour["scheduled"]) - len(hour["cancelled"]))
        coverage = len(hour["observed"]) / due if due else None
        observed = enough(wait, hour["observed"], coverage or 0, 3)
        scheduled = enough(wait, hour["scheduled"], 1, 3)
        is_known = observed is not None and scheduled is not None
        says = {
            "headways": len(hour["observed"]),
            "expected_headways": due,
            "coverage": about(coverage),
            "headway_mean_seconds": enough(statistics.fmean, hour["observed"], coverage or 0, 3),
            "expected_wait_seconds": observed,
            "scheduled_headway_mean_seconds": enough(statistics.fmean, hour["scheduled"], 1, 3),
            "scheduled_wait_seconds": scheduled,
            "excess_wait_seconds": about(wait(hour["observed"]) - wait(hour["scheduled"])) if is_known else None,
            "local_hour": clock_hour(key[3]),
        }
        assert_says(found[key], says, key)
    assert sum(row["excess_wait_seconds"] is not None for row in found.values()) > 100


def test_a_timetable_of_another_service_is_held_against_nothing(lake: Lake) -> None:
    rows = [
        untimed(event(one, 0)) for number in range(8) for one in trip(MONDAY, 2 * number, "airport", 600 + 7 * number)
    ]
    fill(lake, [row for row in timetable(MONDAY) if row["trip_id"].startswith("mitry")], rows)
    assert build(lake, select=["rail__headways", "rail__cancellations_daily"]).has_passed
    hours = [row for row in read(lake, "headways").values() if row["headways"]]
    assert {row["station"] for row in hours} >= {AULNAY, COURNEUVE}
    assert {row["coverage"] for row in hours} == {1.0}
    assert {row["excess_wait_seconds"] for row in hours} == {None}
    assert [row["coverage"] for row in read(lake, "cancellations_daily").values()] == [None]


def test_a_train_past_midnight_stays_on_its_service_date(built: Filled) -> None:
    late = [row for row in read(built.lake, "headways").values() if row["local_hour"] < 3]
    assert {row["service_date"] for row in late} == set(DATES)
    assert all(row["hour_start_at"] > start_of(row["service_date"]) + 23 * 60 * MINUTE for row in late)
