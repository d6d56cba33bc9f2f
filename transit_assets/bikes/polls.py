"""Gets Vélib' polls into the landing: one now, or the polls of a whole simulated day.

A real provider only ever says what holds now, so past days of a real lake come from imports. The
simulator answers for any instant, so a day is filled poll by poll, up to the clock.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Literal, TypeAlias

from transit_assets.feeds import Attempt, FeedClient, calls_spent
from transit_assets.feeds.instants import every, paris_bounds
from transit_assets.feeds.origin import refusal
from transit_assets.feeds.velib import poll_station_information, poll_station_status, velib_client
from transit_assets.lake import Fetch, Lake
from transit_assets.settings import PARIS, Settings

FeedName: TypeAlias = Literal["station_status", "station_information"]

_logger = logging.getLogger(__name__)


def collect(lake: Lake, configured: Settings, feed: FeedName, day: date) -> list[Fetch]:
    """What can be fetched for a Paris day: all its polls from the simulator, one from a real provider if it is today.

    Returns the attempts as landed. A simulated fetch into a lake of real data is skipped. Raises OriginMismatch
    for the reverse.
    """
    problem = refusal(lake, configured)
    if problem:
        _logger.warning(problem)
        return []
    if configured.is_simulated:
        return _fill(lake, configured, feed, day)
    if day != configured.clock().astimezone(PARIS).date():
        return []
    with open_client(lake, configured) as client:
        return lake.landing.land(attempts(client, configured, feed, latest_fetch(lake, feed, day)))


def open_client(lake: Lake, configured: Settings, clock: Callable[[], datetime] | None = None) -> FeedClient:
    """A client of the configured provider that knows what the lake has already asked today."""
    base = configured.velib_url if configured.bikes_source == "gbfs" else configured.ods_url
    spent = 0 if configured.is_simulated else calls_spent(lake, base.host or "", configured.clock().date())
    return velib_client(configured, spent_today=spent, clock=clock)


def attempts(client: FeedClient, configured: Settings, feed: FeedName, previous: Fetch | None) -> Sequence[Attempt]:
    """One poll of a feed, ready to land."""
    ask = poll_station_status if feed == "station_status" else poll_station_information
    return ask(client, configured.bikes_source, previous)


def latest_fetch(lake: Lake, feed: FeedName, day: date) -> Fetch | None:
    """The day's latest fetch of a feed, whose validators make the next one conditional."""
    found = lake.landing.fetches("bikes", [feed], partitions=[day.isoformat()])
    return found[-1] if found else None


def poll_instants(day: date, feed: FeedName, minutes: int, until: datetime) -> list[datetime]:
    """The instants at which a simulated day is polled, in UTC: descriptions at its start, counts throughout.

    A day has 23 or 25 hours where the clock changes.
    """
    first, end = paris_bounds(day)
    found = every(minutes, first, min(end, until))
    return found[:1] if feed == "station_information" else found


def _fill(lake: Lake, configured: Settings, feed: FeedName, day: date) -> list[Fetch]:
    """Land the polls that a simulated day still lacks, in one commit."""
    held = {fetch.fetched_at for fetch in lake.landing.fetches("bikes", [feed], partitions=[day.isoformat()])}
    instants = poll_instants(day, feed, configured.simulator_poll_minutes, configured.clock())
    missing = [instant for instant in instants if instant not in held]
    now = configured.clock()
    items: list[Attempt] = []
    with open_client(lake, configured, clock=lambda: now) as client:
        for instant in missing:
            now = instant
            items += attempts(client, configured, feed, None)
    return lake.landing.land(items)
