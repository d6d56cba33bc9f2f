"""Tables in files: the brigade's CSV, and Parquet that people made of it. Read block by block, of any size."""

import codecs
import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, NamedTuple, cast

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from transit_assets.feeds.coded import CODED, between, in_order, row_numbers
from transit_assets.feeds.tables import BOM, TORN, WholeLines, csv_header, has_open_quote
from transit_assets.fire.clean import calls, names, vehicles
from transit_assets.fire.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.fire.clean.records import blanked, unreadable

Open = Callable[[], AbstractContextManager[BinaryIO]]
Wanted = Mapping[str, Collection[str]] | None
"""Of each kind of records the columns to read; None for all of them."""

_BLOCK_BYTES = 16 * 2**20  # 40,000 calls; a record must fit into one block
_BATCH_ROWS = 50_000
_HEAD_BYTES = 64 * 2**10


class Kind(NamedTuple):
    """One kind of records: how raw columns become typed ones, and which columns hardly repeat."""

    records: Callable[..., pa.Table]
    schema: pa.Schema
    plain: Sequence[str]


KINDS = {
    "incidents": Kind(calls.records, calls.RECORDS, calls.PLAIN),
    "mobilisations": Kind(vehicles.records, vehicles.RECORDS, vehicles.PLAIN),
}


def decode_csv(opened: Open, start: int = 0, wanted: Wanted = None) -> Iterator[pa.Table]:
    """The records of a CSV, numbered from `start`; `opened` gives its bytes anew each time.

    Every line is one record: one of another shape, or with a quote that stays open, is put aside in its place.
    Raises UnknownFormat, PayloadUnreadable.
    """
    kind, named, delimiter = _header(opened)
    named = _chosen(kind, named, wanted)
    own, source = KINDS[kind], f"lfb_{kind}_csv"
    misfits: dict[int, str] = {}

    def keep_misfit(row: Any) -> str:
        # pyarrow counts records from 1, the header included and empty lines not. What is written is not shown: it may
        # be a postcode.
        misfits[start + row.number - 2] = _complaint(row)
        return "skip"

    convert = pyarrow.csv.ConvertOptions(
        include_columns=list(named),
        column_types={name: pa.string() if one in own.plain else CODED for name, one in named.items()},
        null_values=[""],  # the words for no value are looked for among distinct ones: a quarter less time
        strings_can_be_null=True,
    )
    parse = pyarrow.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=keep_misfit)
    read = pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES)
    at = start
    try:
        with opened() as stream:
            lines = WholeLines(cast("BinaryIO", AsUtf8(stream)), delimiter)
            with pyarrow.csv.open_csv(lines, read, parse, convert) as reader:
                for batch in reader:
                    raw = {named[name]: blanked(batch.column(name)) for name in batch.schema.names}
                    numbers = between(at, batch.num_rows, misfits)
                    rows = own.records(raw, source=source, row_number=pa.array(numbers))
                    at = int(numbers[-1]) + 1 if len(numbers) else at
                    before = {place: misfits.pop(place) for place in sorted(misfits) if place < at}
                    yield in_order(rows, unreadable(own.schema, before, source)) if before else rows
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise PayloadUnreadable(f"not the CSV it looks like: {error}") from error
    if misfits:
        yield unreadable(own.schema, misfits, source)


def decode_parquet(stream: BinaryIO, wanted: Wanted = None) -> Iterator[pa.Table]:
    """The records of a Parquet file, batch by batch. Raises UnknownFormat, PayloadUnreadable."""
    try:
        schema = pq.read_schema(stream)
        kind, named = names.kind_of(schema.names, f"Parquet with columns {', '.join(schema.names[:12])}")
        if kind not in KINDS:
            raise UnknownFormat(f"{kind} as Parquet; CSV is known")
        named, own = _chosen(kind, named, wanted), KINDS[kind]
        stream.seek(0)
        repeating = [name for name, one in named.items() if one not in own.plain]
        file = pq.ParquetFile(stream, read_dictionary=repeating)
        start = 0
        for batch in file.iter_batches(_BATCH_ROWS, columns=list(named), use_threads=False):
            raw = {named[name]: blanked(batch.column(name)) for name in batch.schema.names if name in named}
            numbers = row_numbers(batch.num_rows, start)
            yield own.records(raw, source=f"lfb_{kind}_parquet", row_number=numbers)
            start += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise PayloadUnreadable(f"damaged Parquet: {error}") from error


def header(opened: Open) -> tuple[str, dict[str, str]]:
    """What a CSV is of, and its known columns with our own names. Raises UnknownFormat, PayloadUnreadable."""
    kind, named, _ = _header(opened)
    return kind, named


class AsUtf8:
    """A stream of text as UTF-8: bytes that are none are Windows', as the `£` in the header of older files."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="transit-windows")
        self._ready = io.BytesIO()

    def read(self, size: int) -> bytes:
        while True:
            chunk = self._ready.read(size)
            if chunk:
                return chunk
            fresh = self._stream.read(size)
            if fresh.isascii() and not self._decoder.getstate()[0]:  # as almost all of a file is: nothing to decode
                return fresh
            text = self._decoder.decode(fresh, final=not fresh)
            if not fresh and not text:
                return b""
            self._ready = io.BytesIO(text.encode())


def _windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", errors="replace"), error.end


codecs.register_error("transit-windows", _windows)


def _header(opened: Open) -> tuple[str, dict[str, str], str]:
    with opened() as stream:
        head = AsUtf8(stream).read(_HEAD_BYTES)
    line = head.removeprefix(BOM).lstrip().split(b"\n", 1)[0]
    found, delimiter = csv_header(line)
    shown = repr(line[:80].decode("utf-8", errors="replace"))
    if has_open_quote(line, delimiter):
        raise PayloadUnreadable(f"a quote in its header is not closed: {shown}")
    kind, named = names.kind_of(found, f"text that begins with {shown}")
    return kind, named, delimiter


def _chosen(kind: str, named: Mapping[str, str], wanted: Wanted) -> dict[str, str]:
    return {name: own for name, own in named.items() if wanted is None or own in wanted[kind]}


def _complaint(row: Any) -> str:
    if (row.text or "").startswith(TORN):
        return "record_is_readable: a quote in it is not closed"
    return f"record_is_readable: {row.actual_columns} values for {row.expected_columns} columns"
