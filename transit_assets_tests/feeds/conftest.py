"""A client whose provider, clock and sleep are under the test's control."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from transit_assets.feeds import Credentials, Feed, FeedClient, Limits
from transit_assets.feeds.limits import NO_CREDENTIALS

NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
FEED = Feed(
    "bikes",
    "station_status",
    "status.json",
    problem_of=lambda payload: None if payload.startswith(b"{") else "not an object",
    partitions_of=lambda fetched_at: ((fetched_at + timedelta(hours=1)).date().isoformat(),),
)

Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class Provider:
    """Replies one after another, the last one for ever; records what it was asked and how long was slept."""

    replies: list[Reply]
    now: datetime = NOW
    uptime: float = 0.0
    requests: list[httpx.Request] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)

    def reply(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, httpx.Response) else reply(request)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.uptime += seconds
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def ask() -> Iterator[Callable[..., tuple[FeedClient, Provider]]]:
    """Build a client on a provider that gives these replies."""
    clients: list[FeedClient] = []

    def build(
        *replies: Reply,
        base_url: str = "https://provider.example/v1/",
        credentials: Credentials = NO_CREDENTIALS,
        spent_today: int = 0,
        **limits: float,
    ) -> tuple[FeedClient, Provider]:
        provider = Provider(list(replies))
        client = FeedClient(
            base_url,
            clock=lambda: provider.now,
            transport=httpx.MockTransport(provider.reply),
            credentials=credentials,
            limits=Limits(**limits),  # type: ignore[arg-type]
            spent_today=spent_today,
            sleep=provider.sleep,
            monotonic=lambda: provider.uptime,
        )
        clients.append(client)
        return client, provider

    yield build
    for client in clients:
        client.close()
