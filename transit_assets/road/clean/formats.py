"""What payloads of the road are: told by content, never by name, and decoded to records per Paris month.

The provider's yearly history is a zip of weekly texts; it is read member by member and never unpacked to disk.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds.tables import BOM
from transit_assets.lake import zips
from transit_assets.lake.archives import parquet_bytes
from transit_assets.road.clean import json_payloads, tabular
from transit_assets.road.clean.errors import PayloadUnreadable, UnknownFormat

DECODER_VERSION = 2  # of what decode_archive gives; part of the path of decoded archives

_PACKED = {b"\x1f\x8b": "a gzip file", b"(\xb5/\xfd": "a zstd file"}
_HEAD_BYTES = 64


@dataclass(frozen=True)
class Survey:
    """What is in a file: its format, and how many records of which Paris months (`2023-10-01`).

    `first_of_month` is the position (from 0) of the first record of each month.
    """

    format: str
    rows_by_month: Mapping[str, int]
    first_of_month: Mapping[str, int]

    @property
    def rows(self) -> int:
        return sum(self.rows_by_month.values())

    @property
    def months(self) -> tuple[str, ...]:
        return tuple(sorted(self.rows_by_month))


def decode_archive(stream: BinaryIO) -> Iterator[tuple[str, pa.Table]]:
    """Records of a payload by Paris month (`2023-10-01`), in the order of the payload; a month may come several times.

    A record without a readable time stands in the month of the one before it. Raises UnknownFormat, PayloadUnreadable
    or ArchiveTooLarge.
    """
    for rows in _dated(stream):
        yield from _by_month(rows)


def survey(stream: BinaryIO) -> Survey:
    """Read a payload once to say what is in it. Raises what `decode_archive` raises, and where it has no records."""
    counts: Counter[str] = Counter()
    first_of_month: dict[str, int] = {}
    sources: set[str] = set()
    for rows in _dated(stream):
        months, first, number = np.unique(rows["month"].to_numpy(), return_index=True, return_counts=True)
        for month, at, count in zip(_names(months), first.tolist(), number.tolist(), strict=True):
            counts[month] += count
            first_of_month.setdefault(month, rows["row_number"][at].as_py())
        sources.add(rows["source"][0].as_py())
    if not counts:
        raise PayloadUnreadable("there are no records in it")
    return Survey(" and ".join(sorted(sources)), dict(counts), first_of_month)


def unpacked_bytes(stream: BinaryIO) -> int:
    """What a Parquet file or a zip unpacks to, by its own account; 0 for other files."""
    return parquet_bytes(stream) or zips.unpacked_bytes(stream)


def _dated(stream: BinaryIO) -> Iterator[pa.Table]:
    """Records whose months are all known, in the order of the payload."""
    month: date | None = None
    for rows in _decode(stream):
        if rows.num_rows:
            rows = _with_months(rows, month)
            month = rows["month"][-1].as_py()
            yield rows


def _decode(stream: BinaryIO) -> Iterator[pa.Table]:
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if head.startswith(zips.MAGIC):
        yield from _decode_zip(stream)
    elif head.startswith(b"PAR1"):
        yield from tabular.decode_parquet(stream)
    elif head.removeprefix(BOM).lstrip()[:1] in (b"{", b"["):
        yield from json_payloads.decode_json(stream.read())
    else:
        _refuse_other(head)
        yield from tabular.decode_csv(lambda: _again(stream))


def _decode_zip(stream: BinaryIO) -> Iterator[pa.Table]:
    start = 0
    for member in zips.members(stream):
        try:
            with member.open() as content:
                _refuse_other(content.read(_HEAD_BYTES))
            for rows in tabular.decode_csv(member.open, start):
                start += rows.num_rows
                yield rows
        except PayloadUnreadable as error:
            if not str(error).startswith(member.name):
                error.args = (f"{member.name} in the zip: {error}",)
            raise


@contextmanager
def _again(stream: BinaryIO) -> Iterator[BinaryIO]:
    """A stream from its start, left open for whoever owns it."""
    stream.seek(0)
    yield stream


def _refuse_other(head: bytes) -> None:
    """Raise UnknownFormat for what is no text of a table."""
    for magic, name in _PACKED.items():
        if head.startswith(magic):
            raise UnknownFormat(f"{name}; unpack it first")
    start = head.removeprefix(BOM).lstrip()
    if not start:
        raise UnknownFormat("an empty file")
    if start[:1] == b"<":
        raise UnknownFormat("HTML or XML")
    if b"\x00" in head:
        raise UnknownFormat("binary data")


def _with_months(rows: pa.Table, before: date | None) -> pa.Table:
    """Records whose months are all known: one that says none has that of the record before it, else after it."""
    months = rows["month"].combine_chunks()
    if months.null_count == 0:
        return rows
    known = pc.fill_null_forward(pa.concat_arrays([pa.array([before], pa.date32()), months])).slice(1)
    known = pc.fill_null_backward(known)
    if known.null_count:
        said = pc.coalesce(rows["counts_problem"], pa.scalar("it is empty"))[0].as_py()
        raise PayloadUnreadable(f"none of its first {rows.num_rows:,} records says an hour: {said}")
    return rows.set_column(rows.column_names.index("month"), rows.schema.field("month"), known)


def _by_month(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    # Sorted once and sliced: a filter for each of twelve months took twice as long as all of the decoding.
    months, month_of, number = np.unique(rows["month"].to_numpy(), return_inverse=True, return_counts=True)
    if len(months) > 1:
        rows = rows.take(pa.array(np.argsort(month_of, kind="stable")))
    starts = np.cumsum(number) - number
    for month, start, count in zip(_names(months), starts.tolist(), number.tolist(), strict=True):
        yield month, rows.slice(start, count)


def _names(months: np.ndarray) -> list[str]:
    return months.astype("datetime64[D]").astype(str).tolist()
