"""What the marts of the rail say, held against a plain reading of the same trains."""

import datetime as dt
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import duckdb
import pyarrow.compute as pc
import pytest

from transit_assets.dbt_lake import PROJECT, build, mart_tables
from transit_assets.lake import Lake
from transit_assets.rail.schema import STOP_EVENTS
from transit_assets.rail.stations import STATIONS
from transit_assets_tests.dbt.conftest import PARIS
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
    SPRING_FORWARD,
    VILLEPINTE,
    Row,
    call,
    cancelled,
    event,
    fill,
    irregular_events,
    irregular_sightings,
    predictions,
    sighting,
    start_of,
    stored,
    timetable,
    trip,
    unobserved,
    untimed,
)

LEAST = 10
RAIL = ["marts.rail"]
MARTS = {table.name: table for table in mart_tables() if table.domain == "rail"}
RECENT = (BEFORE_FALL_BACK, FALL_BACK, MONDAY, ARMISTICE)


class Filled(NamedTuple):
    """A lake whose marts were built, and what they were built from."""

    lake: Lake
    calls: list[Row]
    events: list[Row]
    said: list[Row]
    sightings: list[Row]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Both changes of the clock, a Monday and a holiday; trains run through the changes."""
    lake = Lake.at(tmp_path_factory.mktemp("rail") / "lake")
    calls = [row for day in DATES for row in timetable(day)]
    events = irregular_events(calls, 3)
    said = predictions(events, 4)
    sightings = [row for number, day in enumerate(DATES) for row in irregular_sightings(day, number)]
    shuffled = random.Random(5)  # order is for the SQL to make, not to inherit
    fill(lake, *(shuffled.sample(rows, len(rows)) for rows in (calls, events, said, sightings)))
    outcome = build(lake, select=RAIL)
    assert outcome.has_passed, outcome.error
    return Filled(lake, calls, events, said, sightings)


def read(lake: Lake, name: str) -> dict[Any, Row]:
    """Rows of a mart by their key; one row each."""
    rows = lake.table(MARTS[name]).read().to_pylist()
    found = {tuple(row[column] for column in MARTS[name].key): row for row in rows}
    assert len(found) == len(rows)
    return found


def grouped(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return groups


def about(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)


def seconds(start: dt.datetime, end: dt.datetime) -> int:
    return round((end - start).total_seconds())


def clock_hour(at: dt.datetime) -> int:
    return at.astimezone(PARIS).hour


def ninetieth(values: list[float]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[8] if len(values) > 1 else values[0]


def enough(statistic: Callable[[list[Any]], float], values: list[Any], coverage: float, least: int = LEAST) -> Any:
    return about(statistic(values)) if len(values) >= least and coverage >= 0.5 else None


def assert_says(found: Row, expected: Row, where: object) -> None:
    assert {name: found[name] for name in expected} == expected, where


def scheduled_at(row: Row) -> dt.datetime | None:
    at: dt.datetime | None = row["scheduled_departure_at"] or row["scheduled_arrival_at"]
    return at


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


def test_a_call_is_on_time_below_five_minutes_and_not_where_the_train_was_cancelled(built: Filled) -> None:
    groups = grouped((row for row in built.events if scheduled_at(row)), "service_date", "station", "direction")
    found = read(built.lake, "on_time_daily")
    assert set(found) == set(groups)
    for key, rows in groups.items():
        delays = [
            (row["observed_at"] - scheduled_at(row)).total_seconds()
            for row in rows
            if row["observed_at"] and not row["is_cancelled"]
        ]
        gone = sum(row["is_cancelled"] for row in rows)
        coverage = (len(delays) + gone) / len(rows)
        verdicts = [one < 300 for one in delays] + [False] * gone
        says = {
            "calls": len(rows),
            "observed": len(delays),
            "cancelled": gone,
            "on_time": sum(verdicts),
            "coverage": about(coverage),
            "on_time_share": enough(statistics.fmean, verdicts, coverage),
            "delay_mean_seconds": enough(statistics.fmean, delays, coverage),
            "delay_median_seconds": enough(statistics.median, delays, coverage),
            "delay_p90_seconds": enough(ninetieth, delays, coverage),
        }
        assert_says(found[key], says, key)


def test_five_minutes_to_the_second_are_late(lake: Lake) -> None:
    delays = {SATURDAY: 299, SPRING_FORWARD: 300, MONDAY: -120}
    calls = [one for day in delays for number in range(10) for one in trip(day, 2 * number, "airport", 1400 + number)]
    fill(lake, events=[event(one, delays[one["service_date"]]) for one in calls])
    assert build(lake, select=["rail__on_time_daily"]).has_passed
    found = {(row["service_date"], row["on_time_share"]) for row in read(lake, "on_time_daily").values()}
    assert found == {(SATURDAY, 1.0), (SPRING_FORWARD, 0.0), (MONDAY, 1.0)}


BANDS = {0: (3, 30, 90), 3: (6, 60, 150), 6: (10, 60, 210), 10: (15, 90, 270)}


def test_predictions_are_judged_by_the_bands_of_the_benchmark(built: Filled) -> None:
    passed = {(row["service_date"], row["journey_id"], row["station"]): row for row in built.events}
    groups = defaultdict(list)
    for said in built.said:
        row = passed[said["service_date"], said["journey_id"], said["station"]]
        predicted = said["expected_departure_at"] or said["expected_arrival_at"]
        if said["is_cancelled"] or said["is_real_time"] is False or predicted is None:
            continue
        lead = ((row["observed_at"] or predicted) - said["observed_at"]).total_seconds() / 60
        band = next((start for start, (end, _, _) in BANDS.items() if start <= lead < end), None)
        if band is not None:
            error = seconds(predicted, row["observed_at"]) if row["observed_at"] else None
            key = (row["service_date"], "siri_json", row["station"], row["direction"], band)
            groups[key].append((row["journey_id"], error))
    found = read(built.lake, "prediction_accuracy")
    assert set(found) == set(groups)
    for key, judgements in groups.items():
        errors = [error for _, error in judgements if error is not None]
        trains = len({journey for journey, error in judgements if error is not None})
        _, early, late = BANDS[key[4]]
        coverage = len(errors) / len(judgements)
        is_enough = trains >= LEAST and coverage >= 0.5
        says = {
            "predictions": len(judgements),
            "judged": len(errors),
            "trains": trains,
            "coverage": about(coverage),
            "accurate_share": about(statistics.fmean(-early <= e <= late for e in errors)) if is_enough else None,
            "error_mean_seconds": about(statistics.fmean(errors)) if is_enough else None,
            "absolute_error_mean_seconds": about(statistics.fmean(map(abs, errors))) if is_enough else None,
            "absolute_error_median_seconds": about(statistics.median(map(abs, errors))) if is_enough else None,
        }
        assert_says(found[key], says, key)


def test_cancellations_are_of_trains_that_were_told_of(built: Filled) -> None:
    trains = grouped(built.events, "service_date", "direction", "journey_id")
    groups = defaultdict(list)
    for (day, direction, _), rows in trains.items():
        groups[day, direction].append([row for row in rows if row["observations"]])
    in_timetable = grouped((row for row in built.events if row["trip_id"]), "service_date", "direction", "journey_id")
    found = read(built.lake, "cancellations_daily")
    assert set(found) == set(groups)
    for key, journeys in groups.items():
        told = [rows for rows in journeys if rows]
        gone = [[row["is_cancelled"] for row in rows] for rows in told]
        scheduled = [rows for (*place, _), rows in in_timetable.items() if tuple(place) == key]
        seen = [rows for rows in scheduled if any(row["observations"] for row in rows)]
        says = {
            "trains": len(told),
            "trains_cancelled": sum(map(all, gone)),
            "trains_cancelled_in_part": sum(any(one) and not all(one) for one in gone),
            "calls": sum(map(len, gone)),
            "calls_cancelled": sum(map(sum, gone)),
            "scheduled_trains": len(scheduled),
            "scheduled_trains_announced": len(seen),
            "coverage": about(len(seen) / len(scheduled)),
            "trains_cancelled_share": about(sum(map(all, gone)) / len(told)),
            "calls_cancelled_share": about(sum(map(sum, gone)) / sum(map(len, gone))),
        }
        assert_says(found[key], says, key)
    assert sum(row["trains_cancelled"] for row in found.values()) > LEAST
    assert sum(row["trains_cancelled_in_part"] for row in found.values()) > LEAST


def test_trains_that_call_where_nobody_asked_are_not_missed(lake: Lake) -> None:
    asked = [one for number in range(10) for one in trip(MONDAY, 2 * number, "express", 600 + 15 * number)]
    asked = [cancelled(event(row, 0)) for row in asked[:3]] + [event(row, 0) for row in asked[3:]]
    elsewhere = [
        unobserved(event(call(MONDAY, f"other {number}", 1, MITRY, None, 600), 0), observations=0)
        for number in range(0, 60, 2)
    ]
    fill(lake, events=asked + elsewhere)
    assert build(lake, select=["rail__cancellations_daily"]).has_passed
    (row,) = read(lake, "cancellations_daily").values()
    assert (row["trains"], row["scheduled_trains"], row["coverage"]) == (10, 10, 1.0)
    assert row["trains_cancelled_share"] == 0.1


def known_us(rows: list[Row]) -> dict[dt.datetime, float]:
    """Minutes for which each answer of a day and a feed speaks."""
    day = rows[0]["service_date"]
    end = dt.datetime.combine(day + dt.timedelta(1), dt.time(), PARIS).astimezone(dt.UTC)
    instants = sorted({row["observed_at"] for row in rows})
    return {at: (min(until, at + 20 * MINUTE) - at) / MINUTE for at, until in pairwise([*instants, end])}


def test_disrupted_minutes_are_those_in_force_and_silence_is_unknown(built: Filled) -> None:
    expected = {}
    for place, rows in grouped(built.sightings, "service_date", "source").items():
        minutes = known_us(rows)
        start, end = (
            dt.datetime.combine(day, dt.time(), PARIS).astimezone(dt.UTC)
            for day in (place[0], place[0] + dt.timedelta(1))
        )
        coverage = sum(minutes.values()) / ((end - start) / MINUTE)
        shown = defaultdict(set)
        for row in rows:
            shown[row["observed_at"]] |= (
                {(row["cause"] or "unknown", row["severity"] or row.get("effect") or "unknown")}
                if row["is_active"]
                else set()
            )
        for state in set().union(*shown.values(), [("none", "none")]):
            held = [at for at, states in shown.items() if state in (states or {("none", "none")})]
            total = sum(minutes[at] for at in held)
            expected[*place, *state] = {
                "answers": len(held),
                "observed_minutes": about(sum(minutes.values())),
                "coverage": about(coverage),
                "minutes": about(total) if coverage >= 0.5 else None,
                "share": about(total / sum(minutes.values())) if coverage >= 0.5 else None,
            }
    found = read(built.lake, "disruption_minutes")
    assert set(found) == set(expected)
    for key, says in expected.items():
        assert_says(found[key], says, key)
    assert {row["minutes"] is None for key, row in found.items() if key[1] == "line_reports"} == {True}
    assert ("unknown", "NO_SERVICE") in {key[2:] for key in found}


def test_a_day_without_disruption_is_quiet_for_all_its_hours(lake: Lake) -> None:
    hours = {SPRING_FORWARD: 23, FALL_BACK: 25, MONDAY: 24}
    answers = []
    for day, number in hours.items():
        midnight = dt.datetime.combine(day, dt.time(), PARIS).astimezone(dt.UTC)
        answers += [sighting(day, midnight + 10 * step * MINUTE) for step in range(6 * number)]
    fill(lake, sightings=answers)
    assert build(lake, select=["rail__disruption_minutes"]).has_passed
    found = read(lake, "disruption_minutes").values()
    assert {(row["service_date"], row["cause"], row["minutes"], row["coverage"]) for row in found} == {
        (day, "none", number * 60, 1.0) for day, number in hours.items()
    }


def test_a_train_past_midnight_stays_on_its_service_date(built: Filled) -> None:
    late = [row for row in read(built.lake, "headways").values() if row["local_hour"] < 3]
    assert {row["service_date"] for row in late} == set(DATES)
    assert all(row["hour_start_at"] > start_of(row["service_date"]) + 23 * 60 * MINUTE for row in late)


def test_service_dates_are_built_alone_and_one_that_is_emptied_has_no_rows(built: Filled, lake: Lake) -> None:
    days = (MONDAY, ARMISTICE)
    fill(lake, *([row for row in rows if row["service_date"] in days] for rows in built[1:]))
    assert build(lake, select=RAIL).has_passed
    whole = {"scheduled_travel_times", "last_five_trains"}
    assert {name for name, table in MARTS.items() if table.partition_by != "service_date"} == whole
    by_date = [table for name, table in MARTS.items() if name not in whole]
    before = {table.name: lake.table(table).read() for table in by_date}
    for day in days:
        lake.table(STOP_EVENTS).replace(stored(STOP_EVENTS, []), [day])
    outcome = build(lake, MONDAY.isoformat(), MONDAY.isoformat(), RAIL)
    assert outcome.has_passed, outcome.error
    for table in by_date:
        held, was = lake.table(table).read(), before[table.name]
        armistice = pc.equal(was["service_date"], ARMISTICE)
        assert held.filter(pc.equal(held["service_date"], ARMISTICE)) == was.filter(armistice), table.name
        # the timetable and the disruptions of Monday are still there
        is_left = table.name in ("headways", "disruption_minutes")
        assert (MONDAY in held["service_date"].to_pylist()) is is_left, table.name
