"""Lands what people hold: exports, scraped answers, archives. They are kept as received, so imports are replayable.

A file is told by its content, surveyed whole before anything is landed, and decoded once. An archive without
report times has only its polls to tell rows apart; a second one over the same period would count it twice and is
refused. With report times, rows that two files share merge by their key.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from filelock import FileLock

from transit_assets.bikes.clean.errors import ArchiveOverlap, ArchiveTooLarge, PayloadUnreadable
from transit_assets.bikes.clean.formats import DECODER_VERSION, Survey, decode_archive, survey, unpacked_bytes
from transit_assets.lake import Fetch, Lake
from transit_assets.settings import FIRST_DAY, PARIS, Settings

FEED = "archive"


@dataclass(frozen=True)
class Imported:
    """One file: what it is, the Paris days it touches, and its row in `raw.fetches`.

    `is_new` is false where the lake held the same bytes already; nothing was touched then.
    """

    path: Path
    format: str
    rows: int
    partitions: tuple[str, ...]
    fetch: Fetch
    is_new: bool


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
) -> list[Imported]:
    """Land files of any known format, all or none, and decode them; `on_file` hears of each as it is read.

    Raises UnknownFormat, PayloadUnreadable, ArchiveTooLarge, ArchiveOverlap, OriginMismatch (a lake of simulated
    data) and FileNotFoundError, each before anything is landed.
    """
    if lake.landing.origin() == "simulated":
        lake.landing.claim("real")  # raises, and says the way out
    # Two imports at once would each see only what the other has not landed yet.
    with FileLock(lake.lock_path("import-bikes")):
        return _import_files(lake, paths, settings, on_file)


def _import_files(
    lake: Lake, paths: Sequence[Path], settings: Settings, on_file: Callable[[Path], None]
) -> list[Imported]:
    held = {fetch.sha256: fetch for fetch in lake.landing.fetches("bikes", [FEED])}
    spans = [_span(fetch) for fetch in held.values()]
    results: dict[str, Imported] = {}
    new: dict[str, tuple[Path, Survey]] = {}
    order: list[str] = []
    for path in paths:
        on_file(path)
        sha256 = _hash(path, settings.archive_max_bytes)
        order.append(sha256)
        if sha256 in held:
            results[sha256] = _imported(path, held[sha256], is_new=False)
        elif sha256 not in new:
            found = _survey(path, settings.archive_max_bytes)
            _check_days(path, found, settings)
            span = Span(
                shown_name(path), found.first_polled_at, found.last_polled_at, found.has_report_times, found.has_status
            )
            check_overlap(span, spans)
            spans.append(span)
            new[sha256] = (path, found)
    landed = lake.landing.land(
        [(_fetch(path, found, settings, number), path) for number, (path, found) in enumerate(new.values())]
    )
    for fetch, (path, _) in zip(landed, new.values(), strict=True):
        results[fetch.sha256 or ""] = _imported(path, fetch, is_new=True)
        lake.decoded(fetch, fetch.partitions[0], decode_archive, DECODER_VERSION)
    return [results[sha256] for sha256 in dict.fromkeys(order)]


def _check_days(path: Path, found: Survey, settings: Settings) -> None:
    """Refuse days that no table has: once landed, such a day would be due for ever."""
    today = settings.clock().astimezone(PARIS).date()
    for day in (min(found.rows_by_day), max(found.rows_by_day)):
        if not FIRST_DAY <= day <= today:
            row, polled_at = found.first_of_day[day]
            raise PayloadUnreadable(
                f"{shown_name(path)} holds polls of {day}, which is not from {FIRST_DAY} to today, {today}: "
                f"record {row} (from 0) was polled at {polled_at.isoformat()}; without such records "
                "the file can be imported"
            )


def shown_name(path: Path) -> str:
    """The name of a file as text: bytes in it that are no UTF-8 are shown by their numbers."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def _hash(path: Path, max_bytes: int) -> str:
    if path.exists() and not path.is_dir() and not path.is_file():
        raise PayloadUnreadable(f"{shown_name(path)} is a pipe or a device, not a file")
    size = path.stat().st_size
    if size > max_bytes:
        raise ArchiveTooLarge(
            f"{shown_name(path)} has {size:,} bytes, more than TRANSIT_ARCHIVE_MAX_BYTES allows ({max_bytes:,})"
        )
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _survey(path: Path, max_bytes: int) -> Survey:
    with path.open("rb") as stream:
        size = unpacked_bytes(stream)
        if size > max_bytes:
            raise ArchiveTooLarge(
                f"{shown_name(path)} unpacks to {size:,} bytes, "
                f"more than TRANSIT_ARCHIVE_MAX_BYTES allows ({max_bytes:,})"
            )
        try:
            return survey(stream)
        except PayloadUnreadable as error:
            error.args = (f"{shown_name(path)}: {error}",)
            raise


def _fetch(path: Path, found: Survey, settings: Settings, number: int) -> Fetch:
    return Fetch(
        domain="bikes",
        feed=FEED,
        # One after the other, as rows of one poll in two files take the order of their files.
        fetched_at=settings.clock() + timedelta(microseconds=number),
        provider="file",
        url=shown_name(path),
        outcome="landed",
        is_simulated=False,
        headers={
            "format": found.format,
            "rows": str(found.rows),
            "rows_by_day": json.dumps({day.isoformat(): found.rows_by_day[day] for day in found.days}),
            "first_polled_at": found.first_polled_at.isoformat(),
            "last_polled_at": found.last_polled_at.isoformat(),
            "has_report_times": str(found.has_report_times),
            "has_status": str(found.has_status),
            "has_description": str(found.has_description),
        },
        partitions=tuple(day.isoformat() for day in found.days),
    )


def _span(fetch: Fetch) -> Span:
    return Span(
        fetch.url,
        datetime.fromisoformat(fetch.headers["first_polled_at"]),
        datetime.fromisoformat(fetch.headers["last_polled_at"]),
        fetch.headers["has_report_times"] == "True",
        fetch.headers["has_status"] == "True",
    )


def _imported(path: Path, fetch: Fetch, *, is_new: bool) -> Imported:
    headers = fetch.headers
    return Imported(path, headers["format"], int(headers["rows"]), fetch.partitions, fetch, is_new)
