"""Lands what people hold: exports, scraped answers, archives. They are kept as received, so imports are replayable.

A file is told by its content, surveyed whole before anything is landed, and decoded once. An archive without
report times has only its polls to tell rows apart; a second one over the same period would count it twice and is
refused. With report times, rows that two files share merge by their key.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from transit_assets.bikes.clean.errors import ArchiveOverlap, PayloadUnreadable
from transit_assets.bikes.clean.formats import DECODER_VERSION, Survey, decode_archive, survey
from transit_assets.lake import Fetch, Lake, archives
from transit_assets.settings import FIRST_DAY, PARIS, Settings


@dataclass(frozen=True)
class Span:
    """The period of polls that an archive covers, ends inclusive."""

    name: str
    first_polled_at: datetime
    last_polled_at: datetime
    has_report_times: bool
    has_status: bool

    def __str__(self) -> str:
        return f"{self.name} ({self.first_polled_at:%Y-%m-%d %H:%M} to {self.last_polled_at:%Y-%m-%d %H:%M} UTC)"

    @property
    def is_by_poll(self) -> bool:
        """Whether only its polls tell its rows apart."""
        return self.has_status and not self.has_report_times


def check_overlap(new: Span, others: Iterable[Span]) -> None:
    """Raise ArchiveOverlap where two archives without report times cover the same period."""
    for other in others:
        if not (new.is_by_poll and other.is_by_poll):
            continue
        if new.first_polled_at <= other.last_polled_at and other.first_polled_at <= new.last_polled_at:
            raise ArchiveOverlap(
                f"{new} overlaps {other}, and neither says when stations reported: together they would count the "
                "same minutes twice. Import it into an empty lake of its own: point TRANSIT_LAKE at another folder"
            )


def import_files(
    lake: Lake, paths: Sequence[Path], settings: Settings, on_file: Callable[[Path], None] = lambda path: None
) -> list[archives.Imported]:
    """Land files of any known format, all or none, and decode them; `on_file` hears of each as it is read.

    Raises UnknownFormat, PayloadUnreadable, ArchiveTooLarge, ArchiveOverlap, OriginMismatch (a lake of simulated
    data) and FileNotFoundError, each before anything is landed.
    """
    reader = archives.Reader(
        domain="bikes",
        survey=partial(_survey, settings),
        decode=decode_archive,
        version=DECODER_VERSION,
        unpacked_bytes=archives.parquet_bytes,
        accept=lambda fetch, others: check_overlap(_span(fetch), [_span(other) for other in others]),
    )
    return archives.import_files(
        lake, paths, reader, now=settings.clock(), max_bytes=settings.archive_max_bytes, on_file=on_file
    )


def _survey(settings: Settings, stream: BinaryIO) -> archives.Contents:
    found = survey(stream)
    _check_days(found, settings)
    return archives.Contents(
        format=found.format,
        rows=found.rows,
        partitions=tuple(day.isoformat() for day in found.days),
        headers={
            "rows_by_day": json.dumps({day.isoformat(): found.rows_by_day[day] for day in found.days}),
            "first_polled_at": found.first_polled_at.isoformat(),
            "last_polled_at": found.last_polled_at.isoformat(),
            "has_report_times": str(found.has_report_times),
            "has_status": str(found.has_status),
            "has_description": str(found.has_description),
        },
    )


def _check_days(found: Survey, settings: Settings) -> None:
    """Refuse days that no table has: once landed, such a day would be due for ever."""
    today = settings.clock().astimezone(PARIS).date()
    for day in (min(found.rows_by_day), max(found.rows_by_day)):
        if not FIRST_DAY <= day <= today:
            row, polled_at = found.first_of_day[day]
            raise PayloadUnreadable(
                f"it holds polls of {day}, which is not from {FIRST_DAY} to today, {today}: "
                f"record {row} (from 0) was polled at {polled_at.isoformat()}; without such records "
                "the file can be imported"
            )


def _span(fetch: Fetch) -> Span:
    return Span(
        fetch.url,
        datetime.fromisoformat(fetch.headers["first_polled_at"]),
        datetime.fromisoformat(fetch.headers["last_polled_at"]),
        fetch.headers["has_report_times"] == "True",
        fetch.headers["has_status"] == "True",
    )
