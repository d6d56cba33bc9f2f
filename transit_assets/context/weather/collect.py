"""Gets the weather of a UTC month into the landing: days that are over, and the forecast for those that are not.

A day is asked for once after it is over; the days that still run are asked for again an hour after the last time. What
the plan of the provider does not allow today is skipped, and follows another day.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from transit_assets.context.places import PLACES, Place
from transit_assets.feeds import Attempt, FeedClient
from transit_assets.feeds.visual_crossing import (
    FORECAST_DAYS,
    HOURS_OF_A_DAY,
    get_hours,
    records_spent,
    visual_crossing_client,
)
from transit_assets.lake import Fetch, Lake, Period
from transit_assets.settings import Settings

FEED = "timeline"
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_NO_LIMIT = 10**9  # the simulator counts no records

_logger = logging.getLogger(__name__)


def collect(lake: Lake, configured: Settings, month: date, places: Sequence[Place] = PLACES) -> list[Fetch]:
    """What can be fetched for a UTC month and is not held yet. Returns the attempts as landed.

    A simulated fetch into a lake of real data is skipped. Raises OriginMismatch for the reverse.
    """
    if configured.is_simulated and lake.landing.origin() == "real":
        _logger.warning("%s holds real data, so nothing is fetched from the simulator", lake.location.root)
        return []
    held = [fetch for fetch in lake.landing.fetches("weather", [FEED]) if fetch.outcome == "landed"]
    items: list[Attempt] = []
    with visual_crossing_client(configured) as client:
        left = _records_left(lake, configured, client)
        for place in places:
            for days in _spans(missing(place, month, held, configured.clock()), left):
                asked = get_hours(
                    client, configured, place.latitude, place.longitude, days, month=month, records_left=left
                )
                left -= sum(int(fetch.headers.get("query-cost", 0)) for fetch, _ in asked)
                items += asked
                if asked[-1][0].outcome != "landed":
                    break
    return lake.landing.land(items)


def _records_left(lake: Lake, configured: Settings, client: FeedClient) -> int:
    if configured.is_simulated:
        return _NO_LIMIT
    spent = records_spent(lake, client.provider, configured.clock().astimezone(UTC).date())
    return configured.visualcrossing_daily_records - spent


def missing(place: Place, month: date, held: Sequence[Fetch], now: datetime) -> list[tuple[date, date]]:
    """Ranges of local days of a UTC month to ask for, both ends included: those that are over, then those that are not.

    A day is over an hour after it ends. What still runs ends with the month, because the next one is no partition yet.
    """
    zone = ZoneInfo(place.zone)
    first, last = (at.astimezone(zone).date() for at in (_start(month), _start(Period.MONTH.after(month)) - _HOUR))
    today = (now - _HOUR).astimezone(zone).date()
    over = [first + number * _DAY for number in range((min(last, today - _DAY) - first).days + 1)]
    lacking = [str(day) for day in over if not any(_has(fetch, place, day, _end(day, zone)) for fetch in held)]
    found = [(date.fromisoformat(start), date.fromisoformat(end)) for start, end in Period.DAY.ranges(lacking)]
    is_running = first <= today <= last and not any(_has(fetch, place, today, now - _HOUR) for fetch in held)
    return [*found, (today, min(last, today + (FORECAST_DAYS - 1) * _DAY))] if is_running else found


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _end(day: date, zone: ZoneInfo) -> datetime:
    """From when a local day is over."""
    following = day + _DAY
    return datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC) + _HOUR


def _has(fetch: Fetch, place: Place, day: date, since: datetime) -> bool:
    """Whether a fetch asked for a local day of a place at an instant or later."""
    address = fetch.url.split("?")[0]
    if f"/{place.latitude},{place.longitude}/" not in address or fetch.fetched_at < since:
        return False
    first, last = address.rsplit("/", 2)[-2:]
    return date.fromisoformat(first) <= day <= date.fromisoformat(last)


def _spans(ranges: Sequence[tuple[date, date]], records_left: int) -> Iterator[tuple[date, date]]:
    """The ranges, the first that costs more than what is left cut to what can be had."""
    for first, last in ranges:
        days = max(1, min((last - first).days + 1, records_left // HOURS_OF_A_DAY))
        yield first, first + (days - 1) * _DAY
