"""Small payloads of the rail's feeds, for its tests."""

import io
import json
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

HEADER = "time_recorded,num,miss,date,mode,term,direction,etat"
NORD, PLAINE, CDG2, MITRY = "87271007", "87164798", "87001479", "87271528"
NOON = datetime(2025, 1, 24, 11, 0, tzinfo=UTC)
LINE = "STIF:Line::C01743:"


def poll(
    at: str = "11:14:01",
    train: str = "ECHO37",
    minute: str = "11:16",
    *,
    day: str = "2022-06-24",
    term: str = CDG2,
    state: str = "",
) -> str:
    """One line of the polls of 2022; `minute` may say its day too."""
    date = minute if "/" in minute or "-" in minute else f"{day[8:]}/{day[5:7]}/{day[:4]} {minute}"
    return f"{day} {at},{train},{train[:4]},{date},R,{term},1,{state}"


def polls(*lines: str, header: bool = True) -> bytes:
    return "\n".join([*([HEADER] if header else []), *lines, ""]).encode()


def visit(train: str = "147347", stop: str = "Gare du Nord", **said: Any) -> dict[str, Any]:
    """One visit of stop-monitoring; `said` goes into its call (None takes out), `line` and `ref` into its journey."""
    line, ref = said.pop("line", LINE), said.pop("ref", f"SNCF:VehicleJourney::{train}:LOC")
    call = {
        "StopPointName": [{"value": stop}],
        "VehicleAtStop": False,
        "AimedArrivalTime": "2025-01-24T11:05:00.000Z",
        "AimedDepartureTime": "2025-01-24T11:05:40.000Z",
        "ExpectedArrivalTime": "2025-01-24T11:06:00.000Z",
        "ExpectedDepartureTime": "2025-01-24T11:06:40.000Z",
        "DepartureStatus": "onTime",
        "ArrivalStatus": "onTime",
        "ArrivalPlatformName": {"value": "41"},
    }
    return {
        "RecordedAtTime": "2025-01-24T10:59:00.000Z",
        "MonitoringRef": {"value": "STIF:StopPoint:Q:41087:"},
        "MonitoredVehicleJourney": {
            "LineRef": {"value": line},
            "FramedVehicleJourneyRef": {"DataFrameRef": {"value": "any"}, "DatedVehicleJourneyRef": ref},
            "DestinationRef": {"value": "STIF:StopPoint:Q:1:"},
            "DestinationName": [{"value": "Mitry - Claye"}],
            "JourneyNote": [{"value": "IRMA"}],
            "TrainNumbers": {"TrainNumberRef": [{"value": train}] if train else []},
            "MonitoredCall": {name: value for name, value in {**call, **said}.items() if value is not None},
        },
    }


def monitoring(*visits: Any, at: str = "2025-01-24T11:00:00.000Z", **said: Any) -> bytes:
    """An answer of stop-monitoring."""
    delivery = {"ResponseTimestamp": at, "Status": "true", "MonitoredStopVisit": list(visits), **said}
    return json.dumps(
        {"Siri": {"ServiceDelivery": {"ResponseTimestamp": at, "StopMonitoringDelivery": [delivery]}}}
    ).encode()


def disruption(identifier: str = "d1", **said: Any) -> dict[str, Any]:
    """One disruption of disruptions_bulk."""
    return {
        "id": identifier,
        "applicationPeriods": [{"begin": "20250124T100000", "end": "20250124T140000"}],
        "lastUpdate": "20250124T101500",
        "cause": "PERTURBATION",
        "severity": "BLOQUANTE",
        "tags": ["Actualité"],
        "title": "RER B : Trafic interrompu",
        "message": "<p>Trafic interrompu &agrave; Drancy.<br>Bus &lt;A&gt;</p>",
        **said,
    }


def touched(line: str = "C01743", *disruptions: str) -> dict[str, Any]:
    """One line of disruptions_bulk and what touches it."""
    station = {"type": "stop_point", "id": "stop_point:IDFM:1", "name": "x", "disruptionIds": list(disruptions)}
    return {"id": f"line:IDFM:{line}", "name": "B", "impactedObjects": [station] if disruptions else []}


def bulk(*disruptions: Any, lines: list[Any] | None = None, updated: str = "2025-01-24T10:59:30.000Z") -> bytes:
    """An answer of disruptions_bulk."""
    listed = [touched("C01743", *(one["id"] for one in disruptions))] if lines is None else lines
    return json.dumps({"disruptions": list(disruptions), "lines": listed, "lastUpdatedDate": updated}).encode()


def tar(members: Mapping[str, bytes], mode: str = "w:xz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, payload in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            archive.addfile(info, io.BytesIO(payload))
    return buffer.getvalue()
