"""Tables in files: Opendatasoft's CSV and Parquet exports, and the Parquet archives of collectors."""

import io
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from transit_assets.bikes.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.bikes.clean.records import records, repeated, row_numbers, unreadable
from transit_assets.feeds import values
from transit_assets.feeds.places import coordinates
from transit_assets.feeds.tables import BOM, Utf8, csv_header, renamed
from transit_assets.lake import UTC_INSTANT

# Field names and French labels of Opendatasoft, to the names of `RECORDS`.
_NAMES = {
    "stationcode": "station_code",
    "identifiant station": "station_code",
    "name": "name",
    "nom station": "name",
    "is_installed": "is_installed",
    "station en fonctionnement": "is_installed",
    "capacity": "capacity",
    "capacité de la station": "capacity",
    "numdocksavailable": "docks_free",
    "nombre bornettes libres": "docks_free",
    "numbikesavailable": "bikes",
    "nombre total vélos disponibles": "bikes",
    "mechanical": "mechanical",
    "vélos mécaniques disponibles": "mechanical",
    "ebike": "ebike",
    "vélos électriques disponibles": "ebike",
    "is_renting": "is_renting",
    "borne de paiement disponible": "is_renting",
    "is_returning": "is_returning",
    "retour vélib possible": "is_returning",
    "duedate": "reported_at",
    "actualisation de la donnée": "reported_at",
    "coordonnees_geo": "place",
    "coordonnées géographiques": "place",
    "lat": "latitude",
    "lon": "longitude",
    "nom_arrondissement_communes": "commune",
    "nom communes équipées": "commune",
    "code_insee_commune": "insee_code",
    "code insee communes équipées": "insee_code",
    "polled_at_utc": "polled_at",
    "tbin_utc": "polled_at",
}
_NEEDED = {"station_code", "bikes", "docks_free"}
_BATCH_ROWS = 100_000
_BLOCK_BYTES = 64 * 2**20  # a record must fit into one block; pyarrow's own megabyte is less than some texts


def decode_csv(payload: bytes) -> pa.Table:
    """The records of a CSV export. Raises UnknownFormat, PayloadUnreadable."""
    text = payload.removeprefix(BOM).lstrip()
    header = text.split(b"\n", 1)[0]
    names, delimiter = csv_header(header)
    named = renamed(names, _NAMES)
    if not set(named.values()) >= _NEEDED:
        raise UnknownFormat(f"text that begins with {header[:80].decode('utf-8', errors='replace')!r}")
    misfits: list[str] = []

    def keep_misfit(row: Any) -> str:
        misfits.append(f"record_is_readable: {row.actual_columns} values for {row.expected_columns} columns")
        return "skip"

    try:
        table = pyarrow.csv.read_csv(
            Utf8(io.BytesIO(text)),
            pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=keep_misfit),
            pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise PayloadUnreadable(f"not the CSV it looks like: {error}") from error
    raw = _raw(table, named)
    count = table.num_rows
    instant = latest(raw.get("reported_at"))
    source = "opendatasoft_csv"
    rows = records(raw, source=source, polled_at=repeated(instant, count), row_number=row_numbers(count))
    if misfits:
        complaints = dict(enumerate(misfits, start=count))
        rows = pa.concat_tables([rows, unreadable(complaints, source=source, polled_at=instant)])
    return rows


def decode_parquet(stream: BinaryIO) -> Iterator[pa.Table]:
    """The records of a Parquet file, a hundred thousand at a time. Raises UnknownFormat, PayloadUnreadable."""
    try:
        file = pq.ParquetFile(stream)
        named = renamed(file.schema_arrow.names, _NAMES)
        if not set(named.values()) >= _NEEDED:
            raise UnknownFormat(f"Parquet with columns {', '.join(file.schema_arrow.names[:12])}")
        source = _parquet_source(named)
        instant = None
        if source == "opendatasoft_parquet":
            instant = latest(
                _raw(file.read([name for name, is_ in named.items() if is_ == "reported_at"]), named).get("reported_at")
            )
        start = 0
        for batch in file.iter_batches(_BATCH_ROWS, columns=list(named)):
            raw = _raw(pa.table(batch), named)
            yield _polled(raw, batch.num_rows, start, source, instant)
            start += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise PayloadUnreadable(f"damaged Parquet: {error}") from error


def _polled(raw: dict[str, pa.Array], count: int, start: int, source: str, instant: pa.Scalar | None) -> pa.Table:
    """Records of one batch; a record without a readable poll time takes that of the one before it."""
    row_number = row_numbers(count, start)
    if instant is not None:
        return records(raw, source=source, polled_at=repeated(instant, count), row_number=row_number)
    read = values.instant(raw.pop("polled_at"))
    polled_at = pc.fill_null_backward(pc.fill_null_forward(read.values))
    if polled_at.null_count:
        raise PayloadUnreadable(f"rows {start} to {start + count} have no poll time")
    rows = records(raw, source=source, polled_at=polled_at, row_number=row_number)
    if read.values.null_count == 0:
        return rows
    lacks = pc.is_null(read.values)
    for name in ("status_problem", "information_problem"):
        found = pc.if_else(lacks, "polled_at_is_an_instant: it has none", rows[name])
        rows = rows.set_column(rows.column_names.index(name), rows.schema.field(name), found)
    return rows


def latest(reported_at: pa.Array | None) -> pa.Scalar:
    """The latest report of a file, which stands for its poll. Raises PayloadUnreadable where there is none."""
    found = pa.scalar(None, UTC_INSTANT) if reported_at is None else pc.max(values.instant(reported_at).values)
    if not found.is_valid:
        raise PayloadUnreadable("nothing in it says when it was polled")
    return found


def _parquet_source(named: Mapping[str, str]) -> str:
    lowered = {name.lower() for name in named}
    if "polled_at_utc" in lowered:
        return "snapshot_parquet"
    return "binned_parquet" if "tbin_utc" in lowered else "opendatasoft_parquet"


def _raw(table: pa.Table, named: Mapping[str, str]) -> dict[str, pa.Array]:
    raw = {named[name]: table[name].combine_chunks() for name in table.column_names if name in named}
    place = raw.pop("place", None)
    if place is not None:
        raw["latitude"], raw["longitude"] = coordinates(place)
    return raw
