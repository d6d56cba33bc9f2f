"""Lands files of holidays that people hold: read whole before anything is landed, kept as received."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from transit_assets.context.calendar.bank_holidays import DECODER_VERSION, FORMAT, decode, decode_archive
from transit_assets.lake import Lake
from transit_assets.lake.archives import Contents, Imported, Reader
from transit_assets.lake.archives import import_files as land_files
from transit_assets.settings import Settings


def import_files(
    lake: Lake, paths: Sequence[Path], settings: Settings, on_file: Callable[[Path], None] = lambda path: None
) -> list[Imported]:
    """Land gov.uk's bank holidays, all files or none; `on_file` hears of each as it is read.

    Raises UnknownFormat, PayloadUnreadable, ArchiveTooLarge, OriginMismatch and FileNotFoundError, each before anything
    is landed.
    """
    found = reader()
    return land_files(lake, paths, found, now=settings.clock(), max_bytes=settings.archive_max_bytes, on_file=on_file)


def reader() -> Reader:
    """How files of holidays are read. Their partitions are years, which the table does not have: it is built whole."""
    return Reader("calendar", _survey, decode_archive, DECODER_VERSION, unpacked_bytes=lambda stream: 0)


def _survey(stream: BinaryIO) -> Contents:
    rows = decode(stream.read())
    years = sorted({f"{day.year}-01-01" for day in rows["day"].to_pylist()})
    return Contents(FORMAT, rows.num_rows, tuple(years), {})
