"""Answers of any size: written to files as they arrive, with the outcomes of every other request."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from transit_assets.feeds import Feed, FeedClient
from transit_assets.feeds.answers import Answer
from transit_assets.lake import Lake

from .conftest import Provider

Ask = Callable[..., tuple[FeedClient, Provider]]
FEED = Feed(
    "fire",
    "incidents",
    "years.csv",
    problem_of=lambda beginning: None if beginning.startswith(b"IncidentNumber") else "not a table",
)
TABLE = b"IncidentNumber,DateOfCall\n" + b"1,01 Jan 2018\n" * 20_000


def answer(content: bytes = TABLE, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, content=content, headers={name.replace("_", "-"): v for name, v in headers.items()})


def test_a_good_answer_is_a_file_with_its_bytes(ask: Ask, tmp_path: Path):
    client, provider = ask(answer(etag='"1"'))
    [(fetch, payload)] = client.get_file(FEED, tmp_path)
    assert (fetch.outcome, fetch.status, fetch.headers["etag"]) == ("landed", 200, '"1"')
    assert payload is not None
    assert payload.parent == tmp_path
    assert payload.read_bytes() == TABLE
    assert str(provider.requests[0].url) == "https://provider.example/v1/years.csv"


def test_a_file_lands_as_its_bytes_would(ask: Ask, lake: Lake, tmp_path: Path):
    client, _ = ask(answer())
    [landed] = lake.landing.land(client.get_file(FEED, tmp_path))
    assert landed.bytes == len(TABLE)
    assert lake.landing.payload(landed) == TABLE


def test_a_feed_judges_a_file_by_its_beginning_alone(tmp_path: Path):
    seen: list[bytes] = []
    path = tmp_path / "file"
    path.write_bytes(TABLE)
    seen.append(Answer(200, httpx.Headers(), path).beginning)
    assert TABLE.startswith(seen[0])
    assert len(seen[0]) == 4096


@pytest.mark.parametrize(
    ("content", "status", "error"),
    [
        (b"<html>", 200, "incidents: not a table"),
        (b"", 200, "incidents: not a table"),
        (b"busy", 503, "provider.example answered 503"),
    ],
)
def test_what_is_no_table_is_kept_and_asked_for_again_into_another_file(
    ask: Ask, tmp_path: Path, content: bytes, status: int, error: str
):
    client, _ = ask(answer(content, status), answer())
    (failed, kept), (fetch, payload) = client.get_file(FEED, tmp_path)
    assert (failed.outcome, failed.error, fetch.outcome, fetch.attempt) == ("failed", error, "landed", 2)
    assert (kept.read_bytes() if kept else b"") == content
    assert payload is not None
    assert payload.read_bytes() == TABLE


def test_a_file_beyond_the_cap_is_cut_off_while_it_arrives(ask: Ask, tmp_path: Path):
    def endless(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=(b"x" * 10_000 for _ in range(1_000_000)))

    client, _ = ask(endless, max_bytes=100_000)
    [(fetch, payload)] = client.get_file(FEED, tmp_path)
    assert (fetch.outcome, payload) == ("failed", None)
    assert "larger than the cap of 100000 bytes" in (fetch.error or "")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 110_000


def test_a_large_file_may_take_longer_to_arrive_than_a_silence_may_last(ask: Ask, tmp_path: Path):
    def slow(request: httpx.Request) -> httpx.Response:
        def chunks():
            for start in range(0, len(TABLE), 100_000):
                provider.uptime += 30
                yield TABLE[start : start + 100_000]

        return httpx.Response(200, content=chunks())

    client, provider = ask(slow, timeout_seconds=20, arrival_seconds=1800, max_attempts=1)
    assert client.get_file(FEED, tmp_path)[0][0].outcome == "landed"
    client, provider = ask(slow, timeout_seconds=20, max_attempts=1)
    [(fetch, _)] = client.get_file(FEED, tmp_path)
    assert "took longer than 20 s" in (fetch.error or "")


def test_a_file_that_did_not_change_is_not_sent_again(ask: Ask, lake: Lake, tmp_path: Path):
    def reply(request: httpx.Request) -> httpx.Response:
        return answer(b"", 304) if request.headers.get("if-none-match") == '"1"' else answer(etag='"1"')

    client, _ = ask(reply)
    [first] = lake.landing.land(client.get_file(FEED, tmp_path))
    [(again, payload)] = client.get_file(FEED, tmp_path, previous=first)
    assert (again.outcome, again.sha256, payload) == ("not_modified", first.sha256, None)


def test_a_download_may_redirect_to_a_store_of_files_with_https_alone(ask: Ask, tmp_path: Path):
    def reply(where: str) -> Callable[[httpx.Request], httpx.Response]:
        def answered(request: httpx.Request) -> httpx.Response:
            return answer() if request.url.host != "provider.example" else answer(b"", 302, location=where)

        return answered

    client, _ = ask(reply("https://files.s3.example/years.csv?X-Amz-Signature=abc"))
    [(fetch, _)] = client.get_file(FEED, tmp_path)
    assert (fetch.outcome, fetch.url) == ("landed", "https://provider.example/v1/years.csv")
    for where in ("http://files.s3.example/years.csv", "https://127.0.0.1/years.csv"):
        client, _ = ask(reply(where))
        [(fetch, _)] = client.get_file(FEED, tmp_path)
        assert fetch.outcome == "failed"
        assert "refused" in (fetch.error or "")
