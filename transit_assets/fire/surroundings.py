"""What calls stand in: where stations stood, the weather, the congestion. Read once, it serves every call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import numpy as np
import pyarrow as pa

from transit_assets.context.congestion.schema import CONGESTION_HOURLY
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.fire.schema import STATIONS
from transit_assets.lake import Lake, Period, Table, TableVersion
from transit_assets.learning.examples import Window

Versions = Mapping[str, TableVersion]

PLACE = "london"
"""Of the weather and of the congestion."""

FIGURES = (
    "temperature_celsius",
    "precipitation_mm",
    "snow_depth_cm",
    "wind_gust_km_per_hour",
    "visibility_km",
)
CONGESTION = ("congestion_percent",)
_HOUR = 3600
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
        return cls(Stations.of(empty), Hours.of(None, FIGURES), Hours.of(None, CONGESTION))

    @classmethod
    def read(cls, lake: Lake, window: Window, versions: Versions | None = None) -> "Surroundings":
        """Of a window, from given versions of the tables, or from the latest. What is absent is unknown."""
        stations = scan(lake, STATIONS, versions, None, "SELECT * FROM found", [])
        found = {}
        for table, names in ((WEATHER_HOURLY, FIGURES), (CONGESTION_HOURLY, CONGESTION)):
            query = (
                f"SELECT hour_start_at, known_at, {', '.join(names)} FROM found"
                " WHERE place = $1 AND hour_start_at >= $2 AND hour_start_at < $3"
            )
            start = window.start - timedelta(hours=_FURTHEST_HOURS + 1)
            found[table.relation] = Hours.of(
                scan(lake, table, versions, months(start, window.end, UTC), query, [PLACE, start, window.end]), names
            )
        return cls(Stations.of(stations), found[WEATHER_HOURLY.relation], found[CONGESTION_HOURLY.relation])


def scan(
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


def months(start: datetime, end: datetime, zone: tzinfo) -> list[str]:
    """Months of a zone that a span of instants touches, by their first days."""
    return Period.MONTH.between(start.astimezone(zone).date(), end.astimezone(zone).date())
