"""Lands files of the weather that people hold: read whole before anything is landed, kept as received."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from transit_assets.context.weather.clean.formats import (
    DECODER_VERSION,
    decode,
    decode_archive,
    month_of,
    rows_by_month,
)
from transit_assets.context.weather.clean.units import Units
from transit_assets.context.weather.landed import FIRST_MONTH, ROWS_BY_MONTH, UNITS
from transit_assets.lake import Lake
from transit_assets.lake.archives import Contents, Imported, Reader
from transit_assets.lake.archives import import_files as land_files
from transit_assets.lake.errors import PayloadUnreadable
from transit_assets.settings import Settings


def import_files(
    lake: Lake,
    paths: Sequence[Path],
    settings: Settings,
    on_file: Callable[[Path], None] = lambda path: None,
    *,
    units: Units | None = None,
) -> list[Imported]:
    """Land files of any known format, all or none, and decode them; `on_file` hears of each as it is read.

    `units` are those of Visual Crossing's files, told by their figures where None. Raises UnknownFormat,
    PayloadUnreadable, ArchiveTooLarge, OriginMismatch and FileNotFoundError, each before anything is landed.
    """
    reader = Reader(
        domain="weather",
        survey=partial(_survey, units=units, last_month=month_of(settings.clock()).isoformat()),
        decode=partial(decode_archive, units=units),
        version=DECODER_VERSION,
        unpacked_bytes=lambda stream: 0,
    )
    return land_files(lake, paths, reader, now=settings.clock(), max_bytes=settings.archive_max_bytes, on_file=on_file)


def _survey(stream: BinaryIO, *, units: Units | None, last_month: str) -> Contents:
    found = decode(stream.read(), units)
    months = rows_by_month(found.records)
    for month in (min(months), max(months)):
        if not FIRST_MONTH.isoformat() <= month <= last_month:
            raise PayloadUnreadable(
                f"it has hours of {month[:7]}, which is not a month from {FIRST_MONTH:%Y-%m} to {last_month[:7]}; "
                "without them the file can be imported"
            )
    headers = {ROWS_BY_MONTH: json.dumps(months), UNITS: found.units}
    return Contents(found.records["source"][0].as_py(), found.records.num_rows, tuple(months), headers)
