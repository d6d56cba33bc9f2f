"""What is known of the trains of some service dates: when each was where, was said to be, and was to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property

import numpy as np
import pyarrow as pa

from transit_assets.lake import Lake, TableVersion
from transit_assets.learning.examples import Window
from transit_assets.rail.recent import Recent
from transit_assets.rail.schema import PREDICTED_CALLS, SCHEDULED_CALLS, STOP_EVENTS
from transit_assets.rail.stations import STATIONS
from transit_assets.settings import PARIS

PLACES = tuple(station.uic for station in STATIONS)
"""Stations by their place in arrays."""

PLACE_OF: Mapping[str, int] = {uic: place for place, uic in enumerate(PLACES)}
SOURCES = (STOP_EVENTS, PREDICTED_CALLS, SCHEDULED_CALLS)

MOST_SECONDS = 2 * 3600
"""A train that is seen again later is another one: numbers such as `IAZZ99` are given twice on a day."""

TIMETABLE_LEAD_SECONDS = 3600
"""What is announced so long ahead is the timetable: in the polls of 2022 999 of 1,000 such minutes had not moved."""

_STRIDE = 64  # more than there are places
_LOOK_BACK_DAYS = 2  # a train of the day before may run at night, and so may those that ran before it

_TRAINS = f"""
CREATE TEMP TABLE trains AS
SELECT service_date, journey_id, (row_number() OVER (ORDER BY service_date, journey_id) - 1)::INTEGER AS train
FROM (
    SELECT service_date, journey_id FROM {PREDICTED_CALLS.name}
    UNION SELECT service_date, journey_id FROM {STOP_EVENTS.name} WHERE source IS NOT NULL
)
"""
_EVENTS = f"""
SELECT train, place, epoch(observed_at) AS observed,
    epoch(coalesce(scheduled_departure_at, scheduled_arrival_at)) AS scheduled,
    CASE direction WHEN 'north' THEN 0 WHEN 'south' THEN 1 END AS direction
FROM {STOP_EVENTS.name} JOIN trains USING (service_date, journey_id) JOIN places USING (station)
"""
_SAID = f"""
WITH said AS (
    SELECT train, place, epoch(observed_at)::BIGINT AS observed,
        CASE WHEN NOT is_cancelled THEN epoch(coalesce(expected_departure_at, expected_arrival_at)) END AS expected
    FROM {PREDICTED_CALLS.name} JOIN trains USING (service_date, journey_id) JOIN places USING (station)
)
SELECT * FROM said
WINDOW of_call AS (PARTITION BY train, place ORDER BY observed)
QUALIFY row_number() OVER of_call = 1 OR expected IS DISTINCT FROM lag(expected) OVER of_call
"""
_THEORY = f"""
WITH calls AS (
    SELECT service_date, trip_id, stop_sequence, place,
        epoch(coalesce(departure_at, arrival_at)) AS departs
    FROM {SCHEDULED_CALLS.name} JOIN places USING (station)
)
SELECT epoch(a.service_date)::BIGINT // 86400 AS day, a.place AS origin, b.place AS destination,
    median(b.departs - a.departs) AS seconds
FROM calls AS a JOIN calls AS b USING (service_date, trip_id)
WHERE b.stop_sequence > a.stop_sequence
GROUP BY ALL
"""


@dataclass(frozen=True)
class History:
    """The trains of some service dates, by their number here and the place of a station in `PLACES`.

    `names` has (service date, journey) of each train, `day` its date in days since 1970, `direction` 0 for north and 1
    for south (-1 unknown). `passed`, `scheduled` and `first_said` are (trains, places) seconds since 1970 UTC, NaN
    where unknown; `first_said` is what was announced at least an hour ahead, and `first_said_at` when. `said` has what
    was announced of each call, `theory` the median scheduled seconds of each date and pair.
    """

    names: Sequence[tuple[date, str]]
    day: np.ndarray
    direction: np.ndarray
    passed: np.ndarray
    scheduled: np.ndarray
    first_said: np.ndarray
    first_said_at: np.ndarray
    said: Recent
    theory: Recent

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def read(cls, lake: Lake, window: Window, versions: Mapping[str, TableVersion] | None = None) -> "History":
        """Of a window and what came before it, from given versions of the tables or the latest.

        Raises VersionMissing where one is kept no more.
        """
        dates = [one.isoformat() for one in dates_of(window)]
        with lake.engine() as connection:
            for table in SOURCES:
                pinned = (versions or {}).get(table.relation)
                version = pinned.version if pinned and pinned.version >= 0 else None
                sql = lake.table(table).snapshot(dates, version).sql
                connection.execute(f'CREATE TEMP VIEW "{table.name}" AS {sql}')
            places = pa.table({"station": PLACES, "place": np.arange(len(PLACES), dtype=np.int32)})
            connection.register("places", places)
            connection.execute(_TRAINS)
            trains, events, said, theory = (
                connection.execute(query).to_arrow_table()
                for query in ("SELECT * FROM trains ORDER BY train", _EVENTS, _SAID, _THEORY)
            )
        return cls.of(trains, events, said, theory)

    @classmethod
    def of(cls, trains: pa.Table, events: pa.Table, said: pa.Table, theory: pa.Table) -> "History":
        """From rows as the queries of `read` give them."""
        count = trains.num_rows
        train, place, observed, scheduled, direction = (_numbers(events, name) for name in events.column_names)
        grids = {name: np.full((count, len(PLACES)), np.nan) for name in ("passed", "scheduled", "first", "first_at")}
        at = train.astype(np.int64), place.astype(np.int64)
        grids["passed"][at], grids["scheduled"][at] = observed, scheduled
        heading = np.full(count, -1)
        heading[at[0]] = np.nan_to_num(direction, nan=-1).astype(np.int64)
        train, place, seen, expected = (_numbers(said, name) for name in said.column_names)
        spoken = Recent.of(call_of(train, place), seen, expected)
        newest_first = np.argsort(-seen, kind="stable")
        rows = newest_first[np.isfinite(expected[newest_first])]  # the oldest is written last, and stays
        at = train[rows].astype(np.int64), place[rows].astype(np.int64)
        grids["first"][at], grids["first_at"][at] = expected[rows], seen[rows]
        is_late = ~(grids["first"] - grids["first_at"] >= TIMETABLE_LEAD_SECONDS)
        grids["first"][is_late] = np.nan
        day, origin, destination, seconds = (_numbers(theory, name) for name in theory.column_names)
        return cls(
            names=list(zip(trains["service_date"].to_pylist(), trains["journey_id"].to_pylist(), strict=True)),
            day=trains["service_date"].cast(pa.int32()).to_numpy().astype(np.int64),
            direction=heading,
            passed=grids["passed"],
            scheduled=grids["scheduled"],
            first_said=grids["first"],
            first_said_at=grids["first_at"],
            said=spoken,
            theory=Recent.of(pair_of(origin, destination), day, seconds),
        )

    @cached_property
    def rides(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(train, origin, destination) of each pair of stations that a train passed one after the other."""
        found = []
        for origin in range(len(PLACES)):
            seconds = self.passed - self.passed[:, origin : origin + 1]
            train, destination = np.nonzero((seconds > 0) & (seconds < MOST_SECONDS))
            found.append((train, np.full(len(train), origin), destination))
        trains, origins, destinations = (np.concatenate(one) for one in zip(*found, strict=True))
        return trains, origins, destinations

    @cached_property
    def times(self) -> Recent:
        """Seconds that each pair of stations took, known from the arrival on; of equal ones the later start last."""
        train, origin, destination = self.rides
        left, arrived = self.passed[train, origin], self.passed[train, destination]
        return Recent.of(pair_of(origin, destination), arrived, arrived - left, left)

    @cached_property
    def passings(self) -> Recent:
        """Instants of passings by `heading_of` station and direction."""
        train, place = np.nonzero(np.isfinite(self.passed))
        at = self.passed[train, place]
        return Recent.of(heading_of(place, self.direction[train]), at, at, train)

    def aimed(self, train: np.ndarray, place: np.ndarray, at: np.ndarray) -> np.ndarray:
        """When trains are to be at stations, as was known at each instant: by the schedule, else as first said."""
        first = np.where(self.first_said_at[train, place] <= at, self.first_said[train, place], np.nan)
        scheduled = self.scheduled[train, place]
        return np.where(np.isfinite(scheduled), scheduled, first)

    def aimed_seconds(self, train: np.ndarray, origin: np.ndarray, destination: np.ndarray) -> np.ndarray:
        """The theoretical time: of the train's own schedule, else the median of its service date."""
        own = self.scheduled[train, destination] - self.scheduled[train, origin]
        pair, day = pair_of(origin, destination), self.day[train]
        usual = np.where(self.theory.age(pair, day) == 0, self.theory.last(pair, day, 1)[:, 0], np.nan)
        return np.where(own > 0, own, usual)

    @cached_property
    def delays(self) -> tuple[Recent, Recent]:
        """Seconds late at each passing: by train, and by `heading_of` station and direction."""
        train, place = np.nonzero(np.isfinite(self.passed))
        at = self.passed[train, place]
        late = at - self.aimed(train, place, at)
        known = np.isfinite(late)
        train, place, at, late = train[known], place[known], at[known], late[known]
        return Recent.of(train, at, late, place), Recent.of(heading_of(place, self.direction[train]), at, late, train)


def dates_of(window: Window) -> list[date]:
    """Service dates whose trains ran in a window or shortly before it."""
    first, last = (edge.astimezone(PARIS).date() for edge in (window.start, window.end))
    first -= timedelta(days=_LOOK_BACK_DAYS)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def pair_of(origin: np.ndarray, destination: np.ndarray) -> np.ndarray:
    """One number for two places."""
    return origin.astype(np.int64) * _STRIDE + destination.astype(np.int64)


def call_of(train: np.ndarray, place: np.ndarray) -> np.ndarray:
    """One number for a train and a place."""
    return train.astype(np.int64) * _STRIDE + place.astype(np.int64)


def heading_of(place: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """One number for a place and the direction of trains there."""
    return place.astype(np.int64) * 4 + direction.astype(np.int64) + 1


@cache
def hops() -> np.ndarray:
    """(pairs, most) numbers of the pairs of neighbours that lie between two places, -1 where there are no more.

    By `pair_of`; of two places that share no way along the line there are none.
    """
    found = np.full((_STRIDE * _STRIDE, len(PLACES)), -1, np.int64)
    for way in _ways():
        for step in (way, way[::-1]):
            for start in range(len(step)):
                for end in range(start + 1, len(step)):
                    between = np.array(step[start : end + 1])
                    row = found[step[start] * _STRIDE + step[end]]
                    row[: len(between) - 1] = pair_of(between[:-1], between[1:])
    return found


def _ways() -> list[list[int]]:
    """The line from each northern end to each southern one, as places."""
    robinson = {"Sceaux", "Fontenay-aux-Roses", "Robinson"}
    fork = next(station.order for station in STATIONS if station.name == "Bourg-la-Reine")
    return [
        [
            PLACE_OF[station.uic]
            for station in STATIONS
            if station.branch in (north, "trunk")
            or (station.branch == "south" and (station.order <= fork or (station.name in robinson) == to_robinson))
        ]
        for north in ("airport", "mitry")
        for to_robinson in (True, False)
    ]


def _numbers(rows: pa.Table, name: str) -> np.ndarray:
    return rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
