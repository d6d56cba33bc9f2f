"""Trains of the line, as the interim tables hold them: scheduled, told of, observed or not, and disruptions."""

import datetime as dt
import random
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from transit_assets.context.calendar.schema import CALENDAR_DAYS
from transit_assets.lake import Lake, Table
from transit_assets.rail.schema import DISRUPTION_SIGHTINGS, PREDICTED_CALLS, SCHEDULED_CALLS, STOP_EVENTS
from transit_assets_tests.dbt.conftest import PARIS

CDG, VILLEPINTE, MITRY, AULNAY, COURNEUVE, GARE_DU_NORD = (
    *("87001479", "87271452", "87271528", "87271411", "87271304", "87271007"),
)
ORDER = {CDG: 1, VILLEPINTE: 4, MITRY: 6, AULNAY: 10, COURNEUVE: 14, GARE_DU_NORD: 16}
MINUTES = {CDG: 0, VILLEPINTE: 6, MITRY: 2, AULNAY: 12, COURNEUVE: 22, GARE_DU_NORD: 30}
ROUTES = {
    "airport": (CDG, VILLEPINTE, AULNAY, COURNEUVE, GARE_DU_NORD),
    "mitry": (MITRY, AULNAY, COURNEUVE, GARE_DU_NORD),
    "express": (CDG, AULNAY, GARE_DU_NORD),
}
SATURDAY, SPRING_FORWARD = dt.date(2025, 3, 29), dt.date(2025, 3, 30)
BEFORE_FALL_BACK, FALL_BACK = dt.date(2025, 10, 25), dt.date(2025, 10, 26)
MONDAY, ARMISTICE = dt.date(2025, 11, 10), dt.date(2025, 11, 11)
DATES = (SATURDAY, SPRING_FORWARD, BEFORE_FALL_BACK, FALL_BACK, MONDAY, ARMISTICE)
MINUTE = dt.timedelta(minutes=1)
SECOND = dt.timedelta(seconds=1)

Row = dict[str, Any]


def start_of(service_date: dt.date) -> dt.datetime:
    """Noon of a service date less twelve hours, from which timetables count."""
    return dt.datetime.combine(service_date, dt.time(12), PARIS).astimezone(dt.UTC) - 720 * MINUTE


def call(
    service_date: dt.date, trip: str, sequence: int, station: str, arrival: float | None, departure: float | None
) -> Row:
    """One row of `scheduled_calls`; times in minutes of the service date."""
    start = start_of(service_date)
    return {
        "service_date": service_date,
        "trip_id": trip,
        "route_id": "C01743",
        "direction": "north" if trip[-1] in "13579" else "south",
        "stop_sequence": sequence,
        "stop_id": f"stop {station}",
        "station": station,
        "arrival_at": None if arrival is None else start + arrival * MINUTE,
        "departure_at": None if departure is None else start + departure * MINUTE,
        "feed_version": "0" * 64,
        "payload_sha256": "0" * 64,
    }


def trip(service_date: dt.date, number: int, route: str, leaves: float) -> list[Row]:
    """The calls of a train: even numbers run south. It stands for half a minute where it neither begins nor ends."""
    stations = ROUTES[route] if number % 2 == 0 else ROUTES[route][::-1]
    first = MINUTES[stations[0]]
    rows = []
    for sequence, station in enumerate(stations, 1):
        arrival = leaves + abs(MINUTES[station] - first) * (0.7 if route == "express" else 1)
        ends = (sequence == 1, sequence == len(stations))
        rows.append(
            call(
                *(service_date, f"{route} {number}", 10 * sequence, station),
                None if ends[0] else arrival,
                None if ends[1] else arrival + 0.5 * (not ends[0]),
            )
        )
    return rows


def timetable(service_date: dt.date) -> list[Row]:
    """Trains from 5 to 27 o'clock; those after 24 run past midnight, and some through a change of the clock."""
    rows = []
    for number in range(160):
        route = ("airport", "mitry", "express")[number // 2 % 3]
        rows += trip(service_date, number, route, 300 + number // 2 * 16.6 + number % 3)
    return rows


def event(scheduled: Row, delay: float, **more: Any) -> Row:
    """One row of `stop_events`, of a train that was observed so many seconds late."""
    arrival, departure = (
        scheduled[name] and scheduled[name] + delay * SECOND for name in ("arrival_at", "departure_at")
    )
    at = departure or arrival
    return {
        "service_date": scheduled["service_date"],
        "journey_id": scheduled["trip_id"],
        "trip_id": scheduled["trip_id"],
        "train_number": scheduled["trip_id"].upper(),
        "mission": scheduled["trip_id"][:4].upper(),
        "direction": scheduled["direction"],
        "station": scheduled["station"],
        "scheduled_arrival_at": scheduled["arrival_at"],
        "scheduled_departure_at": scheduled["departure_at"],
        "predicted_arrival_at": arrival,
        "predicted_departure_at": departure,
        "first_seen_at": at - 60 * MINUTE,
        "last_seen_at": at - 20 * SECOND,
        "observed_at": at,
        "time_at": at,
        "provenance": "observed",
        "rule": "last_announced",
        "uncertainty_seconds": 31,
        "observations": 20,
        "is_cancelled": False,
        "source": "siri_json",
    } | more


def unobserved(row: Row, **more: Any) -> Row:
    """The same train, of which only a prediction is left."""
    return (
        row
        | {"observed_at": None, "uncertainty_seconds": None, "provenance": "predicted", "rule": "vanished_early"}
        | more
    )


def cancelled(row: Row) -> Row:
    """The same train, said not to run there."""
    gone = {"predicted_arrival_at": None, "predicted_departure_at": None, "is_cancelled": True, "rule": "cancelled"}
    at = row["scheduled_departure_at"] or row["scheduled_arrival_at"]
    return unobserved(row, **gone, provenance="scheduled", time_at=at)


def unseen(row: Row) -> Row:
    """The same train, of which no answer told."""
    nothing = {"predicted_arrival_at": None, "predicted_departure_at": None, "observations": 0, "source": None}
    at = row["scheduled_departure_at"] or row["scheduled_arrival_at"]
    seen = {"first_seen_at": None, "last_seen_at": None}
    return unobserved(row, **nothing, **seen, provenance="scheduled", rule="no_observation", time_at=at)


def untimed(row: Row) -> Row:
    """The same train, in no timetable."""
    return row | {"trip_id": None, "scheduled_arrival_at": None, "scheduled_departure_at": None}


def irregular_events(calls: Iterable[Row], seed: int) -> list[Row]:
    """Trains that are late, cancelled whole or in part, vanish, were never told of, or are in no timetable."""
    chance = random.Random(seed)
    rows: list[Row] = []
    delays: dict[Any, float] = {}
    fates: dict[Any, float] = {}
    for scheduled in calls:
        train = scheduled["service_date"], scheduled["trip_id"]
        fate = fates.setdefault(train, chance.random())
        delays[train] = delays.get(train, chance.choice([-40, 0, 30, 200])) + chance.randrange(-20, 90)
        row = event(scheduled, delays[train], uncertainty_seconds=chance.randrange(10, 90))
        if fate < 0.05 or (fate < 0.10 and chance.random() < 0.5):
            row = cancelled(row)
        elif 0.10 <= fate < 0.15:
            row = unseen(row)
        elif 0.15 <= fate < 0.20:
            row = untimed(row)
        elif chance.random() < 0.08:
            row = unobserved(row)
        elif chance.random() < 0.03:  # its minute at one station lies before that at the one before
            row |= dict.fromkeys(("observed_at", "time_at"), row["observed_at"] - 12 * MINUTE)
        rows.append(row)
    return rows


def predictions(rows: Iterable[Row], seed: int) -> list[Row]:
    """What answers said of these trains up to 18 minutes ahead, and after they left; rows of `predicted_calls`."""
    chance = random.Random(seed)
    said = []
    for row in rows:
        if not row["observations"]:
            continue
        for lead in (0, 1.5, 3, 5, 6, 9, 10, 14.9, 15, 18, -2):
            error = chance.choice([-300, -200, -90, -60, -30, 0, 0, 30, 60, 61, 91, 300])
            is_told = chance.random() < 0.95
            predicted = row["time_at"] - error * SECOND if is_told and not row["is_cancelled"] else None
            said.append(
                {
                    "service_date": row["service_date"],
                    "observed_at": row["time_at"] - lead * MINUTE,
                    "station": row["station"],
                    "journey_id": row["journey_id"],
                    "direction": row["direction"],
                    "expected_departure_at": predicted if row["predicted_departure_at"] else None,
                    "expected_arrival_at": predicted and predicted - 30 * SECOND * bool(row["predicted_departure_at"]),
                    "is_real_time": chance.choice([True, True, True, None, False]),
                    "is_cancelled": row["is_cancelled"],
                    "source": "siri_json",
                    "payload_sha256": "0" * 64,
                }
            )
    return said


def sighting(day: dt.date, at: dt.datetime, number: str = "", **more: Any) -> Row:
    """One row of `disruption_sightings`; without a number, an answer that showed none."""
    shown = {"cause": "TRAVAUX", "severity": "PERTURBEE", "is_active": True} if number else {"is_active": None}
    return (
        {
            "service_date": day,
            "observed_at": at,
            "disruption_id": number,
            "source": "disruptions_bulk",
            "payload_sha256": "0" * 64,
        }
        | shown
        | more
    )


def irregular_sightings(day: dt.date, seed: int) -> list[Row]:
    """Answers of a Paris day about every ten minutes, of two feeds, with a silence of hours in one of them."""
    chance = random.Random(seed)
    start, end = (dt.datetime.combine(one, dt.time(), PARIS).astimezone(dt.UTC) for one in (day, day + dt.timedelta(1)))
    rows = []
    for source in ("disruptions_bulk", "line_reports"):
        at = start + 3 * MINUTE
        while at < end:
            is_silent = source == "line_reports" and (at - start) > 400 * MINUTE
            shown = chance.sample(range(5), chance.choice([0, 0, 1, 2, 3]))
            several: list[Row] = [
                {"cause": "TRAVAUX"},
                {"cause": "TRAVAUX"},
                {"cause": "PERTURBATION", "severity": "BLOQUANTE"},
                {"cause": None, "severity": None, "effect": "NO_SERVICE"},
                {"is_active": False},
            ]
            if not is_silent:
                rows += [sighting(day, at, f"id {one}", source=source, **several[one]) for one in shown] or [
                    sighting(day, at, source=source)
                ]
            at += chance.randrange(300, 1700) * SECOND
    return rows


def stored(table: Table, rows: Iterable[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=table.schema)


def fill(
    lake: Lake,
    calls: Sequence[Row] = (),
    events: Sequence[Row] = (),
    said: Sequence[Row] = (),
    sightings: Sequence[Row] = (),
) -> None:
    """Interim tables of the service dates of these rows; of the calendar, 11 November is known."""
    given = {SCHEDULED_CALLS: calls, STOP_EVENTS: events, PREDICTED_CALLS: said, DISRUPTION_SIGHTINGS: sightings}
    for table, rows in given.items():
        if rows:
            lake.table(table).replace(stored(table, rows), sorted({row["service_date"] for row in rows}))
    armistice = {
        **{"country": "FR", "region": "Paris", "day": ARMISTICE, "school_zone": "C", "weekday": 2},
        **{"is_public_holiday": True, "is_bridge_day": False, "public_holiday_source": "holidays"},
    }
    lake.table(CALENDAR_DAYS).rebuild(lambda: stored(CALENDAR_DAYS, [armistice, armistice | {"region": "London"}]))
