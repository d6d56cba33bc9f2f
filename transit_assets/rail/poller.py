"""The poller of the rail: trains every minute or so, disruptions and messages less often, schedules by the hour.

Each feed is asked as often as the quotas of its endpoint allow over a day, and no more often than it changes. Clean
tables are not touched: the day's are made from the landing at its close. Whatever a provider does wrong is a row in
`raw.fetches`, and the next poll goes on from there.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from transit_assets.feeds import Attempt, FeedClient
from transit_assets.feeds.gtfs_file import FEED as GTFS
from transit_assets.feeds.origin import refusal
from transit_assets.lake import Fetch, Lake
from transit_assets.rail import polls
from transit_assets.rail.clean import times
from transit_assets.settings import Settings

STEPS = MappingProxyType({"stop_monitoring": 60, "disruptions": 120, "general_message": 300, "line_reports": 600})
"""Seconds from one poll of a feed to the next, where its quota allows it; disruptions change each minute or two."""

_SCHEDULE_STEP = timedelta(hours=1)
_DAY_SECONDS = 86_400
_RESERVE = 0.1  # of each quota, for retries


@dataclass(frozen=True)
class Polled:
    """One poll: its attempts as landed. `problem` says in one sentence why it brought nothing."""

    fetches: Sequence[Fetch]
    problem: str | None = None

    @property
    def told(self) -> str:
        """What came of it, feed by feed."""
        last = {fetch.feed: fetch for fetch in self.fetches}
        return "; ".join(f"{feed} {_outcome(fetch)}" for feed, fetch in last.items()) or "nothing is due"


def _outcome(fetch: Fetch) -> str:
    if fetch.outcome == "landed":
        return f"{fetch.outcome}, {int(fetch.headers.get('records', 0)):,} records"
    return fetch.outcome if fetch.error is None else f"{fetch.outcome}: {fetch.error}"


def step_of(feed: polls.FeedName, configured: Settings) -> timedelta | None:
    """How long after a poll of a feed the next is due, within its quota; None where nothing is to be asked."""
    asked = polls.questions(feed, configured)
    if not asked:
        return None
    least = len(asked) * _DAY_SECONDS / ((1 - _RESERVE) * asked[0].endpoint.quota)
    return timedelta(seconds=max(STEPS[feed], least))


class Poller:
    """Polls one lake's rail; keeps the connections and what makes the next request conditional. Use it with `with`."""

    def __init__(self, lake: Lake, configured: Settings) -> None:
        """Raises SettingMissing where the real provider would be asked without a key."""
        self._lake, self._configured = lake, configured
        self._opened = ExitStack()
        self._feeds: dict[polls.FeedName, tuple[FeedClient, timedelta]] = {}
        for feed in polls.POLLED:
            step = step_of(feed, configured)
            if step is not None:
                endpoint = polls.questions(feed, configured)[0].endpoint
                self._feeds[feed] = (self._opened.enter_context(polls.open_client(lake, configured, endpoint)), step)
        self._asked_at: dict[str, datetime] = {}
        self._held: dict[str, Fetch] = {}

    def __enter__(self) -> "Poller":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def poll(self) -> Polled:
        """Every feed that is due, in one commit; the schedule once an hour."""
        problem = refusal(self._lake, self._configured)
        if problem:
            return Polled((), problem)
        now = self._configured.clock()
        schedule = (
            polls.collect(self._lake, self._configured, GTFS, times.paris_day(now))
            if self._is_due(GTFS, _SCHEDULE_STEP, now)
            else []
        )
        attempts: list[Attempt] = []
        for feed, (client, step) in self._feeds.items():
            if self._is_due(feed, step, now):
                attempts += polls.attempts(client, feed, polls.questions(feed, self._configured), self._held)
        landed = self._lake.landing.land(attempts)
        self._held |= {fetch.url: fetch for fetch in landed if fetch.outcome in ("landed", "not_modified")}
        return Polled([*schedule, *landed])

    def _is_due(self, feed: str, step: timedelta, now: datetime) -> bool:
        """Whether a feed is to be asked now, which is noted."""
        before = self._asked_at.get(feed)
        if before is not None and now - before < step:
            return False
        self._asked_at[feed] = now
        return True
