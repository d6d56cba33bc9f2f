"""The minute poller of bikes: one poll into the landing, then the live state of every station it names.

The day's clean table is not touched: it is compacted from the landing every quarter of an hour and at the
daily close, so a poll costs two small commits. Whatever a provider does wrong is a row in `raw.fetches`,
and the next poll goes on from there.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from transit_assets.bikes.clean.observations import Poll
from transit_assets.bikes.clean.status import station_status
from transit_assets.bikes.polls import FeedName, attempts, latest_fetch, open_client
from transit_assets.bikes.schema import STATION_STATUS
from transit_assets.bikes.tables import refresh_latest
from transit_assets.feeds.origin import refusal
from transit_assets.lake import Fetch, Lake
from transit_assets.settings import PARIS, Settings


@dataclass(frozen=True)
class Polled:
    """One poll: its attempts as landed, and how many stations the live state now has from it.

    `broken` counts by rule the records that the live state has not; the load of the day puts them into quarantine.
    `problem` says in one sentence why it brought nothing.
    """

    fetches: Sequence[Fetch]
    stations: int
    problem: str | None = None
    broken: Mapping[str, int] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """What came of it, and what of it the load of the day will put aside."""
        if self.problem or not self.fetches:
            return f"failed: {self.problem}"
        aside = "".join(f"; {rows:,} rows for the quarantine: {rule}" for rule, rows in self.broken.items())
        return f"{self.fetches[-1].outcome}, {self.stations:,} stations{aside}"


class Poller:
    """Polls one lake's bikes; keeps the connection and what makes the next request conditional. Use it with `with`."""

    def __init__(self, lake: Lake, configured: Settings) -> None:
        self._lake = lake
        self._configured = configured
        self._client = open_client(lake, configured)
        self._held: tuple[str | None, bytes] = (None, b"")

    def __enter__(self) -> "Poller":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def poll(self) -> Polled:
        """One poll now; the stations' descriptions with the first of a Paris day."""
        problem = refusal(self._lake, self._configured)
        if problem:
            return Polled((), 0, problem)
        day = self._configured.clock().astimezone(PARIS).date()
        if latest_fetch(self._lake, "station_information", day) is None:
            self._land("station_information", day)
        fetches = self._land("station_status", day)
        last = fetches[-1]
        if last.outcome not in ("landed", "not_modified"):
            return Polled(fetches, 0, last.error)
        reports, broken = self._reports(last)
        refresh_latest(self._lake, reports)
        return Polled(fetches, reports.num_rows, broken=broken)

    def _land(self, feed: FeedName, day: date) -> list[Fetch]:
        previous = latest_fetch(self._lake, feed, day)
        return self._lake.landing.land(attempts(self._client, self._configured, feed, previous))

    def _reports(self, fetch: Fetch) -> tuple[pa.Table, Counter[str]]:
        """The rows of one poll that pass the rules of `interim.bikes__station_status`, one per station and report.

        Beside them, how many do not, by the first rule that each breaks.
        """
        from transit_assets.quality.dedupe import keep_last
        from transit_assets.quality.rules import split

        if self._held[0] != fetch.sha256:
            self._held = (fetch.sha256, self._lake.landing.payload(fetch))
        poll = Poll(fetch.fetched_at, fetch.sha256 or "", self._held[1])
        cleaned = station_status(fetch.fetched_at.astimezone(PARIS).date(), [poll])
        passing, broken = split(STATION_STATUS, cleaned.candidates)
        rules = Counter(rules[0] for rules in broken["broken_rules"].to_pylist())
        return keep_last(passing, STATION_STATUS.key)[0], rules
