"""What the marts say of the service of a date, held against a plain reading of the same trains."""

import datetime as dt
import statistics
from collections import defaultdict
from itertools import pairwise

import pyarrow.compute as pc
import pytest

from transit_assets.dbt_lake import build
from transit_assets.lake import Lake
from transit_assets.rail.schema import STOP_EVENTS
from transit_assets_tests.dbt.conftest import PARIS
from transit_assets_tests.dbt.rail_reference import (
    LEAST,
    MARTS,
    Filled,
    about,
    assert_says,
    built_in,
    enough,
    grouped,
    ninetieth,
    read,
    scheduled_at,
    seconds,
)
from transit_assets_tests.dbt.rail_trains import (
    ARMISTICE,
    FALL_BACK,
    MINUTE,
    MITRY,
    MONDAY,
    SATURDAY,
    SPRING_FORWARD,
    Row,
    call,
    cancelled,
    event,
    fill,
    sighting,
    stored,
    trip,
    unobserved,
)

RAIL = ["marts.rail"]
SERVICE = ("on_time_daily", "prediction_accuracy", "cancellations_daily", "disruption_minutes")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return built_in(tmp_path_factory.mktemp("rail"), SERVICE)


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
        shown: dict[dt.datetime, set[tuple[str, str]]] = defaultdict(set)
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
