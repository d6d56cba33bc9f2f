"""Opendatasoft v2.1 answers and exports as JSON, to records."""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Struct

from transit_assets.feeds import errors as feed_errors
from transit_assets.feeds import values
from transit_assets.feeds.counters import is_count
from transit_assets.feeds.opendatasoft import decode_records
from transit_assets.feeds.payloads import each_typed
from transit_assets.feeds.tables import BOM
from transit_assets.road.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.road.clean.records import records, unreadable

_SOURCE = "ods_v21"


class CountRecord(Struct):
    """One record of the dataset, each value as it was sent: what it means is for `records` to say."""

    iu_ac: Any = None
    libelle: Any = None
    t_1h: Any = None
    q: Any = None
    k: Any = None
    etat_trafic: Any = None
    iu_nd_amont: Any = None
    libelle_nd_amont: Any = None
    iu_nd_aval: Any = None
    libelle_nd_aval: Any = None
    etat_barre: Any = None
    geo_point_2d: Any = None
    geo_shape: msgspec.Raw = msgspec.Raw(b"null")


_DECODER = msgspec.json.Decoder(CountRecord)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_COLUMNS: dict[str, Callable[[CountRecord], Any]] = {
    "arc_id": attrgetter("iu_ac"),
    "name": attrgetter("libelle"),
    "t_1h": attrgetter("t_1h"),
    "flow_veh_per_hour": attrgetter("q"),
    "occupancy_percent": attrgetter("k"),
    "level": attrgetter("etat_trafic"),
    "upstream_node_id": attrgetter("iu_nd_amont"),
    "upstream_node_name": attrgetter("libelle_nd_amont"),
    "downstream_node_id": attrgetter("iu_nd_aval"),
    "downstream_node_name": attrgetter("libelle_nd_aval"),
    "arc_state": attrgetter("etat_barre"),
    "place": lambda record: _place(record.geo_point_2d),
    "geometry": lambda record: bytes(record.geo_shape).decode(),
}


def decode_json(payload: bytes) -> Iterator[pa.Table]:
    """The records of a payload; none where it lists none. Raises UnknownFormat, PayloadUnreadable."""
    payload = payload.removeprefix(BOM)
    try:
        rows = decode_records(payload).rows or ()
    except feed_errors.PayloadUnreadable as error:
        raise PayloadUnreadable(str(error)) from error
    if not rows:
        return
    if not any(map(is_count, rows)):
        raise UnknownFormat(f"JSON records {_seen(rows[0])}")
    decoded = each_typed(rows, _DECODER)
    if decoded.stations:
        yield _typed(decoded.stations, decoded.row_numbers)
    if decoded.unreadable:
        complaints = {
            record.row_number: f"record_is_readable: {record.problem}; {record.record[:200].decode(errors='replace')}"
            for record in decoded.unreadable
        }
        yield unreadable(complaints, source=_SOURCE)


def _typed(found: Sequence[CountRecord], positions: Sequence[int]) -> pa.Table:
    raw = {name: values.column([of(record) for record in found]) for name, of in _COLUMNS.items()}
    return records(raw, source=_SOURCE, row_number=pa.array(positions, pa.int32()))


def _seen(record: msgspec.Raw) -> str:
    """What a record is that is none of counts."""
    try:
        return f"with {', '.join(sorted(_FIELDS.decode(record))[:8]) or 'nothing in them'}"
    except msgspec.DecodeError:
        return "that are no objects"


def _place(place: Any) -> str | None:
    """`{lon, lat}`, `[lat, lon]` or a text, as the text that CSV exports have."""
    if isinstance(place, dict):
        return f"{place.get('lat')},{place.get('lon')}"
    if isinstance(place, list):
        return ",".join(str(value) for value in place)
    return None if place is None else str(place)
