"""What payloads of the fire are: told by content, never by name, and decoded to records by London month of call."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds.tables import BOM
from transit_assets.fire.clean import stations, tabular, workbook
from transit_assets.fire.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.fire.clean.records import kind_of
from transit_assets.fire.clean.tabular import Wanted
from transit_assets.lake import zips
from transit_assets.lake.archives import parquet_bytes

DECODER_VERSION = 1  # of what decode_archive gives; part of the path of decoded archives

ROWS, PUMPS = "rows_by_month", "pumps_by_month"
"""Headers of a fetch: how many records its payload has of each month, and how many timed pumps incidents name."""

PUMP_TIMES = ("first_pump_attendance_seconds", "second_pump_attendance_seconds")

_PACKED = {
    b"\x1f\x8b": "a gzip file",
    b"(\xb5/\xfd": "a zstd file",
    b"\xd0\xcf\x11\xe0": "a workbook of Excel 97 (.xls)",
}
_HEAD_BYTES = 64
_ROWS_AT_ONCE = 400_000  # three years of calls: a part of a decoded archive is then a whole month
_SURVEYED = {
    "incidents": ("date_of_call", *PUMP_TIMES),
    "mobilisations": ("mobilised_at", "hour_of_call"),
}


@dataclass(frozen=True)
class Survey:
    """What is in a file: its format, and how many records of which London months (`2017-03-01`).

    `pumps_by_month` counts the timed first and second pumps that incidents name, each of which may become a
    mobilisation. `first_of_month` is the position (from 0) of the first record of each month. A file of stations has
    `rows` and no months.
    """

    format: str
    rows: int
    rows_by_month: Mapping[str, int] = field(default_factory=dict)
    pumps_by_month: Mapping[str, int] = field(default_factory=dict)
    first_of_month: Mapping[str, int] = field(default_factory=dict)

    @property
    def months(self) -> tuple[str, ...]:
        return tuple(sorted(self.rows_by_month))

    @property
    def headers(self) -> dict[str, str]:
        """What the row of the payload in `raw.fetches` says of it."""
        return {
            "format": self.format,
            "rows": str(self.rows),
            ROWS: json.dumps(dict(sorted(self.rows_by_month.items()))),
            PUMPS: json.dumps(dict(sorted(self.pumps_by_month.items()))),
        }


def decode_archive(stream: BinaryIO) -> Iterator[tuple[str, pa.Table]]:
    """Records of a payload by London month (`2017-03-01`), in the order of the payload; a month may come several times.

    A record without a readable time stands in the month of the one before it. A file of stations has no records.
    Raises UnknownFormat, PayloadUnreadable or ArchiveTooLarge.
    """
    return _by_month(stream, None)


def survey(stream: BinaryIO) -> Survey:
    """Read a payload once to say what is in it. Raises what `decode_archive` raises, and where it has no records."""
    described = stations.survey(stream) if _is_text(stream) else None
    if described is not None:
        return Survey(stations.FORMAT, described)
    rows, pumps = Counter[str](), Counter[str]()
    first_of_month: dict[str, int] = {}
    sources: set[str] = set()
    for month, records in _by_month(stream, _SURVEYED):
        rows[month] += records.num_rows
        pumps[month] += pumps_of(records)
        first_of_month.setdefault(month, records["row_number"][0].as_py())
        sources.add(records["source"][0].as_py())
    if not rows:
        raise PayloadUnreadable("there are no records in it")
    (source,) = sources
    return Survey(source, rows.total(), dict(rows), dict(pumps), first_of_month)


def pumps_of(records: pa.Table) -> int:
    """How many timed first and second pumps incident records name; 0 for other records."""
    return sum(records[name].drop_null().length() for name in PUMP_TIMES if name in records.column_names)


def unpacked_bytes(stream: BinaryIO) -> int:
    """What a Parquet file, a workbook or a zip unpacks to, by its own account; 0 for other files."""
    return parquet_bytes(stream) or zips.unpacked_bytes(stream)


def _by_month(stream: BinaryIO, wanted: Wanted) -> Iterator[tuple[str, pa.Table]]:
    held: list[pa.Table] = []
    month: date | None = None
    for rows in _decode(stream, wanted):
        if rows.num_rows == 0:
            continue
        dated = _with_months(rows, month)
        month = dated["month"][-1].as_py()
        held.append(dated)
        if sum(one.num_rows for one in held) >= _ROWS_AT_ONCE:
            yield from _split(held)
            held = []
    if held:
        yield from _split(held)


def _decode(stream: BinaryIO, wanted: Wanted) -> Iterator[pa.Table]:
    head = _head(stream)
    if head.startswith(zips.MAGIC) and workbook.is_workbook(stream):
        yield from workbook.decode_xlsx(stream, wanted)
    elif head.startswith(zips.MAGIC):
        yield from _decode_zip(stream, wanted)
    elif head.startswith(b"PAR1"):
        yield from tabular.decode_parquet(stream, wanted)
    else:
        _refuse_other(head)
        if tabular.header(lambda: _again(stream))[0] != "stations":
            yield from tabular.decode_csv(lambda: _again(stream), wanted=wanted)


def _decode_zip(stream: BinaryIO, wanted: Wanted) -> Iterator[pa.Table]:
    start, source = 0, ""
    for member in zips.members(stream):
        try:
            with member.open() as content:
                _refuse_other(content.read(_HEAD_BYTES))
            for rows in tabular.decode_csv(member.open, start, wanted):
                start += rows.num_rows
                own = rows["source"][0].as_py() if rows.num_rows else source or ""
                if source and own and source != own:
                    raise PayloadUnreadable(f"{kind_of(own)} beside {kind_of(source)}; give each its own file")
                source = own
                yield rows
        except PayloadUnreadable as error:
            if not str(error).startswith(member.name):
                error.args = (f"{member.name} in the zip: {error}",)
            raise


def _head(stream: BinaryIO) -> bytes:
    stream.seek(0)
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    return head


def _is_text(stream: BinaryIO) -> bool:
    head = _head(stream)
    return bool(head) and b"\x00" not in head and not head.startswith((b"PAR1", *_PACKED, b"<"))


@contextmanager
def _again(stream: BinaryIO) -> Iterator[BinaryIO]:
    """A stream from its start, left open for whoever owns it."""
    stream.seek(0)
    yield stream


def _refuse_other(head: bytes) -> None:
    """Raise UnknownFormat for what is no text of a table."""
    for magic, name in _PACKED.items():
        if head.startswith(magic):
            raise UnknownFormat(f"{name}; unpack it or save it as CSV first")
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
        said = pc.coalesce(rows["problem"], pa.scalar("it is empty"))[0].as_py()
        raise PayloadUnreadable(f"none of its first {rows.num_rows:,} records says when the call was: {said}")
    return rows.set_column(rows.column_names.index("month"), rows.schema.field("month"), known)


def _split(held: list[pa.Table]) -> Iterator[tuple[str, pa.Table]]:
    rows = pa.concat_tables(held).unify_dictionaries().combine_chunks()
    months = rows["month"].to_numpy()
    order = np.argsort(months, kind="stable")
    if not np.array_equal(order, np.arange(len(order))):
        rows, months = rows.take(pa.array(order)), months[order]
    names, starts = np.unique(months, return_index=True)
    for name, start, end in zip(names, starts, [*starts[1:], len(months)], strict=True):
        yield str(name.astype("datetime64[D]")), rows.slice(start, end - start)
