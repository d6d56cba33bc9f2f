"""Lands files of the weather that people hold: read whole before anything is landed, kept as received."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from transit_assets.context.hours import months_of_file
from transit_assets.context.landed import ROWS_BY_MONTH
from transit_assets.context.weather.clean.formats import DECODER_VERSION, decode, decode_archive
from transit_assets.context.weather.clean.units import Units
from transit_assets.context.weather.landed import UNITS
from transit_assets.lake import Lake
from transit_assets.lake.archives import Contents, Imported, Reader
from transit_assets.lake.archives import import_files as land_files
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
    found = reader(settings, units)
    return land_files(lake, paths, found, now=settings.clock(), max_bytes=settings.archive_max_bytes, on_file=on_file)


def reader(settings: Settings, units: Units | None = None) -> Reader:
    """How files of the weather are read."""
    return Reader(
        domain="weather",
        survey=partial(_survey, settings=settings, units=units),
        decode=partial(decode_archive, units=units),
        version=DECODER_VERSION,
        unpacked_bytes=lambda stream: 0,
    )


def _survey(stream: BinaryIO, *, settings: Settings, units: Units | None) -> Contents:
    found = decode(stream.read(), units)
    months = months_of_file(found.records, settings.clock())
    headers = {ROWS_BY_MONTH: json.dumps(months), UNITS: found.units}
    return Contents(found.records["source"][0].as_py(), found.records.num_rows, tuple(months), headers)
