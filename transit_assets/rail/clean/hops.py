"""The original project's hop table (`transilien-gtfs-2022-06-24.csv`), one row per scheduled hop, as a timetable.

A hop is a train's way from one call to the next; stations that it passes without a stop do not show. So the hops of a
trip give all its calls: where a hop starts at the station that the one before it reached, the two times are the arrival
and the departure of one call. Only the first call has no arrival, and the last no departure. The file says no date: its
name does. Times are seconds after midnight of the service date and may be past 86,400.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

import pyarrow as pa

from transit_assets.feeds.gtfs.services import CALENDAR_SCHEMA, EXCEPTIONS_SCHEMA
from transit_assets.feeds.tables import csv_header, csv_table
from transit_assets.rail.clean.errors import PayloadUnreadable
from transit_assets.rail.clean.timetables import CALLS, FINDINGS, ROUTES, STOPS, calls_part

_NEEDED = {"trip_id", "trip_line", "origin_id", "time_departure", "arrival_id", "time_arrival"}
_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_MOST_SECONDS = 2 * 86_400
_SERVICE = "hops"

_Hop = dict[str, str | None]


def is_hop_table(head: bytes) -> bool:
    """Whether a text begins as a hop table, with or without the unnamed column that numbers its rows."""
    names, delimiter = csv_header(head.split(b"\n", 1)[0])
    return delimiter == "," and {name.strip().lower() for name in names} >= _NEEDED


def date_of_name(name: str) -> date:
    """The service date in the name of a hop table. Raises PayloadUnreadable where it has none."""
    for found in _DATE.finditer(name.rsplit("/", 1)[-1]):
        try:
            return date(*(int(part) for part in found.groups()))
        except ValueError:
            continue
    raise PayloadUnreadable("hops say no date: the name must, as in transilien-gtfs-2022-06-24.csv")


def decode_hops(stream: BinaryIO, service_date: date) -> Iterator[tuple[str, pa.Table]]:
    """The parts of a timetable (see `timetables`) of a hop table. Raises PayloadUnreadable.

    A hop without its stations or times is one call with its problem.
    """
    hops = _hops(stream)
    routes = _by_route(hops)
    rows = [
        {
            "route_id": route_id,
            "number": number,
            "is_rail": True,
            "time_zone": "Europe/Paris",
            "first_date": service_date,
            "last_date": service_date,
        }
        for number, route_id in enumerate(routes)
    ]
    yield "routes", pa.Table.from_pylist(rows, schema=ROUTES)
    yield "services", CALENDAR_SCHEMA.empty_table()
    on = {"service_id": _SERVICE, "date": service_date, "is_added": True}
    yield "exceptions", pa.Table.from_pylist([on], schema=EXCEPTIONS_SCHEMA)
    yield "stops", _stops(hops)
    yield "findings", FINDINGS.empty_table()
    for number, of_route in enumerate(routes.values()):
        calls = _calls(of_route, len(hops))
        plain = pa.schema([(field.name, _plain(field.type)) for field in CALLS])
        yield calls_part(number), pa.Table.from_pylist(calls, schema=plain).cast(CALLS)


def _hops(stream: BinaryIO) -> list[_Hop]:
    found: list[_Hop] = csv_table(stream.read()).to_pylist()
    return found


def _by_route(hops: list[_Hop]) -> dict[str, list[tuple[int, _Hop]]]:
    """Hops by line, each with its position in the file."""
    routes: dict[str, list[tuple[int, _Hop]]] = {}
    for number, hop in enumerate(hops):
        routes.setdefault(hop["trip_line"] or "", []).append((number, hop))
    return routes


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_dictionary(kind) else kind


def _stops(hops: list[_Hop]) -> pa.Table:
    names = {hop[f"{end}_id"]: hop.get(end) for hop in hops for end in ("origin", "arrival") if hop[f"{end}_id"]}
    rows = [{"stop_id": stop_id, "stop_name": name, "location_type": 0} for stop_id, name in names.items()]
    return pa.Table.from_pylist(rows, schema=STOPS)


def _calls(hops: list[tuple[int, _Hop]], count: int) -> list[dict[str, object]]:
    """The calls of a route: of each hop the one that it leaves, and of the last of a trip the one that it reaches too.

    A call that is only reached is numbered after all hops (`count`), by the hop that reaches it.
    """
    found: list[dict[str, object]] = []
    trips: dict[str | None, list[tuple[int, int, int, _Hop]]] = {}
    for number, hop in hops:
        departs, arrives = _seconds(hop["time_departure"]), _seconds(hop["time_arrival"])
        if departs is None or arrives is None or not (hop["trip_id"] and hop["origin_id"] and hop["arrival_id"]):
            said = ", ".join(f"{name} {hop[name]!r}" for name in sorted(_NEEDED))
            found.append(_call(hop, number, 0, hop["origin_id"]) | {"problem": f"hop_is_readable: {said}"[:300]})
        else:
            trips.setdefault(hop["trip_id"], []).append((departs, arrives, number, hop))
    for of_trip in trips.values():
        of_trip.sort(key=lambda one: one[:3])
        sequence, reached = 0, None
        for place, (departs, arrives, number, hop) in enumerate(of_trip):
            call = _call(hop, number, sequence, hop["origin_id"]) | {"departure": departs, "arrival": reached}
            found.append(call)
            sequence += 1
            follows = place + 1 < len(of_trip) and of_trip[place + 1][3]["origin_id"] == hop["arrival_id"]
            reached = arrives if follows else None
            if not follows:
                found.append(_call(hop, count + number, sequence, hop["arrival_id"]) | {"arrival": arrives})
                sequence += 1
    return found


def _call(hop: _Hop, number: int, sequence: int, stop_id: str | None) -> dict[str, object]:
    direction = (hop.get("direction") or "").removesuffix(".0")
    return {
        "trip_id": hop["trip_id"],
        "service_id": _SERVICE,
        "short_name": hop.get("trip_short_name"),
        "headsign": hop.get("trip_headsign"),
        "direction_id": int(direction) if direction in ("0", "1") else None,
        "stop_sequence": sequence,
        "stop_id": stop_id,
        "row_number": number,
    }


def _seconds(text: str | None) -> int | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return int(seconds) if 0 <= seconds <= _MOST_SECONDS and seconds.is_integer() else None
