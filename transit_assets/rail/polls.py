"""Gets the rail's feeds into the landing: schedules, trains, disruptions, messages and reports of the line.

A real provider only says what holds now, so past days of a real lake come from imports. The simulator answers for any
instant, so a day is filled poll by poll, up to the clock: trains every two minutes, the rest as other feeds are.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeAlias

from transit_assets.feeds import Attempt, FeedClient, calls_spent, prim
from transit_assets.feeds.gtfs_file import FEED as GTFS
from transit_assets.feeds.gtfs_file import get_zip, gtfs_client
from transit_assets.feeds.instants import every, paris_bounds
from transit_assets.feeds.origin import refusal
from transit_assets.lake import Fetch, Lake
from transit_assets.lake.errors import ArchiveTooLarge, PayloadUnreadable
from transit_assets.rail.clean import times
from transit_assets.rail.clean.formats import survey_answer
from transit_assets.rail.stations import STATIONS
from transit_assets.settings import Settings

FeedName: TypeAlias = Literal["gtfs", "stop_monitoring", "disruptions", "general_message", "line_reports"]

DOMAIN = "rail"
POLLED: tuple[FeedName, ...] = ("stop_monitoring", "disruptions", "general_message", "line_reports")
"""Feeds that tell what holds now; the schedule (`gtfs`) is the other one."""

# Of how far from now an answer may tell: trains that left stay for half an hour, the others come within three.
_PAST, _AHEAD = timedelta(minutes=30), timedelta(hours=3)
_REMEMBERED = timedelta(hours=1)  # the dates of one run are collected one by one

_logger = logging.getLogger(__name__)


def collect(lake: Lake, configured: Settings, feed: FeedName, day: date) -> list[Fetch]:
    """What can be fetched of a feed for a date: all its polls from the simulator, one of a provider if it is today.

    A date of trains is a service date, one of disruptions a Paris day. Returns the attempts as landed. A simulated
    fetch into a lake of real data is skipped. Raises OriginMismatch for the reverse.
    """
    problem = refusal(lake, configured)
    if problem:
        _logger.warning(problem)
        return []
    if feed == GTFS:
        return _collect_gtfs(lake, configured, day)
    asked = questions(feed, configured)
    if configured.is_simulated:
        return _fill(lake, configured, feed, asked, day)
    if day != date_of(feed, configured.clock()):
        return []
    return lake.landing.land(poll(lake, configured, feed, asked, day))


def questions(feed: FeedName, configured: Settings) -> list[prim.Question]:
    """What one poll of a feed asks. Of messages there is no asking but for a line."""
    line = configured.rail_line
    if feed == "stop_monitoring" and configured.rail_source == "line":
        return [prim.trains_of_line(line)]
    if feed == "stop_monitoring":
        return [prim.trains_of_area(one.area, line) for one in STATIONS if one.area is not None]
    if feed == "general_message":
        return [] if line == prim.ALL_LINES else [prim.messages_of_line(line)]
    return [prim.disruptions()] if feed == "disruptions" else [prim.reports_of_line(line)]


def date_of(feed: FeedName, at: datetime) -> date:
    """The date to which a poll at an instant belongs."""
    return times.service_date(at) if feed == "stop_monitoring" else times.paris_day(at)


def partitions_of(feed: FeedName) -> prim.PartitionsOf:
    """The dates of which an answer that is heard at an instant may tell."""
    if feed != "stop_monitoring":
        return lambda at: (times.paris_day(at).isoformat(),)
    return lambda at: tuple(sorted({times.service_date(near).isoformat() for near in (at - _PAST, at, at + _AHEAD)}))


def open_client(
    lake: Lake, configured: Settings, endpoint: prim.Endpoint, clock: Callable[[], datetime] | None = None
) -> FeedClient:
    """A client of one endpoint that knows what the lake has already asked it today."""
    host, today = configured.prim_url.host or "", configured.clock().date()
    spent = 0 if configured.is_simulated else calls_spent(lake, host, today, f"/{endpoint.path}")
    return prim.prim_client(configured, endpoint, spent_today=spent, clock=clock)


def poll(lake: Lake, configured: Settings, feed: FeedName, asked: Sequence[prim.Question], day: date) -> list[Attempt]:
    """One poll of a feed now, ready to land; an answer that the day has already is asked for only if it has changed."""
    if not asked:
        return []
    held = {fetch.url: fetch for fetch in lake.landing.fetches(DOMAIN, [feed], partitions=[day.isoformat()])}
    with open_client(lake, configured, asked[0].endpoint) as client:
        return attempts(client, feed, asked, held)


def attempts(
    client: FeedClient, feed: FeedName, asked: Sequence[prim.Question], held: Mapping[str, Fetch]
) -> list[Attempt]:
    """The attempts of one poll; `held` are the fetches by which requests are conditional, by their addresses."""
    found: list[Attempt] = []
    for question in asked:
        found += (_dated(*one, feed) for one in prim.ask(client, question, partitions_of(feed), held))
    return found


def _dated(fetch: Fetch, payload: bytes | None, feed: FeedName) -> Attempt:
    """An attempt with what is in its answer, which may tell of one date more than answers of its instant do."""
    if fetch.outcome != "landed" or payload is None:
        return fetch, payload
    found = survey_answer(payload, feed, fetch.fetched_at)
    partitions = tuple(sorted({*fetch.partitions, *found.dates}))
    return replace(fetch, headers=fetch.headers | found.headers, partitions=partitions), payload


def poll_instants(configured: Settings, feed: FeedName, day: date) -> list[datetime]:
    """When a simulated date is polled, in UTC: trains over the service date, the rest over the Paris day."""
    is_of_trains = feed == "stop_monitoring"
    first, end = paris_bounds(day, hour=times.SERVICE_DATE_STARTS_AT if is_of_trains else 0)
    minutes = configured.simulator_rail_poll_minutes if is_of_trains else configured.simulator_poll_minutes
    return every(minutes, first, min(end, configured.clock()))


def _fill(lake: Lake, configured: Settings, feed: FeedName, asked: Sequence[prim.Question], day: date) -> list[Fetch]:
    """Land the polls that a simulated date still lacks, in one commit."""
    if not asked:
        return []
    held = {fetch.fetched_at for fetch in lake.landing.fetches(DOMAIN, [feed], partitions=[day.isoformat()])}
    missing = [instant for instant in poll_instants(configured, feed, day) if instant not in held]
    now = configured.clock()
    items: list[Attempt] = []
    with open_client(lake, configured, asked[0].endpoint, clock=lambda: now) as client:
        for instant in missing:
            now = instant
            items += attempts(client, feed, asked, {})
    return lake.landing.land(items)


def _collect_gtfs(lake: Lake, configured: Settings, day: date) -> list[Fetch]:
    """The schedule that was on offer as a date began; of a real provider, today's."""
    now = configured.clock()
    first, _ = paris_bounds(day)
    if configured.is_simulated:
        now = min(now, first)
    if first > now or day != times.paris_day(now):
        return []
    known = [fetch for fetch in lake.landing.fetches(DOMAIN, [GTFS]) if fetch.fetched_at <= now]
    before = next((fetch for fetch in reversed(known) if fetch.outcome in ("landed", "not_modified")), None)
    if before is not None and now - before.fetched_at < _REMEMBERED:
        return []
    host = configured.gtfs_url.host or ""
    spent = 0 if configured.is_simulated else calls_spent(lake, host, now.date())
    with (
        gtfs_client(configured, spent_today=spent, clock=lambda: now) as client,
        TemporaryDirectory(prefix="transit-rail-") as folder,
    ):
        found = get_zip(client, configured, Path(folder), before)
        return lake.landing.land([_surveyed(*one, before, configured) for one in found])


def _surveyed(
    fetch: Fetch, payload: Path | None, before: Fetch | None, configured: Settings
) -> tuple[Fetch, Path | None]:
    """An attempt at the zip with what is in it; one that cannot be used has failed, and is kept to be looked at.

    One that has not changed touches no date anew.
    """
    from transit_assets.rail.schedules import survey_gtfs

    if fetch.outcome == "not_modified" and before is not None:
        return replace(fetch, headers=before.headers | fetch.headers, partitions=()), payload
    if fetch.outcome != "landed" or payload is None:
        return fetch, payload
    try:
        with payload.open("rb") as stream:
            found = survey_gtfs(stream, configured.rail_line)
    except (PayloadUnreadable, ArchiveTooLarge) as error:
        _logger.warning("the schedule cannot be used: %s", error)
        return replace(fetch, outcome="failed", error=f"gtfs: {error}"), payload
    told = {"format": found.format, "records": str(found.rows), **found.headers}
    return replace(fetch, headers=fetch.headers | told, partitions=found.partitions), payload
