"""When the trains of the simulated RER B are to run: one timetable for each kind of day and season.

Trains of each service follow one another at a fixed interval, seen at Gare du Nord, every 12 minutes where many travel
and every 20 late and in August. A train has the same identifier on all days of its kind.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np

from transit_assets.simulator.calendar import WORKDAY, day_of
from transit_assets.simulator.noise import Ints
from transit_assets.simulator.rail_line import GARE_DU_NORD, NORTH, SERVICES, SOUTH, STOPS, Service, run_seconds

_PARIS = ZoneInfo("Europe/Paris")
_EPOCH = date(1970, 1, 1)
_HOUR, _MINUTE = 3600, 60
_FIRST, _LAST = 5 * _HOUR, 25 * _HOUR  # at Gare du Nord
_PEAKS = ((7 * _HOUR - 1800, 9 * _HOUR + 1800), (16 * _HOUR + 1800, 19 * _HOUR + 1800))
_LATE = 22 * _HOUR


@dataclass(frozen=True)
class Trip:
    """A train of the timetable: its number (`EPOC01`), and its calls, which stand at `first` to `end` of the arrays."""

    number: str
    headsign: str
    reference: str
    direction: int
    service: int
    first: int
    end: int

    @property
    def mission(self) -> str:
        return self.number[:4]


@dataclass(frozen=True)
class Timetable:
    """The trains of a kind of day, and their calls: trip, position of the station, seconds after the day begins."""

    trips: tuple[Trip, ...]
    trip: Ints
    stop: Ints
    arrival: Ints
    departure: Ints


@lru_cache(maxsize=16)
def timetable(seed: int, kind: int, is_summer: bool) -> Timetable:
    """The timetable of a kind of day (`calendar`), in July and August or not."""
    trips: list[Trip] = []
    stops: list[int] = []
    arrivals: list[int] = []
    departures: list[int] = []
    for number, service in enumerate(SERVICES):
        for direction in (NORTH, SOUTH):
            for count, at in enumerate(_departures(service, direction, kind, is_summer)):
                first = len(stops)
                for stop, arrival, departure in _calls(service, direction, at):
                    stops.append(stop)
                    arrivals.append(arrival)
                    departures.append(departure)
                trips.append(_trip(seed, (kind, is_summer), number, direction, count, (first, len(stops))))
    trip = np.repeat(np.arange(len(trips)), [one.end - one.first for one in trips])
    return Timetable(tuple(trips), trip, *(np.array(column) for column in (stops, arrivals, departures)))


def timetable_of(seed: int, day: int) -> Timetable:
    """The timetable of a service date, counted since 1970."""
    return timetable(seed, day_of(day).kind, is_summer(_EPOCH + timedelta(days=day)))


def is_summer(day: date) -> bool:
    """Whether fewer trains run."""
    return day.month in (7, 8)


@lru_cache(maxsize=8192)
def start_of(day: int) -> int:
    """The Unix time from which the calls of a service date are counted: its noon less twelve hours."""
    on = _EPOCH + timedelta(days=day)
    return int(datetime(on.year, on.month, on.day, 12, tzinfo=_PARIS).astimezone(UTC).timestamp()) - 12 * _HOUR


def _departures(service: Service, direction: int, kind: int, is_summer: bool) -> Iterator[int]:
    """When a train of a service is to leave Gare du Nord."""
    at = _FIRST + service.minute * _MINUTE + (2 * _MINUTE if direction == SOUTH else 0)
    while at < min(_LAST, service.last_hour * _HOUR + _HOUR):
        yield at
        is_peak = kind == WORKDAY and any(begin <= at < end for begin, end in _PEAKS)
        at += _MINUTE * (20 if is_summer or at >= _LATE else 12 if is_peak else 15)


def _calls(service: Service, direction: int, at: int) -> list[tuple[int, int, int]]:
    """Station, arrival and departure of each call of a train that leaves Gare du Nord at a second of the day."""
    stops = service.stops if direction == SOUTH else service.stops[::-1]
    calls = []
    clock = 0
    for place, stop in enumerate(stops):
        arrival = clock
        is_end = place in (0, len(stops) - 1)
        departure = arrival + (0 if is_end else STOPS[stop].dwell)
        calls.append((stop, arrival, departure))
        if place + 1 < len(stops):
            clock = departure + run_seconds(stop, stops[place + 1])
    shift = at - next(departure for stop, _, departure in calls if stop == GARE_DU_NORD)
    return [(stop, arrival + shift, departure + shift) for stop, arrival, departure in calls]


def _trip(seed: int, of: tuple[int, bool], service: int, direction: int, count: int, calls: tuple[int, int]) -> Trip:
    """A train; as in the real feed its headsign is another mission than its number's."""
    missions = SERVICES[service].missions[0 if direction == NORTH else 1]
    which, place = count % len(missions), count // len(missions)
    digits = 2 * place + (1 if direction == NORTH else 0)
    name = f"{missions[which]}{digits:02d}"
    token = f"{seed}|{of}|{name}".encode()
    reference = str(UUID(bytes=blake2b(token, digest_size=16).digest(), version=4))
    return Trip(name, missions[which - 1], reference, direction, service, *calls)
