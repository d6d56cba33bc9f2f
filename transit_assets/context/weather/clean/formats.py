"""What people hold as files: told by content, never by name, and decoded to records per UTC month."""

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from transit_assets.context.hours import by_month
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


def recognises(payload: bytes) -> bool:
    """Whether a file looks like weather: of a known format, if perhaps damaged."""
    try:
        decode(payload, "metric")
    except UnknownFormat:
        return False
    except PayloadUnreadable:
        return True
    return True


def decode_archive(stream: BinaryIO, units: Units | None = None) -> Iterator[tuple[str, pa.Table]]:
    """Records of a file by UTC month (`2021-12-01`), in the order of the file."""
    yield from by_month(decode(stream.read(), units).records)
