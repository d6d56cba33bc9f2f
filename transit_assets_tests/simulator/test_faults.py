"""Each fault does what its name says, when the plan says so."""

import json
from datetime import UTC, datetime

import httpx
import pytest

from transit_assets.simulator import Fault, FaultPlan, Request, Response, SimulatorServer, SimulatorTransport, respond
from transit_assets.simulator.velib import GBFS_PATH

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
PATH = f"{GBFS_PATH}/station_status.json"


def ask(fault: Fault | None) -> Response:
    return respond(Request(PATH, NOW, fault=fault))


def records(response: Response) -> list[dict]:
    return json.loads(response.body)["data"]["stations"]


def test_rate_limited_says_when_to_come_back():
    response = ask(Fault.RATE_LIMITED)
    assert response.status == 429
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("fault", "status", "start"),
    [
        (Fault.SERVER_ERROR, 500, b'{"error_code"'),
        (Fault.HTML, 200, b"<!DOCTYPE html>"),
        (Fault.EMPTY, 200, b""),
        (Fault.TRUNCATED, 200, b'{"lastUpdatedOther"'),
    ],
)
def test_a_body_fails_as_asked(fault: Fault, status: int, start: bytes):
    response = ask(fault)
    assert response.status == status
    assert response.body.startswith(start)
    assert "etag" not in response.headers


def test_a_truncated_body_is_the_beginning_of_the_whole():
    whole, part = ask(None).body, ask(Fault.TRUNCATED).body
    assert whole.startswith(part)
    assert 0 < len(part) < len(whole)


def test_time_out_stalls():
    assert ask(Fault.TIME_OUT).is_stalled


def test_duplicated_repeats_a_tenth_of_the_records_half_of_them_in_conflict():
    plain, doubled = records(ask(None)), records(ask(Fault.DUPLICATED))
    again = doubled[len({record["stationCode"] for record in plain}) :]
    first = {record["stationCode"]: record for record in plain}
    assert len(again) == len(first) // 10
    assert all(record["last_reported"] == first[record["stationCode"]]["last_reported"] for record in again)
    different = sum(record != first[record["stationCode"]] for record in again)
    assert len(again) // 4 < different <= len(again) // 2 + 1


def test_reordered_has_the_same_records_in_another_order():
    plain, mixed = records(ask(None)), records(ask(Fault.REORDERED))
    assert plain != mixed
    assert {json.dumps(record) for record in plain} == {json.dumps(record) for record in mixed}


@pytest.mark.parametrize(("fault", "hours"), [(Fault.CLOCK_AHEAD, 2), (Fault.CLOCK_BEHIND, -2)])
def test_a_clock_that_jumps_takes_every_time_along(fault: Fault, hours: int):
    plain, jumped = json.loads(ask(None).body), json.loads(ask(fault).body)
    assert jumped["lastUpdatedOther"] - plain["lastUpdatedOther"] == hours * 3600
    newest = max(record["last_reported"] for record in jumped["data"]["stations"])
    assert newest - max(record["last_reported"] for record in plain["data"]["stations"]) == pytest.approx(
        hours * 3600, abs=60
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [None, None, None]),
        ("html", [Fault.HTML, None, None]),
        ("ok, rate_limited ,EMPTY", [None, Fault.RATE_LIMITED, Fault.EMPTY, None]),
        ("0", [None, None, None]),
    ],
)
def test_a_sequence_is_used_up_request_by_request(text: str, expected: list):
    plan = FaultPlan.parse(text)
    assert [plan.fault_of(number) for number in range(len(expected))] == expected


def test_a_share_fails_that_share_and_the_same_requests_each_time():
    plan = FaultPlan.parse("0.2", seed=5)
    faults = [plan.fault_of(number) for number in range(2_000)]
    assert 0.15 < sum(found is not None for found in faults) / 2_000 < 0.25
    assert set(faults) == {None, *Fault}
    assert faults == [FaultPlan.parse("0.2", seed=5).fault_of(number) for number in range(2_000)]
    assert faults != [FaultPlan.parse("0.2", seed=6).fault_of(number) for number in range(2_000)]


@pytest.mark.parametrize(("text", "names"), [("html,sunshine", "sunshine"), ("1.5", "1.5")])
def test_an_unknown_fault_is_refused_by_name(text: str, names: str):
    with pytest.raises(ValueError, match=names):
        FaultPlan.parse(text)


def test_a_fault_can_be_asked_for_by_header_or_parameter():
    assert respond(Request(PATH, NOW, headers={"x-fault": "empty"})).body == b""
    assert respond(Request(PATH, NOW, query={"fault": "server_error"})).status == 500
    assert respond(Request(PATH, NOW, query={"fault": "sunshine"})).status == 400


def test_the_transport_follows_its_plan_and_then_works_again():
    with httpx.Client(transport=SimulatorTransport(lambda: NOW, faults=FaultPlan.parse("time_out,empty"))) as http:
        with pytest.raises(httpx.ReadTimeout):
            http.get(f"https://anywhere{PATH}")
        assert http.get(f"https://anywhere{PATH}").content == b""
        assert http.get(f"https://anywhere{PATH}").content == ask(None).body


def test_the_server_gives_the_bytes_of_the_transport(served: SimulatorServer):
    answer = httpx.get(served.url.rstrip("/") + PATH)
    assert answer.content == ask(None).body
    assert answer.headers["x-simulated"] == "true"
    again = httpx.get(served.url.rstrip("/") + PATH, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


def test_the_server_stalls_and_fails_on_request(served: SimulatorServer):
    with pytest.raises(httpx.TransportError):
        httpx.get(served.url.rstrip("/") + PATH, params={"fault": "time_out"}, timeout=5)
    assert httpx.get(served.url.rstrip("/") + PATH, headers={"X-Fault": "rate_limited"}).status_code == 429
