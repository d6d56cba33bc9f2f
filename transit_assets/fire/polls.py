"""Gets the brigade's files into the landing: those that may hold calls of one London month.

The portal lists its files by the years in their titles; what a file really holds is read once it is here, and kept
with its row. Files are large and the same for many months, so one that was heard of within the hour is not asked for
again, and any other only if it has changed.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from transit_assets.feeds import FeedClient, calls_spent
from transit_assets.feeds.batches import Landable, batches
from transit_assets.feeds.lfb import (
    DATASETS,
    DOMAIN,
    FEEDS,
    LISTINGS,
    File,
    feed_of,
    files_of,
    get_file,
    get_listing,
    lfb_client,
    listing,
)
from transit_assets.feeds.origin import refusal
from transit_assets.fire.clean.errors import ArchiveTooLarge, PayloadUnreadable
from transit_assets.fire.clean.formats import Survey, survey, unpacked_bytes
from transit_assets.lake import Fetch, Lake
from transit_assets.settings import LONDON, Settings

_FIRST_MONTH = date(2009, 1, 1)
_REMEMBERED = timedelta(hours=1)  # the months of one run are collected one by one

_logger = logging.getLogger(__name__)


def collect(lake: Lake, configured: Settings, month: date) -> list[Fetch]:
    """What can be fetched for the London month of this first day, as landed, failed attempts included.

    Nothing is asked for a month to come, nor of files that were heard of within the hour. A simulated fetch into a
    lake of real data is skipped with a message. Raises OriginMismatch for the reverse.
    """
    problem = refusal(lake, configured)
    if problem:
        _logger.warning(problem)
        return []
    if not _FIRST_MONTH <= month <= _this_month(configured):
        return []
    landed: list[Fetch] = []
    with open_client(lake, configured) as client, TemporaryDirectory(prefix="transit-fire-") as folder:
        for items in batches(_asked(lake, configured, client, month, Path(folder))):
            landed += lake.landing.land(items)
            _delete(items)
    return landed


def open_client(lake: Lake, configured: Settings) -> FeedClient:
    """A client of the portal that knows what the lake has already asked today."""
    host = configured.lfb_url.host or ""
    spent = 0 if configured.is_simulated else calls_spent(lake, host, configured.clock().date())
    return lfb_client(configured, spent_today=spent)


def _asked(
    lake: Lake, configured: Settings, client: FeedClient, month: date, folder: Path
) -> Iterator[Sequence[Landable]]:
    """The attempts at each listing, and at each file that it offers for the month."""
    known = _known(lake)
    for feed in DATASETS:
        previous = known.get(client.address(listing(feed)))
        if previous is None or not _is_remembered(previous, configured):
            attempts = get_listing(client, feed, previous)
            yield attempts
            last, payload = attempts[-1]
            if last.outcome not in ("landed", "not_modified"):
                continue
        else:
            last, payload = previous, None
        files = files_of(lake.landing.payload(last) if payload is None else payload, feed)
        for file in files:
            before = known.get(client.address(feed_of(file)))
            if file.may_hold(month) and not _is_whole_and_remembered(before, file, configured):
                yield [_surveyed(*one, before, file, configured) for one in get_file(client, file, folder, before)]


def _known(lake: Lake) -> Mapping[str, Fetch]:
    """The latest good fetch of each address."""
    fetches = lake.landing.fetches(DOMAIN, [LISTINGS, *FEEDS])
    return {fetch.url: fetch for fetch in fetches if fetch.outcome in ("landed", "not_modified")}


def _is_remembered(fetch: Fetch, configured: Settings) -> bool:
    age = configured.clock() - fetch.fetched_at
    return timedelta(0) <= age < _REMEMBERED and fetch.is_simulated == configured.is_simulated


def _is_whole_and_remembered(fetch: Fetch | None, file: File, configured: Settings) -> bool:
    """Whether a file was heard of just now, and nothing speaks for its having been cut short."""
    if fetch is None or not _is_remembered(fetch, configured):
        return False
    return "etag" in fetch.headers or fetch.bytes == file.size


def _surveyed(
    fetch: Fetch, payload: Path | None, before: Fetch | None, file: File, configured: Settings
) -> tuple[Fetch, Path | None]:
    """An attempt at a file with what is in it; one that cannot be read has failed, and is kept to be looked at."""
    if fetch.outcome == "not_modified" and before is not None:
        return replace(fetch, headers=before.headers | fetch.headers, partitions=before.partitions), payload
    if fetch.outcome != "landed" or payload is None:
        return fetch, payload
    try:
        with payload.open("rb") as stream:
            found = _survey(stream, configured)
    except (PayloadUnreadable, ArchiveTooLarge) as error:
        _logger.warning("%s cannot be read: %s", file.title, error)
        return replace(fetch, outcome="failed", error=f"{file.title}: {error}"), payload
    months = _months(found, file, configured.clock())
    _logger.info("%s: %s records of %d months", file.title, f"{found.rows:,}", len(months))
    return replace(fetch, headers=fetch.headers | found.headers, partitions=months), payload


def _survey(stream: BinaryIO, configured: Settings) -> Survey:
    size, most = unpacked_bytes(stream), configured.archive_max_bytes
    if size > most:
        raise ArchiveTooLarge(f"it unpacks to {size:,} bytes, more than TRANSIT_ARCHIVE_MAX_BYTES allows ({most:,})")
    return survey(stream)


def _months(found: Survey, file: File, now: datetime) -> tuple[str, ...]:
    """The months of a file that the tables have: another would be due for ever."""
    last = now.astimezone(LONDON).date().replace(day=1)
    months = tuple(month for month in found.months if _FIRST_MONTH.isoformat() <= month <= last.isoformat())
    others = sorted(set(found.months) - set(months))
    if others:
        _logger.warning("%s: records of %s are not read, as no table has such months", file.title, ", ".join(others))
    return months


def _this_month(configured: Settings) -> date:
    return configured.clock().astimezone(LONDON).date().replace(day=1)


def _delete(items: Sequence[Landable]) -> None:
    """Take landed files off the disk: the next may be as large."""
    for _, payload in items:
        if isinstance(payload, Path):
            payload.unlink()
