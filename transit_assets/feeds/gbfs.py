"""GBFS payloads, typed: the operator's flavour of 1.x, GBFS 2.x and GBFS 3.0, by one set of structs.

The operator's flavour has `lastUpdatedOther` for `last_updated`, counters in snake and camel case,
flags as 1 and 0, `stationCode` beside a `station_id` of up to 1.9e10, and the bikes by type as a list of
one-key objects. 2.x has booleans and `vehicle_types_available`; 3.0 has vehicles for bikes, RFC 3339
texts for Unix times and names by language. Only what is needed is decoded.
"""

from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, field

from transit_assets.feeds.errors import PayloadUnreadable
from transit_assets.feeds.payloads import Record, Stations, each_typed, reason_unreadable

Flag: TypeAlias = bool | int | None
Time: TypeAlias = int | float | datetime | None

_MILLISECONDS_FROM = 100_000_000_000  # the year 5138 in seconds, 1973 in milliseconds

# Types of vehicle that say what they are; other ids mean something only beside `vehicle_types.json`.
_MECHANICAL_TYPES = frozenset({"mechanical", "bike", "classic"})
_EBIKE_TYPES = frozenset({"ebike", "electric", "electric_bike"})


class BikeTypes(Struct, gc=False):
    """One entry of the operator's `num_bikes_available_types`: one of the two is there."""

    mechanical: int | None = None
    ebike: int | None = None


class VehicleTypeCount(Struct, gc=False):
    """One entry of `vehicle_types_available` in 2.x and 3.0."""

    vehicle_type_id: str
    count: int


class StationStatus(Struct, gc=False):
    """One station in `station_status`, of any flavour; what a flavour lacks is None."""

    station_id: int | str
    code: str | int | None = field(default=None, name="stationCode")
    num_bikes_available: int | None = None
    num_vehicles_available: int | None = None
    num_bikes_available_types: list[BikeTypes] | None = None
    vehicle_types_available: list[VehicleTypeCount] | None = None
    num_docks_available: int | None = None
    is_installed: Flag = None
    is_renting: Flag = None
    is_returning: Flag = None
    last_reported: Time = None

    @property
    def station_code(self) -> str:
        """The code that riders see; the station's id where a flavour has no code."""
        return str(self.station_id if self.code is None else self.code)

    @property
    def bikes(self) -> int | None:
        return self.num_vehicles_available if self.num_bikes_available is None else self.num_bikes_available

    @property
    def mechanical(self) -> int | None:
        """Mechanical bikes; None where the payload does not tell."""
        for entry in self.num_bikes_available_types or ():
            if entry.mechanical is not None:
                return entry.mechanical
        return self._count_of(_MECHANICAL_TYPES)

    @property
    def ebike(self) -> int | None:
        """Electric bikes; None where the payload does not tell."""
        for entry in self.num_bikes_available_types or ():
            if entry.ebike is not None:
                return entry.ebike
        return self._count_of(_EBIKE_TYPES)

    @property
    def reported_at(self) -> datetime | None:
        return _instant(self.last_reported)

    def _count_of(self, names: frozenset[str]) -> int | None:
        found = [entry.count for entry in self.vehicle_types_available or () if entry.vehicle_type_id.lower() in names]
        return sum(found) if found else None


class LocalizedText(Struct, gc=False):
    """A text of GBFS 3.0 in one language."""

    text: str
    language: str | None = None


class StationInformation(Struct, gc=False):
    """One station in `station_information`, of any flavour."""

    station_id: int | str
    code: str | int | None = field(default=None, name="stationCode")
    name: str | list[LocalizedText] | None = None
    lat: float | None = None
    lon: float | None = None
    capacity: int | None = None

    @property
    def station_code(self) -> str:
        return str(self.station_id if self.code is None else self.code)

    @property
    def label(self) -> str | None:
        """The name, in French where there are several."""
        if self.name is None or isinstance(self.name, str):
            return self.name
        french = [text.text for text in self.name if (text.language or "").startswith("fr")]
        return next(iter(french or [text.text for text in self.name]), None)


class _Head(Struct):
    """Times of any kind: an odd one must not cost the stations below it."""

    last_updated_other: Any = field(default=None, name="lastUpdatedOther")
    last_updated: Any = None


class _StatusData(Struct):
    stations: list[StationStatus]


class _InformationData(Struct):
    stations: list[StationInformation]


class _RawData(Struct):
    stations: list[msgspec.Raw]


class _Status(_Head, kw_only=True):
    data: _StatusData


class _Information(_Head, kw_only=True):
    data: _InformationData


class _RawPayload(_Head, kw_only=True):
    data: _RawData


_STATUS = msgspec.json.Decoder(_Status)
_INFORMATION = msgspec.json.Decoder(_Information)
_RAW = msgspec.json.Decoder(_RawPayload)
_STATUS_RECORD = msgspec.json.Decoder(StationStatus)
_INFORMATION_RECORD = msgspec.json.Decoder(StationInformation)


def decode_status(payload: bytes) -> Stations[StationStatus]:
    """Type a `station_status`. One bad record costs that record only.

    Raises PayloadUnreadable where the bytes are no JSON, or no list of stations is in them.
    """
    try:
        whole = _STATUS.decode(payload)
    except msgspec.DecodeError:
        return _one_by_one(payload, _STATUS_RECORD)
    return Stations(whole.data.stations, (), _updated_at(whole))


def decode_information(payload: bytes) -> Stations[StationInformation]:
    """Type a `station_information`, as `decode_status` does."""
    try:
        whole = _INFORMATION.decode(payload)
    except msgspec.DecodeError:
        return _one_by_one(payload, _INFORMATION_RECORD)
    return Stations(whole.data.stations, (), _updated_at(whole))


def problem_of_stations(payload: bytes) -> str | None:
    """Why these bytes are no GBFS list of stations, in a few words; None where they are one."""
    try:
        raw = _raw(payload)
    except PayloadUnreadable as error:
        return str(error)
    return None if raw.data.stations else "the list of stations is empty"


def count_stations(payload: bytes) -> int:
    """How many stations are listed, untyped: what accounts are held against. Raises PayloadUnreadable."""
    return len(_raw(payload).data.stations)


def _one_by_one(payload: bytes, decoder: msgspec.json.Decoder[Record]) -> Stations[Record]:
    raw = _raw(payload)
    return each_typed(raw.data.stations, decoder, _updated_at(raw))


def _raw(payload: bytes) -> _RawPayload:
    try:
        return _RAW.decode(payload)
    except msgspec.DecodeError as error:
        raise PayloadUnreadable(reason_unreadable(payload, error)) from error


def _updated_at(head: _Head) -> datetime | None:
    return _instant(head.last_updated) or _instant(head.last_updated_other)


def _instant(value: Any) -> datetime | None:
    """A Unix time in seconds or milliseconds, or an RFC 3339 text with an offset; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        seconds = value / 1000 if value >= _MILLISECONDS_FROM else value
        try:
            return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
        except (OverflowError, ValueError, OSError):  # by platform, of a time beyond what datetime holds
            return None
    try:
        found = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return None
    return found if found.tzinfo else None
