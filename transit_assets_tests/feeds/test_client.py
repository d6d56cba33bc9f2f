"""Every attempt leaves an outcome; nothing a provider does raises, loses a payload or shows a secret."""

import gzip
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from transit_assets.feeds import Attempt, Credentials, FeedClient, calls_spent, payload_of
from transit_assets.feeds.errors import InsecureAddress
from transit_assets.lake import Fetch, Lake
from transit_assets_tests.feeds.conftest import FEED, NOW, Provider

Ask = Callable[..., tuple[FeedClient, Provider]]

GOOD = b'{"stations": []}'
ok = httpx.Response(200, content=GOOD)


def outcomes(attempts: list[Attempt]) -> list[str]:
    return [fetch.outcome for fetch, _ in attempts]


def test_a_good_answer_is_one_landed_row(ask: Ask):
    client, provider = ask(
        httpx.Response(200, content=GOOD, headers={"ETag": '"a"', "Server": "x", "X-RateLimit-Limit": "9"})
    )
    [(fetch, payload)] = client.get(FEED, {"limit": 5})
    assert payload == GOOD
    assert (fetch.domain, fetch.feed, fetch.provider) == ("bikes", "station_status", "provider.example")
    assert fetch.url == "https://provider.example/v1/status.json?limit=5" == str(provider.requests[0].url)
    assert (fetch.outcome, fetch.status, fetch.error, fetch.attempt) == ("landed", 200, None, 1)
    assert fetch.headers == {"etag": '"a"', "x-ratelimit-limit": "9"}
    assert fetch.fetched_at == NOW
    assert fetch.partitions == ("2026-03-03",)
    assert fetch.is_simulated is False
    assert payload_of([(fetch, payload)]) == GOOD


@pytest.mark.parametrize(
    ("bad", "status", "error", "body"),
    [
        (httpx.Response(500, content=b"{}"), 500, "provider.example answered 500", b"{}"),
        (httpx.Response(503), 503, "provider.example answered 503", None),
        (httpx.Response(429, content=b"{}"), 429, "provider.example answered 429", b"{}"),
        (httpx.Response(200, content=b"<html>"), 200, "station_status: not an object", b"<html>"),
        (httpx.Response(200, content=b""), 200, "station_status: not an object", None),
        (httpx.ReadTimeout("slow"), None, "ReadTimeout: slow", None),
        (httpx.ConnectError("refused"), None, "ConnectError: refused", None),
        (httpx.RemoteProtocolError("incomplete"), None, "RemoteProtocolError: incomplete", None),
        (httpx.DecodingError("bad gzip"), None, "DecodingError: bad gzip", None),
    ],
)
def test_a_passing_failure_is_recorded_and_tried_again(
    ask: Ask, bad: httpx.Response | Exception, status: int | None, error: str, body: bytes | None
):
    client, provider = ask(bad, ok)
    (failed, failed_body), (landed, payload) = client.get(FEED)
    assert (failed.outcome, failed.status, failed.error, failed_body) == ("failed", status, error, body)
    assert (failed.attempt, failed.partitions) == (1, ())
    assert (landed.outcome, landed.attempt, payload) == ("landed", 2, GOOD)
    assert failed.fetch_id != landed.fetch_id
    assert len(provider.sleeps) == 1


@pytest.mark.parametrize(
    "reply",
    [httpx.Response(404, content=b"{}"), httpx.Response(401), httpx.Response(400, content=b"no"), httpx.Response(304)],
)
def test_a_refusal_is_not_tried_again(ask: Ask, reply: httpx.Response):
    client, provider = ask(reply, ok)
    attempts = client.get(FEED)
    assert outcomes(attempts) == ["failed"]
    assert attempts[0][1] == (reply.content or None)
    assert payload_of(attempts) is None
    assert len(provider.requests) == 1


def test_it_gives_up_after_the_last_attempt_and_the_next_poll_recovers(ask: Ask):
    client, provider = ask(*[httpx.Response(502)] * 3, ok, max_attempts=3)
    assert outcomes(client.get(FEED)) == ["failed"] * 3
    assert len(provider.sleeps) == 2
    assert outcomes(client.get(FEED)) == ["landed"]


def test_the_backoff_grows_and_is_jittered(ask: Ask):
    waits = []
    for _ in range(30):
        client, provider = ask(httpx.Response(502), max_attempts=6)
        client.get(FEED)
        waits.append(provider.sleeps)
    means = [sum(column) / len(column) for column in zip(*waits, strict=True)]
    assert means[4] > 2 * means[0]
    assert len({round(wait[0], 6) for wait in waits}) > 20
    assert max(max(wait) for wait in waits) <= 30


@pytest.mark.parametrize(
    ("retry_after", "slept"),
    [("7", 7.0), ("0", 0.0), ((NOW + timedelta(seconds=9)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 9.0)],
)
def test_retry_after_is_honoured_in_seconds_and_as_a_date(ask: Ask, retry_after: str, slept: float):
    client, provider = ask(httpx.Response(429, headers={"Retry-After": retry_after}), ok)
    attempts = client.get(FEED)
    assert outcomes(attempts) == ["failed", "landed"]
    assert provider.sleeps == [slept]
    assert attempts[0][0].headers == {"retry-after": retry_after}


@pytest.mark.parametrize("retry_after", ["soon", "", "-5"])
def test_a_retry_after_that_says_nothing_leaves_the_backoff(ask: Ask, retry_after: str):
    client, provider = ask(httpx.Response(503, headers={"Retry-After": retry_after}), ok)
    assert outcomes(client.get(FEED)) == ["failed", "landed"]
    assert 0 <= provider.sleeps[0] <= 30


def test_a_long_retry_after_silences_the_client_until_it_is_over(ask: Ask):
    client, provider = ask(httpx.Response(429, headers={"Retry-After": "3600"}), ok)
    assert outcomes(client.get(FEED)) == ["failed"]
    [(skipped, payload)] = client.get(FEED)
    assert (skipped.outcome, skipped.status, payload) == ("skipped", None, None)
    assert "3600 more seconds" in str(skipped.error)
    assert (len(provider.requests), provider.sleeps) == (1, [])
    provider.uptime += 3601
    assert outcomes(client.get(FEED)) == ["landed"]


def test_a_spent_quota_sends_nothing_until_the_next_utc_day(ask: Ask):
    client, provider = ask(ok, daily_quota=10, spent_today=8)
    assert [outcomes(client.get(FEED)) for _ in range(4)] == [["landed"], ["landed"], ["skipped"], ["skipped"]]
    assert len(provider.requests) == 2
    [(skipped, _)] = client.get(FEED)
    assert skipped.error == "the 10 calls to provider.example of this UTC day are spent"
    provider.now += timedelta(hours=1)
    assert outcomes(client.get(FEED)) == ["landed"]


def test_a_retry_counts_against_the_quota(ask: Ask):
    client, provider = ask(httpx.Response(500), daily_quota=2)
    assert outcomes(client.get(FEED)) == ["failed", "failed", "skipped"]
    assert len(provider.requests) == 2


def landed(fetch: Fetch) -> Fetch:
    return replace(fetch, sha256="abc", bytes=len(GOOD), path="raw/bikes/station_status/abc.zst")


def test_an_unchanged_payload_is_an_observation_of_the_earlier_one(ask: Ask):
    validators = {"ETag": '"a"', "Last-Modified": "Mon, 02 Mar 2026 23:00:00 GMT"}
    client, provider = ask(httpx.Response(200, content=GOOD, headers=validators), httpx.Response(304))
    first = landed(client.get(FEED)[0][0])
    provider.now += timedelta(days=1)
    [(second, payload)] = client.get(FEED, previous=first)
    asked = provider.requests[1].headers
    assert (asked["if-none-match"], asked["if-modified-since"]) == ('"a"', validators["Last-Modified"])
    assert (second.outcome, second.status, payload) == ("not_modified", 304, None)
    assert (second.sha256, second.bytes, second.path) == (first.sha256, first.bytes, first.path)
    assert second.partitions == ("2026-03-04",)
    client.get(FEED, previous=second)
    assert provider.requests[2].headers["if-none-match"] == '"a"'


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "failed"},
        {"path": None},
        {"feed": "station_information"},
        {"url": "https://provider.example/v1/other.json"},
        {"headers": {}},
    ],
)
def test_nothing_is_asked_conditionally_on_a_payload_that_does_not_hold(ask: Ask, change: dict):
    client, provider = ask(httpx.Response(200, content=GOOD, headers={"ETag": '"a"'}), ok)
    previous = replace(landed(client.get(FEED)[0][0]), **change)
    assert outcomes(client.get(FEED, previous=previous)) == ["landed"]
    assert "if-none-match" not in provider.requests[1].headers


class Drip(httpx.SyncByteStream):
    """A body that arrives in pieces, a second for each."""

    def __init__(self, pieces: int, piece: bytes, provider: Provider) -> None:
        self.pieces, self.piece, self.provider, self.sent = pieces, piece, provider, 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self.pieces):
            self.sent += 1
            self.provider.uptime += 1.0
            yield self.piece


def test_an_answer_beyond_the_cap_is_cut_off_while_it_arrives(ask: Ask):
    client, provider = ask(ok, max_bytes=1_000)
    drip = Drip(1_000, b"{" * 100, provider)
    provider.replies[:] = [httpx.Response(200, stream=drip)]
    [(fetch, payload)] = client.get(FEED)
    assert (fetch.outcome, fetch.error, payload) == ("failed", "the answer is larger than the cap of 1000 bytes", None)
    assert drip.sent < 20


def test_an_answer_that_announces_too_much_is_not_read(ask: Ask):
    client, provider = ask(ok, max_bytes=1_000)
    drip = Drip(1, b"{", provider)
    provider.replies[:] = [httpx.Response(200, headers={"content-length": "1001"}, stream=drip)]
    assert client.get(FEED)[0][0].error == "the answer is larger than the cap of 1000 bytes"
    assert drip.sent == 0


def test_the_cap_counts_decompressed_bytes(ask: Ask):
    bomb = gzip.compress(b"{" * 200_000)
    client, _ = ask(httpx.Response(200, content=bomb, headers={"content-encoding": "gzip"}), max_bytes=100_000)
    assert len(bomb) < 1_000
    assert "larger than the cap" in str(client.get(FEED)[0][0].error)


def test_an_answer_that_drips_is_given_up_and_tried_again(ask: Ask):
    client, provider = ask(ok, timeout_seconds=5)
    provider.replies[:] = [httpx.Response(200, stream=Drip(1_000, b"{", provider)), ok]
    attempts = client.get(FEED)
    assert outcomes(attempts) == ["failed", "landed"]
    assert attempts[0][0].error == "the answer took longer than 5 s to arrive"
    assert attempts[0][0].elapsed_ms == 6_000


@pytest.mark.parametrize("url", ["http://provider.example/", "ftp://provider.example/", "http://127.0.0.1.example/"])
def test_an_address_without_https_is_refused(ask: Ask, url: str):
    with pytest.raises(InsecureAddress, match="https is required"):
        ask(ok, base_url=url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8010/", "http://localhost/", "http://[::1]:9/"])
def test_loopback_needs_no_https(ask: Ask, url: str):
    assert outcomes(ask(ok, base_url=url)[0].get(FEED)) == ["landed"]


def test_a_redirect_to_plain_http_is_refused_before_it_is_followed(ask: Ask):
    client, provider = ask(httpx.Response(302, headers={"location": "http://provider.example/status.json"}), ok)
    [(fetch, payload)] = client.get(FEED)
    assert (fetch.outcome, payload) == ("failed", None)
    assert "http://provider.example/status.json is refused" in str(fetch.error)
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    "host", ["127.0.0.1:3000", "localhost", "localhost.", "a.localhost", "[::1]", "169.254.169.254", "10.0.0.7"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_public_provider_may_not_redirect_into_this_network(ask: Ask, scheme: str, host: str):
    client, provider = ask(httpx.Response(302, headers={"location": f"{scheme}://{host}/graphql"}), ok)
    [(fetch, payload)] = client.get(FEED)
    assert (fetch.outcome, payload, len(provider.requests)) == ("failed", None, 1)
    assert "is refused" in str(fetch.error)


def test_a_provider_on_loopback_may_redirect_there(ask: Ask):
    moved = httpx.Response(302, headers={"location": "http://localhost:9/v2/status.json"})
    client, provider = ask(moved, ok, base_url="http://127.0.0.1:8010/")
    assert outcomes(client.get(FEED)) == ["landed"]
    assert len(provider.requests) == 2


@given(
    st.sampled_from(["retry-after", "content-length", "etag", "last-modified", "x-ratelimit-reset"]),
    st.one_of(
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40),
        st.sampled_from(["²", "9" * 5000, "-1", "1e9", "Mon, 01 Jan 99999 00:00:00 GMT", "Mon,", "0"]),
    ),
    st.sampled_from([200, 304, 429, 503]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_header_makes_the_client_raise(ask: Ask, name: str, value: str, status: int):
    headers = [(name.encode(), value.strip().encode("latin-1"))]
    client, _ = ask(
        lambda request: httpx.Response(status, headers=headers, stream=httpx.ByteStream(GOOD)), max_attempts=1
    )
    assert len(outcomes(client.get(FEED))) == 1


def test_a_redirect_is_followed_without_the_secrets_where_it_leaves_the_host(ask: Ask):
    credentials = Credentials(headers={"apikey": SecretStr("s3cret")})
    client, provider = ask(
        httpx.Response(302, headers={"location": "/v2/status.json"}),
        httpx.Response(302, headers={"location": "https://elsewhere.example/status.json"}),
        ok,
        credentials=credentials,
    )
    assert outcomes(client.get(FEED)) == ["landed"]
    assert [request.headers.get("apikey") for request in provider.requests] == ["s3cret", "s3cret", None]


def test_endless_redirects_end(ask: Ask):
    client, provider = ask(httpx.Response(302, headers={"location": "/again"}))
    assert outcomes(client.get(FEED)) == ["failed"]
    assert len(provider.requests) <= 7


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(headers={"Authorization": SecretStr("Apikey s3cr/t value")}),
        Credentials(params={"key": SecretStr("s3cr/t value")}),
        Credentials(params={"appid": SecretStr("s3cr/t value")}),
    ],
)
@pytest.mark.parametrize(
    "reply",
    [
        ok,
        httpx.Response(403),
        httpx.Response(200, content=b"no"),
        httpx.ReadTimeout("GET https://provider.example/?key=s3cr%2Ft%20value and s3cr/t value timed out"),
        lambda request: httpx.Response(
            302, headers={"location": f"http://provider.example/?{request.url.query.decode()}"}
        ),
    ],
)
def test_a_secret_is_sent_and_shows_nowhere(
    ask: Ask, credentials: Credentials, reply: httpx.Response, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    client, provider = ask(reply, credentials=credentials)
    attempts = client.get(FEED, {"limit": 1})
    sent = provider.requests[0]
    assert "s3cr" in sent.headers.get("authorization", "") or "s3cr" in str(sent.url)
    shown = repr(attempts) + caplog.text + repr(credentials) + "".join(str(record.args) for record in caplog.records)
    assert "s3cr" not in shown
    assert "provider.example" in caplog.text
    assert attempts[0][0].url == "https://provider.example/v1/status.json?limit=1"


def test_an_answer_from_a_simulator_over_http_is_marked_whatever_the_settings_say(ask: Ask):
    client, _ = ask(httpx.Response(200, content=GOOD, headers={"X-Simulated": "true"}))
    assert client.get(FEED)[0][0].is_simulated is True


def test_what_a_poll_gives_can_be_landed_as_it_is(ask: Ask, lake: Lake):
    client, _ = ask(httpx.Response(500, content=b"oh"), httpx.ReadTimeout("slow"), ok)
    rows = lake.landing.land(client.get(FEED))
    assert [row.outcome for row in rows] == ["failed", "failed", "landed"]
    assert lake.landing.payload(rows[0]) == b"oh"
    assert lake.landing.payload(rows[2]) == GOOD
    assert calls_spent(lake, "provider.example", NOW.date()) == 3
    assert calls_spent(lake, "provider.example", NOW.date() + timedelta(days=1)) == 0
    assert calls_spent(lake, "other.example", NOW.date()) == 0


def test_calls_not_sent_are_not_spent(ask: Ask, lake: Lake):
    assert calls_spent(lake, "provider.example", NOW.date()) == 0
    client, _ = ask(ok, daily_quota=1)
    lake.landing.land(client.get(FEED) + client.get(FEED))
    assert calls_spent(lake, "provider.example", NOW.date()) == 1


def test_attempts_that_a_simulator_behind_a_url_never_answered_are_simulated_too(ask) -> None:
    """Only its answers say what it is, so that its time-outs counted as real."""
    answer = httpx.Response(200, content=b"{}", headers={"x-simulated": "true"})
    client, _ = ask(httpx.ReadTimeout("slow"), answer, httpx.ReadTimeout("slow"), max_attempts=2)
    first, second = client.get(FEED), client.get(FEED)
    assert [(fetch.outcome, fetch.is_simulated) for fetch, _ in first] == [("failed", True), ("landed", True)]
    assert [(fetch.outcome, fetch.is_simulated) for fetch, _ in second] == [("failed", True)] * 2
