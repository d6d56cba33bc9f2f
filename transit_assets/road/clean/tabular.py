"""Tables in files: history extracts, Opendatasoft's CSV and Parquet exports. Read block by block, of any size."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from transit_assets.feeds.coded import CODED, between, in_order, row_numbers
from transit_assets.feeds.tables import BOM, TORN, WholeLines, csv_header, has_open_quote, mended, renamed
from transit_assets.road.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.road.clean.hours import hours
from transit_assets.road.clean.records import records, unreadable

# Field names and French labels of Opendatasoft, to the names of `RECORDS`.
NAMES = {
    "iu_ac": "arc_id",
    "identifiant arc": "arc_id",
    "libelle": "name",
    "t_1h": "t_1h",
    "date et heure de comptage": "t_1h",
    "q": "flow_veh_per_hour",
    "débit horaire": "flow_veh_per_hour",
    "k": "occupancy_percent",
    "taux d'occupation": "occupancy_percent",
    "etat_trafic": "level",
    "etat trafic": "level",
    "iu_nd_amont": "upstream_node_id",
    "identifiant noeud amont": "upstream_node_id",
    "libelle_nd_amont": "upstream_node_name",
    "libelle noeud amont": "upstream_node_name",
    "iu_nd_aval": "downstream_node_id",
    "identifiant noeud aval": "downstream_node_id",
    "libelle_nd_aval": "downstream_node_name",
    "libelle noeud aval": "downstream_node_name",
    "etat_barre": "arc_state",
    "etat arc": "arc_state",
    "geo_point_2d": "place",
    "geo_shape": "geometry",
}
NEEDED = {"arc_id", "t_1h", "flow_veh_per_hour", "occupancy_percent"}
_PLAIN = ("t_1h", "flow_veh_per_hour", "occupancy_percent")  # differ from record to record; the others repeat
_BLOCK_BYTES = 16 * 2**20  # 150,000 records of history; a record must fit into one block
_BATCH_ROWS = 400_000  # of each batch a month is a file of its own, and small ones cost more than what is in them
_HEAD_BYTES = 64 * 2**10

Open = Callable[[], AbstractContextManager[BinaryIO]]


def decode_csv(opened: Open, start: int = 0) -> Iterator[pa.Table]:
    """The records of a CSV, numbered from `start`; `opened` gives its bytes anew each time.

    Every line is one record: one of another shape, or with a quote that stays open, is put aside in its place. Times
    without an offset make it a history extract, times with one an export. Raises UnknownFormat, PayloadUnreadable.
    """
    names, delimiter = _header(opened)
    named = renamed(names, NAMES)
    misfits: dict[int, str] = {}

    def keep_misfit(row: Any) -> str:
        # pyarrow counts records from 1, the header included and empty lines not.
        misfits[start + row.number - 2] = _complaint(row, delimiter)
        return "skip"

    convert = pyarrow.csv.ConvertOptions(
        include_columns=list(named),
        column_types={name: pa.string() if own in _PLAIN else CODED for name, own in named.items()},
        null_values=[""],
        strings_can_be_null=True,
    )
    parse = pyarrow.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=keep_misfit)
    read = pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES)
    source, at = None, start
    try:
        with opened() as stream, pyarrow.csv.open_csv(WholeLines(stream, delimiter), read, parse, convert) as reader:
            for batch in reader:
                raw = {named[name]: batch.column(name) for name in batch.schema.names}
                source = source or _source(raw["t_1h"], delimiter)
                numbers = between(at, batch.num_rows, misfits)
                rows = records(raw, source=source, row_number=pa.array(numbers))
                at = int(numbers[-1]) + 1 if len(numbers) else at
                before = {place: misfits.pop(place) for place in sorted(misfits) if place < at}
                yield in_order(rows, unreadable(before, source=source)) if before else rows
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise PayloadUnreadable(f"not the CSV it looks like: {error}") from error
    if misfits:
        yield unreadable(misfits, source=source or _by_delimiter(delimiter))


def _complaint(row: Any, delimiter: str) -> str:
    text = row.text or ""
    if text.startswith(TORN):
        return f"record_is_readable: a quote in it is not closed: '{mended(text, delimiter)[:200]}'"
    return f"record_is_readable: {row.actual_columns} values for {row.expected_columns} columns: '{text[:200]}'"


def decode_parquet(stream: BinaryIO) -> Iterator[pa.Table]:
    """The records of a Parquet file, some hundred thousand at a time. Raises UnknownFormat, PayloadUnreadable."""
    try:
        schema = pq.read_schema(stream)
        named = renamed(schema.names, NAMES)
        if not set(named.values()) >= NEEDED:
            raise UnknownFormat(f"Parquet with columns {', '.join(schema.names[:12])}")
        stream.seek(0)
        # Texts that repeat are read as what Parquet holds them as: a line of an arc once, not once for each hour.
        repeating = [name for name, own in named.items() if own not in _PLAIN]
        file = pq.ParquetFile(stream, read_dictionary=repeating)
        start = 0
        for batch in file.iter_batches(_BATCH_ROWS, columns=list(named), use_threads=False):
            raw = {named[name]: batch.column(name) for name in batch.schema.names if name in named}
            yield records(raw, source="ods_parquet", row_number=row_numbers(batch.num_rows, start))
            start += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise PayloadUnreadable(f"damaged Parquet: {error}") from error


def _header(opened: Open) -> tuple[list[str], str]:
    """The column names and the delimiter. Raises UnknownFormat where it is no table of counts."""
    with opened() as stream:
        head = stream.read(_HEAD_BYTES)
    line = head.removeprefix(BOM).lstrip().split(b"\n", 1)[0]
    names, delimiter = csv_header(line)
    if has_open_quote(line, delimiter):
        raise PayloadUnreadable(f"a quote in its header is not closed: {line[:80].decode('utf-8', errors='replace')!r}")
    if not {NAMES.get(name.strip().lower()) for name in names} >= NEEDED:
        raise UnknownFormat(f"text that begins with {line[:80].decode('utf-8', errors='replace')!r}")
    return names, delimiter


def _source(t_1h: pa.Array, delimiter: str) -> str:
    known = t_1h.drop_null()
    if len(known) == 0:
        return _by_delimiter(delimiter)
    # Not the first alone: of one that is no time nothing tells, and all records after it would go as an export's.
    return "history_csv" if pc.any(hours(known.slice(0, 1000)).is_naive).as_py() else "export_csv"


def _by_delimiter(delimiter: str) -> str:
    return "export_csv" if delimiter == ";" else "history_csv"
