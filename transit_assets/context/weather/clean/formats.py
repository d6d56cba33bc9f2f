"""What people hold as files: told by content, never by name, and decoded to records per UTC month."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context.weather.clean import scaled_csv, visual_crossing
from transit_assets.context.weather.clean.errors import UnknownFormat
from transit_assets.context.weather.clean.units import Units
from transit_assets.context.weather.clean.visual_crossing import Decoded
from transit_assets.lake.errors import PayloadUnreadable

DECODER_VERSION = 2  # of what decode_archive gives; part of the path of decoded archives

_BOM = b"\xef\xbb\xbf"


def decode(payload: bytes, units: Units | None = None) -> Decoded:
    """The records of a file of any known format. Raises UnknownFormat, PayloadUnreadable."""
    text = payload.removeprefix(_BOM).lstrip()
    if not text:
        raise UnknownFormat("an empty file")
    if text[:1] == b"{":
        return visual_crossing.decode_json(text, units)
    header = text.split(b"\n", 1)[0].decode("utf-8", errors="replace").strip()
    if {name.strip('" ') for name in header.split(";")} >= scaled_csv.HEADER:
        return Decoded(scaled_csv.decode_csv(text), "metric")
    if {"datetime", "temp"} <= {name.strip('" ').lower() for name in header.split(",")}:
        return visual_crossing.decode_csv(text, units)
    seen = "binary data" if "\x00" in header or "\ufffd" in header else f"text that begins with {header[:80]!r}"
    raise UnknownFormat(seen)


def decode_archive(stream: BinaryIO, units: Units | None = None) -> Iterator[tuple[str, pa.Table]]:
    """Records of a file by UTC month (`2021-12-01`), in the order of the file."""
    yield from by_month(decode(stream.read(), units).records)


def by_month(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Records by UTC month; one without an hour goes with the record before it, the first ones with the first month.

    Raises PayloadUnreadable where no record has an hour.
    """
    known = pc.fill_null_backward(pc.fill_null_forward(rows["hour_start_at"].combine_chunks()))
    if known.null_count:
        raise PayloadUnreadable("none of its records has an hour that can be read")
    months = known.cast(pa.timestamp("us")).to_numpy().astype("datetime64[M]")
    for month in np.unique(months):
        yield f"{month}-01", rows.filter(pa.array(months == month))


def rows_by_month(rows: pa.Table) -> dict[str, int]:
    """How many records there are of each month."""
    counts: Counter[str] = Counter()
    for month, found in by_month(rows):
        counts[month] += found.num_rows
    return dict(sorted(counts.items()))


def month_of(instant: datetime) -> date:
    """The UTC month of an instant, by its first day."""
    return instant.astimezone(UTC).date().replace(day=1)
