"""What people hold as files: told by content, never by name, and decoded to records per Paris day.

A file's records need a poll instant. It is `polled_at_utc`, `tbin_utc` or `record_timestamp` where there is one,
the file's own `lastUpdatedOther` or `last_updated` for GBFS, and the latest report in the file for exports that
say nothing of the kind.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.bikes.clean import json_payloads, tabular
from transit_assets.bikes.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.bikes.clean.records import records, repeated, unreadable
from transit_assets.lake import UTC_INSTANT
from transit_assets.settings import PARIS

DECODER_VERSION = 1  # of what decode_archive gives; part of the path of decoded archives

_EARLIEST_US, _LATEST_US = 1_167_609_600_000_000, 4_102_444_800_000_000  # 2007 and 2100
_PACKED = {b"PK\x03\x04": "a zip archive or spreadsheet", b"\x1f\x8b": "a gzip file", b"(\xb5/\xfd": "a zstd file"}


@dataclass(frozen=True)
class Survey:
    """What is in a file: its format, how many records of which Paris days, and the span of its polls.

    `first_of_day` is the position (from 0) and the poll of the first record of each day.
    """

    format: str
    rows_by_day: Mapping[date, int]
    first_of_day: Mapping[date, tuple[int, datetime]]
    first_polled_at: datetime
    last_polled_at: datetime
    has_report_times: bool
    has_status: bool
    has_description: bool

    @property
    def rows(self) -> int:
        return sum(self.rows_by_day.values())

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(sorted(self.rows_by_day))


def decode_archive(stream: BinaryIO) -> Iterator[tuple[str, pa.Table]]:
    """Records of a file by Paris day (`2025-09-08`), in the order of the file; a day may come several times.

    Raises UnknownFormat, or PayloadUnreadable where the file is damaged.
    """
    for rows in _decode(stream):
        yield from _by_day(rows)


def survey(stream: BinaryIO) -> Survey:
    """Read a file once to say what is in it. Raises UnknownFormat, PayloadUnreadable."""
    counts: Counter[date] = Counter()
    first_of_day: dict[date, tuple[int, datetime]] = {}
    first = last = None
    has_report_times, has_status, has_description, kind = False, False, False, ""
    for day, rows in decode_archive(stream):
        counts[date.fromisoformat(day)] += rows.num_rows
        first_of_day.setdefault(date.fromisoformat(day), (rows["row_number"][0].as_py(), rows["polled_at"][0].as_py()))
        span = pc.min_max(rows["polled_at"]).as_py()
        first = min(first or span["min"], span["min"])
        last = max(last or span["max"], span["max"])
        has_report_times |= pc.any(pc.equal(rows["reported_at_provenance"], "provider")).as_py()
        has_status |= rows["has_status"][0].as_py()
        has_description |= rows["has_description"][0].as_py()
        kind = _name(rows)
    if first is None or last is None:
        raise PayloadUnreadable("there are no records in it")
    return Survey(kind, dict(counts), first_of_day, first, last, has_report_times, has_status, has_description)


def _name(rows: pa.Table) -> str:
    source = rows["source"][0].as_py()
    if source != "gbfs":
        return source
    return "gbfs_station_status" if rows["has_status"][0].as_py() else "gbfs_station_information"


def _decode(stream: BinaryIO) -> Iterator[pa.Table]:
    head = stream.read(64)
    stream.seek(0)
    for magic, name in _PACKED.items():
        if head.startswith(magic):
            raise UnknownFormat(f"{name}; unpack it first")
    if head.startswith(b"PAR1"):
        yield from tabular.decode_parquet(stream)
        return
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] in (b"{", b"["):
        yield from _decode_json(stream.read())
    elif not start:
        raise UnknownFormat("an empty file")
    elif start[:1] == b"<":
        raise UnknownFormat("HTML or XML")
    elif b"\x00" in head:
        raise UnknownFormat("binary data")
    else:
        yield tabular.decode_csv(stream.read())


def _decode_json(payload: bytes) -> Iterator[pa.Table]:
    decoded = json_payloads.decode_json(payload)
    stations = decoded.stations
    if not stations:
        raise PayloadUnreadable(f"there is no readable record among its {len(decoded)}")
    raw = json_payloads.raw_columns(stations)
    parts = {"has_status": json_payloads.counts(stations), "has_description": json_payloads.describes(stations)}
    updated = pa.scalar(decoded.updated_at, UTC_INSTANT)
    instant = updated if updated.is_valid else tabular.latest(raw.get("reported_at"))
    stamps = json_payloads.polled_at_of(stations)
    polled_at = repeated(instant, len(stations)) if stamps is None else pc.coalesce(stamps, instant)
    row_number = pa.array(decoded.positions, pa.int32())
    yield records(raw, source=decoded.source, polled_at=polled_at, row_number=row_number, **parts)
    if decoded.unreadable:
        complaints = {record.row_number: json_payloads.complaint(record) for record in decoded.unreadable}
        yield unreadable(complaints, source=decoded.source, polled_at=polled_at[-1], **parts)


def _by_day(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    instants = rows["polled_at"].cast(pa.int64()).to_numpy()
    polls, poll_of = np.unique(instants, return_inverse=True)
    for poll in (polls[0], polls[-1]):
        if not _EARLIEST_US <= poll <= _LATEST_US:
            row, said = rows["row_number"][int(np.argmax(instants == poll))], np.datetime64(int(poll), "us")
            raise PayloadUnreadable(f"record {row} (from 0) was polled at {said}, before 2007 or after 2100")
    # Python's own time zones: Arrow's need a database that slim images lack.
    days = [datetime.fromtimestamp(int(poll) / 1e6, PARIS).date().isoformat() for poll in polls]
    names, day_of_poll = np.unique(np.array(days), return_inverse=True)
    day_of = day_of_poll[poll_of]
    for number, name in enumerate(names.tolist()):
        yield name, rows if len(names) == 1 else rows.filter(pa.array(day_of == number))
