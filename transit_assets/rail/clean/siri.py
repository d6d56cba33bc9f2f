"""SIRI Lite of PRIM: trains of stop-monitoring and estimated-timetable, messages of general-message, to records.

Values stand bare, as `{"value": …}`, or in a list of these that may be empty. A visit is an observation at the
answer's own instant, so an answer heard twice says nothing twice. Trains that left stay for half an hour with
`VehicleAtStop` true: they are records like any other, and `events` tells them apart.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from transit_assets.feeds import coded, values
from transit_assets.feeds.payloads import each_typed
from transit_assets.lake import UTC_INSTANT
from transit_assets.rail.clean import times
from transit_assets.rail.clean.directions import directions
from transit_assets.rail.clean.errors import PayloadUnreadable
from transit_assets.rail.clean.records import PREDICTIONS, table_of, unreadable
from transit_assets.rail.clean.sightings import Row, Sighting, sightings
from transit_assets.rail.stations import station_of

PREDICTION_SOURCE, MESSAGE_SOURCE = "siri_json", "general_message"
CANCELLED = "cancelled"
_LINE = re.compile(r"STIF:Line::C\d{5}:")


class _Journey(Struct):
    """MonitoredVehicleJourney, each value as it was sent."""

    LineRef: Any = None
    FramedVehicleJourneyRef: Any = None
    DestinationRef: Any = None
    DestinationName: Any = None
    VehicleJourneyName: Any = None
    JourneyNote: Any = None
    TrainNumbers: Any = None
    MonitoredCall: dict[str, Any] | None = None


class _Visit(Struct):
    MonitoredVehicleJourney: _Journey
    RecordedAtTime: Any = None
    MonitoringRef: Any = None


class _Estimated(_Journey):
    """A journey of an estimated timetable, with its calls to come instead of one at the stop that was asked for."""

    DatedVehicleJourneyRef: Any = None
    RecordedAtTime: Any = None
    EstimatedCalls: dict[str, list[dict[str, Any]]] | None = None


class _Message(Struct):
    InfoMessageIdentifier: Any = None
    ItemIdentifier: Any = None
    RecordedAtTime: Any = None
    InfoChannelRef: Any = None
    ValidUntilTime: Any = None
    Content: dict[str, Any] | None = None


_VISIT, _MESSAGE = msgspec.json.Decoder(_Visit), msgspec.json.Decoder(_Message)
_ESTIMATED = msgspec.json.Decoder(_Estimated)


class _Frame(Struct):
    EstimatedVehicleJourney: list[msgspec.Raw] | None = None


class Delivery(Struct):
    """One delivery of an answer; which of the lists it has says what it is of."""

    MonitoredStopVisit: list[msgspec.Raw] | None = None
    InfoMessage: list[msgspec.Raw] | None = None
    EstimatedJourneyVersionFrame: list[_Frame] | None = None
    Status: Any = None
    ErrorCondition: Any = None


class _Service(Struct):
    ResponseTimestamp: Any = None
    StopMonitoringDelivery: list[Delivery] | Delivery | None = None
    EstimatedTimetableDelivery: list[Delivery] | Delivery | None = None
    GeneralMessageDelivery: list[Delivery] | Delivery | None = None


class _Siri(Struct):
    ServiceDelivery: _Service


class _Answer(Struct):
    Siri: _Siri


_DECODER = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True)
class Heard:
    """The visits of one answer with their positions, and complaints about records that are none, by position."""

    observed_at: datetime
    visits: Sequence[_Visit] = ()
    positions: Sequence[int] = ()
    bad: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.visits) + len(self.bad)


def decode_siri(payload: bytes, at: datetime | None, start: int = 0) -> Heard | list[Row]:
    """What an answer says that was heard at an instant (None: when it says it was given): visits, or messages.

    Raises PayloadUnreadable for what is none, and for an error of the provider.
    """
    try:
        service = _DECODER.decode(payload).Siri.ServiceDelivery
    except msgspec.DecodeError as error:
        raise PayloadUnreadable(f"not the SIRI Lite answer it looks like: {error}") from error
    said = service.ResponseTimestamp
    answered_at = times.instant(said) if isinstance(said, str) else None
    if service.GeneralMessageDelivery is not None:
        found = _listed(service.GeneralMessageDelivery, "InfoMessage")
        return _messages(found, _known(at or answered_at), start)
    if service.EstimatedTimetableDelivery is not None:
        frames = _listed(service.EstimatedTimetableDelivery, "EstimatedJourneyVersionFrame")
        journeys = [journey for frame in frames for journey in frame.EstimatedVehicleJourney or ()]
        return _estimated(journeys, _known(answered_at or at), start)
    if service.StopMonitoringDelivery is None:
        raise PayloadUnreadable(
            "a SIRI answer with no delivery of stop-monitoring, estimated-timetable or general-message"
        )
    found = _listed(service.StopMonitoringDelivery, "MonitoredStopVisit")
    decoded = each_typed(found, _VISIT)
    return Heard(
        _known(answered_at or at),
        decoded.stations,
        [start + number for number in decoded.row_numbers],
        {start + one.row_number: complaint(one.problem, one.record) for one in decoded.unreadable},
    )


def records_of(heard: Sequence[Heard]) -> tuple[pa.Table, np.ndarray]:
    """The records of some answers, those that are no visits last, and which of the answers each of them is of.

    Many at once: a day has 20,000 answers, and the table of one costs as much as that of a hundred.
    """
    visits = [visit for one in heard for visit in one.visits]
    numbers = np.arange(len(heard))
    of_visit, of_bad = (np.repeat(numbers, [len(part) for part in parts]) for parts in _parts(heard))
    observed = pa.array([one.observed_at for one in heard], UTC_INSTANT).take(pa.array(of_visit))
    rows = _typed(visits, observed, [position for one in heard for position in one.positions])
    bad = [
        unreadable(
            one.bad,
            PREDICTIONS,
            source=PREDICTION_SOURCE,
            day=times.service_date(one.observed_at),
            observed_at=one.observed_at,
        )
        for one in heard
        if one.bad
    ]
    whole = pa.concat_tables([rows, *bad]).unify_dictionaries().combine_chunks() if bad else rows
    return whole, np.concatenate([of_visit, of_bad])


def _parts(heard: Sequence[Heard]) -> tuple[list[Sequence[_Visit]], list[Mapping[int, str]]]:
    return [one.visits for one in heard], [one.bad for one in heard]


def one(value: Any) -> Any:
    """The value in `x`, `{"value": x}` or a list of either, of which the first counts; None where it is empty."""
    if isinstance(value, list):
        return one(value[0]) if value else None
    return one(value.get("value")) if isinstance(value, dict) else value


def _known(at: datetime | None) -> datetime:
    if at is None:
        raise PayloadUnreadable("nothing says when it was heard: no ResponseTimestamp, and no time in its name")
    return at


def _listed(found: Sequence[Delivery] | Delivery, name: str) -> list[Any]:
    deliveries = [found] if isinstance(found, Delivery) else found
    for delivery in deliveries:
        if delivery.ErrorCondition is not None or str(delivery.Status).lower() == "false":
            raise PayloadUnreadable(f"an error of the provider: {str(delivery.ErrorCondition)[:200]}")
    return [record for delivery in deliveries for record in getattr(delivery, name) or ()]


_OF_VISIT: dict[str, Callable[[_Visit, dict[str, Any]], Any]] = {
    "recorded_at": lambda visit, call: visit.RecordedAtTime,
    "stop_ref": lambda visit, call: one(visit.MonitoringRef),
    "stop_name": lambda visit, call: one(call.get("StopPointName")),
    "line": lambda visit, call: one(visit.MonitoredVehicleJourney.LineRef),
    "journey_ref": lambda visit, call: _member(
        visit.MonitoredVehicleJourney.FramedVehicleJourneyRef, "DatedVehicleJourneyRef"
    ),
    "train_number": lambda visit, call: (
        one(_inner(visit.MonitoredVehicleJourney.TrainNumbers, "TrainNumberRef"))
        or one(visit.MonitoredVehicleJourney.VehicleJourneyName)
    ),
    "mission": lambda visit, call: one(visit.MonitoredVehicleJourney.JourneyNote),
    "destination_ref": lambda visit, call: one(visit.MonitoredVehicleJourney.DestinationRef),
    "destination_name": lambda visit, call: one(visit.MonitoredVehicleJourney.DestinationName),
    "aimed_arrival_at": lambda visit, call: call.get("AimedArrivalTime"),
    "aimed_departure_at": lambda visit, call: call.get("AimedDepartureTime"),
    "expected_arrival_at": lambda visit, call: call.get("ExpectedArrivalTime"),
    "expected_departure_at": lambda visit, call: call.get("ExpectedDepartureTime"),
    "is_at_stop": lambda visit, call: call.get("VehicleAtStop"),
    "departure_status": lambda visit, call: one(call.get("DepartureStatus")),
    "arrival_status": lambda visit, call: one(call.get("ArrivalStatus")),
    "platform": lambda visit, call: one(call.get("DeparturePlatformName") or call.get("ArrivalPlatformName")),
}
_TIMES = (
    "recorded_at",
    "aimed_arrival_at",
    "aimed_departure_at",
    "expected_arrival_at",
    "expected_departure_at",
)
_OF_JOURNEY = ("LineRef", "DestinationRef", "DestinationName", "VehicleJourneyName", "JourneyNote", "TrainNumbers")
_TOLD_FIRST = ("aimed_departure_at", "aimed_arrival_at", "expected_departure_at", "expected_arrival_at")


def _inner(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _member(value: Any, name: str) -> Any:
    return one(_inner(value, name))


def _estimated(found: Sequence[msgspec.Raw], observed_at: datetime, start: int) -> Heard:
    """The calls to come of each train as visits of their stops; a journey that is none is one record put aside."""
    decoded = each_typed(found, _ESTIMATED)
    visits = [_visit(journey, call) for journey in decoded.stations for call in _calls(journey)]
    first_bad = start + len(visits)
    return Heard(
        observed_at,
        visits,
        range(start, first_bad),
        {first_bad + at: complaint(one.problem, one.record) for at, one in enumerate(decoded.unreadable)},
    )


def _calls(journey: _Estimated) -> list[dict[str, Any]]:
    return (journey.EstimatedCalls or {}).get("EstimatedCall") or []


def _visit(journey: _Estimated, call: dict[str, Any]) -> _Visit:
    """One call of a journey, as stop-monitoring would tell it."""
    reference = journey.FramedVehicleJourneyRef or {"DatedVehicleJourneyRef": journey.DatedVehicleJourneyRef}
    said = {name: getattr(journey, name) for name in _OF_JOURNEY}
    return _Visit(
        _Journey(**said, FramedVehicleJourneyRef=reference, MonitoredCall=call),
        RecordedAtTime=journey.RecordedAtTime,
        MonitoringRef=call.get("StopPointRef"),
    )


def complaint(problem: str, record: bytes) -> str:
    """What a record that cannot be typed is told by."""
    return f"record_is_readable: {problem}; {record[:200].decode(errors='replace')}"


def _typed(visits: Sequence[_Visit], observed: pa.Array, positions: Sequence[int]) -> pa.Table:
    count = len(visits)
    calls = [visit.MonitoredVehicleJourney.MonitoredCall or {} for visit in visits]
    raw = {
        name: coded.encoded(values.text(values.column([of(*pair) for pair in zip(visits, calls, strict=True)])))
        for name, of in _OF_VISIT.items()
        if name != "is_at_stop"
    }
    at_stop = values.flag(values.column([call.get("VehicleAtStop") for call in calls]))
    read = {name: coded.read(raw[name], times.instants) for name in _TIMES}
    said = [read[name].values for name in _TOLD_FIRST]
    service_date, is_far = _near(times.service_dates(pc.coalesce(*said, observed)), times.service_dates(observed))
    stations = _stations(raw["stop_ref"], raw["stop_name"])
    destination = _stations(raw["destination_ref"], raw["destination_name"])
    status = _first(raw["departure_status"], raw["arrival_status"])
    columns = {
        **{name: one.values for name, one in read.items()},
        **{name: raw[name] for name in ("stop_ref", "line", "train_number", "mission", "platform")},
        "service_date": service_date,
        "observed_at": observed,
        "station": stations,
        "journey_id": _first(raw["journey_ref"], raw["train_number"]),
        "direction": directions(raw["train_number"], stations, destination),
        "destination": _first(destination, raw["destination_ref"]),
        "is_real_time": pc.or_(pc.is_valid(said[2]), pc.is_valid(said[3])),
        "is_at_stop": at_stop.values,
        "status": status,
        "is_cancelled": pc.fill_null(pc.equal(pc.utf8_lower(status.dictionary_decode()), CANCELLED), False),
        "source": coded.constant(PREDICTION_SOURCE, count),
        "row_number": pa.array(positions, pa.int32()),
        "problem": values.first_complaint(
            [
                *(values.complaints(f"{name}_is_a_time", raw[name], one.unreadable) for name, one in read.items()),
                values.complaints("is_of_these_days", pc.coalesce(*(raw[name] for name in _TOLD_FIRST)), is_far),
            ],
            count,
        ),
    }
    return table_of(columns, PREDICTIONS, count)


def _near(told: pa.Array, heard: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Service dates, and which are no neighbour of the date of the answer: these stand under that date, put aside."""
    apart = pc.abs(pc.subtract(told.cast(pa.int32()), heard.cast(pa.int32())))
    is_far = pc.fill_null(pc.greater(apart, 1), False)
    return pc.if_else(is_far, heard, told), is_far


def _first(*columns: pa.DictionaryArray) -> pa.DictionaryArray:
    return coded.encoded(pc.coalesce(*(column.dictionary_decode() for column in columns)))


def _stations(identifiers: pa.DictionaryArray, names: pa.DictionaryArray) -> pa.DictionaryArray:
    """UIC codes of the stations that identifiers or names say; null for those that are none of the line's."""
    pairs = list(zip(identifiers.to_pylist(), names.to_pylist(), strict=True))
    known = {pair: station_of(*pair) for pair in set(pairs)}
    return coded.encoded(pa.array([station.uic if (station := known[pair]) else None for pair in pairs], pa.string()))


def _messages(found: Iterable[msgspec.Raw], observed_at: datetime, start: int) -> list[Row]:
    decoded = each_typed(list(found), _MESSAGE)
    seen = [_sighting(message) for message in decoded.stations]
    bad = {record.row_number: complaint(record.problem, record.record) for record in decoded.unreadable}
    return sightings(seen, observed_at, source=MESSAGE_SOURCE, start=start, bad=bad)


def _sighting(message: _Message) -> Sighting:
    content = message.Content or {}
    texts = {
        one(text.get("MessageType")): one(text.get("MessageText"))
        for text in content.get("Message") or []
        if isinstance(text, dict)
    }
    item = one(message.ItemIdentifier)
    lines = [one(line) for line in content.get("LineRef") or []] or _LINE.findall(str(item))
    return Sighting(
        disruption_id=one(message.InfoMessageIdentifier) or item,
        last_update_at=message.RecordedAtTime,
        cause=one(message.InfoChannelRef),
        title=texts.get("SHORT_MESSAGE"),
        message=texts.get("TEXT_ONLY") or next(iter(texts.values()), None),
        lines=lines or None,
        stops=[one(stop) for stop in content.get("StopPointRef") or []],
        periods=[(None, message.ValidUntilTime)] if message.ValidUntilTime else [],
    )
