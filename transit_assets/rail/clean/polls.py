"""Polls of next departures as the original project stored them: one CSV per station, one line per train and poll.

The station stands in the name of the file only. The first line is a header, or the first record of a file without
one. The file's own `direction` is the parity of the wrong digit, and is not read.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds import coded, values
from transit_assets.feeds.tables import BOM
from transit_assets.lake import UTC_INSTANT
from transit_assets.rail.clean import times
from transit_assets.rail.clean.directions import directions
from transit_assets.rail.clean.errors import PayloadUnreadable
from transit_assets.rail.clean.records import PREDICTIONS, table_of
from transit_assets.rail.stations import by_uic

SOURCE = "transilien_csv"
COLUMNS = ("time_recorded", "num", "miss", "date", "mode", "term", "direction", "etat")
_NEEDED = {"time_recorded", "num", "miss", "date", "term"}
_CANCELLED = ("supprimé", "supprime")
_UIC_IN_NAME = re.compile(r"(?<!\d)87\d{6}(?!\d)")
_FIRST_RECORD = re.compile(rb"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2},[^,]+,[^,]*,\d{2}[/-]\d{2}[/-]\d{4} ")
_BATCH_LINES = 100_000
_LONGEST_LINE = 4_096  # characters; a poll has about 60


def is_poll(head: bytes) -> bool:
    """Whether a file begins as polls do."""
    line = head.removeprefix(BOM).split(b"\n", 1)[0].strip()
    return _FIRST_RECORD.match(line) is not None or set(_names(line.decode("utf-8", errors="replace"))) >= _NEEDED


def station_of_name(name: str) -> str:
    """The UIC code of the station in the name of a file. Raises PayloadUnreadable where there is none of the line."""
    codes = _UIC_IN_NAME.findall(name)
    station = by_uic(codes[0]) if len(codes) == 1 else None
    if station is None:
        said = "no UIC code" if not codes else f"the UIC code {' and '.join(codes)}, no station of the line"
        raise PayloadUnreadable(
            f"polls of next departures, but its name has {said}: name it data-reel-<UIC of the station>.csv"
        )
    return station.uic


def decode_csv(stream: BinaryIO, station: str) -> Iterator[pa.Table]:
    """The records of a file, a hundred thousand at a time. Raises PayloadUnreadable where it is no UTF-8.

    A line of another shape is put aside in its place; one that cannot be dated goes with the line before it.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    try:
        yield from _decode(text, station)
    except UnicodeDecodeError as error:
        raise PayloadUnreadable(f"not the CSV it looks like: {error}") from error
    finally:
        text.detach()  # or it would close the stream of its owner


def _decode(text: io.TextIOBase, station: str) -> Iterator[pa.Table]:
    first = text.readline(_LONGEST_LINE)
    has_header = _FIRST_RECORD.match(first.encode()) is None
    names = _names(first) if has_header else list(COLUMNS)
    lines = (line.rstrip("\r\n") for line in _lines(text, None if has_header else first))
    at, last = 0, None
    while batch := list(islice((line for line in lines if line), _BATCH_LINES)):
        rows = _typed([_fields(line) for line in batch], names, station, at, last)
        known = rows["observed_at"].drop_null()
        at, last = at + len(batch), known[-1] if len(known) else last
        yield rows


def _lines(text: io.TextIOBase, first: str | None) -> Iterator[str]:
    if first is not None:
        yield first
    while line := text.readline(_LONGEST_LINE):
        yield line


def _names(line: str) -> list[str]:
    return [name.strip().lower() for name in _fields(line.strip())]


def _fields(line: str) -> list[str]:
    return line.split(",") if '"' not in line else next(csv.reader([line]), [])


def _typed(
    found: Sequence[Sequence[str]], names: Sequence[str], station: str, start: int, before: pa.Scalar | None
) -> pa.Table:
    count = len(found)
    fits = [len(fields) == len(names) for fields in found]
    raw = {
        name: coded.encoded(pa.array([f[at] if ok else None for f, ok in zip(found, fits, strict=True)], pa.string()))
        for at, name in enumerate(names)
        if name in COLUMNS and name != "direction"
    }
    number, term = _text(raw["num"]), _text(raw["term"])
    observed, announced = coded.read(raw["time_recorded"], times.instants), coded.read(raw["date"], times.instants)
    status = _text(raw["etat"]) if "etat" in raw else pa.nulls(count, coded.CODED)
    stations = coded.constant(station, count)
    known_at = _filled(observed.values, before)
    columns = {
        "service_date": times.service_dates(pc.coalesce(announced.values, known_at)),
        "observed_at": observed.values,
        "station": stations,
        "journey_id": number,
        "train_number": number,
        "mission": _text(raw["miss"]),
        "direction": directions(number, stations, term),
        "destination": term,
        "expected_departure_at": announced.values,
        "is_real_time": _is_real_time(raw.get("mode"), count),
        "status": status,
        "is_cancelled": _is_cancelled(status),
        "source": coded.constant(SOURCE, count),
        "row_number": coded.row_numbers(count, start),
        "problem": values.first_complaint(
            [
                _misfits(found, fits, len(names)),
                values.complaints("time_recorded_is_a_time", raw["time_recorded"], observed.unreadable),
                values.complaints("date_is_a_time", raw["date"], announced.unreadable),
            ],
            count,
        ),
    }
    return table_of(columns, PREDICTIONS, count)


def _text(raw: pa.DictionaryArray) -> pa.DictionaryArray:
    return coded.recoded(raw, values.text(raw.dictionary))


def _filled(observed: pa.Array, before: pa.Scalar | None) -> pa.Array:
    """When each line was heard; of one that does not say, when the line before it was, else the one after it."""
    first = pa.array([before.as_py() if before is not None else None], UTC_INSTANT)
    known = pc.fill_null_forward(pa.concat_arrays([first, observed])).slice(1)
    known = pc.fill_null_backward(known)
    if known.null_count:
        raise PayloadUnreadable(f"none of its first {len(observed):,} records says when it was polled")
    return known


def _is_cancelled(status: pa.DictionaryArray) -> pa.Array:
    words = pa.array([(word or "").casefold() in _CANCELLED for word in status.dictionary.to_pylist()], pa.bool_())
    return coded.taken(words, status.indices)


def _is_real_time(mode: pa.DictionaryArray | None, count: int) -> pa.Array:
    """`R` is real time, `T` the timetable."""
    if mode is None:
        return pa.nulls(count, pa.bool_())
    meanings = pa.array([{"R": True, "T": False}.get(word or "") for word in mode.dictionary.to_pylist()], pa.bool_())
    return meanings.take(mode.indices)


def _misfits(found: Sequence[Sequence[str]], fits: Sequence[bool], expected: int) -> pa.Array | None:
    if all(fits):
        return None
    return pa.array(
        [
            None if ok else f"record_is_readable: {len(f)} values for {expected} columns: '{','.join(f)[:200]}'"
            for f, ok in zip(found, fits, strict=True)
        ],
        pa.string(),
    )
