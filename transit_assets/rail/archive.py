"""Lands what people hold of the rail: polls of stations, schedules, answers and archives of answers. Kept as received.

A file is told by its content, and by its name where no content says it (`clean.formats`). It is surveyed whole before
anything is landed, and decoded once. Files may overlap: their rows merge by train, station and instant.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

from transit_assets.feeds import gtfs
from transit_assets.lake import Fetch, Lake, archives, zips
from transit_assets.lake.decoded import Decode
from transit_assets.rail import schedules
from transit_assets.rail.clean import hops, polls, times
from transit_assets.rail.clean.errors import PayloadUnreadable
from transit_assets.rail.clean.formats import DECODER_VERSION, decode_archive, survey
from transit_assets.settings import FIRST_DAY, Settings

_HEAD_BYTES = 4096


def import_files(
    lake: Lake, paths: Sequence[Path], settings: Settings, on_file: Callable[[Path], None] = lambda path: None
) -> list[archives.Imported]:
    """Land files of any known format, all or none, and decode them; `on_file` hears of each as it is read.

    Raises UnknownFormat, PayloadUnreadable, ArchiveTooLarge, OriginMismatch (a lake of simulated data) and
    FileNotFoundError, each before anything is landed.
    """
    reader = archives.Reader(
        domain="rail",
        survey=partial(_survey, settings),
        decode=partial(decode_archive, name=""),
        version=DECODER_VERSION,
        unpacked_bytes=zips.unpacked_bytes,  # what a tar unpacks to is counted as it is read
        decode_of=decoder_of,
        accept_again=_refuse_other_station,
    )
    return archives.import_files(
        lake, paths, reader, now=settings.clock(), max_bytes=settings.archive_max_bytes, on_file=on_file
    )


def decoder_of(fetch: Fetch) -> Decode:
    """How a file is cut: into service dates, or a schedule into its parts."""
    if fetch.headers["format"] in schedules.FORMATS:
        return schedules.decoder_of(fetch)
    return partial(decode_archive, name=fetch.url)


def _refuse_other_station(name: str, held: Fetch) -> None:
    """Polls of two stations never are the same bytes: one of the two files has a wrong name."""
    if held.headers["format"] == polls.SOURCE and polls.station_of_name(name) != polls.station_of_name(held.url):
        raise PayloadUnreadable(f"{name}: it has the same polls as {held.url}, whose name is of another station")


def _survey(settings: Settings, stream: BinaryIO) -> archives.Contents:
    name = archives.shown_name(Path(stream.name))
    if gtfs.is_feed(stream):
        return schedules.survey_gtfs(stream, settings.rail_line)
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if hops.is_hop_table(head):
        return schedules.survey_hops(stream, name)
    found = survey(stream, name, settings.archive_max_bytes)
    _check_dates(found.dates, settings)
    return archives.Contents(found.format, found.rows, found.dates, found.headers)


def _check_dates(dates: Sequence[str], settings: Settings) -> None:
    """Refuse dates that no table has: once landed, such a date would be due for ever.

    Trains of tomorrow may be announced tonight.
    """
    last = times.paris_day(settings.clock()) + timedelta(days=1)
    for name in (dates[0], dates[-1]):
        if not FIRST_DAY <= date.fromisoformat(name) <= last:
            raise PayloadUnreadable(
                f"it holds trains or answers of {name}, which is not from {FIRST_DAY} to tomorrow, {last}; "
                "without such records the file can be imported"
            )
