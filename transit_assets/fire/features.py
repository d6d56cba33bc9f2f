"""Features of the fire: what was known of a call when it was taken, and when its first vehicle was sent.

One function for a batch and for one call. Each feature has its moment: `at_call`, or `at_mobilisation`, when the
station that sends is known, too. Only columns that are written by then are read (`CALL_COLUMNS`,
`MOBILISATION_COLUMNS`): what a call turned out to be, who came and why they were late are not among them. Nor is
anything of other calls: the brigade's files land months later, so that recent load, or who is out, is never known.
What is typical of a place is learnt by the models (see `learning.typical`), from what they are trained on.

A table that is absent, or has no row of an hour, is an unknown feature (NaN), not an error.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from transit_assets.context.calendar.days import calendar_of_days
from transit_assets.context.congestion.schema import CONGESTION_HOURLY
from transit_assets.context.local_time import local_seconds
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.fire.schema import INCIDENTS, STATIONS
from transit_assets.lake import Lake, Table, TableVersion
from transit_assets.learning.categories import number_of
from transit_assets.learning.examples import Window
from transit_assets.settings import LONDON

Versions = Mapping[str, TableVersion]

PLACE = "london"
"""Of the weather and of the congestion."""

CATEGORIES = ("station_ground", "borough", "ward_code", "postcode_district", "property_category", "property_type")
CALL_COLUMNS = ("incident_number", "called_at", "easting_m", "northing_m", *CATEGORIES)
"""Columns of `interim.fire__incidents` that are known when a call is taken."""

MOBILISATION_COLUMNS = ("first_pump_station",)
"""Known once a vehicle is sent. The files name the station of the pump that arrived first: with several sent, which
that is, is partly an outcome."""

OUTCOME_COLUMNS = ("first_pump_attendance_seconds", "pumps_attending")
"""What is forecast: never a feature."""

FIGURES = (
    "temperature_celsius",
    "precipitation_mm",
    "snow_depth_cm",
    "wind_gust_km_per_hour",
    "visibility_km",
)
CONDITIONS = (  # they tell when is asked, and not what is
    "hour",
    "whole_hour",
    "weekday",
    "hour_of_week",
    "is_public_holiday",
    "is_school_holiday",
    *FIGURES,
    "congestion_percent",
)
AT_CALL = (
    *CONDITIONS,
    "easting_m",
    "northing_m",
    *CATEGORIES,
    "part_of_day",
    "cell",
    "ground_dx_m",
    "ground_dy_m",
    "ground_distance_m",
    "ground_rank",
    "ground_detour_m",
    "nearest_distance_m",
    "second_distance_m",
    "third_distance_m",
    "fourth_distance_m",
)
"""Names of the features that are known when a call is taken. Of a category there is the number of its name."""

_SENT = (
    "station",
    "is_own_station",
    "station_easting_m",
    "station_northing_m",
    "station_dx_m",
    "station_dy_m",
    "station_distance_m",
    "station_rank",
    "station_detour_m",
    "station_beyond_ground_m",
)
NAMES = (*AT_CALL, *_SENT)
"""All features, in the order of the columns of `features`: those known at mobilisation."""

MOMENTS: Mapping[str, str] = dict.fromkeys(AT_CALL, "at_call") | dict.fromkeys(_SENT, "at_mobilisation")

_HOUR, _DAY, _WEEK = 3600, 86_400, 7
_CONGESTION = ("congestion_percent",)
_CELL_M, _CELLS = 500, 4096  # a cell of half a kilometre has one number
_NEAREST = 4
_AT_ONCE = 50_000  # calls whose distances to all stations are held at once: 45 MB
_FURTHEST_HOURS = 2  # an hour's weather that is older than this when a call is taken is not its weather


@dataclass(frozen=True)
class Stations:
    """Where stations stood: a row for each period of one, `since` and `until` (days since 1970, end exclusive)."""

    names: np.ndarray
    since: np.ndarray
    until: np.ndarray
    easting: np.ndarray
    northing: np.ndarray

    @classmethod
    def of(cls, rows: pa.Table) -> "Stations":
        """From rows of `interim.fire__stations`; those without a place say nothing."""
        placed = rows.filter(rows["easting_m"].is_valid())
        placed = placed.sort_by([("station", "ascending"), ("valid_from", "ascending")])
        days = {
            name: placed[name].cast(pa.date32()).cast(pa.int32()).fill_null(np.iinfo(np.int32).max).to_numpy()
            for name in ("valid_from", "valid_to")
        }
        return cls(
            np.array(placed["station"].to_pylist(), object),
            days["valid_from"],
            days["valid_to"],
            placed["easting_m"].to_numpy().astype(np.float64),
            placed["northing_m"].to_numpy().astype(np.float64),
        )

    def of_names(self, names: np.ndarray, day: np.ndarray) -> np.ndarray:
        """(n, 2) where stations of some names stood on some days; NaN where none did."""
        found = np.full((len(names), 2), np.nan)
        for name in set(names.tolist()) - {None}:
            rows = np.flatnonzero(names == name)
            for period in np.flatnonzero(self.names == name):
                some = rows[(self.since[period] <= day[rows]) & (day[rows] < self.until[period])]
                found[some] = self.easting[period], self.northing[period]
        return found

    def distances(self, place: np.ndarray, day: np.ndarray) -> np.ndarray:
        """(n, periods) metres from (n, 2) places to each station that stood on that day, infinite to others."""
        if not len(self.names):
            return np.full((len(place), 1), np.inf, np.float32)
        apart = np.hypot(place[:, :1] - self.easting, place[:, 1:] - self.northing).astype(np.float32)
        stood = (self.since <= day[:, None]) & (day[:, None] < self.until)
        return np.where(stood & np.isfinite(apart), apart, np.inf)


@dataclass(frozen=True)
class Hours:
    """Figures of hours by the names of their columns; `hour` (hours since 1970 UTC) ascends, `known_at` in seconds."""

    hour: np.ndarray
    known_at: np.ndarray
    figures: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, rows: pa.Table | None, names: Sequence[str]) -> "Hours":
        """From rows of weather or congestion of one place; None are none."""
        if rows is None or not rows.num_rows:
            return cls(np.empty(0, np.int64), np.empty(0, np.int64), {name: np.empty(0) for name in names})
        rows = rows.sort_by("hour_start_at")
        seconds = {
            name: rows[name].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy()
            for name in ("hour_start_at", "known_at")
        }
        figures = {name: rows[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in names}
        return cls(seconds["hour_start_at"] // _HOUR, seconds["known_at"], figures)

    def known(self, name: str, at: np.ndarray) -> np.ndarray:
        """(n,) the figure of the newest hour that was over and known at each instant, NaN where it is too old."""
        found = np.full(len(at), np.nan)
        if not len(self.hour):
            return found
        for back in range(1, _FURTHEST_HOURS + 1):
            wanted = at // _HOUR - back
            place = np.minimum(np.searchsorted(self.hour, wanted), len(self.hour) - 1)
            is_it = (self.hour[place] == wanted) & (self.known_at[place] <= at) & np.isnan(found)
            found = np.where(is_it, self.figures[name][place], found)
        return found


@dataclass(frozen=True)
class Surroundings:
    """What calls stand in: stations, weather, congestion. Read once, it serves every call."""

    stations: Stations
    weather: Hours
    congestion: Hours

    @classmethod
    def none(cls) -> "Surroundings":
        """Where nothing is known."""
        empty = pa.Table.from_pylist([], schema=STATIONS.schema)
        return cls(Stations.of(empty), Hours.of(None, FIGURES), Hours.of(None, _CONGESTION))

    @classmethod
    def read(cls, lake: Lake, window: Window, versions: Versions | None = None) -> "Surroundings":
        """Of a window, from given versions of the tables, or from the latest. What is absent is unknown."""
        stations = _scan(lake, STATIONS, versions, None, "SELECT * FROM found", [])
        found = {}
        for table, names in ((WEATHER_HOURLY, FIGURES), (CONGESTION_HOURLY, _CONGESTION)):
            query = (
                f"SELECT hour_start_at, known_at, {', '.join(names)} FROM found"
                " WHERE place = $1 AND hour_start_at >= $2 AND hour_start_at < $3"
            )
            start = window.start - timedelta(hours=_FURTHEST_HOURS + 1)
            months = _months(start, window.end, UTC)
            found[table.relation] = Hours.of(
                _scan(lake, table, versions, months, query, [PLACE, start, window.end]), names
            )
        return cls(Stations.of(stations), found[WEATHER_HOURLY.relation], found[CONGESTION_HOURLY.relation])


@dataclass(frozen=True)
class Calls:
    """n calls as they were when they were taken: `at` in seconds since 1970 UTC, the place, names by column (objects).

    `station` is the one that sends, None where it is not known (yet). `number` is the call's own.
    """

    number: np.ndarray
    at: np.ndarray
    place: np.ndarray
    names: Mapping[str, np.ndarray]
    station: np.ndarray

    def __len__(self) -> int:
        return len(self.at)

    @classmethod
    def of(cls, rows: pa.Table) -> "Calls":
        """From rows with `CALL_COLUMNS` and, where a vehicle was sent, `MOBILISATION_COLUMNS`; others are not read."""
        place = [rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in ("easting_m", "northing_m")]
        sent = rows["first_pump_station"].to_pylist() if "first_pump_station" in rows.column_names else None
        return cls(
            np.array(rows["incident_number"].to_pylist(), object),
            rows["called_at"].cast(pa.timestamp("s", "UTC"), safe=False).cast(pa.int64()).to_numpy(),
            np.stack(place, axis=1),
            {name: np.array(rows[name].to_pylist(), object) for name in CATEGORIES},
            np.array(sent if sent is not None else [None] * rows.num_rows, object),
        )

    @classmethod
    def one(
        cls,
        called_at: datetime,
        *,
        easting_m: float | None = None,
        northing_m: float | None = None,
        station: str | None = None,
        number: str = "",
        **names: str | None,
    ) -> "Calls":
        """A single call, for serving; what is not said is unknown. `names` are those of `CATEGORIES`."""
        place = [np.nan if one is None else float(one) for one in (easting_m, northing_m)]
        return cls(
            np.array([number], object),
            np.array([int(called_at.timestamp())]),
            np.array([place]),
            {name: np.array([names.get(name)], object) for name in CATEGORIES},
            np.array([station], object),
        )

    def take(self, which: np.ndarray) -> "Calls":
        """Some of the calls: a mask, or positions."""
        names = {name: one[which] for name, one in self.names.items()}
        return Calls(self.number[which], self.at[which], self.place[which], names, self.station[which])

    @cached_property
    def local(self) -> np.ndarray:
        """(n,) seconds of London's wall clock since 1970."""
        return local_seconds(self.at, LONDON.key)

    @cached_property
    def day(self) -> np.ndarray:
        """(n,) London days since 1970."""
        return self.local // _DAY


def features(calls: Calls, around: Surroundings) -> np.ndarray:
    """(n, len(NAMES)) float32: what was known of each call; NaN where unknown.

    What is known at mobilisation is NaN where no station is given.
    """
    matrix = np.full((len(calls), len(NAMES)), np.nan, np.float32)
    for start in range(0, len(calls), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        part = calls if len(calls) <= _AT_ONCE else calls.take(np.arange(len(calls))[some])
        columns = [*_when(part, around), *_where(part, around.stations)]
        for place, column in enumerate(columns):
            matrix[some, place] = column
    return matrix


def _when(calls: Calls, around: Surroundings) -> list[np.ndarray]:
    """Columns of `CONDITIONS`."""
    hour, weekday = calls.local % _DAY / _HOUR, (calls.day + 3) % _WEEK  # 1970-01-01 was a Thursday; Monday is 0
    return [
        hour,
        hour // 1,
        weekday,
        weekday * 24 + hour,
        *_holidays(calls.day),
        *(around.weather.known(name, calls.at) for name in FIGURES),
        *(around.congestion.known(name, calls.at) for name in _CONGESTION),
    ]


def _holidays(day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, last = (date(1970, 1, 1) + timedelta(days=int(edge)) for edge in (day.min(), day.max()))
    known = calendar_of_days(first, last, "GB", "London")
    place = day - day.min()
    school = np.where(known.is_school_known, known.is_school_holiday, np.nan)
    return known.is_public_holiday[place].astype(np.float64), school[place]


def _where(calls: Calls, stations: Stations) -> Iterator[np.ndarray]:
    """The other columns of `AT_CALL`, and those of the station that sends."""
    place, day = calls.place, calls.day
    ground, sent = (stations.of_names(names, day) for names in (calls.names["station_ground"], calls.station))
    apart = stations.distances(place, day)
    nearest = np.sort(np.partition(_padded(apart), _NEAREST - 1, axis=1)[:, :_NEAREST], axis=1)
    nearest = np.where(np.isfinite(nearest), nearest, np.nan)
    yield from (place[:, 0], place[:, 1])
    yield from (_numbers(calls.names[name]) for name in CATEGORIES)
    yield calls.local % _DAY // (3 * _HOUR)
    yield _cell(place)
    to_ground, to_station = (np.hypot(*(place - one).T) for one in (ground, sent))
    yield from (place - ground).T
    yield from (to_ground, _rank(apart, to_ground), to_ground - nearest[:, 0])
    yield from nearest.T
    is_sent = calls.station != None  # noqa: E711 element by element
    yield _numbers(calls.station)
    yield np.where(is_sent, calls.station == calls.names["station_ground"], np.nan)
    yield from (*sent.T, *(place - sent).T)
    yield from (to_station, _rank(apart, to_station), to_station - nearest[:, 0], to_station - to_ground)


def _padded(apart: np.ndarray) -> np.ndarray:
    missing = max(_NEAREST - apart.shape[1], 0)
    return np.pad(apart, ((0, 0), (0, missing)), constant_values=np.inf)


def _rank(apart: np.ndarray, own: np.ndarray) -> np.ndarray:
    """How many stations are nearer by more than a metre."""
    return np.where(np.isfinite(own), (apart < own[:, None] - 1).sum(axis=1), np.nan)


def _cell(place: np.ndarray) -> np.ndarray:
    east, north = (place // _CELL_M).T
    return east * _CELLS + north


def _numbers(names: np.ndarray) -> np.ndarray:
    """The number of each name, NaN of none."""
    if len(names) == 1:
        return np.array([number_of(names[0])])
    numbers = {name: number_of(name) for name in set(names.tolist())}
    return np.array([numbers[name] for name in names.tolist()])


def read_calls(lake: Lake, window: Window, versions: Versions | None = None) -> tuple[Calls, pa.Table]:
    """Calls of a window in order of time, and what became of them (`OUTCOME_COLUMNS`)."""
    columns = ", ".join((*CALL_COLUMNS, *MOBILISATION_COLUMNS, *OUTCOME_COLUMNS))
    rows = _scan(
        lake,
        INCIDENTS,
        versions,
        _months(window.start, window.end, LONDON),
        f"SELECT {columns} FROM found WHERE called_at >= $1 AND called_at < $2 ORDER BY called_at, incident_number",
        [window.start, window.end],
    )
    return Calls.of(rows.select([*CALL_COLUMNS, *MOBILISATION_COLUMNS])), rows.select(OUTCOME_COLUMNS)


def _scan(
    lake: Lake,
    table: Table,
    versions: Versions | None,
    months: Sequence[str] | None,
    query: str,
    values: Sequence[Any],
) -> pa.Table:
    """One query over a version of a table, called `found`. Raises VersionMissing where one is kept no more."""
    pinned = (versions or {}).get(table.relation)
    version = pinned.version if pinned and pinned.version >= 0 else None
    with lake.engine() as connection:
        connection.execute(f"CREATE TEMP VIEW found AS {lake.table(table).snapshot(months, version).sql}")
        return connection.execute(query, values).to_arrow_table()


def _months(start: datetime, end: datetime, zone: tzinfo) -> list[str]:
    """Months of a zone that a span of instants touches, by their first days."""
    first, last = start.astimezone(zone).date().replace(day=1), end.astimezone(zone).date()
    found = []
    while first <= last:
        found.append(first.isoformat())
        first = (first + timedelta(days=32)).replace(day=1)
    return found
