"""JSON payloads as typed stations, whichever provider and version wrote them.

The structs are those of `feeds`: what the operator's GBFS (1.x, 2.x, 3.0) and Opendatasoft (v1, v2.1) send.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa

from transit_assets.bikes.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.feeds import errors as feed_errors
from transit_assets.feeds import gbfs, values, velib_records
from transit_assets.feeds.payloads import Stations, Unreadable
from transit_assets.feeds.places import pair
from transit_assets.feeds.velib_records import ArchivedRecord, Place, StationRecord

# A time beyond what datetime holds is a ValueError, an OverflowError or an OSError, by platform.
_REFUSALS = (feed_errors.PayloadUnreadable, OverflowError, ValueError, OSError)


@dataclass(frozen=True)
class Payload:
    """A decoded payload: its stations, all of one kind, and the records that are none, each with its position."""

    source: str
    stations: Sequence[Any]
    positions: Sequence[int]
    unreadable: Sequence[Unreadable]
    updated_at: datetime | None

    def __len__(self) -> int:
        return len(self.stations) + len(self.unreadable)


def decode_status(payload: bytes) -> Payload:
    """A payload of a `station_status` poll: GBFS or Opendatasoft. Raises PayloadUnreadable."""
    try:
        if payload.lstrip()[:1] != b"{":
            return _payload("opendatasoft_v21", velib_records.decode_stations(payload))
        decoded = _payload("gbfs", gbfs.decode_status(payload))
    except _REFUSALS:
        return decode_json(payload)  # which tells what it is
    if _is_information(decoded.stations):
        raise PayloadUnreadable("these are descriptions of stations, not their status")
    return decoded


def decode_json(payload: bytes) -> Payload:
    """Any JSON payload that is known. Raises UnknownFormat, or PayloadUnreadable where it is damaged."""
    payload = payload.removeprefix(b"\xef\xbb\xbf")
    try:
        top = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise PayloadUnreadable(f"not JSON: {error}") from error
    try:
        return _decode_known(payload, top)
    except _REFUSALS as error:
        raise PayloadUnreadable(str(error)) from error


def _decode_known(payload: bytes, top: Any) -> Payload:
    found = top
    if isinstance(top, dict):
        data = top.get("data")
        if isinstance(data, dict) and isinstance(data.get("stations"), list):
            return _decode_gbfs(payload, _fields(data["stations"]))
        found = next((top[name] for name in ("results", "records") if isinstance(top.get(name), list)), None)
    if not isinstance(found, list):
        names = ", ".join(str(name) for name in list(top)[:8]) if isinstance(top, dict) else type(top).__name__
        raise UnknownFormat(f"JSON with {names or 'nothing in it'}")
    fields = _fields(found)
    if not found:
        return _payload("opendatasoft_v21", Stations(()))
    if "fields" in fields:
        return _payload("opendatasoft_v1", velib_records.decode_archived(payload))
    if fields & {"stationcode", "numbikesavailable"}:
        return _payload("opendatasoft_v21", velib_records.decode_stations(payload))
    raise UnknownFormat(f"JSON records with {', '.join(sorted(fields)[:8]) or 'nothing in them'}")


def _decode_gbfs(payload: bytes, fields: set[str]) -> Payload:
    if not fields:
        return _payload("gbfs", Stations(()))
    if fields & {"last_reported", "num_docks_available", "num_bikes_available", "num_vehicles_available"}:
        return _payload("gbfs", gbfs.decode_status(payload))
    if fields & {"lat", "lon", "capacity", "name"}:
        return _payload("gbfs", gbfs.decode_information(payload))
    raise UnknownFormat(f"GBFS stations with {', '.join(sorted(fields)[:8])}")


def _fields(found: Sequence[Any]) -> set[str]:
    return {str(name) for record in found if isinstance(record, dict) for name in record}


def _is_information(stations: Sequence[Any]) -> bool:
    return bool(stations) and all(
        station.last_reported is None and station.bikes is None and station.num_docks_available is None
        for station in stations
    )


def _payload(source: str, decoded: Stations[Any]) -> Payload:
    count = len(decoded.stations) + len(decoded.unreadable)
    bad = {record.row_number for record in decoded.unreadable}
    positions: Sequence[int] = [number for number in range(count) if number not in bad] if bad else range(count)
    return Payload(source, decoded.stations, positions, decoded.unreadable, decoded.updated_at)


def complaint(record: Unreadable) -> str:
    """Why a record could not be typed, with its beginning, so that it can be repaired."""
    return f"record_is_readable: {record.problem}; {record.record[:200].decode(errors='replace')}"


def raw_columns(stations: Sequence[Any]) -> dict[str, pa.Array]:
    """Raw columns of typed stations of one kind, by the names of `RECORDS`."""
    if not stations:
        return {}
    getters = _COLUMNS[type(stations[0])]
    return {name: values.column([of(station) for station in stations]) for name, of in getters.items()}


def code_of(stations: Sequence[Any]) -> Callable[[Any], str | None]:
    """How stations of this kind say their code."""
    return _COLUMNS[type(stations[0])]["station_code"]


def description_of(station: Any) -> tuple[str | None, Any]:
    """The code of a station, and what it is said to be, to be compared with what it was."""
    code = _COLUMNS[type(station)]["station_code"](station)
    if isinstance(station, gbfs.StationInformation):
        return code, station
    record = station.fields if isinstance(station, ArchivedRecord) else station
    return code, (record.name, record.place, record.capacity, record.commune, record.insee_code)


def polled_at_of(stations: Sequence[Any]) -> pa.Array | None:
    """The poll instant that each record carries; None where this kind of record carries none."""
    if stations and isinstance(stations[0], ArchivedRecord):
        stamps = [record.record_timestamp for record in stations]
        return pa.array([stamp if stamp is None or stamp.tzinfo else None for stamp in stamps], values.UTC_INSTANT)
    return None


def describes(stations: Sequence[Any]) -> bool:
    """Whether stations of this kind are described: name, place, capacity."""
    return bool(stations) and not isinstance(stations[0], gbfs.StationStatus)


def counts(stations: Sequence[Any]) -> bool:
    """Whether stations of this kind have counts of bikes."""
    return not (stations and isinstance(stations[0], gbfs.StationInformation))


def _archived_code(record: ArchivedRecord) -> str | None:
    return record.fields.station_code or (f"record:{record.recordid}" if record.recordid else None)


def _instant(value: Any) -> Any:
    """An aware datetime as Unix microseconds would lose its text; a naive one must stay visible as such."""
    return value.isoformat() if isinstance(value, datetime) else value


def _place(record: StationRecord) -> tuple[Any, Any]:
    return (record.place.lat, record.place.lon) if isinstance(record.place, Place) else pair(record.place)


Getter = Callable[[Any], Any]

_FLAGS = {name: attrgetter(name) for name in ("is_installed", "is_renting", "is_returning")}
_RECORD: Mapping[str, Getter] = {
    "station_code": attrgetter("station_code"),
    "bikes": attrgetter("bikes"),
    "mechanical": attrgetter("mechanical"),
    "ebike": attrgetter("ebike"),
    "docks_free": attrgetter("docks_free"),
    "capacity": attrgetter("capacity"),
    **_FLAGS,
    "reported_at": lambda record: _instant(record.reported_at),
    "name": attrgetter("name"),
    "latitude": lambda record: _place(record)[0],
    "longitude": lambda record: _place(record)[1],
    "commune": attrgetter("commune"),
    "insee_code": attrgetter("insee_code"),
}


def _of_fields(getter: Getter) -> Getter:
    return lambda record: getter(record.fields)


_COLUMNS: dict[type[Any], Mapping[str, Getter]] = {
    gbfs.StationStatus: {
        "station_code": attrgetter("station_code"),
        "bikes": attrgetter("bikes"),
        "mechanical": attrgetter("mechanical"),
        "ebike": attrgetter("ebike"),
        "docks_free": attrgetter("num_docks_available"),
        **_FLAGS,
        "reported_at": lambda station: _instant(station.last_reported),
    },
    gbfs.StationInformation: {
        "station_code": attrgetter("station_code"),
        "gbfs_station_id": attrgetter("station_id"),
        "name": attrgetter("label"),
        "latitude": attrgetter("lat"),
        "longitude": attrgetter("lon"),
        "capacity": attrgetter("capacity"),
    },
    StationRecord: _RECORD,
    ArchivedRecord: {name: _of_fields(getter) for name, getter in _RECORD.items()} | {"station_code": _archived_code},
}
