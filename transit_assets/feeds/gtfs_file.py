"""The zip of the schedules at its address: a file of any size, asked for only if it has changed."""

import time
from pathlib import Path
from typing import Literal

import httpx

from transit_assets.feeds.client import Clock, FeedClient, FileAttempt, Sleep, feed_client
from transit_assets.feeds.feed import Feed
from transit_assets.lake import Fetch, zips
from transit_assets.settings import Settings

DOMAIN = "rail"
FEED: Literal["gtfs"] = "gtfs"

_CALLS = 1_000  # the portal names no quota; the zip changes three times a day
_ARRIVAL_SECONDS = 1800.0  # 200 MB at a megabit a second


def problem_of_zip(beginning: bytes) -> str | None:
    """Why what begins like this is no zip, or None where it may be one."""
    if not beginning:
        return "the body is empty"
    return None if beginning.startswith(zips.MAGIC) else "the body is no zip"


def gtfs_client(
    settings: Settings,
    *,
    spent_today: int = 0,
    clock: Clock | None = None,
    transport: httpx.BaseTransport | None = None,
    sleep: Sleep = time.sleep,
) -> FeedClient:
    """A client of the host that has the zip."""
    return feed_client(
        settings,
        settings.gtfs_url,
        daily_quota=_CALLS,
        spent_today=spent_today,
        max_bytes=settings.gtfs_max_bytes,
        arrival_seconds=max(_ARRIVAL_SECONDS, settings.feed_timeout_seconds),
        clock=clock,
        transport=transport,
        sleep=sleep,
    )


def get_zip(client: FeedClient, settings: Settings, folder: Path, previous: Fetch | None = None) -> list[FileAttempt]:
    """The zip, ready to land but for what it holds; written into a folder, never held whole."""
    feed = Feed(DOMAIN, FEED, str(settings.gtfs_url), problem_of=problem_of_zip)
    return client.get_file(feed, folder, previous=previous)
