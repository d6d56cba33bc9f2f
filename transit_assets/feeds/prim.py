"""Île-de-France Mobilités' PRIM: trains and disruptions of a line, each from an endpoint with a quota of its own.

Trains come from `estimated-timetable`, a whole line in one answer, or station by station from `stop-monitoring`. All
times are UTC but for disruptions. An error may come in the body of a good answer, and is a failed attempt then.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from transit_assets.feeds.addresses import is_internal
from transit_assets.feeds.client import Attempt, Clock, FeedClient, Sleep, feed_client
from transit_assets.feeds.errors import PayloadUnreadable
from transit_assets.feeds.feed import Feed
from transit_assets.feeds.limits import NO_CREDENTIALS, Credentials
from transit_assets.feeds.payloads import reason_unreadable
from transit_assets.lake import Fetch
from transit_assets.settings import SettingMissing, Settings

DOMAIN = "rail"
ALL_LINES = "*"

PartitionsOf = Callable[[datetime], tuple[str, ...]]


@dataclass(frozen=True)
class Endpoint:
    """An address below the base URL, the feed of the landing that its answers are, and its calls a UTC day.

    Quotas are those of a common account; more is granted on request. `records` counts the records of an answer, and
    raises PayloadUnreadable where it is none.
    """

    feed: str
    path: str
    quota: int
    records: Callable[[bytes], int]


@dataclass(frozen=True)
class Question:
    """One GET of an endpoint."""

    endpoint: Endpoint
    params: dict[str, str | int]


class _Delivery(Struct):
    MonitoredStopVisit: list[msgspec.Raw] | None = None
    InfoMessage: list[msgspec.Raw] | None = None
    EstimatedJourneyVersionFrame: list["_Frame"] | None = None
    Status: Any = None
    ErrorCondition: Any = None


class _Frame(Struct):
    EstimatedVehicleJourney: list[msgspec.Raw] | None = None


class _Service(Struct):
    StopMonitoringDelivery: list[_Delivery] | None = None
    GeneralMessageDelivery: list[_Delivery] | None = None
    EstimatedTimetableDelivery: list[_Delivery] | None = None


class _Siri(Struct):
    ServiceDelivery: _Service


class _SiriAnswer(Struct):
    Siri: _Siri


class _Disruptions(Struct):
    disruptions: list[msgspec.Raw] | None = None
    lines: list[msgspec.Raw] | None = None
    message: Any = None
    error: Any = None


_SIRI = msgspec.json.Decoder(_SiriAnswer)
_DISRUPTIONS = msgspec.json.Decoder(_Disruptions)


def _decoded(decoder: msgspec.json.Decoder[Any], payload: bytes) -> Any:
    try:
        return decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise PayloadUnreadable(reason_unreadable(payload, error)) from error


def _records_of(name: str) -> Callable[[bytes], int]:
    """Counts the records of SIRI answers with this delivery."""

    def records(payload: bytes) -> int:
        deliveries: Sequence[_Delivery] | None = getattr(_decoded(_SIRI, payload).Siri.ServiceDelivery, name)
        if not deliveries:
            raise PayloadUnreadable(f"there is no {name} in it")
        count = 0
        for one in deliveries:
            if one.ErrorCondition is not None or str(one.Status).lower() == "false":
                raise PayloadUnreadable(f"the provider says: {str(one.ErrorCondition)[:200]}")
            journeys = [frame.EstimatedVehicleJourney or () for frame in one.EstimatedJourneyVersionFrame or ()]
            count += sum(len(rows) for rows in (one.MonitoredStopVisit or (), one.InfoMessage or (), *journeys))
        return count

    return records


def _bulk_records(payload: bytes) -> int:
    answer = _decoded(_DISRUPTIONS, payload)
    if answer.disruptions is None or answer.lines is None:
        raise PayloadUnreadable(f"the provider says: {answer.message or answer.error or 'no word of disruptions'}")
    return len(answer.disruptions)


def _report_records(payload: bytes) -> int:
    answer = _decoded(_DISRUPTIONS, payload)
    if answer.disruptions is None:
        raise PayloadUnreadable(f"the provider says: {answer.message or answer.error or 'no word of disruptions'}")
    return len(answer.disruptions)


LINE = Endpoint("stop_monitoring", "estimated-timetable", 1_000, _records_of("EstimatedTimetableDelivery"))
AREA = Endpoint("stop_monitoring", "stop-monitoring", 1_000_000, _records_of("StopMonitoringDelivery"))
MESSAGES = Endpoint("general_message", "general-message", 20_000, _records_of("GeneralMessageDelivery"))
DISRUPTIONS = Endpoint("disruptions", "disruptions_bulk/disruptions/v2", 18_000, _bulk_records)
REPORTS = Endpoint("line_reports", "v2/navitia/line_reports/", 20_000, _report_records)


def line_ref(line: str) -> str:
    """How SIRI names a line (`C01743`, or `IDFM:C01743`)."""
    return f"STIF:Line::{line.rsplit(':', 1)[-1]}:"


def trains_of_line(line: str) -> Question:
    """The trains of a line (of all: `*`) with the calls that they are to make."""
    return Question(LINE, {"LineRef": "ALL" if line == ALL_LINES else line_ref(line)})


def trains_of_area(area: str, line: str) -> Question:
    """The trains of a line at the station with this area (ZdC)."""
    of_line: dict[str, str | int] = {} if line == ALL_LINES else {"LineRef": line_ref(line)}
    return Question(AREA, {"MonitoringRef": f"STIF:StopArea:SP:{area}:", **of_line})


def messages_of_line(line: str) -> Question:
    """The messages of a line; of all there is no asking."""
    return Question(MESSAGES, {"LineRef": line_ref(line)})


def disruptions() -> Question:
    """The disruptions of all lines."""
    return Question(DISRUPTIONS, {})


def reports_of_line(line: str) -> Question:
    """The disruptions of a line in Navitia's words; of all lines (`*`) the first hundred."""
    if line == ALL_LINES:
        return Question(_at(REPORTS, "line_reports"), {"count": 100})
    return Question(_at(REPORTS, f"lines/line:IDFM:{line.rsplit(':', 1)[-1]}/line_reports"), {})


def _at(endpoint: Endpoint, below: str) -> Endpoint:
    return Endpoint(endpoint.feed, endpoint.path + below, endpoint.quota, endpoint.records)


def prim_client(
    settings: Settings,
    endpoint: Endpoint,
    *,
    spent_today: int = 0,
    clock: Clock | None = None,
    transport: httpx.BaseTransport | None = None,
    sleep: Sleep = time.sleep,
) -> FeedClient:
    """A client of one endpoint, with its quota; `spent_today` are the calls of this UTC day to it.

    Raises SettingMissing where the real provider would be asked without a key: it answers nobody without one.
    """
    key = settings.prim_key
    if key is None and not settings.is_simulated and not is_internal(settings.prim_url.host or ""):
        raise SettingMissing(f"{settings.prim_url.host} wants a key: set TRANSIT_PRIM_KEY")
    return feed_client(
        settings,
        settings.prim_url,
        daily_quota=endpoint.quota,
        spent_today=spent_today,
        credentials=Credentials(headers={"apikey": key}) if key is not None else NO_CREDENTIALS,
        clock=clock,
        transport=transport,
        sleep=sleep,
    )


def ask(
    client: FeedClient, question: Question, partitions_of: PartitionsOf, held: Mapping[str, Fetch]
) -> list[Attempt]:
    """One GET, ready to land; `partitions_of` names the partitions that an answer heard at an instant touches.

    `held` has earlier fetches by address: one of this very question makes it conditional.
    """
    endpoint = question.endpoint

    def problem_of(payload: bytes) -> str | None:
        try:
            endpoint.records(payload)
        except PayloadUnreadable as error:
            return str(error)
        return None

    feed = Feed(DOMAIN, endpoint.feed, endpoint.path, problem_of, partitions_of, endpoint.records)
    return client.get(feed, question.params, previous=held.get(client.address(feed, question.params)))
