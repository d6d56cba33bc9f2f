"""The permanent road counters of Paris on the city's Opendatasoft portal: one record per arc and hour.

The set is live and large (about 3,000 arcs, 28.9 million records in its 14 months), so it is read by windows of
`t_1h`, the END of an hour: a small window page by page, a large one as exports. Windows are Paris days, so that a
window has the same address at every poll and can be asked for conditionally.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

import httpx
import msgspec
from msgspec import Struct

from transit_assets.feeds import opendatasoft
from transit_assets.feeds.client import Attempt, Clock, FeedClient, Sleep
from transit_assets.feeds.errors import PayloadUnreadable
from transit_assets.feeds.feed import Content, Feed
from transit_assets.lake import Fetch, Lake
from transit_assets.lake.landing import FETCHES
from transit_assets.settings import PARIS, Settings

DATASET = "comptages-routiers-permanents"
HOUR = timedelta(hours=1)

_PAGED_RECORDS = 500  # five pages; beyond, one export costs fewer calls of the quota
_EXPORTED_RECORDS = 25_000  # about 15 MB of JSON, which arrives well within a time-out
# A repeated hour differs from the first in the rounding of k alone: without it the order would not be unique.
_ORDER = "t_1h,iu_ac,k"


class _Stamped(Struct, gc=False):
    t_1h: str | None = None


class _OfArc(Struct, gc=False):
    iu_ac: msgspec.Raw
    t_1h: msgspec.Raw


_STAMPED = msgspec.json.Decoder(_Stamped)
_OF_ARC = msgspec.json.Decoder(_OfArc)
_YEARS = range(2010, 2050)


def content_of(payload: bytes) -> Content:
    """What a payload of counts is: its records, the Paris months in which their hours START, the ends of those hours.

    A record whose time cannot be read counts as a record and names no month. Raises PayloadUnreadable where there is
    no list of records, or none of them has an arc and a time: what lands can be decoded.
    """
    rows = opendatasoft.decode_records(payload).rows or ()
    if rows and not any(map(is_count, rows)):
        raise PayloadUnreadable(f"none of {len(rows)} records has an iu_ac and a t_1h")
    ends = sorted(filter(None, map(_hour_end, {_time_text(row) for row in rows})))
    if not ends:
        if rows:
            raise PayloadUnreadable(f"none of {len(rows)} records has a t_1h that can be read")
        return Content(0)
    return Content(len(rows), tuple(sorted({month_of(end) for end in ends})), ends[0], ends[-1])


def is_count(record: msgspec.Raw) -> bool:
    """Whether a record is one of counts: by its fields, whatever they say."""
    try:
        _OF_ARC.decode(record)
    except msgspec.DecodeError:
        return False
    return True


def month_of(hour_end: datetime) -> str:
    """The partition of an hour by its end: the first day of the Paris month in which it starts."""
    return f"{(hour_end.astimezone(UTC) - HOUR).astimezone(PARIS):%Y-%m}-01"


def _time_text(record: msgspec.Raw) -> str | None:
    try:
        return _STAMPED.decode(record).t_1h
    except msgspec.DecodeError:
        return None


def _hour_end(text: str | None) -> datetime | None:
    """The instant of a `t_1h`; one without offset is Paris time, and the second 02:00 where there are two.

    None of one that cannot be read, or is of a year that no table has: such a month would be due for ever.
    """
    try:
        found = datetime.fromisoformat(text or "")
        found = found if found.tzinfo else found.replace(tzinfo=PARIS, fold=1)
        start = (found.astimezone(UTC) - HOUR).astimezone(PARIS)
    except (ValueError, OverflowError):
        return None
    return found.astimezone(UTC) if start.year in _YEARS else None


COUNTS = Feed("road", "counts", opendatasoft.export_path(DATASET, "json"), content_of=content_of)
COUNT_PAGES = Feed("road", "counts", opendatasoft.records_path(DATASET), content_of=content_of)


def counters_client(
    settings: Settings,
    *,
    spent_today: int = 0,
    clock: Clock | None = None,
    transport: httpx.BaseTransport | None = None,
    sleep: Sleep = time.sleep,
) -> FeedClient:
    """A client of the portal that has the counters."""
    return opendatasoft.ods_client(settings, spent_today=spent_today, clock=clock, transport=transport, sleep=sleep)


def fetch_windows(
    client: FeedClient, since: datetime, until: datetime, previous: Sequence[Fetch] = ()
) -> Iterator[list[Attempt]]:
    """The counts of hours that END from `since` on and before `until`, in pieces that can be landed one by one.

    Oldest hours first; the first piece that fails is the last.
    `previous` are earlier fetches of the feed, oldest first: what they had is asked for conditionally, and how much
    an export brought says whether a window is paged or exported. Without them the first page says.
    """
    known = {fetch.url: fetch for fetch in previous}
    per_hour = _records_per_hour(previous)
    for first, end in day_windows(since, until):
        hours = (end - first) / HOUR
        if per_hour is None or per_hour * hours <= _PAGED_RECORDS:
            pages = _pages(client, first, end, known)
            yield pages
            if not is_answered(pages):
                return
            total = opendatasoft.total_of(pages)
            if total is None or total == _records(pages):
                continue
            # Too many to page, or they changed between two pages: one answer cannot lose any.
            per_hour = total / hours
        for start, stop in _parts(first, end, per_hour):
            export = _export(client, start, stop, known)
            yield export
            if not is_answered(export):
                return


def _records(pages: Sequence[Attempt]) -> int:
    """How many records the pages have together."""
    return sum(int(fetch.headers["records"]) for fetch, _ in pages if "records" in fetch.headers)


def is_answered(attempts: Sequence[Attempt]) -> bool:
    """Whether the last of the attempts brought what was asked, or word that it has not changed."""
    return attempts[-1][0].outcome in ("landed", "not_modified")


def was_answered(lake: Lake, until: datetime, since: datetime) -> bool:
    """Whether a window that ends here was answered whole at or after an instant, be it without a record.

    An export is whole, and so is the last page of some; a full page may be the first of a window that failed then.
    """
    table = lake.table(FETCHES)
    if not table.exists():
        return False
    query = """
        SELECT 1 FROM fetches WHERE domain = ? AND feed = ? AND outcome IN ('landed', 'not_modified')
            AND fetched_at >= ? AND contains(replace(url_decode(url), '+', ' '), ?)
            AND (contains(url, ?) OR CAST(json_extract_string(headers, 'records') AS INTEGER) < ?) LIMIT 1
    """
    window = f"t_1h < {opendatasoft.instant(until)}"
    asked = [COUNTS.domain, COUNTS.name, since, window, COUNTS.path, opendatasoft.MAX_PAGE]
    return table.scan(query, asked, where=f"date >= '{since.astimezone(UTC).date()}'").num_rows > 0


def day_windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Bounds of `t_1h` that cover [since, until), in UTC, cut where a Paris day has its first hour END."""
    first = since.astimezone(UTC)
    while first < until:
        day = (first - HOUR).astimezone(PARIS).date() + timedelta(days=1)
        end = min(datetime(day.year, day.month, day.day, tzinfo=PARIS).astimezone(UTC) + HOUR, until.astimezone(UTC))
        yield first, end
        first = end


def _parts(first: datetime, end: datetime, per_hour: float) -> Iterator[tuple[datetime, datetime]]:
    """A window in equal parts of whole hours, each of which an export can bring."""
    hours = (end - first) / HOUR
    length = ceil(hours / max(1, ceil(per_hour * hours / _EXPORTED_RECORDS))) * HOUR
    while first < end:
        yield first, min(first + length, end)
        first += length


def _records_per_hour(previous: Sequence[Fetch]) -> float | None:
    """How many records an hour has, as the latest export tells; None where there was none."""
    for fetch in reversed(previous):
        told = fetch.headers
        if fetch.url.split("?")[0].endswith(COUNTS.path) and "last" in told:
            span = datetime.fromisoformat(told["last"]) - datetime.fromisoformat(told["first"])
            return int(told["records"]) / (span / HOUR + 1)
    return None


def _where(first: datetime, end: datetime) -> dict[str, str | int]:
    return {"where": f"t_1h >= {opendatasoft.instant(first)} and t_1h < {opendatasoft.instant(end)}"}


def _pages(client: FeedClient, first: datetime, end: datetime, known: Mapping[str, Fetch]) -> list[Attempt]:
    return opendatasoft.get_pages(
        client, COUNT_PAGES, order_by=_ORDER, params=_where(first, end), at_most=_PAGED_RECORDS, previous=known
    )


def _export(client: FeedClient, first: datetime, end: datetime, known: Mapping[str, Fetch]) -> list[Attempt]:
    asked = _where(first, end)
    return client.get(COUNTS, asked, previous=known.get(client.address(COUNTS, asked)))
