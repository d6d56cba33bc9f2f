"""Trains of the simulated RER B: when each was at each station, and what was known of it at any instant.

A service date is run once from its first train to its last: a train that is late stays late but for what its stops have
to spare, leaves no station before its time, and keeps its distance to the train before, so delays pass from one to the
next. What is predicted at an instant is made of what had happened by then, never of what comes.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from transit_assets.simulator.noise import Floats, Ints, normal, smooth, uniform
from transit_assets.simulator.rail_incidents import WORKS, Incident, incidents_of
from transit_assets.simulator.rail_line import STOPS
from transit_assets.simulator.rail_timetable import Timetable, Trip, start_of, timetable_of

_HEADWAY = 90  # seconds from one train's departure to the next one's arrival at the same side of a station
_LEAST_DWELL = 20
_HELD = 25 * 60  # no train stands longer than this before it is let through
_CANCELLED = 0.012
_KNOWN_LATE = 20 * 60  # seconds before its departure at which a train's cancellation is known, on average
_DECAY = 0.97  # share of a delay that a provider expects to be left a station later
_SOON = 15
_LAST_HOUR = 28


@dataclass(frozen=True)
class Runs:
    """The trains of a service date. Calls are those of the timetable, in Unix times, as planned and as they ran.

    `known_at` has for each trip that was cancelled when that was known; a time past all others for the rest.
    """

    day: int
    table: Timetable
    arrival: Ints
    departure: Ints
    ran_arrival: Ints
    ran_departure: Ints
    is_cancelled: NDArray[np.bool_]
    known_at: Ints


@dataclass(frozen=True)
class Call:
    """What is told of one train at one station at an instant; a train that is cancelled has nothing expected."""

    trip: Trip
    order: int
    stop: int
    arrival: int
    departure: int
    expected_arrival: int | None
    expected_departure: int | None
    is_at_stop: bool
    recorded_at: int
    last_stop: int

    @property
    def is_cancelled(self) -> bool:
        return self.expected_departure is None


_NEVER = 2**40


@lru_cache(maxsize=8)
def runs(seed: int, day: int) -> Runs:
    """The trains of a service date, counted since 1970."""
    table = timetable_of(seed, day)
    start = start_of(day)
    arrival, departure = table.arrival + start, table.departure + start
    incidents = incidents_of(seed, day)
    is_cancelled, known_at = _cancelled(seed, day, table, departure, incidents)
    ran_arrival, ran_departure = _run(seed, day, table, (arrival, departure), incidents, is_cancelled)
    return Runs(day, table, arrival, departure, ran_arrival, ran_departure, is_cancelled, known_at)


def _cancelled(
    seed: int, day: int, table: Timetable, departure: Ints, incidents: Sequence[Incident]
) -> tuple[NDArray[np.bool_], Ints]:
    index = np.arange(len(table.trips))
    chance, luck = uniform(seed, "rail/cancelled", index, day), uniform(seed, "rail/known", index, day)
    leaves = departure[[trip.first for trip in table.trips]]
    is_cancelled = chance < _CANCELLED
    known_at = np.where(is_cancelled, leaves - (2 * _KNOWN_LATE * luck).astype(np.int64) - 120, _NEVER)
    for incident in incidents:
        share = 1.0 if incident.cause == WORKS else 0.4 if incident.is_blocking else 0.1
        touched = _touched(table, departure, incident)
        told_at = np.maximum(incident.told_at, leaves - _KNOWN_LATE)
        is_hit = touched & (uniform(seed, f"rail/{incident.key}", index, day) < share) & (told_at < leaves - 60)
        is_cancelled |= is_hit
        known_at = np.where(is_hit, np.minimum(known_at, told_at), known_at)
    return is_cancelled, known_at


def _touched(table: Timetable, departure: Ints, incident: Incident) -> NDArray[np.bool_]:
    """The trips that were to go through an incident while it lasts."""
    pairs = {(int(a), int(b)) for a, b in zip(table.stop[:-1], table.stop[1:], strict=True)}
    touched = {pair for pair in pairs if incident.touches(*pair)}
    is_leg = np.array([pair in touched for pair in zip(table.stop[:-1].tolist(), table.stop[1:].tolist(), strict=True)])
    is_leg &= table.trip[:-1] == table.trip[1:]
    is_leg &= (departure[:-1] >= incident.start) & (departure[:-1] < incident.end)
    found = np.zeros(len(table.trips), dtype=bool)
    found[table.trip[:-1][is_leg]] = True
    return found


def _run(
    seed: int,
    day: int,
    table: Timetable,
    planned: tuple[Ints, Ints],
    incidents: Sequence[Incident],
    is_cancelled: NDArray[np.bool_],
) -> tuple[Ints, Ints]:
    """When trains arrived and left, train by train in the order in which they come to their stations."""
    count = len(table.stop)
    arrival, departure = (column.tolist() for column in planned)
    stop, trip = table.stop.tolist(), table.trip.tolist()
    ends = [one.end for one in table.trips]
    side = [2 * place + table.trips[of].direction for place, of in zip(stop, trip, strict=True)]
    leg_share, dwell = _noises(seed, day, table, planned[0])
    late = _first_delays(seed, day, table, planned[1])
    free_at = [0] * (2 * len(STOPS))
    ran_arrival, ran_departure = [0] * count, [0] * count
    waiting = [
        (departure[one.first] + late[number], one.first)
        for number, one in enumerate(table.trips)
        if not is_cancelled[number]
    ]
    heapq.heapify(waiting)
    while waiting:
        at, call = heapq.heappop(waiting)
        here = side[call]
        if at < free_at[here]:
            heapq.heappush(waiting, (free_at[here], call))
            continue
        ran_arrival[call] = at
        leaves = max(departure[call], at + dwell[call])
        following = call + 1
        if following < ends[trip[call]]:
            leg = arrival[following] - departure[call]
            leaves, seconds = _through(incidents, stop[call], stop[following], leaves, leg)
            heapq.heappush(waiting, (leaves + int(seconds * leg_share[call]), following))
        ran_departure[call] = leaves
        free_at[here] = leaves + _HEADWAY
    for number in np.flatnonzero(is_cancelled).tolist():  # they ran nowhere; as planned, so that arrays have a value
        calls = slice(table.trips[number].first, ends[number])
        ran_arrival[calls], ran_departure[calls] = arrival[calls], departure[calls]
    return np.array(ran_arrival), np.array(ran_departure)


def _through(incidents: Sequence[Incident], first: int, second: int, leaves: int, seconds: int) -> tuple[int, float]:
    """When a train may leave for the next station, and how long it takes to it, past what is in its way."""
    slow = 1.0
    for incident in incidents:
        if incident.start <= leaves < incident.end and incident.touches(first, second):
            if incident.is_blocking:
                leaves = min(incident.end, leaves + _HELD)
            slow = max(slow, incident.slows)
    return leaves, seconds * slow


def _noises(seed: int, day: int, table: Timetable, arrival: Ints) -> tuple[list[float], list[int]]:
    """By which share each leg takes longer than planned, and the least seconds that each stop takes."""
    count = len(table.stop)
    index = np.arange(count)
    crowd = _crowd(seed, arrival)
    share = 0.985 + 0.02 * crowd + 0.03 * np.abs(normal(seed, "rail/leg", index, day))
    planned = np.array([stop.dwell for stop in STOPS])[table.stop]
    least = np.where(planned > 0, _LEAST_DWELL + 0.45 * np.maximum(planned - _LEAST_DWELL, 0), 0)
    longer = 1.0 + 0.5 * crowd + 0.35 * np.abs(normal(seed, "rail/dwell", index, day))
    return share.tolist(), (least * longer).astype(np.int64).tolist()


def _first_delays(seed: int, day: int, table: Timetable, departure: Ints) -> list[int]:
    """Seconds by which trains leave their first station late: most by little, some by much, more so on bad hours."""
    index = np.arange(len(table.trips))
    leaves = departure[[trip.first for trip in table.trips]]
    mood = 0.5 + 0.5 * smooth(seed, "rail/mood", 0, leaves / 5400.0)
    often = -np.log1p(-uniform(seed, "rail/late", index, day)) * (15 + 70 * mood * _crowd(seed, leaves) + 25 * mood)
    rarely = np.where(uniform(seed, "rail/rarely", index, day) < 0.03, 240 * uniform(seed, "rail/much", index, day), 0)
    return (often + rarely).astype(np.int64).tolist()


def _crowd(seed: int, at: Ints) -> Floats:
    """How full trains are, 0 to 1, by the second of the UTC day: an hour of summer time does not matter to it."""
    hour = at % 86400 / 3600.0 + 1.5
    return np.exp(-(((hour - 8.2) / 1.3) ** 2)) + np.exp(-(((hour - 18.2) / 1.6) ** 2))


def calls_at(seed: int, at: int, *, past: int, ahead: int, stop: int | None = None) -> list[Call]:
    """What is told at a Unix time of all calls, or of those at one station, in the order of trains and stations.

    A call is told of until so many seconds after its train left (one of a cancelled train: was to), from so many
    seconds before it comes.
    """
    today = at // 86400
    near = [day for day in range(today - 1, today + 2) if -ahead <= at - start_of(day) < _LAST_HOUR * 3600]
    return [call for day in near for call in _calls_of(runs(seed, day), at, past, ahead, stop)]


def _calls_of(of: Runs, at: int, past: int, ahead: int, stop: int | None) -> list[Call]:
    table = of.table
    is_known = of.known_at[table.trip] <= at
    near = np.flatnonzero((of.arrival < at + ahead) & (np.maximum(of.departure, of.ran_departure) >= at - past))
    if not len(near):
        return []
    expected_arrival, expected_departure, recorded_at = _expected(of, at)
    comes_at = np.where(is_known, of.arrival, expected_arrival)
    leaves_at = np.where(is_known, of.departure, expected_departure)
    is_told = (leaves_at >= at - past) & (comes_at < at + ahead)
    chosen = near[is_told[near] & ((table.stop[near] == stop) if stop is not None else True)]
    columns = (
        chosen.tolist(),
        table.trip[chosen].tolist(),
        table.stop[chosen].tolist(),
        of.arrival[chosen].tolist(),
        of.departure[chosen].tolist(),
        expected_arrival[chosen].tolist(),
        expected_departure[chosen].tolist(),
        recorded_at[chosen].tolist(),
        is_known[chosen].tolist(),
        of.known_at[table.trip[chosen]].tolist(),
    )
    found = []
    for call, number, place, arrival, departure, comes, leaves, recorded, is_gone, known_at in zip(
        *columns, strict=True
    ):
        trip = table.trips[number]
        found.append(
            Call(
                trip=trip,
                order=call - trip.first + 1,
                stop=place,
                arrival=arrival,
                departure=departure,
                expected_arrival=None if is_gone else comes,
                expected_departure=None if is_gone else leaves,
                is_at_stop=not is_gone and comes <= at,
                recorded_at=known_at if is_gone else recorded,
                last_stop=int(table.stop[trip.end - 1]),
            )
        )
    return found


def _expected(of: Runs, at: int) -> tuple[Ints, Ints, Ints]:
    """Arrival and departure of every call as expected at a Unix time, and when the last of it was known.

    What has happened is known. For the rest the train's present delay shrinks a little from station to station; a train
    that should be at its next station already is always expected there in a moment.
    """
    table = of.table
    first = np.array([trip.first for trip in table.trips])
    has_arrived = (of.ran_arrival <= at) & ~of.is_cancelled[table.trip]
    has_left = (of.ran_departure <= at) & ~of.is_cancelled[table.trip]
    arrived = np.add.reduceat(has_arrived.astype(np.int64), first)
    left = np.add.reduceat(has_left.astype(np.int64), first)
    last = np.maximum(first + arrived - 1, first)
    stands = arrived > left
    delay = np.where(
        arrived == 0,
        0,
        np.where(stands, of.ran_arrival[last] - of.arrival[last], of.ran_departure[last] - of.departure[last]),
    )
    following = np.minimum(first + arrived, np.array([trip.end for trip in table.trips]) - 1)
    waits_for = np.where(stands, of.departure[last], of.arrival[following])
    delay = np.maximum(delay, at + _SOON - waits_for)
    steps = np.maximum(np.arange(len(table.stop)) - (first + arrived)[table.trip], 0)
    shift = (delay[table.trip] * np.where(delay[table.trip] > 0, _DECAY**steps, 1.0)).astype(np.int64)
    comes = np.where(has_arrived, of.ran_arrival, np.maximum(of.arrival + shift, of.arrival))
    leaves = np.where(has_left, of.ran_departure, np.maximum(of.departure + np.maximum(shift, 0), comes))
    changed = np.where(stands, of.ran_arrival[last], of.ran_departure[last])
    recorded = np.where(arrived == 0, of.departure[first] - 3 * 3600, changed)
    return comes, leaves, np.minimum(recorded[table.trip], at)
