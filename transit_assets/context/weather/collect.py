"""Gets the weather of a UTC month into the landing: days that are over, and the forecast for those that are not.

A day is asked for once after it is over; the days that still run are asked for again an hour after the last time. What
the plan of the provider does not allow today is skipped, and follows another day.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from transit_assets.context.weather.clean.formats import month_of
from transit_assets.context.weather.clean.places import PLACES, Place
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
_DAY, _AGAIN_AFTER = timedelta(days=1), timedelta(hours=1)
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
            spans = _spans(missing(place, month, held, configured.clock()), left)
            for first, last in spans:
                asked = get_hours(client, configured, place.latitude, place.longitude, first, last, records_left=left)
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
    """Ranges of days of a month to ask for, both ends included, those that are over before those that still run.

    A day is UTC's, and is over an hour later than that, so that no local day of a place still runs.
    """
    today = (now - _AGAIN_AFTER).astimezone(UTC).date()
    last = min(Period.MONTH.after(month) - _DAY, today - _DAY)
    over = [month + number * _DAY for number in range((last - month).days + 1)]
    lacking = [day for day in over if not any(_holds(fetch, place, day) for fetch in held)]
    found = [
        (date.fromisoformat(first), date.fromisoformat(end)) for first, end in Period.DAY.ranges(map(str, lacking))
    ]
    if month != month_of(now):
        return found
    is_recent = any(_is_of(fetch, place) and fetch.fetched_at > now - _AGAIN_AFTER for fetch in held)
    return found if is_recent else [*found, (today, today + (FORECAST_DAYS - 1) * _DAY)]


def _is_of(fetch: Fetch, place: Place) -> bool:
    return f"/{place.latitude},{place.longitude}/" in fetch.url


def _holds(fetch: Fetch, place: Place, day: date) -> bool:
    """Whether a fetch asked for a day of a place when the day was over."""
    if not _is_of(fetch, place):
        return False
    first, last = fetch.url.split("?")[0].rsplit("/", 2)[-2:]
    over_at = datetime(day.year, day.month, day.day, tzinfo=UTC) + _DAY + _AGAIN_AFTER
    return date.fromisoformat(first) <= day <= date.fromisoformat(last) and fetch.fetched_at >= over_at


def _spans(ranges: Sequence[tuple[date, date]], records_left: int) -> Iterator[tuple[date, date]]:
    """The ranges, the first that costs more than what is left cut to what can be had."""
    for first, last in ranges:
        days = max(1, min((last - first).days + 1, records_left // HOURS_OF_A_DAY))
        yield first, first + (days - 1) * _DAY
