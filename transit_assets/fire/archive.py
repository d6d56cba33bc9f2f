"""Lands the brigade's files that people hold: calls, vehicles, stations. Kept as received, so imports are replayable.

A file is told by its content, surveyed whole before anything is landed, and decoded once. Files may overlap: their
rows merge by incident number and by mobilisation. A file of stations touches no month.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from transit_assets.context.hours import FIRST_MONTH
from transit_assets.fire.clean.errors import PayloadUnreadable
from transit_assets.fire.clean.formats import DECODER_VERSION, Survey, decode_archive, survey, unpacked_bytes
from transit_assets.lake import Lake, archives
from transit_assets.settings import LONDON, Settings


def import_files(
    lake: Lake, paths: Sequence[Path], settings: Settings, on_file: Callable[[Path], None] = lambda path: None
) -> list[archives.Imported]:
    """Land files of any known format, all or none, and decode them; `on_file` hears of each as it is read.

    Raises UnknownFormat, PayloadUnreadable, ArchiveTooLarge, OriginMismatch (a lake of simulated data) and
    FileNotFoundError, each before anything is landed.
    """
    reader = archives.Reader(
        domain="fire",
        survey=partial(_survey, settings),
        decode=decode_archive,
        version=DECODER_VERSION,
        unpacked_bytes=unpacked_bytes,
    )
    return archives.import_files(
        lake, paths, reader, now=settings.clock(), max_bytes=settings.archive_max_bytes, on_file=on_file
    )


def _survey(settings: Settings, stream: BinaryIO) -> archives.Contents:
    found = survey(stream)
    check_months(found, settings)
    return archives.Contents(format=found.format, rows=found.rows, partitions=found.months, headers=found.headers)


def check_months(found: Survey, settings: Settings) -> None:
    """Refuse months that no table has: once landed, such a month would be due for ever. Raises PayloadUnreadable."""
    first = FIRST_MONTH.isoformat()
    last = settings.clock().astimezone(LONDON).date().replace(day=1).isoformat()
    for month in (*found.months[:1], *found.months[-1:]):
        if not first <= month <= last:
            raise PayloadUnreadable(
                f"it holds calls of {month[:7]}, which is not from {first[:7]} to this month, {last[:7]}, first in "
                f"record {found.first_of_month[month]} (from 0); without such records the file can be imported"
            )
