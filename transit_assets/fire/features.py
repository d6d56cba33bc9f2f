"""Features of the fire: what was known of a call when it was taken, and when its first vehicle was sent.

One function for a batch and for one call. Each feature has its moment: `at_call`, or `at_mobilisation`, when the
station that sends is known, too. Only columns that are written by then are read (`CALL_COLUMNS`,
`MOBILISATION_COLUMNS`): what a call turned out to be, who came and why they were late are not among them. Nor is
anything of other calls: the brigade's files land months later, so that recent load, or who is out, is never known.
What is typical of a place is learnt by the models (see `learning.typical`), from what they are trained on.

A table that is absent, or has no row of an hour, is an unknown feature (NaN), not an error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np
import pyarrow as pa

from transit_assets.context.calendar.days import calendar_of_days
from transit_assets.context.local_time import local_seconds
from transit_assets.fire.schema import INCIDENTS
from transit_assets.fire.surroundings import CONGESTION, FIGURES, Stations, Surroundings, Versions, months, scan
from transit_assets.lake import Lake
from transit_assets.learning.categories import number_of
from transit_assets.learning.examples import Window
from transit_assets.settings import LONDON

CATEGORIES = ("station_ground", "borough", "ward_code", "postcode_district", "property_category", "property_type")
CALL_COLUMNS = ("incident_number", "called_at", "easting_m", "northing_m", *CATEGORIES)
"""Columns of `interim.fire__incidents` that are known when a call is taken."""

MOBILISATION_COLUMNS = ("first_pump_station",)
"""Known once a vehicle is sent. The files name the station of the pump that arrived first: with several sent, which
that is, is partly an outcome."""

OUTCOME_COLUMNS = ("first_pump_attendance_seconds", "pumps_attending")
"""What is forecast: never a feature."""

CONDITIONS = (  # they tell when is asked, and not what is
    "hour",
    "whole_hour",
    "weekday",
    "hour_of_week",
    "is_public_holiday",
    "is_school_holiday",
    *FIGURES,
    *CONGESTION,
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
_CELL_M, _CELLS = 500, 4096  # a cell of half a kilometre has one number
_NEAREST = 4
_AT_ONCE = 50_000  # calls whose distances to all stations are held at once: 45 MB


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
        *(around.congestion.known(name, calls.at) for name in CONGESTION),
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
    rows = scan(
        lake,
        INCIDENTS,
        versions,
        months(window.start, window.end, LONDON),
        f"SELECT {columns} FROM found WHERE called_at >= $1 AND called_at < $2 ORDER BY called_at, incident_number",
        [window.start, window.end],
    )
    return Calls.of(rows.select([*CALL_COLUMNS, *MOBILISATION_COLUMNS])), rows.select(OUTCOME_COLUMNS)
