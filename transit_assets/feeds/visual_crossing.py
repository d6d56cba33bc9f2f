"""Visual Crossing's timeline of the weather, hour by hour: what was observed, and what is forecast for fifteen days.

A query costs records, not calls: an hour of history each (a week is 168), a forecast one in all. The answer says what
it cost (`queryCost`), the plan says how many a UTC day has, and a query that would go beyond is not sent. Times come as
text of the wall clock and as `datetimeEpoch`; `tzoffset` is that of one day, wrong across a change of the clocks.
"""

import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeAlias

import httpx
import msgspec
from msgspec import Struct, field

from transit_assets.feeds.addresses import is_internal
from transit_assets.feeds.client import Attempt, Clock, Credentials, FeedClient, Sleep, feed_client
from transit_assets.feeds.errors import PayloadUnreadable
from transit_assets.feeds.feed import Feed
from transit_assets.feeds.payloads import Stations, each_typed, reason_unreadable
from transit_assets.lake import Fetch, Lake
from transit_assets.lake.landing import FETCHES
from transit_assets.settings import SettingMissing, Settings

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
    """A client of the provider; its key is a parameter that nothing shows or stores.

    Raises SettingMissing where the real provider would be asked without a key: it answers nobody without one.
    """
    key = settings.visualcrossing_key
    if key is None and not settings.is_simulated and not is_internal(settings.visualcrossing_url.host or ""):
        raise SettingMissing(f"{settings.visualcrossing_url.host} wants a key: set TRANSIT_VISUALCROSSING_KEY")
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
    days: tuple[date, date],
    *,
    month: date,
    records_left: int,
) -> list[Attempt]:
    """The hours of a UTC month at a place, from a first to a last local day, ready to land.

    Where they cost more than the records that are left, nothing is asked: one attempt, skipped. Hours beyond the month
    come with its local days; they are not counted, as those of another month are asked for with that.
    """
    first, last = days
    feed = Feed("weather", "timeline", f"{latitude},{longitude}/{first}/{last}", problem_of_timeline)
    params: dict[str, str | int] = {"unitGroup": UNITS, "include": "hours", "contentType": "json"}
    now = configured.clock()
    cost = cost_of(first, last, now.date())
    if cost <= records_left:
        return [(_described(fetch, payload, month), payload) for fetch, payload in client.get(feed, params)]
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


def _described(fetch: Fetch, payload: bytes | None, month: date) -> Fetch:
    """A landed fetch with its cost, the month that it is about, and how many hours of it there are."""
    if fetch.outcome != "landed" or payload is None:
        return fetch
    timeline = decode_timeline(payload)
    starts = [hour.starts_at for hour in decode_hours(timeline).stations]
    name = month.isoformat()
    count = sum(start is not None and f"{datetime.fromtimestamp(start, UTC):%Y-%m}-01" == name for start in starts)
    headers = {_COST: str(int(timeline.cost or 0)), _HOURS: json.dumps({name: count}), "records": str(len(starts))}
    return replace(fetch, headers=fetch.headers | headers, partitions=(name,))


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
