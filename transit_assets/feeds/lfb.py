"""The London Fire Brigade's records on the London Datastore: files of years, each replaced as a whole once a month.

`api/dataset/<id>` lists what there is; `resources` holds a title and an address for each file, under a key of its own.
Which years a file has stands in its title alone (`LFB Incident data from 2018 onwards.csv`), and its ending may lie:
the CSV of 2009 to 2017 was called `.xlsx`. Downloads redirect to a store of files at another host.
"""

import re
import time
from calendar import month_name
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import httpx
import msgspec
from msgspec import Struct

from transit_assets.feeds.client import Attempt, Clock, FeedClient, FileAttempt, Sleep, feed_client
from transit_assets.feeds.errors import PayloadUnreadable
from transit_assets.feeds.feed import Feed
from transit_assets.feeds.payloads import reason_unreadable
from transit_assets.lake import Fetch
from transit_assets.settings import Settings

DOMAIN, LISTINGS, STATIONS = "fire", "listings", "stations"
DATASETS = {"incidents": "em8xy", "mobilisations": "24r65"}
"""The portal's own ids by feed: they hold while the names of the pages change."""
FEEDS = (*DATASETS, STATIONS)

_CALLS = 2_000  # the portal names no quota; a poll costs about ten
_ARRIVAL_SECONDS = 1800.0  # 200 MB at a megabit a second
_TABLES = ("csv", "xlsx")
_NO_RECORDS = ("metadata", "dictionary")
_BOM = b"\xef\xbb\xbf"
_MONTHS = {name.lower(): number for number, name in enumerate(month_name) if name}
_POINT = re.compile(rf"(?:\b({'|'.join(_MONTHS)})\s+)?\b((?:19|20)\d\d)\b", re.IGNORECASE)
_OPEN = re.compile(r"\bonwards?\b|\bsince\b", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\b", re.IGNORECASE)


class _Resource(Struct):
    url: str
    title: str | None = None
    format: str | None = None
    check_size: int | None = None


class _Listing(Struct):
    resources: dict[str, _Resource]


_LISTING = msgspec.json.Decoder(_Listing)


@dataclass(frozen=True)
class File:
    """A file that the portal offers: the feed it belongs to, and its size in bytes where the listing says."""

    feed: str
    title: str
    url: str
    size: int | None = None

    def may_hold(self, month: date) -> bool:
        """Whether it can have calls of the month that begins on a day; true wherever its title does not tell."""
        period = period_of(self.title)
        return period is None or period[0] <= month <= period[1]


def period_of(title: str) -> tuple[date, date] | None:
    """The first and the last month of a file by the years in its title; None where they do not tell."""
    points = [(_MONTHS.get(month.lower()), int(year)) for month, year in _POINT.findall(title)]
    if not points or re.search(r"\d", _POINT.sub("", PurePosixPath(title).stem)):
        return None
    first = min(date(year, month or 1, 1) for month, year in points)
    last = max(date(year, month or 12, 1) for month, year in points)
    is_open = _OPEN.search(title) or (len(points) == 1 and _FROM.search(title))
    return first, date.max if is_open else last


def files_of(payload: bytes, feed: str) -> list[File]:
    """The files of records in the listing of a feed's dataset. Raises PayloadUnreadable where it is no listing.

    Of a file that is there in both formats only the CSV is meant.
    """
    try:
        resources = _LISTING.decode(payload).resources.values()
    except msgspec.DecodeError as error:
        raise PayloadUnreadable(reason_unreadable(payload, error)) from error
    files: dict[str, File] = {}
    for resource in resources:
        title = resource.title or _name(resource.url)
        if any(word in title.lower() for word in _NO_RECORDS) or not _is_table(resource):
            continue
        stem = re.sub(r"(\.(csv|xlsx))+$", "", title, flags=re.IGNORECASE)
        file = File(STATIONS if "station location" in title.lower() else feed, title, resource.url, resource.check_size)
        if stem not in files or "csv" in _formats(resource):
            files[stem] = file
    return list(files.values())


def _name(url: str) -> str:
    """What the file behind an address is called. Raises PayloadUnreadable for what is none."""
    try:
        return PurePosixPath(unquote(httpx.URL(url).path)).name
    except httpx.InvalidURL as error:
        raise PayloadUnreadable(f"the listing has an address that is none: {error}") from error


def _formats(resource: _Resource) -> set[str]:
    ending = PurePosixPath(_name(resource.url)).suffix
    return {ending.lstrip(".").lower(), (resource.format or "").lstrip(".").lower()}


def _is_table(resource: _Resource) -> bool:
    return not _formats(resource).isdisjoint(_TABLES)


def problem_of_listing(payload: bytes) -> str | None:
    """Why these bytes are no listing of a dataset, or None."""
    try:
        files_of(payload, "")
    except PayloadUnreadable as error:
        return str(error)
    return None


def problem_of_file(beginning: bytes) -> str | None:
    """Why what begins like this is no table, or None where it may be one."""
    start = beginning.removeprefix(_BOM).lstrip()
    if not start:
        return "the body is empty"
    if start[:1] == b"<":
        return "the body is HTML or XML, not a table"
    if start[:1] == b"{":
        return "the body is JSON, not a table"
    return None


def lfb_client(
    settings: Settings,
    *,
    spent_today: int = 0,
    clock: Clock | None = None,
    transport: httpx.BaseTransport | None = None,
    sleep: Sleep = time.sleep,
) -> FeedClient:
    """A client of the portal that has the brigade's files."""
    return feed_client(
        settings,
        settings.lfb_url,
        daily_quota=_CALLS,
        spent_today=spent_today,
        max_bytes=settings.lfb_max_bytes,
        arrival_seconds=max(_ARRIVAL_SECONDS, settings.feed_timeout_seconds),
        clock=clock,
        transport=transport,
        sleep=sleep,
    )


def listing(feed: str) -> Feed:
    """The listing of the dataset that a feed's files are in."""
    return Feed(DOMAIN, LISTINGS, f"api/dataset/{DATASETS[feed]}", problem_of=problem_of_listing)


def feed_of(file: File) -> Feed:
    """A file as it is asked for."""
    return Feed(DOMAIN, file.feed, file.url, problem_of=problem_of_file)


def get_listing(client: FeedClient, feed: str, previous: Fetch | None = None) -> list[Attempt]:
    """What there is of a feed, ready to land."""
    return client.get(listing(feed), previous=previous)


def get_file(client: FeedClient, file: File, folder: Path, previous: Fetch | None = None) -> list[FileAttempt]:
    """A file, ready to land but for what it holds; written into a folder, never held whole."""
    return client.get_file(feed_of(file), folder, previous=previous)
