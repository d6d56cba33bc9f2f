"""What PRIM tells of disruptions of the simulated city: disruptions_bulk, general-message and line reports.

All three tell of the same notices at every instant, each in its own words. Now and then the whole of disruptions_bulk
is "not found", as it is for the real provider in 33 of 17,837 answers.
"""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from transit_assets.simulator.messages import Handler, Request, Response, json_error
from transit_assets.simulator.noise import uniform
from transit_assets.simulator.prim import BASE, LINE_REF, disordered, json_response, siri
from transit_assets.simulator.rail_incidents import BLOCKING, DISTURBED, INFORMATION, Notice, notices
from transit_assets.simulator.rail_line import LINE, STOPS

_PARIS = ZoneInfo("Europe/Paris")
_LINE_ID = f"line:IDFM:{LINE}"
# Lines of the real feed beside ours: name, mode, network. Nothing ever happens there.
_OTHERS = {
    "C01742": ("A", "RapidTransit", "71"),
    "C01728": ("D", "RapidTransit", "71"),
    "C01738": ("K", "LocalTrain", "1046"),
    "C01374": ("4", "Metro", "Operator_100"),
}
_NOT_FOUND_SHARE = 33 / 17_837
_NOT_FOUND = b'{"statusCode":404,"error":"Not Found","message":"NO_NEWS_FOUND","disruptions":null,"lines":null}'
_CHANNELS = {BLOCKING: "Perturbation", DISTURBED: "Perturbation", INFORMATION: "Information"}
_EFFECTS = {BLOCKING: "NO_SERVICE", DISTURBED: "SIGNIFICANT_DELAYS", INFORMATION: "OTHER_EFFECT"}
_CAUSES = {"TRAVAUX": "travaux", "PERTURBATION": "perturbation", "INFORMATION": "information"}


def disruptions(request: Request) -> Response:
    """`disruptions_bulk`: disruptions, and for each line what they touch of it. It is written anew every minute."""
    if uniform(request.seed, "prim/not_found", request.unix_time // 60)[0] < _NOT_FOUND_SHARE:
        return Response(404, _NOT_FOUND, {"content-type": "application/json"})
    found = notices(request.seed, request.unix_time)
    body = {
        "disruptions": disordered(request, [_disruption(notice) for notice in found]),
        "lines": [
            {**_line(LINE, "B", "RapidTransit", "71"), "impactedObjects": _impacted(found)},
            *({**_line(line, *about), "impactedObjects": []} for line, about in _OTHERS.items()),
        ],
        "lastUpdatedDate": _utc(request.unix_time // 60 * 60 - 25),
    }
    return json_response(body)


def general_message(request: Request) -> Response:
    """Messages of the line, by LineRef or by a stop, never both."""
    line, stop = request.query.get("LineRef"), request.query.get("StopPointRef")
    if (line is None) == (stop is None):
        return json_error(400, "either LineRef or StopPointRef is needed")
    found = notices(request.seed, request.unix_time) if line in (None, LINE_REF) else []
    messages = disordered(request, [_message(notice) for notice in found])
    at = _utc(request.unix_time)
    delivery = {"ResponseTimestamp": at, "Version": "2.0", "Status": "true", "InfoMessage": messages}
    return siri(request, {"GeneralMessageDelivery": [delivery]})


def line_reports(request: Request) -> Response:
    """Navitia's reports of the line: its disruptions, those to come among them."""
    found = notices(request.seed, request.unix_time)
    links = [{"internal": True, "type": "disruption", "id": one.id, "rel": "disruptions"} for one in found]
    body = {
        "disruptions": disordered(request, [_report(notice, request.unix_time) for notice in found]),
        "line_reports": [{"line": {"id": _LINE_ID, "name": "B", "code": "B", "links": links}, "pt_objects": []}],
        "pagination": {"start_page": 0, "items_on_page": 1, "items_per_page": 25, "total_result": 1},
        "context": {"timezone": "Europe/Paris", "current_datetime": _paris(request.unix_time)},
    }
    return json_response(body)


def _line(line: str, name: str, mode: str, network: str) -> dict[str, Any]:
    return {
        "id": f"line:IDFM:{line}",
        "name": name,
        "shortName": name,
        "mode": mode,
        "networkId": f"network:IDFM:{network}",
    }


def _disruption(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "applicationPeriods": [{"begin": _paris(notice.begin), "end": _paris(notice.end)}],
        "lastUpdate": _paris(notice.updated_at),
        "cause": notice.incident.cause,
        "severity": notice.severity,
        "tags": ["Actualité"],
        "title": notice.title,
        "message": notice.message,
    }


def _impacted(found: list[Notice]) -> list[dict[str, Any]]:
    """The stations that are touched, each with its disruptions."""
    of_stop: dict[int, list[str]] = {}
    for notice in found:
        for stop in notice.incident.stops:
            of_stop.setdefault(stop, []).append(notice.id)
    return [
        {
            "type": "stop_point",
            "id": f"stop_point:IDFM:monomodalStopPlace:{STOPS[stop].place}",
            "name": STOPS[stop].name,
            "disruptionIds": ids,
        }
        for stop, ids in of_stop.items()
    ]


def _message(notice: Notice) -> dict[str, Any]:
    name = f"MSG.{notice.id}"
    return {
        "FormatRef": "STIF-IDF",
        "RecordedAtTime": _utc(notice.updated_at),
        "ItemIdentifier": f"RATP-SIV:Item::{name}.{notice.number}:LOC",
        "InfoMessageIdentifier": {"value": f"RATP-SIV:InfoMessage::{name}:LOC"},
        "InfoChannelRef": {"value": _CHANNELS[notice.severity]},
        "ValidUntilTime": _utc(notice.end),
        "Content": {
            "LineRef": [{"value": LINE_REF}],
            "StopPointRef": [],
            "Message": [
                {"MessageType": "TEXT_ONLY", "MessageText": {"value": notice.message, "lang": "fr"}},
                {"MessageType": "SHORT_MESSAGE", "MessageText": {"value": notice.title, "lang": "fr"}},
            ],
        },
    }


def _report(notice: Notice, now: int) -> dict[str, Any]:
    effect = _EFFECTS[notice.severity]
    channel = {"content_type": "text/html", "id": "web", "name": "web"}
    return {
        "id": notice.id,
        "disruption_id": notice.id,
        "impact_id": notice.id,
        "status": "future" if now < notice.begin else "active" if now < notice.end else "past",
        "cause": _CAUSES[notice.incident.cause],
        "category": "Incidents",
        "severity": {"name": notice.severity.lower(), "effect": effect, "color": "#EF662F", "priority": None},
        "application_periods": [{"begin": _paris(notice.begin), "end": _paris(notice.end)}],
        "messages": [
            {"text": notice.title, "channel": {**channel, "types": ["title"]}},
            {"text": notice.message, "channel": {**channel, "types": ["web", "mobile"]}},
        ],
        "updated_at": _paris(notice.updated_at),
        "tags": ["Actualité"],
        "impacted_objects": [
            {"pt_object": {"id": _LINE_ID, "name": "B", "quality": 0, "embedded_type": "line"}},
            *(
                {
                    "pt_object": {
                        "id": f"stop_area:IDFM:{STOPS[stop].area}",
                        "name": STOPS[stop].name,
                        "quality": 0,
                        "embedded_type": "stop_area",
                    }
                }
                for stop in notice.incident.stops
            ),
        ],
    }


def _paris(at: int) -> str:
    """A Paris time without an offset, as the real feeds write it."""
    return datetime.fromtimestamp(at, _PARIS).strftime("%Y%m%dT%H%M%S")


def _utc(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


ROUTES: dict[str, Handler] = {
    f"{BASE}/disruptions_bulk/disruptions/v2": disruptions,
    f"{BASE}/general-message": general_message,
    f"{BASE}/v2/navitia/line_reports/lines/{_LINE_ID}/line_reports": line_reports,
}
