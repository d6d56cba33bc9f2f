"""Features of bikes: what was known of a station at an instant. One function for a batch and for one request.

A `History` holds what the polls said, as arrays sorted by station and by the instant at which it became known
(`first_polled_at`), so that a question about an instant sees nothing that was polled later. A report holds from the
first poll that gave it to the last; after that its station is unknown, not unchanged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zlib import crc32

import numpy as np
import pyarrow as pa

from transit_assets.bikes.schema import STATION_STATUS, STATIONS
from transit_assets.context.local_time import local_seconds
from transit_assets.lake import Lake, Table, TableVersion
from transit_assets.lake.lake import create_views
from transit_assets.learning.examples import Window
from transit_assets.settings import PARIS

LOOK_BACK = timedelta(days=8)
"""How far features look back from the instant asked about."""

# A name is what a row of the feature matrix holds; the rest of the module follows this order.
NAMES = (
    "bikes",
    "docks_free",
    "capacity",
    "fill_share",
    "mechanical",
    "ebike",
    "minutes_unchanged",
    "bikes_change_15_minutes",
    "bikes_change_30_minutes",
    "bikes_change_60_minutes",
    "bikes_change_120_minutes",
    "docks_change_15_minutes",
    "docks_change_60_minutes",
    "bikes_change_ahead_1_day_ago",
    "bikes_change_ahead_2_days_ago",
    "bikes_change_ahead_7_days_ago",
    "bikes_mean_7_days",
    "full_share_7_days",
    "empty_share_7_days",
    "minute_of_day",
    "weekday",
    "lead_minutes",
)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_BITS = np.array([34])  # of an instant in seconds, below the station in one sortable number

# The instants that features look at, before the one asked about, as (12, 1): now, minutes ago, days ago, the same days
# ago but as far ahead as is asked, and a week ago.
_BEFORE = -np.array([0, 15 * 60, 30 * 60, 3600, 7200, *2 * (_DAY, 2 * _DAY, 7 * _DAY), 7 * _DAY])[:, None]
_STATES, _AHEAD, _WEEK = slice(0, 11), slice(8, 11), slice(0, 12, 11)
# A state says nothing where its report was last polled longer before, in seconds: of today, and of days ago.
_STALE = np.array([15 * _MINUTE] * 5 + [30 * _MINUTE] * 6)[:, None]
_LONGEST_PAUSE = 15 * _MINUTE  # between two polls that gave the same report
# Constants of one question's arithmetic are arrays: to make one of a number takes as long as to reckon with it.
_LONGEST_UNCHANGED = np.array([7 * _DAY])  # what a request can see for certain: it reads eight days
_SECONDS_OF_MINUTE, _MINUTES_OF_WEEK = np.array([60]), np.array([7 * 1440])
_AT_ONCE = 1 << 16  # questions: what is looked up of a million at once takes 700 MB
_COUNTS, _SHARE = NAMES[:6], "fill_share"
# (2, 10080): minute of the day and weekday (Monday is 0) of each minute of a week. 1970-01-01 was a Thursday.
_CLOCK = np.array([(minute % 1440, (minute // 1440 + 3) % 7) for minute in range(7 * 1440)], np.float32).T.copy()

# Stations are numbered, and their days described, before the reports are joined: no text of theirs is carried along,
# and no inequality is looked for among 13 million. Tables know their size: within one query, the reports were taken for
# the smaller side of the join, which doubled its time.
_NAMED = """
    CREATE TEMP TABLE named AS
    WITH identity AS (
        SELECT station_code, any_value(first_station_code ORDER BY valid_from) AS identity,
            arg_max(zone, valid_from) AS zone
        FROM interim.bikes__stations GROUP BY station_code
    )
    SELECT station_code, coalesce(identity, station_code) AS station, coalesce(zone, 'unknown') AS zone,
        (dense_rank() OVER (ORDER BY coalesce(identity, station_code)) - 1)::INTEGER AS number
    FROM (SELECT DISTINCT station_code FROM interim.bikes__station_status) LEFT JOIN identity USING (station_code)
"""
_STATIONS = "SELECT station, any_value(zone ORDER BY station_code) AS zone FROM named GROUP BY station ORDER BY station"
_DESCRIBED = """
    CREATE TEMP TABLE described AS  -- as it was described on that day: a later description is not known yet
    SELECT days.station_code, days.day, number, capacity
    FROM (SELECT DISTINCT station_code, day FROM interim.bikes__station_status) AS days
        JOIN named USING (station_code)
        ASOF LEFT JOIN interim.bikes__stations AS described
        ON days.station_code = described.station_code AND days.day >= described.valid_from
"""
_REPORTS = """
    SELECT number,
        epoch(reported_at)::BIGINT AS reported_at,
        epoch(first_polled_at)::BIGINT AS known_at,
        epoch(polled_at)::BIGINT AS held_until,
        asked.bikes::FLOAT AS bikes, asked.docks_free::FLOAT AS docks_free,
        coalesce(asked.capacity, described.capacity)::FLOAT AS capacity,
        asked.mechanical::FLOAT AS mechanical, asked.ebike::FLOAT AS ebike,
        asked.bikes + asked.docks_free > 0 AND asked.is_installed IS NOT FALSE
            AND (asked.is_renting IS NOT FALSE OR asked.is_returning IS NOT FALSE) AS is_open
    FROM interim.bikes__station_status AS asked JOIN described USING (station_code, day)
    WHERE first_polled_at < $1 AND polled_at >= $2
"""


@dataclass(frozen=True)
class History:
    """The reports of all stations over a span, one element each, sorted by station and `known_at`.

    Instants are seconds UTC. `station` indexes `codes` (the code under which a station was first seen) and `zones`.
    `counts` is (n + 1, 6) float32: bikes, free docks, capacity, share of bikes among both, mechanical, e-bikes; NaN
    where unknown, and first a row of no report. A closed station (`is_open` false) is neither full nor empty.

    Tables know the first and the last poll of a report on a day, not each poll: one that was left out by polls in
    between, because the station was missing from them, counts as held throughout. There a batch knows what a request
    at that instant could not: that the report comes back.
    """

    codes: tuple[str, ...]
    zones: tuple[str, ...]
    station: np.ndarray
    reported_at: np.ndarray
    known_at: np.ndarray
    held_until: np.ndarray
    counts: np.ndarray
    is_open: np.ndarray

    @classmethod
    def read(cls, lake: Lake, window: Window, versions: Mapping[str, TableVersion] | None = None) -> "History":
        """What the lake knows of a window and of the days that its features look back on.

        Of the latest versions, or of given ones: raises VersionMissing where one is kept no more.
        """
        start = window.start - LOOK_BACK
        days = _days(start, window.end)
        pinned = versions or {}
        snapshots = {
            table.relation: lake.table(table).snapshot(days if table.partition_by else None, _of(table, pinned))
            for table in (STATION_STATUS, STATIONS)
        }
        with lake.engine() as connection:
            create_views(connection, snapshots)
            connection.execute(_NAMED)
            connection.execute(_DESCRIBED)
            stations = connection.execute(_STATIONS).to_arrow_table()
            return cls.of(connection.execute(_REPORTS, [window.end, start]).to_arrow_table(), stations)

    @classmethod
    def of(cls, rows: pa.Table, stations: pa.Table) -> "History":
        """From rows of the queries above, reports in any order: their `number` is a place among the stations."""
        order = _order(rows)
        counts = np.full((len(order) + 1, len(_COUNTS)), np.nan, np.float32)
        for name in set(_COUNTS) - {_SHARE}:
            counts[1:, _COUNTS.index(name)] = rows[name].to_numpy()[order]
        with np.errstate(invalid="ignore"):  # 0 / 0: a closed station
            np.divide(counts[:, 0], counts[:, 0] + counts[:, 1], out=counts[:, _COUNTS.index(_SHARE)])
        return cls(
            codes=tuple(stations["station"].to_pylist()),
            zones=tuple(stations["zone"].to_pylist()),
            station=rows["number"].to_numpy()[order].astype(np.int64),
            counts=counts,
            is_open=rows["is_open"].fill_null(False).to_numpy()[order],
            **{name: rows[name].to_numpy()[order] for name in ("reported_at", "known_at", "held_until")},
        )

    def __len__(self) -> int:
        return len(self.station)

    @cached_property
    def position(self) -> dict[str, int]:
        """The index of a station by its code."""
        return {code: index for index, code in enumerate(self.codes)}

    @cached_property
    def entity(self) -> np.ndarray:
        """A number for each station that is the same in every lake: its code, or a checksum of a longer one."""
        return np.array([int(code) if code.isdigit() else (1 << 32) + crc32(code.encode()) for code in self.codes])

    @cached_property
    def key(self) -> np.ndarray:
        return _key(self.station, self.known_at)

    @cached_property
    def held_key(self) -> np.ndarray:
        """(n + 1,): as `key`, of the instant until which a report held; the first stands for no report."""
        return np.append(0, _key(self.station, self.held_until))

    @cached_property
    def since_key(self) -> np.ndarray:
        """(n + 1,) float64, which holds them exactly: NaN for no report, then `key` of the poll that first gave it.

        Tables keep a report once for each day that it was polled on: it did not change at midnight.
        """
        is_first = self.station[1:] != self.station[:-1]
        is_first |= self.reported_at[1:] != self.reported_at[:-1]
        is_first |= self.known_at[1:] - self.held_until[:-1] > _LONGEST_PAUSE
        found = np.append(np.nan, self.key)
        found[2:] *= is_first
        np.maximum.accumulate(found[1:], out=found[1:])  # keys ascend: the greatest so far is that of the last first
        return found

    @cached_property
    def totals(self) -> np.ndarray:
        """(n + 1, 4) running sums over open reports: bikes, full, empty, how many. Any mean is two look-ups.

        They may run over: what lies between two of them, a week of one station, is right all the same.
        """
        bikes, docks_free = self.counts[1:, 0], self.counts[1:, 1]
        totals = np.zeros((len(self) + 1, 4), np.int32)
        np.copyto(totals[1:, 0], bikes, where=self.is_open, casting="unsafe")
        np.logical_and(self.is_open, docks_free == 0, out=totals[1:, 1])
        np.logical_and(self.is_open, bikes == 0, out=totals[1:, 2])
        totals[1:, 3] = self.is_open
        return np.cumsum(totals, axis=0, out=totals)

    @cached_property
    def polls(self) -> np.ndarray:
        """Every instant at which the provider was polled, as far as reports tell, sorted."""
        if not len(self):
            return np.empty(0, np.int64)
        # A mark for each second of the span: to sort 26 million instants takes seconds.
        first = int(self.known_at.min())
        is_poll = np.zeros(int(self.held_until.max()) - first + 1, bool)
        is_poll[self.known_at - first] = is_poll[self.held_until - first] = True
        return np.flatnonzero(is_poll) + first

    def last_known(self, station: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Position of the last report that was known of a station at an instant, -1 where there is none."""
        found = self.key.searchsorted((station << _BITS) + at, side="right") - 1
        return np.where(self.station[found] == station, found, -1)

    def state(self, station: np.ndarray, at: np.ndarray, stale_seconds: int = 0) -> np.ndarray:
        """Position of the report that held at an instant, or up to `stale_seconds` before, else -1."""
        found = self.last_known(station, at)
        return np.where(at - self.held_until[found] <= stale_seconds, found, -1)


def features(history: History, station: np.ndarray, at: np.ndarray, then: np.ndarray) -> np.ndarray:
    """(n, len(NAMES)) float32: what was known at `at` of `station` (index into the history's codes).

    Asked about `then`; instants are seconds UTC. NaN where unknown. A station without a report that holds at
    `at`, or within the quarter of an hour before, has no state: its counts are NaN.
    """
    if len(at) > _AT_ONCE:
        parts = (slice(start, start + _AT_ONCE) for start in range(0, len(at), _AT_ONCE))
        return np.concatenate([features(history, station[part], at[part], then[part]) for part in parts])
    # All instants that a question looks at are looked up at once, and what is reckoned goes where it belongs: for one
    # question the calls are what costs.
    asked = _BEFORE + ((station << _BITS) + at)
    lead = then - at
    asked[_AHEAD] += lead
    last = history.key.searchsorted(asked, "right")  # reports up to then: of this station, and of those before it
    held = last[_STATES]
    held = held * (asked[_STATES] - history.held_key.take(held) <= _STALE)
    counts = history.counts.take(held, axis=0)
    bikes, docks = counts[..., 0], counts[..., 1]
    totals = history.totals.take(last[_WEEK], axis=0)
    week = (totals[0] - totals[1]).T
    matrix = np.empty((len(NAMES), len(at)), np.float32)
    matrix[:6] = counts[0].T
    matrix[6] = np.minimum(asked[0] - history.since_key.take(held[0]), _LONGEST_UNCHANGED) / _SECONDS_OF_MINUTE
    np.subtract(bikes[0], bikes[1:5], out=matrix[7:11])
    np.subtract(docks[0], docks[1:4:2], out=matrix[11:13])
    np.subtract(bikes[8:11], bikes[5:8], out=matrix[13:16])
    with np.errstate(invalid="ignore"):  # 0 / 0: nothing is known
        matrix[16:19] = week[:3] / week[3]
    matrix[19:21] = _CLOCK.take(local_seconds(at, PARIS.key) // _SECONDS_OF_MINUTE % _MINUTES_OF_WEEK, axis=1)
    matrix[21] = lead / _SECONDS_OF_MINUTE
    return np.ascontiguousarray(matrix.T)


def _key(station: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Stations and instants in one number that sorts by both."""
    key = station.astype(np.int64) << _BITS
    key += at
    return key


def _order(rows: pa.Table) -> np.ndarray:
    """Positions of reports sorted by station, then by when they became known, then by when they were made.

    Days hold them by station and instant, and a stable sort joins such runs: 0.6 s for 13 million, where SQL takes 9.
    """
    key = _key(rows["number"].to_numpy(), rows["known_at"].to_numpy())
    order = key.argsort(kind="stable")
    ordered = key[order]
    if (ordered[1:] == ordered[:-1]).any():
        order = np.lexsort((rows["reported_at"].to_numpy(), key))
    return order


def _of(table: Table, versions: Mapping[str, TableVersion]) -> int | None:
    pinned = versions.get(table.relation)
    return None if pinned is None or pinned.version < 0 else pinned.version


def nearest_poll(history: History, at: np.ndarray, tolerance_seconds: int) -> np.ndarray:
    """The poll nearest to each instant, 0 where none is within the tolerance."""
    after = np.clip(history.polls.searchsorted(at), 1, len(history.polls) - 1)
    before = after - 1
    is_before = at - history.polls[before] <= history.polls[after] - at
    found = history.polls[np.where(is_before, before, after)]
    return np.where(np.abs(found - at) <= tolerance_seconds, found, 0)


def _days(start: datetime, end: datetime) -> Sequence[str]:
    """Paris days of polls that a span of instants may touch."""
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date() + timedelta(days=1)
    return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
