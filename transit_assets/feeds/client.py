"""One client for every provider: whatever it asks for, each attempt leaves an outcome.

A request gives a list of attempts, retries included, each a row for `raw.fetches` with its bytes:
`lake.landing.land(client.get(FEED))` is all that a caller does. The client raises nothing for what
a provider does wrong; a failure is data. Whether the host is real or the simulator makes no
difference to the code path.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import httpx
from pydantic import HttpUrl
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

from transit_assets.feeds.addresses import is_internal, require_secure
from transit_assets.feeds.answers import Answer, Body, is_whole, receive
from transit_assets.feeds.errors import AnswerTooLarge, FeedError, InsecureAddress, PayloadUnreadable
from transit_assets.feeds.feed import OF_CONTENT, Feed
from transit_assets.feeds.limits import NO_CREDENTIALS, Credentials, DailyBudget, Limits
from transit_assets.feeds.secrets import hide_addresses_from_logs, redact, safe_url
from transit_assets.lake import Fetch, Lake
from transit_assets.lake.landing import FETCHES
from transit_assets.settings import Settings

logger = logging.getLogger(__name__)

Attempt: TypeAlias = tuple[Fetch, bytes | None]
FileAttempt: TypeAlias = tuple[Fetch, Path | None]
Clock: TypeAlias = Callable[[], datetime]
Sleep: TypeAlias = Callable[[float], None]

# Names under which a validator is sent by the provider, and asked with later.
_VALIDATORS = {"etag": "if-none-match", "last-modified": "if-modified-since"}
_OF_PAYLOAD = (*_VALIDATORS, *OF_CONTENT)  # what still holds of a payload that was not modified
_RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAX_REDIRECTS = 5


class FeedClient:
    """Asks one provider. Build it with `feed_client`; safe to share between threads; close it, or use `with`."""

    def __init__(
        self,
        base_url: str | HttpUrl,
        *,
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
        is_simulated: bool = False,
        credentials: Credentials = NO_CREDENTIALS,
        limits: Limits,
        spent_today: int = 0,
        sleep: Sleep = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises InsecureAddress where the base URL is neither https nor on loopback."""
        base = httpx.URL(str(base_url))
        require_secure(base)
        hide_addresses_from_logs()
        self.provider = base.host
        self.limits = limits
        self._base = base.copy_with(path=base.path.rstrip("/") + "/")
        self._clock = clock
        self._is_simulated = is_simulated
        self._has_met_simulator = is_simulated  # a simulator behind a URL says so in its answers alone
        self._credentials = credentials
        self._sleep = sleep
        self._monotonic = monotonic
        self._budget = DailyBudget(limits.daily_quota, clock().astimezone(UTC).date(), spent_today)
        self._silent_until = float("-inf")
        self._http = httpx.Client(
            transport=transport,
            headers={"user-agent": "transit-assets", "accept-encoding": "gzip, deflate"},
            timeout=httpx.Timeout(limits.timeout_seconds, connect=min(5.0, limits.timeout_seconds)),
            follow_redirects=True,
            max_redirects=_MAX_REDIRECTS,
            event_hooks={"request": [self._guard]},
        )

    def __enter__(self) -> "FeedClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(
        self, feed: Feed, params: Mapping[str, str | int] | None = None, *, previous: Fetch | None = None
    ) -> list[Attempt]:
        """Every attempt at one GET, oldest first; only the last one can have succeeded.

        `previous` is the feed's latest landed (or not modified) fetch: its validators make the GET
        conditional, and its payload is the one that a `not_modified` row names.
        """
        found = self._attempts(feed, params, previous, None)
        return [(fetch, payload if isinstance(payload, bytes) else None) for fetch, payload in found]

    def get_file(
        self,
        feed: Feed,
        folder: Path,
        params: Mapping[str, str | int] | None = None,
        *,
        previous: Fetch | None = None,
    ) -> list[FileAttempt]:
        """The same for an answer of any size: it is written to a file of its own in `folder`, never held whole.

        The feed's `problem_of` is shown its beginning alone.
        """
        found = self._attempts(feed, params, previous, folder)
        return [(fetch, payload if isinstance(payload, Path) else None) for fetch, payload in found]

    def _attempts(
        self, feed: Feed, params: Mapping[str, str | int] | None, previous: Fetch | None, folder: Path | None
    ) -> list[tuple[Fetch, Body | None]]:
        url = self._url(feed, params)
        known = previous if previous is not None and self._holds(previous, feed, url) else None
        attempts: list[_Attempt] = []

        def attempt() -> _Attempt:
            attempts.append(self._attempt(feed, url, known, folder, number=len(attempts) + 1))
            return attempts[-1]

        Retrying(
            sleep=self._sleep,
            stop=stop_after_attempt(self.limits.max_attempts),
            retry=retry_if_result(lambda found: found.may_retry),
            wait=_wait(self.limits.max_wait_seconds),
            retry_error_callback=lambda state: None,
        )(attempt)
        return [
            (replace(found.fetch, is_simulated=found.fetch.is_simulated or self._has_met_simulator), found.payload)
            for found in attempts
        ]

    def address(self, feed: Feed, params: Mapping[str, str | int] | None = None) -> str:
        """The address of a GET as its row shows it, without secrets: by it an earlier fetch is found."""
        return self._safe(self._url(feed, params))

    def _url(self, feed: Feed, params: Mapping[str, str | int] | None) -> httpx.URL:
        return self._base.join(feed.path).copy_merge_params(dict(params or {}))

    def _holds(self, previous: Fetch, feed: Feed, url: httpx.URL) -> bool:
        """Whether an earlier fetch is of this very address and of the same origin, and has a payload."""
        is_same = (previous.domain, previous.feed, previous.url) == (feed.domain, feed.name, self._safe(url))
        is_kept = previous.outcome in ("landed", "not_modified") and previous.path is not None
        return is_same and is_kept and (previous.is_simulated or not self._is_simulated)

    def _attempt(self, feed: Feed, url: httpx.URL, known: Fetch | None, folder: Path | None, number: int) -> "_Attempt":
        blank = Fetch(
            domain=feed.domain,
            feed=feed.name,
            fetched_at=self._now(),
            provider=self.provider,
            url=self._safe(url),
            outcome="failed",
            is_simulated=self._is_simulated,
            attempt=number,
        )
        refusal = self._refusal()
        if refusal:
            return _Attempt(replace(blank, outcome="skipped", error=refusal))
        started = self._monotonic()
        try:
            answer = self._ask(url, known, folder)
        except (httpx.HTTPError, httpx.InvalidURL, FeedError) as error:
            found = _Attempt(replace(blank, error=self._sentence(error)), may_retry=_is_passing(error))
        else:
            found = self._judge(feed, blank, answer, known)
        elapsed_ms = round((self._monotonic() - started) * 1000)
        found = replace(found, fetch=replace(found.fetch, fetched_at=self._now(), elapsed_ms=elapsed_ms))
        if found.fetch.outcome == "failed":
            logger.warning("%s attempt %d failed: %s", found.fetch.url, number, found.fetch.error)
            return found
        if feed.content_of is not None:
            return found  # the payload has named its partitions
        return replace(found, fetch=replace(found.fetch, partitions=feed.partitions_of(found.fetch.fetched_at)))

    def _refusal(self) -> str | None:
        """Why no request may be sent now, or None and one call of the quota is spent."""
        wait = self._silent_until - self._monotonic()
        if wait > 0:
            return f"{self.provider} asked to be left alone for {wait:.0f} more seconds"
        if not self._budget.spend(self._now().date()):
            return f"the {self.limits.daily_quota} calls to {self.provider} of this UTC day are spent"
        return None

    def _ask(self, url: httpx.URL, known: Fetch | None, folder: Path | None) -> Answer:
        headers = {name: secret.get_secret_value() for name, secret in self._credentials.headers.items()}
        if known is not None:
            headers |= _validators(known)
        secret_params = {name: secret.get_secret_value() for name, secret in self._credentials.params.items()}
        target = url.copy_merge_params(secret_params) if secret_params else url
        started = self._monotonic()
        with self._http.stream("GET", target, headers=headers) as response:
            into = folder / uuid4().hex if folder is not None else None
            body = receive(response, self.limits, lambda: self._monotonic() - started, into)
            return Answer(response.status_code, response.headers, body)

    def _judge(self, feed: Feed, blank: Fetch, answer: Answer, known: Fetch | None) -> "_Attempt":
        """The outcome of an answer that arrived."""
        kept = answer.kept_headers
        is_simulated = self._is_simulated or answer.headers.get("x-simulated", "").lower() == "true"
        self._has_met_simulator |= is_simulated
        row = replace(blank, status=answer.status, headers=kept, is_simulated=is_simulated)
        if answer.status == 304 and known is not None:
            row = replace(
                row,
                outcome="not_modified",
                headers={name: known.headers[name] for name in _OF_PAYLOAD if name in known.headers} | kept,
                sha256=known.sha256,
                bytes=known.bytes,
                path=known.path,
                partitions=known.partitions,
            )
            return _Attempt(row)
        body = None if answer.is_empty else answer.body
        if not 200 <= answer.status < 300:
            retry_after = self._retry_after(answer)
            row = replace(row, error=f"{self.provider} answered {answer.status}")
            return _Attempt(row, body, answer.status in _RETRIED_STATUSES and self._may_wait(retry_after), retry_after)
        try:
            told, partitions = feed.told(answer.beginning)
        except PayloadUnreadable as error:
            return _Attempt(replace(row, error=f"{feed.name}: {error}"), body, may_retry=True)
        return _Attempt(replace(row, outcome="landed", headers=kept | told, partitions=partitions), answer.body)

    def _retry_after(self, answer: Answer) -> float | None:
        """Seconds the provider asks to wait, from a number or an HTTP date; None where it asks for nothing clear."""
        text = answer.headers.get("retry-after", "").strip()
        if is_whole(text):
            return float(text)
        try:
            asked = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):  # by what is wrong with the date
            return None
        asked = asked if asked.tzinfo else asked.replace(tzinfo=UTC)
        return max(0.0, (asked - self._now()).total_seconds())

    def _may_wait(self, retry_after: float | None) -> bool:
        """Whether the wait asked for fits; a longer one silences the client until it is over."""
        if retry_after is None or retry_after <= self.limits.max_wait_seconds:
            return True
        self._silent_until = self._monotonic() + retry_after
        return False

    def _guard(self, request: httpx.Request) -> None:
        """Before every request, redirects included: a safe address, and secrets for the provider only.

        Only a provider on loopback may send its client there: another could make it ask this machine's own services.
        """
        require_secure(request.url)
        if is_internal(request.url.host) and not is_internal(self._base.host):
            raise InsecureAddress(
                f"{self._safe(request.url)} is refused: {self.provider} may not redirect to this host"
            )
        if (request.url.scheme, request.url.host, request.url.port) != (
            self._base.scheme,
            self._base.host,
            self._base.port,
        ):
            for name in self._credentials.headers:
                request.headers.pop(name, None)

    def _safe(self, url: httpx.URL) -> str:
        return safe_url(url, self._credentials.params)

    def _sentence(self, error: Exception) -> str:
        text = str(error) if isinstance(error, FeedError) else f"{type(error).__name__}: {error}"
        return redact(text, self._credentials.values)

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC)


def feed_client(
    settings: Settings,
    base_url: str | HttpUrl,
    *,
    daily_quota: int,
    spent_today: int = 0,
    credentials: Credentials = NO_CREDENTIALS,
    max_bytes: int | None = None,
    arrival_seconds: float | None = None,
    clock: Clock | None = None,
    transport: httpx.BaseTransport | None = None,
    sleep: Sleep = time.sleep,
) -> FeedClient:
    """A client of one provider as the settings want it: the simulator, or the real host.

    `clock` replaces the clock of the settings, for polls of another instant; `transport` replaces
    the network or the simulator, for tests. `max_bytes` and `arrival_seconds` are for answers larger than others'.
    Raises InsecureAddress for an address that is not https.
    """
    clock = clock or settings.clock
    if transport is None and settings.is_simulated:
        from transit_assets.simulator import FaultPlan, SimulatorTransport

        seed = settings.simulator_seed
        transport = SimulatorTransport(
            clock,
            seed=seed,
            faults=FaultPlan.parse(settings.simulator_faults, seed),
            arcs=settings.simulator_arcs,
            counts_delay_minutes=settings.road_publication_delay_minutes,
            calls_per_day=settings.simulator_calls_per_day,
        )
    return FeedClient(
        base_url,
        clock=clock,
        transport=transport,
        is_simulated=settings.is_simulated,
        credentials=credentials,
        limits=Limits(
            timeout_seconds=settings.feed_timeout_seconds,
            max_attempts=settings.feed_max_attempts,
            max_bytes=settings.feed_max_bytes if max_bytes is None else max_bytes,
            daily_quota=daily_quota,
            arrival_seconds=arrival_seconds,
        ),
        spent_today=spent_today,
        sleep=sleep,
    )


def payload_of(attempts: Sequence[Attempt]) -> bytes | None:
    """The payload that the attempts ended with, or None where the last one failed or changed nothing."""
    fetch, payload = attempts[-1]
    return payload if fetch.outcome == "landed" else None


def calls_spent(lake: Lake, provider: str, day: date, path: str = "") -> int:
    """Calls to a provider that the lake has seen on a UTC day: what `spent_today` starts from.

    Where a quota is of one endpoint alone, `path` is the part of the address that names it.
    """
    table = lake.table(FETCHES)
    if not table.exists():
        return 0
    query = (
        "SELECT count(*) AS calls FROM fetches"
        " WHERE date = ? AND provider = ? AND outcome <> 'skipped' AND contains(url, ?)"
    )
    return int(table.scan(query, [day, provider, path]).to_pylist()[0]["calls"])


@dataclass(frozen=True)
class _Attempt:
    fetch: Fetch
    payload: Body | None = None
    may_retry: bool = False
    retry_after: float | None = None


def _wait(longest: float) -> Callable[[RetryCallState], float]:
    """What the provider asks for, or else an exponential backoff with full jitter."""
    backoff = wait_random_exponential(multiplier=0.5, max=longest)

    def seconds(state: RetryCallState) -> float:
        found = state.outcome.result() if state.outcome else None
        return backoff(state) if found is None or found.retry_after is None else found.retry_after

    return seconds


def _validators(known: Fetch) -> dict[str, str]:
    return {asked: known.headers[sent] for sent, asked in _VALIDATORS.items() if sent in known.headers}


def _is_passing(error: Exception) -> bool:
    """Whether another try can help: not against an address or an answer that is refused for what it is."""
    refused = (InsecureAddress, AnswerTooLarge, httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects)
    return not isinstance(error, refused)
