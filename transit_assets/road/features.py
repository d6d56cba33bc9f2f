"""Features of the road: what was known of an arc when an hour ahead of it is asked about.

One function for a batch and for one request. A `History` is a grid of arcs and hours, so that any hour before is a
look-up, and an hour counts as known once it has ended and the feed's publication delay has passed. Days and weeks
before are taken by the clock on the wall, which people live by; a figure is divided by the arc's own level, so that
a lane and a motorway are alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np
import pyarrow as pa

from transit_assets.context.calendar.days import calendar_of_days
from transit_assets.context.local_time import local_seconds, utc_seconds
from transit_assets.lake import Lake, TableVersion
from transit_assets.learning.examples import Window
from transit_assets.road.grid import NOTHING, Grid, middle
from transit_assets.road.schema import COUNTS_HOURLY
from transit_assets.settings import PARIS

LOOK_BACK = timedelta(weeks=13)
"""How far features look back: a profile of eight weeks, and its errors over four weeks before."""

MEASURES = ("flow", "occupancy")
STALE_HOURS = 6  # a figure older than this says nothing of now

_RECENT = (0, 1, 2, 3, 5, 11)  # hours before the newest known one
_DAYS, _WEEKS = (0, 1, 2, 5), (0, 1)  # the same hour on the nth day, and in the nth week, that is wholly known
_OF_MEASURE = (
    "last",
    "last_week",
    "carried",
    "level",
    "error",
    "unrest",
    "change",
    "hours_silent",
    *(f"{hours}_hours_before" for hours in _RECENT),
    *(f"{days}_days_before" for days in _DAYS),
    *(f"{weeks}_weeks_before" for weeks in _WEEKS),
    *(f"change_{days}_days_before" for days in _DAYS),
    *(f"change_{weeks}_weeks_before" for weeks in _WEEKS),
    "daily_change",
    "weekly_change",
    "weekly_ratio",
    "profile_4_weeks",
    "profile",
    "profile_next",
    "deviation",
    "deviation_1_hour_before",
    "deviation_2_hours_before",
    "deviation_same_hour",
    "deviation_24_hours",
    "deviation_168_hours",
    "mean_24_hours",
    "error_of_level",
)
CONDITIONS = (  # they tell when is asked, and not what is
    "hour",
    "weekday",
    "hour_of_week",
    "hour_of_week_known",
    "day_of_year",
    "is_public_holiday",
    "is_public_holiday_tomorrow",
    "is_public_holiday_yesterday",
    "is_school_holiday",
    "lead_hours",
)
# A name is what a row of the feature matrix holds. `<measure>_last`, `_last_week`, `_carried` (the last one plus what
# the profile changes since), `_level`, `_error` and `_unrest` are in units of the measure, all other figures of a
# measure are divided by its level.
NAMES = (*(f"{measure}_{name}" for measure in MEASURES for name in _OF_MEASURE), *CONDITIONS)

_HOUR, _DAY, _WEEK = 3600, 24, 168
# Arcs whose grids are held at once. All those that follow from a year of an arc are 1.7 MB: 5 GB of 3,000 arcs.
_ARCS_AT_ONCE = 256
_QUERY = """
    SELECT arc_id, (epoch(hour_start_at) / 3600)::INTEGER AS hour,
        flow_veh_per_hour::FLOAT AS flow, occupancy_percent::FLOAT AS occupancy
    FROM interim.road__counts_hourly
    WHERE hour_start_at >= $1 AND hour_start_at < $2
"""


_CODED = pa.field("arc_id", pa.dictionary(pa.int32(), pa.string()))
_ROWS_AT_ONCE = 1_000_000  # texts of arcs that are held at once: a year of 3,000 arcs has 26 million


@dataclass(frozen=True)
class History:
    """What counters measured: a grid of arcs and of hours since `first_hour` (hours since 1970 UTC, of their start).

    `flow` and `occupancy` are (arcs, hours) float32, NaN where nothing was measured. An hour is known
    `delay_seconds` after its end.
    """

    arcs: tuple[str, ...]
    first_hour: int
    flow: np.ndarray
    occupancy: np.ndarray
    delay_seconds: int = 0

    @classmethod
    def read(
        cls,
        lake: Lake,
        window: Window,
        versions: Mapping[str, TableVersion] | None = None,
        *,
        delay_seconds: int = 0,
        arcs: Sequence[str] | None = None,
        look_back: timedelta = LOOK_BACK,
    ) -> "History":
        """What the lake knows of a window and of the weeks that its features look back on, of all arcs or of some.

        With a shorter `look_back` it is for what was counted, not for features. Of the latest versions, or of given
        ones: raises VersionMissing where one is kept no more.
        """
        # With a delay the newest known hour is so much older, and the errors of its forecasts look back as much again.
        start = window.start - look_back - 2 * timedelta(seconds=delay_seconds)
        pinned = (versions or {}).get(COUNTS_HOURLY.relation)
        snapshot = lake.table(COUNTS_HOURLY).snapshot(
            _months(start, window.end), pinned.version if pinned and pinned.version >= 0 else None
        )
        wanted = "" if arcs is None else " AND list_contains($3, arc_id)"
        with lake.engine() as connection:
            connection.execute("CREATE SCHEMA interim")
            connection.execute(f"CREATE TEMP VIEW counts AS {snapshot.sql}")
            query = _QUERY.replace("interim.road__counts_hourly", "counts") + wanted
            reader = connection.execute(
                query, [start, window.end, *([] if arcs is None else [list(arcs)])]
            ).to_arrow_reader(_ROWS_AT_ONCE)
            rows = pa.Table.from_batches(map(_coded, reader), pa.schema([_CODED, *list(reader.schema)[1:]]))
        return cls.of(rows, until=window.end, delay_seconds=delay_seconds)

    @classmethod
    def of(cls, rows: pa.Table, *, until: datetime, delay_seconds: int = 0) -> "History":
        """From rows of `arc_id`, `hour` (hours since 1970 UTC), `flow` and `occupancy`, one for each arc and hour.

        The grid ends a day after `until`: hours that are still to come have a profile, too.
        """
        encoded = rows["arc_id"].cast(_CODED.type).unify_dictionaries().combine_chunks()
        names = encoded.dictionary.to_pylist() if len(encoded) else []
        arcs = tuple(sorted(names))
        place = {name: number for number, name in enumerate(arcs)}
        arc = np.array([place[name] for name in names], np.int32)[encoded.indices.to_numpy()]
        hour = rows["hour"].to_numpy()
        first = int(hour.min()) if len(hour) else 0
        count = int(until.timestamp()) // _HOUR + _DAY - first if len(hour) else 0
        grids = {name: np.full((len(arcs), count), np.nan, np.float32) for name in MEASURES}
        for name, grid in grids.items():
            grid[arc, hour - first] = rows[name].to_numpy(zero_copy_only=False)
        return cls(arcs, first, grids["flow"], grids["occupancy"], delay_seconds)

    def __len__(self) -> int:
        return self.flow.shape[1]

    @cached_property
    def position(self) -> dict[str, int]:
        """The index of an arc by its id."""
        return {arc: index for index, arc in enumerate(self.arcs)}

    @cached_property
    def entity(self) -> np.ndarray:
        """A number for each arc that is the same in every lake: its id."""
        return np.array([int(arc) for arc in self.arcs], np.int64)

    @cached_property
    def wall_hour(self) -> np.ndarray:
        """(hours,) hours since 1970 on the wall clock of Paris, of the start of each hour."""
        return local_seconds((np.arange(len(self)) + self.first_hour) * _HOUR, PARIS.key) // _HOUR

    @cached_property
    def grids(self) -> dict[str, Grid]:
        return {name: Grid(getattr(self, name), self.days_back, STALE_HOURS) for name in MEASURES}

    def part(self, first: int, count: int) -> "History":
        """The same of so many arcs, from the first one on; the figures are not copied."""
        some = slice(first, first + count)
        if len(self.arcs) <= count:
            return self
        return replace(self, arcs=self.arcs[some], flow=self.flow[some], occupancy=self.occupancy[some])

    def days_back(self, days: int) -> np.ndarray:
        """(hours,) position of the hour at the same wall-clock time so many days before, `NOTHING` where none is."""
        wall = self.wall_hour - days * _DAY
        seconds, exists = utc_seconds(wall * _HOUR, PARIS.key)
        found = seconds // _HOUR - self.first_hour
        return np.where(exists & (found >= 0) & (found < len(self)), found, NOTHING)

    def known(self, at: np.ndarray) -> np.ndarray:
        """Position of the newest hour that was known at an instant (seconds UTC); negative where it is before all."""
        return (at - self.delay_seconds) // _HOUR - 1 - self.first_hour

    def target(self, at: np.ndarray, lead_hours: np.ndarray) -> np.ndarray:
        """Position of the hour that ends `lead_hours` after an instant."""
        return at // _HOUR + lead_hours - 1 - self.first_hour


def _coded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows whose arcs are coded: a number each instead of a text."""
    return batch.set_column(0, _CODED, batch.column(0).dictionary_encode())


def features(history: History, arc: np.ndarray, at: np.ndarray, lead_hours: np.ndarray) -> np.ndarray:
    """(n, len(NAMES)) float32: what was known at `at` (seconds UTC) of `arc` (index into the history's arcs).

    About the hour that ends `lead_hours` (1 to 24) later. NaN where unknown.
    """
    matrix = np.full((len(at), len(NAMES)), np.nan, np.float32)
    target, known = history.target(at, lead_hours), history.known(at)
    for first in np.unique(arc // _ARCS_AT_ONCE) * _ARCS_AT_ONCE:
        some = np.flatnonzero(arc // _ARCS_AT_ONCE == first // _ARCS_AT_ONCE)
        part = history.part(int(first), _ARCS_AT_ONCE)
        for steps in np.unique(target[some] - known[some]):  # from the newest known hour to the one asked about
            rows = some[target[some] - known[some] == steps]
            for number, name in enumerate(MEASURES):
                columns = slice(number * len(_OF_MEASURE), (number + 1) * len(_OF_MEASURE))
                matrix[rows, columns] = _of_measure(part, name, arc[rows] - first, target[rows], int(steps))
    if len(at):
        matrix[:, -len(CONDITIONS) :] = _when(history, target, known, lead_hours)
    return matrix


def _of_measure(history: History, name: str, arc: np.ndarray, target: np.ndarray, steps: int) -> np.ndarray:
    grid = history.grids[name]
    known = target - steps
    last, silent = grid.at(grid.last, arc, known), grid.at(grid.hours_silent, arc, known)
    typical = grid.at(grid.level, arc, known)
    level = np.where(typical > 0, typical, np.maximum(np.nan_to_num(last), 1.0))
    profile = grid.at(grid.profile, arc, grid.profiled(target, steps))
    # The hour that `last` is of.
    since = np.where(np.isfinite(last), known - np.nan_to_num(silent).astype(np.int64), NOTHING)
    change = np.nan_to_num(profile - grid.at(grid.profile, arc, since))
    error = grid.at(grid.error(steps), arc, known)
    unrest = grid.at(grid.unrest(steps), arc, known)
    # The nth day (week) before the target of which the same hour was known: with a long delay yesterday is not.
    first_day, first_week = steps // _DAY + 1, steps // _WEEK + 1
    days = [grid.back(target, first_day + number, steps) for number in range(7)]
    weeks = [grid.back(target, 7 * (first_week + number), steps) for number in range(8)]
    values = grid.values
    then = {day: grid.at(values, arc, place) for day, (place, _) in enumerate(days)}
    changes = np.stack([grid.at(values, arc, place) - grid.at(values, arc, before) for place, before in days])
    weekly = np.stack([grid.at(values, arc, place) for place, _ in weeks])
    weekly_before = np.stack([grid.at(values, arc, before) for _, before in weeks])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.clip(middle(weekly / np.maximum(weekly_before, 0.01 * level)), 0, 20)
    same_hour = weekly[0]
    columns = [
        last,
        np.where(np.isfinite(same_hour), same_hour, np.where(np.isfinite(profile), profile, last)),
        np.maximum(last + change, 0.0),
        level,
        np.where(error > 0, error, 0.3 * level),
        np.where(unrest > 0, unrest, np.where(error > 0, error, 0.3 * level)),
        change / level,
        silent,
        *(grid.at(grid.last, arc, known - hours) / level for hours in _RECENT),
        *(then[day] / level for day in _DAYS),
        *(weekly[week] / level for week in _WEEKS),
        *(changes[day] / level for day in _DAYS),
        *((weekly[week] - weekly_before[week]) / level for week in _WEEKS),
        middle(changes) / level,
        middle(weekly - weekly_before) / level,
        np.nan_to_num(ratio, nan=1.0) * last / level,
        middle(weekly[:4]) / level,
        profile / level,
        grid.at(grid.profile, arc, grid.profiled(target + 1, steps + 1)) / level,
        *((grid.at(grid.deviation, arc, known - hours)) / level for hours in (0, 1, 2)),
        grid.at(grid.deviation, arc, days[0][0]) / level,
        grid.at(grid.deviation_mean(_DAY), arc, known) / level,
        grid.at(grid.deviation_mean(_WEEK), arc, known) / level,
        grid.at(grid.mean(_DAY), arc, known) / level,
        error / level,
    ]
    return np.stack(columns, axis=1)


def _when(history: History, target: np.ndarray, known: np.ndarray, lead_hours: np.ndarray) -> np.ndarray:
    start = (target + history.first_hour) * _HOUR
    wall = local_seconds(start, PARIS.key) // _HOUR
    before = local_seconds((known + history.first_hour) * _HOUR, PARIS.key) // _HOUR
    day = wall // _DAY
    days, place = np.unique(day, return_inverse=True)
    calendar = _calendar(days)
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    return np.stack(
        [
            wall % _DAY,
            weekday,
            weekday * _DAY + wall % _DAY,
            (before // _DAY + 3) % 7 * _DAY + before % _DAY,
            calendar["day_of_year"][place],
            calendar["today"][place],
            calendar["tomorrow"][place],
            calendar["yesterday"][place],
            calendar["school"][place],
            lead_hours,
        ],
        axis=1,
    )


def _calendar(days: np.ndarray) -> dict[str, np.ndarray]:
    """For days since 1970, sorted: what is known of each from the calendar."""
    first, last = (date(1970, 1, 1) + timedelta(days=int(edge)) for edge in (days[0] - 1, days[-1] + 1))
    found = calendar_of_days(first, last)
    place = days - (days[0] - 1)
    stamps = days.astype("datetime64[D]")
    return {
        "day_of_year": (stamps - stamps.astype("datetime64[Y]")).astype(np.int64) + 1,
        "today": found.is_public_holiday[place],
        "tomorrow": found.is_public_holiday[place + 1],
        "yesterday": found.is_public_holiday[place - 1],
        "school": np.where(found.is_school_known[place], found.is_school_holiday[place], np.nan),
    }


def _months(start: datetime, end: datetime) -> list[str]:
    """Paris months that a span of instants touches, by their first days."""
    first, last = start.astimezone(PARIS).date().replace(day=1), end.astimezone(PARIS).date()
    found = []
    while first <= last:
        found.append(first.isoformat())
        first = (first + timedelta(days=32)).replace(day=1)
    return found
