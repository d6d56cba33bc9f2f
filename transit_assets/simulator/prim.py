"""Île-de-France Mobilités' PRIM as it answers for the simulated RER B: trains in SIRI Lite.

`stop-monitoring` tells of one station, and goes on for half an hour about trains that left; `estimated-timetable` tells
of a whole line, a journey with its calls to come. Both tell the same of a train at every instant.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, TypeVar

import msgspec
import numpy as np

from transit_assets.simulator.faults import Fault
from transit_assets.simulator.messages import Handler, Request, Response, json_error
from transit_assets.simulator.noise import uniform
from transit_assets.simulator.rail import Call, calls_at
from transit_assets.simulator.rail_line import LINE, NORTH, STOPS, stop_of_area

BASE = "/marketplace"
LINE_REF = f"STIF:Line::{LINE}:"

_LINGERS, _AHEAD = 30 * 60, 2 * 3600
_CALL_LINGERS = 45
# The real feed looks three hours ahead. A simulated day polled every two minutes would be a gigabyte then.
_LINE_AHEAD = 40 * 60
_AREA = re.compile(r"STIF:StopArea:SP:(\d+):")

Row = TypeVar("Row")


def stop_monitoring(request: Request) -> Response:
    """Trains at one station: those to come within two hours, and those that left within the last half."""
    asked = _AREA.fullmatch(request.query.get("MonitoringRef", ""))
    if asked is None:
        return json_error(400, "MonitoringRef is missing, or no area")
    stop = stop_of_area(int(asked.group(1)))
    calls: list[Call] = []
    if stop is not None and request.query.get("LineRef", LINE_REF) == LINE_REF:
        calls = calls_at(request.seed, request.unix_time, past=_LINGERS, ahead=_AHEAD, stop=stop)
    visits = [_visit(call, request.query["MonitoringRef"]) for call in sorted(calls, key=lambda one: one.departure)]
    listed = disordered(request, visits)
    return siri(request, {"StopMonitoringDelivery": [{**_head(request), "MonitoredStopVisit": listed}]})


def estimated_timetable(request: Request) -> Response:
    """Trains of the line, each with the calls that it makes within 40 minutes."""
    line = request.query.get("LineRef")
    if line not in (LINE_REF, "ALL"):
        return json_error(400, "LineRef is missing, or no line of the city")
    calls = calls_at(request.seed, request.unix_time, past=_CALL_LINGERS, ahead=_LINE_AHEAD)
    journeys = [_journey(list(of)) for _, of in groupby(calls, key=lambda call: call.trip.reference)]
    frame = {"EstimatedVehicleJourney": disordered(request, journeys)}
    delivery = {**_head(request), "EstimatedJourneyVersionFrame": [frame]}
    return siri(request, {"EstimatedTimetableDelivery": [delivery]})


def siri(request: Request, delivery: dict[str, Any]) -> Response:
    """A SIRI Lite answer at the instant of a request."""
    token = int(uniform(request.seed, "prim/message", request.unix_time)[0] * 2**52)
    service = {
        "ResponseTimestamp": _instant(request.unix_time),
        "ProducerRef": "IVTR_HET",
        "ResponseMessageIdentifier": f"IVTR_HET:ResponseMessage:{token:013x}:LOC:",
        **delivery,
    }
    return json_response({"Siri": {"ServiceDelivery": service}})


def json_response(body: Any) -> Response:
    return Response(200, msgspec.json.encode(body), {"content-type": "application/json"})


def disordered(request: Request, rows: Sequence[Row]) -> list[Row]:
    """Records as they are listed: in order and once, but for the faults that are asked for."""
    if request.fault is Fault.REORDERED:
        order = np.argsort(uniform(request.seed, "prim/order", np.arange(len(rows)), request.unix_time))
        return [rows[place] for place in order.tolist()]
    if request.fault is Fault.DUPLICATED:
        return [*rows, *rows[::10]]
    return list(rows)


def _head(request: Request) -> dict[str, Any]:
    return {"ResponseTimestamp": _instant(request.unix_time), "Version": "2.0", "Status": "true"}


def _visit(call: Call, asked: str) -> dict[str, Any]:
    name = call.trip.number
    return {
        "RecordedAtTime": _instant(call.recorded_at),
        "ItemIdentifier": f"SNCF_ACCES_CLOUD:Item::{STOPS[call.stop].place}_{name}:LOC",
        "MonitoringRef": {"value": asked},
        "MonitoredVehicleJourney": {
            "LineRef": {"value": LINE_REF},
            "OperatorRef": {"value": "SNCF_ACCES_CLOUD:Operator::SNCF:"},
            "FramedVehicleJourneyRef": {"DataFrameRef": {"value": "any"}, "DatedVehicleJourneyRef": _reference(call)},
            "DirectionName": [],
            "DestinationRef": {"value": _place(call.last_stop)},
            "DestinationName": [{"value": STOPS[call.last_stop].name}],
            "VehicleJourneyName": [],
            "JourneyNote": [{"value": call.trip.mission}],
            "MonitoredCall": {
                "StopPointName": [{"value": STOPS[call.stop].name}],
                "VehicleAtStop": call.is_at_stop,
                "DestinationDisplay": [{"value": STOPS[call.last_stop].name}],
                **_times(call, "onTime", "cancelled"),
                "Order": call.order,
                "ArrivalPlatformName": {"value": _platform(call)},
            },
            "TrainNumbers": {"TrainNumberRef": [{"value": name}]},
            "VehicleFeatureRef": ["longTrain"],
        },
    }


def _journey(calls: Sequence[Call]) -> dict[str, Any]:
    first = calls[0]
    return {
        "RecordedAtTime": _instant(first.recorded_at),
        "LineRef": {"value": LINE_REF},
        "DirectionRef": {"value": "Aller" if first.trip.direction == NORTH else "Retour"},
        "DatedVehicleJourneyRef": {"value": _reference(first)},
        "DestinationRef": {"value": _place(first.last_stop)},
        "DestinationName": [{"value": STOPS[first.last_stop].name}],
        "OperatorRef": {"value": "SNCF_ACCES_CLOUD:Operator::SNCF:"},
        "VehicleJourneyName": [{"value": first.trip.number}],
        "JourneyNote": [{"value": first.trip.mission}],
        "EstimatedCalls": {"EstimatedCall": [_estimated(call) for call in calls]},
    }


def _estimated(call: Call) -> dict[str, Any]:
    return {
        "StopPointRef": {"value": _place(call.stop)},
        "DestinationDisplay": [{"value": STOPS[call.last_stop].name}],
        **_times(call, "ON_TIME", "CANCELLED"),
        "ArrivalPlatformName": {"value": _platform(call)},
    }


def _times(call: Call, on_time: str, cancelled: str) -> dict[str, Any]:
    """When it is to come and go, and is expected to: nothing of the latter for a train that is cancelled."""
    aimed = {"AimedArrivalTime": _instant(call.arrival), "AimedDepartureTime": _instant(call.departure)}
    if call.expected_arrival is None or call.expected_departure is None:
        return {"DepartureStatus": cancelled, "ArrivalStatus": cancelled, **aimed}
    return {
        "ExpectedArrivalTime": _instant(call.expected_arrival),
        "ExpectedDepartureTime": _instant(call.expected_departure),
        "DepartureStatus": on_time,
        "ArrivalStatus": on_time,
        **aimed,
    }


def _reference(call: Call) -> str:
    return f"SNCF_ACCES_CLOUD:VehicleJourney::{call.trip.reference}:LOC"


def _place(stop: int) -> str:
    return f"STIF:StopArea:SP:{STOPS[stop].place}:"


def _platform(call: Call) -> str:
    return "1" if call.trip.direction == NORTH else "2"


@lru_cache(maxsize=65_536)
def _instant(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


ROUTES: dict[str, Handler] = {
    f"{BASE}/stop-monitoring": stop_monitoring,
    f"{BASE}/estimated-timetable": estimated_timetable,
}
