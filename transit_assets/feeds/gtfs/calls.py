"""`stop_times.txt`: millions of rows as numbers, sorted by trip and sequence, and what is wrong in them.

24 bytes a row: the 13 million of Île-de-France take 312 MB, as text 1.3 GB.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds.gtfs.files import STOP_TIMES, Findings
from transit_assets.feeds.gtfs.reading import LINE, batches
from transit_assets.lake.zips import Member

_NONE, _BAD = -1, -2
_TIME = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)")
_DIGITS, _MOST = [0, 1, 3, 4, 6, 7], [9, 9, 5, 9, 5, 9]  # of `25:10:00`
_WORTH = np.array([36_000, 3_600, 600, 60, 10, 1], dtype=np.int32)
_FEW = 100
_ROWS_AT_ONCE = 1_000_000
_LEAST_ROW_BYTES = 20  # two times and a line break are 18
_SEQUENCE = re.compile(r"[+-]?\d{1,9}")

Numbers: TypeAlias = np.ndarray


@dataclass
class Calls:
    """The stop times of a feed by trip and sequence; rows that name no trip, stop or place in the trip are left out.

    `trip` and `stop` are positions in the feed's trips and stops, `arrival` and `departure` seconds after noon less
    twelve hours of the service date (-1 where there is none), `line` the row of the file, the header being 1.
    """

    trip: Numbers
    sequence: Numbers
    stop: Numbers
    arrival: Numbers
    departure: Numbers
    line: Numbers
    rows: int

    def __len__(self) -> int:
        return len(self.trip)

    def part(self, of: slice) -> "Calls":
        """Some of them, not copied."""
        columns = (self.trip, self.sequence, self.stop, self.arrival, self.departure, self.line)
        trip, sequence, stop, arrival, departure, line = (column[of] for column in columns)
        return Calls(trip, sequence, stop, arrival, departure, line, self.rows)


@dataclass(frozen=True)
class Names:
    """What the rows refer to: trips in the order of their routes, and stops."""

    trips: Sequence[str]
    route_of_trip: Numbers
    routes: Sequence[str]
    stops: Sequence[str]


def read_calls(member: Member, names: Names, findings: Findings) -> Calls:
    """The stop times of a feed, checked. Raises PayloadUnreadable where the file is damaged or no CSV."""
    calls, has_window = _loaded(member, names, findings)
    if calls.rows == 0:
        findings.add(STOP_TIMES, "empty_file", "it has no rows")
    _sort(calls, has_window)
    for block in _blocks(calls.trip):
        some = calls.part(block)
        _check(some, has_window[block], _Notes(some.trip, some.line, names, findings))
    return calls


class _Notes:
    """Notes findings of rows by the route that they belong to."""

    def __init__(self, trip: Numbers, line: Numbers, names: Names, findings: Findings) -> None:
        self._trip, self._line, self._names, self._findings = trip, line, names, findings

    def add(self, rule: str, bad: Numbers, detail: Callable[[int], str], *, is_error: bool = True) -> None:
        """Note the rows of a mask; `detail` says what is wrong in one of them."""
        rows = np.flatnonzero(bad)
        if not len(rows):
            return
        routes = np.where(self._trip[rows] >= 0, self._names.route_of_trip[self._trip[rows]], _NONE)
        for route in np.unique(routes).tolist():
            of_route = rows[routes == route]
            first = int(of_route[np.argmin(self._line[of_route])])
            place = f"trip {self._names.trips[self._trip[first]]}: " if route >= 0 else ""
            self._findings.add(
                STOP_TIMES,
                rule,
                place + detail(first),
                int(self._line[first]),
                rows=len(of_route),
                is_error=is_error,
                routes=None if route < 0 else (self._names.routes[route],),
            )


def _loaded(member: Member, names: Names, findings: Findings) -> tuple[Calls, Numbers]:
    trips = {name: number for number, name in enumerate(names.trips)}
    stops = {name: number for number, name in enumerate(names.stops)}
    most = member.size // _LEAST_ROW_BYTES
    columns = [_Growing(most, kind) for kind in (*[np.int32] * 6, np.bool_)]
    rows = 0
    for batch in batches(member, STOP_TIMES, findings):
        rows += batch.num_rows
        line = batch.column(LINE).to_numpy()
        trip = _numbered(batch, "trip_id", lambda text: trips.get(text, _BAD))
        stop = _numbered(batch, "stop_id", lambda text: stops.get(text, _BAD))
        sequence = _numbered(batch, "stop_sequence", _place)
        arrival, departure = (_times(batch, name) for name in ("arrival_time", "departure_time"))
        window = batch.column("start_pickup_drop_off_window").is_valid().to_numpy(zero_copy_only=False)
        notes = _Notes(trip, line, names, findings)
        for name, values in (("trip_id", trip), ("stop_id", stop), ("stop_sequence", sequence)):
            _note_unreadable(notes, batch, name, values)
        for name, values in (("arrival_time", arrival), ("departure_time", departure)):
            _note_no_time(notes, batch, name, values)
        is_placed = (trip >= 0) & (stop >= 0) & (sequence >= 0)
        for column, values in zip(columns, (trip, sequence, stop, arrival, departure, line, window), strict=True):
            column.add(values if is_placed.all() else values[is_placed])
    trip, sequence, stop, arrival, departure, line, has_window = (column.values for column in columns)
    return Calls(trip, sequence, stop, arrival, departure, line, rows), has_window


class _Growing:
    """A column that takes its place once: blocks that are joined at the end take it twice, 150 MB of 13 million rows.

    What is reserved and never written costs no memory.
    """

    def __init__(self, most: int, kind: type) -> None:
        self._held: Numbers = np.empty(most, kind)
        self._count = 0

    def add(self, values: Numbers) -> None:
        end = self._count + len(values)
        if end > len(self._held):
            self._held = np.concatenate([self._held, np.empty(end, self._held.dtype)])
        self._held[self._count : end] = values
        self._count = end

    @property
    def values(self) -> Numbers:
        return self._held[: self._count]


_REFERRED = {"trip_id": "trips.txt", "stop_id": "stops.txt"}


def _numbered(batch: pa.RecordBatch, name: str, number: Callable[[str], int]) -> Numbers:
    """A coded column as numbers: each distinct text is looked at once a block; `_NONE` where there is no text."""
    column = batch.column(name)
    distinct = [_NONE if text is None else number(text) for text in column.dictionary.to_pylist()]
    codes = np.array([*distinct, _NONE], dtype=np.int32)
    return codes[column.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)]


def _place(text: str) -> int:
    number = int(text) if _SEQUENCE.fullmatch(text) else _BAD
    return number if number >= 0 else _BAD


def _times(batch: pa.RecordBatch, name: str) -> Numbers:
    """Times such as `25:10:00` and `8:05:00` in seconds; `_NONE` where there is none, `_BAD` where it is no time."""
    column = batch.column(name)
    texts = column.dictionary.cast(pa.string())
    seconds = np.array([_seconds(text) for text in texts.to_pylist()] if len(texts) < _FEW else _usual(texts))
    return np.append(seconds, _NONE).astype(np.int32)[
        column.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    ]


def _usual(texts: pa.Array) -> Numbers:
    """Seconds of many times, those of eight characters at array speed: a fifth of the time of one by one."""
    padded = pc.fill_null(pc.if_else(pc.equal(pc.binary_length(texts), 8), texts, None), "\0" * 8)
    places = np.frombuffer(padded.cast(pa.binary(8)).buffers()[1], np.uint8).reshape(-1, 8)[: len(texts)]
    digits = places[:, _DIGITS].astype(np.int32) - ord("0")
    is_time = np.all((digits >= 0) & (digits <= _MOST), axis=1) & np.all(places[:, [2, 5]] == ord(":"), axis=1)
    seconds = digits @ _WORTH
    for row in np.flatnonzero(~is_time).tolist():
        seconds[row] = _seconds(texts[row].as_py())
    return seconds


def _seconds(text: str | None) -> int:
    read = _TIME.fullmatch(text or "")
    if read is None:
        return _NONE if text is None else _BAD
    hours, minutes, seconds = (int(part) for part in read.groups())
    return hours * 3600 + minutes * 60 + seconds


def _note_unreadable(notes: _Notes, batch: pa.RecordBatch, name: str, values: Numbers) -> None:
    notes.add("missing_required_field", values == _NONE, lambda row: f"{name} is empty")
    if name in _REFERRED:
        detail = f"is not in {_REFERRED[name]}"
        notes.add("foreign_key_violation", values == _BAD, lambda row: f"{_written(batch, name, row)} {detail}")
    else:
        notes.add("invalid_integer", values == _BAD, lambda row: f"{_written(batch, name, row)} is no place in a trip")


def _note_no_time(notes: _Notes, batch: pa.RecordBatch, name: str, values: Numbers) -> None:
    notes.add("invalid_time", values == _BAD, lambda row: _written(batch, name, row))
    values[values == _BAD] = _NONE


def _written(batch: pa.RecordBatch, name: str, row: int) -> str:
    return f"{name} {batch.column(name)[row].as_py()!r}"


def _sort(calls: Calls, has_window: Numbers) -> None:
    """By trip and sequence, in place; the rows of a feed may be in any order.

    Rows of a trip mostly stand together, so runs of them are sorted: half a million instead of 13 million rows.
    """
    if not len(calls):
        return
    starts = np.flatnonzero(np.append(True, calls.trip[1:] != calls.trip[:-1])).astype(np.int32)
    lengths = np.append(starts[1:], np.int32(len(calls))) - starts
    runs = np.argsort(calls.trip[starts], kind="stable")
    if np.any(runs[1:] < runs[:-1]):
        shift = starts[runs] - np.append(0, np.cumsum(lengths[runs])[:-1]).astype(np.int32)
        order = np.repeat(shift, lengths[runs])
        order += np.arange(len(calls), dtype=np.int32)
        _reorder(calls, has_window, slice(None), order)
    is_falling = (calls.trip[1:] == calls.trip[:-1]) & (calls.sequence[1:] < calls.sequence[:-1])
    if is_falling.any():
        rows = np.flatnonzero(np.isin(calls.trip, calls.trip[1:][is_falling]))
        _reorder(calls, has_window, rows, rows[np.lexsort((calls.sequence[rows], calls.trip[rows]))])


def _reorder(calls: Calls, has_window: Numbers, rows: Numbers | slice, order: Numbers) -> None:
    for column in (calls.trip, calls.sequence, calls.stop, calls.arrival, calls.departure, calls.line, has_window):
        column[rows] = column[order]


def _blocks(trip: Numbers) -> Iterator[slice]:
    """Whole trips, a million rows or so at a time: checks of all rows at once would take 300 MB."""
    start = 0
    while start < len(trip):
        last = min(start + _ROWS_AT_ONCE, len(trip)) - 1
        end = int(np.searchsorted(trip, trip[last], side="right"))
        yield slice(start, end)
        start = end


def _check(calls: Calls, has_window: Numbers, notes: _Notes) -> None:
    is_same_trip = calls.trip[1:] == calls.trip[:-1]
    first, last = np.append(True, ~is_same_trip), np.append(~is_same_trip, True)
    repeats = np.append(False, is_same_trip & (calls.sequence[1:] == calls.sequence[:-1]))
    notes.add("duplicate_key", repeats, lambda row: f"stop_sequence {calls.sequence[row]} occurs twice")
    has_no_time = (calls.arrival < 0) & (calls.departure < 0) & ~has_window
    edge = has_no_time & (first | last)
    notes.add("missing_trip_edge", edge, lambda row: "its first or last stop has no time")
    lone = (calls.arrival < 0) != (calls.departure < 0)
    rule = "stop_time_with_only_arrival_or_departure_time"
    notes.add(rule, lone, lambda row: f"stop_sequence {calls.sequence[row]} has one of the two", is_error=False)
    backwards = (calls.departure >= 0) & (calls.departure < calls.arrival)
    notes.add(
        "start_and_end_range_out_of_order",
        backwards,
        lambda row: f"it departs at {_clock(calls.departure[row])} and arrives at {_clock(calls.arrival[row])}",
    )
    _check_order(calls, is_same_trip, notes)
    alone = first & last
    notes.add("unusable_trip", alone, lambda row: "it has one stop", is_error=False)


def _check_order(calls: Calls, is_same_trip: Numbers, notes: _Notes) -> None:
    """Times rise along a trip, also past stops without any."""
    known = np.where(calls.departure >= 0, calls.departure, calls.arrival)
    at = np.arange(len(calls), dtype=np.int32)
    at[known < 0] = 0
    np.maximum.accumulate(at, out=at)
    before, trip_before = known[at[:-1]], calls.trip[at[:-1]]
    arrival = np.where(calls.arrival >= 0, calls.arrival, calls.departure)[1:]
    is_early = (before > arrival) & (arrival >= 0) & (trip_before == calls.trip[1:]) & is_same_trip
    notes.add(
        "stop_time_with_arrival_before_previous_departure_time",
        np.append(False, is_early),
        lambda row: (
            f"stop_sequence {calls.sequence[row]} is reached before the stop before it is left, "
            f"at {_clock(before[row - 1])}"
        ),
    )


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def spans(route_of_trip: Numbers, trip: Numbers, routes: int) -> Mapping[int, slice]:
    """Where the calls of each route stand among all of them, by the position of the route."""
    bounds = np.searchsorted(route_of_trip[trip], np.arange(routes + 1)) if len(trip) else np.zeros(routes + 1, int)
    return {route: slice(int(bounds[route]), int(bounds[route + 1])) for route in range(routes)}
