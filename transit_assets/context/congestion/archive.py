"""Lands files of congestion that people hold: read whole before anything is landed, kept as received."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from transit_assets.context.congestion.clean.formats import DECODER_VERSION, decode, decode_archive
from transit_assets.context.congestion.landed import PLACE
from transit_assets.context.hours import months_of_file
from transit_assets.context.landed import ROWS_BY_MONTH
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
    place: str | None = None,
) -> list[Imported]:
    """Land files of any known format, all or none, and decode them; `on_file` hears of each as it is read.

    `place` is that of files that name none. Raises UnknownFormat, PayloadUnreadable, ArchiveTooLarge, OriginMismatch
    and FileNotFoundError, each before anything is landed.
    """
    found = reader(settings, place)
    return land_files(lake, paths, found, now=settings.clock(), max_bytes=settings.archive_max_bytes, on_file=on_file)


def reader(settings: Settings, place: str | None = None) -> Reader:
    """How files of congestion are read."""
    return Reader(
        domain="congestion",
        survey=partial(_survey, settings=settings, place=place),
        decode=partial(decode_archive, place=place),
        version=DECODER_VERSION,
        unpacked_bytes=lambda stream: 0,
    )


def _survey(stream: BinaryIO, *, settings: Settings, place: str | None) -> Contents:
    rows = decode(stream.read(), place)
    months = months_of_file(rows, settings.clock())
    headers = {ROWS_BY_MONTH: json.dumps(months)} | ({PLACE: place} if place else {})
    return Contents(rows["source"][0].as_py(), rows.num_rows, tuple(months), headers)
