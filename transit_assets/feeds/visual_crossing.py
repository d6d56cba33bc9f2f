"""Visual Crossing's timeline of the weather, hour by hour: what was observed, and what is forecast for fifteen days.

A query costs records, not calls: an hour of history each (a week is 168), a forecast one in all. The answer says what
it cost (`queryCost`), the plan says how many a UTC day has, and a query that would go beyond is not sent. Times come as
text of the wall clock and as `datetimeEpoch`; `tzoffset` is that of one day, wrong across a change of the clocks.
"""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeAlias

import httpx
import msgspec
from msgspec import Struct, field

from transit_assets.feeds.client import Attempt, Clock, Credentials, FeedClient, Sleep, feed_client
from transit_assets.feeds.errors import PayloadUnreadable
from transit_assets.feeds.feed import Feed
from transit_assets.feeds.payloads import Stations, each_typed, reason_unreadable
from transit_assets.lake import Fetch, Lake
from transit_assets.lake.landing import FETCHES
from transit_assets.settings import Settings

UnitGroup: TypeAlias = Literal["metric", "uk", "us", "base"]

UNITS: UnitGroup = "metric"
HOURS_OF_A_DAY = 24
FORECAST_DAYS = 15
_CALLS = 100_000  # calls are not what the provider counts
_COST, _HOURS = "query-cost", "rows-by-month"


class Hour(Struct, gc=False):
    """One hour; what the answer lacks is None. `source` is obs, fcst, comb, histfcst or stats."""

    datetime: str | None = None
    starts_at: int | None = field(default=None, name="datetimeEpoch")  # Unix seconds
    temp: float | None = None
    feelslike: float | None = None
    dew: float | None = None
    humidity: float | None = None
    precip: float | None = None
    precipprob: float | None = None
    preciptype: list[str] | str | None = None
    snow: float | None = None
    snowdepth: float | None = None
    windgust: float | None = None
    windspeed: float | None = None
    winddir: float | None = None
    pressure: float | None = None
    sealevelpressure: float | None = None
    cloudcover: float | None = None
    visibility: float | None = None
    solarradiation: float | None = None
    uvindex: float | None = None
    conditions: str | None = None
    source: str | None = None


class Day(Struct, gc=False):
    """One local day; without `include=hours` it has none."""

    datetime: str
    hours: list[msgspec.Raw] | None = None
    source: str | None = None


class Timeline(Struct):
    """An answer: a place and its days."""

    days: list[Day]
    latitude: float | None = None
    longitude: float | None = None
    address: str | None = field(default=None, name="resolvedAddress")
    timezone: str | None = None
    cost: float | None = field(default=None, name="queryCost")

    @property
    def hours(self) -> list[msgspec.Raw]:
        """The hours of all days, each still JSON."""
        return [hour for day in self.days for hour in day.hours or ()]


_TIMELINE = msgspec.json.Decoder(Timeline)
_HOUR = msgspec.json.Decoder(Hour)


def decode_timeline(payload: bytes) -> Timeline:
    """An answer, its hours still JSON. Raises PayloadUnreadable."""
    try:
        return _TIMELINE.decode(payload)
    except msgspec.DecodeError as error:
        raise PayloadUnreadable(reason_unreadable(payload, error)) from error


def decode_hours(timeline: Timeline) -> Stations[Hour]:
    """The hours of an answer, typed. One bad hour costs that hour only."""
    return each_typed(timeline.hours, _HOUR)


def problem_of_timeline(payload: bytes) -> str | None:
    """Why a payload is no answer with hours, or None."""
    try:
        timeline = decode_timeline(payload)
    except PayloadUnreadable as error:
        return str(error)
    return None if timeline.hours else "there are no hours in it"


def visual_crossing_client(
    settings: Settings,
    *,
    clock: Clock | None = None,
    transport: httpx.BaseTransport | None = None,
    sleep: Sleep = time.sleep,
) -> FeedClient:
    """A client of the provider; its key is a parameter that nothing shows or stores."""
    key = settings.visualcrossing_key
    return feed_client(
        settings,
        settings.visualcrossing_url,
        daily_quota=_CALLS,
        credentials=Credentials(params={"key": key} if key else {}),
        clock=clock,
        transport=transport,
        sleep=sleep,
    )


def cost_of(first: date, last: date, today: date) -> int:
    """Records that a query for local days costs: 24 for each day that is over, one for all that are not."""
    over = (min(last, today - timedelta(days=1)) - first).days + 1
    return HOURS_OF_A_DAY * max(0, over) + (1 if last >= today else 0)


def get_hours(
    client: FeedClient,
    configured: Settings,
    latitude: float,
    longitude: float,
    first: date,
    last: date,
    *,
    records_left: int,
) -> list[Attempt]:
    """The hours of a place from a first to a last local day, ready to land.

    Where they cost more than the records that are left, nothing is asked: one attempt, skipped. What landed touches
    the UTC months of its hours, up to the month in which it was fetched.
    """
    feed = Feed("weather", "timeline", f"{latitude},{longitude}/{first}/{last}", problem_of_timeline)
    params: dict[str, str | int] = {"unitGroup": UNITS, "include": "hours", "contentType": "json"}
    now = configured.clock()
    cost = cost_of(first, last, now.date())
    if cost <= records_left:
        return [(_described(fetch, payload), payload) for fetch, payload in client.get(feed, params)]
    skipped = Fetch(
        domain=feed.domain,
        feed=feed.name,
        fetched_at=now,
        provider=client.provider,
        url=client.address(feed, params),
        outcome="skipped",
        is_simulated=configured.is_simulated,
        error=f"{cost:,} records are needed, {max(0, records_left):,} of this UTC day are left",
    )
    return [(skipped, None)]


def _described(fetch: Fetch, payload: bytes | None) -> Fetch:
    """A landed fetch with its cost, and the months that it touches with their hours."""
    if fetch.outcome != "landed" or payload is None:
        return fetch
    timeline = decode_timeline(payload)
    months = hours_by_month([hour.starts_at for hour in decode_hours(timeline).stations], fetch.fetched_at)
    headers = {
        _COST: str(int(timeline.cost or 0)),
        _HOURS: json.dumps(months),
        "records": str(len(timeline.hours)),
    }
    return replace(fetch, headers=fetch.headers | headers, partitions=tuple(sorted(months)))


def hours_by_month(epochs: Sequence[int | None], fetched_at: datetime) -> dict[str, int]:
    """How many hours of which UTC months (by their first day) there are, up to the month of the fetch."""
    starts = [datetime.fromtimestamp(epoch, UTC) for epoch in epochs if epoch is not None]
    counts = Counter(start.strftime("%Y-%m-01") for start in starts)
    return {month: count for month, count in counts.items() if month <= fetched_at.strftime("%Y-%m-01")}


def records_spent(lake: Lake, provider: str, day: date) -> int:
    """Records that answers of a UTC day have cost, by their own account."""
    table = lake.table(FETCHES)
    if not table.exists():
        return 0
    query = (
        f"SELECT coalesce(sum(try_cast(headers ->> '$.\"{_COST}\"' AS INTEGER)), 0) AS spent "
        "FROM fetches WHERE date = ? AND provider = ? AND domain = 'weather'"
    )
    return int(table.scan(query, [day, provider]).to_pylist()[0]["spent"])
