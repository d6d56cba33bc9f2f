"""PRIM and the zip of schedules: what is asked, with which key and quota, and what comes of bad answers."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from transit_assets.feeds import prim
from transit_assets.feeds.gtfs_file import get_zip, gtfs_client
from transit_assets.lake import Fetch
from transit_assets.settings import SettingMissing, Settings

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
EMPTY_LINE = b'{"Siri":{"ServiceDelivery":{"EstimatedTimetableDelivery":[{"EstimatedJourneyVersionFrame":[]}]}}}'


def settings(**changes: object) -> Settings:
    known = {"feeds": "live", "now": NOW, "prim_key": SecretStr("s3cret"), "feed_max_attempts": 2}
    return Settings(_env_file=None, **(known | changes))  # type: ignore[arg-type]


def asked(
    question: prim.Question, answer: Callable[[httpx.Request], httpx.Response], **changes: object
) -> list[tuple[Fetch, bytes | None]]:
    transport, configured = httpx.MockTransport(answer), settings(**changes)
    with prim.prim_client(configured, question.endpoint, transport=transport, sleep=lambda seconds: None) as client:
        return prim.ask(client, question, lambda at: (at.date().isoformat(),), {})


def gives(body: bytes, status: int = 200) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(status, content=body)


@pytest.mark.parametrize(
    ("question", "address"),
    [
        (prim.trains_of_line("C01743"), "estimated-timetable?LineRef=STIF%3ALine%3A%3AC01743%3A"),
        (prim.trains_of_line("IDFM:C01743"), "estimated-timetable?LineRef=STIF%3ALine%3A%3AC01743%3A"),
        (prim.trains_of_line("*"), "estimated-timetable?LineRef=ALL"),
        (
            prim.trains_of_area("71410", "C01743"),
            "stop-monitoring?MonitoringRef=STIF%3AStopArea%3ASP%3A71410%3A&LineRef=STIF%3ALine%3A%3AC01743%3A",
        ),
        (prim.trains_of_area("71410", "*"), "stop-monitoring?MonitoringRef=STIF%3AStopArea%3ASP%3A71410%3A"),
        (prim.messages_of_line("C01743"), "general-message?LineRef=STIF%3ALine%3A%3AC01743%3A"),
        (prim.disruptions(), "disruptions_bulk/disruptions/v2"),
        (
            prim.reports_of_line("C01743"),
            "v2/navitia/line_reports/lines/line:IDFM:C01743/line_reports",
        ),
        (prim.reports_of_line("*"), "v2/navitia/line_reports/line_reports?count=100"),
    ],
)
def test_each_question_has_its_address_and_sends_the_key_in_a_header(question: prim.Question, address: str) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(401)

    [(fetch, _)] = asked(question, answer)
    assert str(seen[0].url) == f"https://prim.iledefrance-mobilites.fr/marketplace/{address}"
    assert seen[0].headers["apikey"] == "s3cret"
    assert "s3cret" not in str(fetch)
    assert (fetch.domain, fetch.feed, fetch.outcome, fetch.status) == ("rail", question.endpoint.feed, "failed", 401)


def test_recorded_answers_land_with_the_number_of_their_records(recordings: Path) -> None:
    folder = recordings / "rail/payloads"
    for question, name, records in (
        (prim.trains_of_area("1", "*"), "siri_stop_monitoring_2025-01-24.json", 64),
        (prim.messages_of_line("C01743"), "siri_general_message_rerb_2023-01-14.json", 2),
        (prim.disruptions(), "disruptions_bulk_2024-05-06T0800.json", None),
    ):
        body = (folder / name).read_bytes()
        [(fetch, payload)] = asked(question, gives(body))
        assert (fetch.outcome, payload, fetch.partitions) == ("landed", body, ("2026-03-02",))
        assert fetch.headers["records"] == str(records or len(json.loads(body)["disruptions"]))


def test_the_recorded_error_in_a_body_is_a_failed_attempt_that_is_kept(recordings: Path) -> None:
    body = (recordings / "rail/payloads/disruptions_bulk_error_body.json").read_bytes()
    attempts = asked(prim.disruptions(), gives(body))
    assert [(fetch.outcome, fetch.error) for fetch, _ in attempts] == 2 * [
        ("failed", "disruptions: the provider says: NO_NEWS_FOUND")
    ]
    assert attempts[-1][1] == body


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the body is empty"),
        (b"<html>", "the body is HTML or XML, not JSON"),
        (b'{"Siri":{"ServiceDelivery":{}}}', "there is no EstimatedTimetableDelivery in it"),
        (
            b'{"Siri":{"ServiceDelivery":{"EstimatedTimetableDelivery":[{"Status":"false","ErrorCondition":"quota"}]}}}',
            "the provider says: quota",
        ),
    ],
)
def test_what_is_no_answer_about_trains_has_failed(body: bytes, problem: str) -> None:
    fetch, _ = asked(prim.trains_of_line("C01743"), gives(body))[-1]
    assert (fetch.outcome, fetch.error) == ("failed", f"stop_monitoring: {problem}")


def test_an_answer_without_trains_is_an_answer() -> None:
    [(fetch, payload)] = asked(prim.trains_of_line("C01743"), gives(EMPTY_LINE))
    assert (fetch.outcome, fetch.headers["records"], payload) == ("landed", "0", EMPTY_LINE)


def test_each_endpoint_has_a_quota_of_its_own() -> None:
    question, configured = prim.trains_of_line("C01743"), settings()
    transport = httpx.MockTransport(gives(EMPTY_LINE))
    with prim.prim_client(configured, question.endpoint, spent_today=999, transport=transport) as client:
        outcomes = [prim.ask(client, question, lambda at: (), {})[-1][0].outcome for _ in range(2)]
    assert outcomes == ["landed", "skipped"]


def test_the_real_provider_is_not_asked_without_a_key() -> None:
    with pytest.raises(SettingMissing, match="set TRANSIT_PRIM_KEY"):
        prim.prim_client(settings(prim_key=None), prim.DISRUPTIONS)


def test_the_zip_is_written_to_a_file_and_sent_again_only_if_it_has_changed(tmp_path: Path) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as packed:
        packed.writestr("stops.txt", "stop_id\n")
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("if-none-match"))
        if seen[-1] == '"1"':
            return httpx.Response(304)
        return httpx.Response(200, content=body.getvalue(), headers={"etag": '"1"'})

    configured = settings()
    with gtfs_client(configured, transport=httpx.MockTransport(answer)) as client:
        [(first, file)] = get_zip(client, configured, tmp_path)
        assert file is not None
        assert file.read_bytes() == body.getvalue()
        landed = Fetch(**{**vars(first), "sha256": "x", "bytes": 1, "path": "raw/x"})
        [(second, nothing)] = get_zip(client, configured, tmp_path, landed)
    assert (first.outcome, second.outcome, nothing) == ("landed", "not_modified", None)
    assert seen == [None, '"1"']


def test_a_page_in_the_place_of_the_zip_has_failed(tmp_path: Path) -> None:
    configured = settings(feed_max_attempts=1)
    with gtfs_client(configured, transport=httpx.MockTransport(gives(b"<html>"))) as client:
        [(fetch, _)] = get_zip(client, configured, tmp_path)
    assert (fetch.outcome, fetch.error) == ("failed", "gtfs: the body is no zip")
