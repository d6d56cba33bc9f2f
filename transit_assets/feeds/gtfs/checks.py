"""What can be wrong in the small files: keys, references, places and the kinds of stops."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds import values
from transit_assets.feeds.gtfs.files import CALENDAR, CALENDAR_DATES, ROUTES, STOPS, TRIPS, Findings
from transit_assets.feeds.gtfs.rows import RoutesOf, Rows
from transit_assets.feeds.gtfs.services import Services

_STATION, _PLATFORM, _BOARDING = "1", "0", "4"
_KINDS = pa.array([_PLATFORM, _STATION, "2", "3", _BOARDING])
_WITH_A_PLACE = pa.array([_PLATFORM, _STATION, "2"])
_OF_A_STATION = pa.array(["2", "3", _BOARDING])


def check_references(tables: Mapping[str, pa.Table], services: Services, findings: Findings) -> None:
    """Check keys of routes, trips and calendars, and what trips refer to."""
    routes = tables["routes.txt"]
    for file in (CALENDAR, CALENDAR_DATES):
        Rows(file, tables[file.name], findings).check_keys()
    Rows(ROUTES, routes, findings, lambda row: [routes["route_id"][row].as_py() or ""]).check_keys()
    _check_trips(tables["trips.txt"], routes, services, findings)


def check_stops(stops: pa.Table, stops_of: Mapping[str, np.ndarray], findings: Findings) -> None:
    """Check stops; `stops_of` has the positions of those that each route serves."""
    rows = Rows(STOPS, stops, findings, _users(stops, stops_of))
    rows.check_keys()
    _check_places(rows)
    _check_parents(rows)


def _check_trips(trips: pa.Table, routes: pa.Table, services: Services, findings: Findings) -> None:
    rows = Rows(TRIPS, trips, findings, lambda row: [trips["route_id"][row].as_py() or ""])
    rows.check_keys()
    services_known = pa.array(sorted(services.ids), pa.string())
    for name, known, file in (
        ("route_id", routes["route_id"], "routes.txt"),
        ("service_id", services_known, "calendar.txt or calendar_dates.txt"),
    ):
        is_unknown = pc.and_(trips[name].is_valid(), pc.invert(pc.is_in(trips[name], known)))
        rows.note(is_unknown, "foreign_key_violation", f"{name} {{{name}!r}} is not in {file}")
    is_known = pc.is_in(pc.fill_null(trips["direction_id"], "0"), pa.array(["0", "1"]))
    rows.note(pc.invert(is_known), "unexpected_enum_value", "direction_id is {direction_id!r}", is_error=False)


def _check_places(rows: Rows) -> None:
    stops = rows.table
    kinds = pc.fill_null(stops["location_type"], _PLATFORM)
    near = []
    for name, most in (("stop_lat", 90), ("stop_lon", 180)):
        read = values.number(stops[name].combine_chunks())
        size = pc.abs(read.values)
        near.append(pc.fill_null(pc.less(size, 1), False))
        rows.note(read.unreadable, "invalid_float", f"{name} is {{{name}!r}}")
        rows.note(pc.fill_null(pc.greater(size, most), False), "number_out_of_range", f"{name} is {{{name}!r}}")
        is_missing = pc.and_(stops[name].is_null(), pc.is_in(kinds, _WITH_A_PLACE))
        rows.note(is_missing, "stop_without_location", f"stop {{stop_id!r}} has no {name}")
    rows.note(pc.and_(*near), "point_near_origin", "stop {stop_id!r} is in the Gulf of Guinea")
    is_odd = pc.invert(pc.is_in(kinds, _KINDS))
    rows.note(is_odd, "unexpected_enum_value", "location_type is {location_type!r}", is_error=False)


def _check_parents(rows: Rows) -> None:
    stops, parent = rows.table, rows.table["parent_station"]
    kinds = pc.fill_null(stops["location_type"], _PLATFORM)
    at = pc.index_in(parent, stops["stop_id"])
    is_child, is_station = parent.is_valid(), pc.equal(kinds, _STATION)
    is_unknown = pc.and_(is_child, pc.is_null(at))
    rows.note(is_unknown, "foreign_key_violation", "parent_station {parent_station!r} is not in stops.txt")
    rows.note(pc.and_(is_child, is_station), "station_with_parent_station", "station {stop_id!r} belongs to another")
    is_lost = pc.and_(pc.is_in(kinds, _OF_A_STATION), pc.invert(is_child))
    detail = "{stop_id!r} of location_type {location_type} belongs to nothing"
    rows.note(is_lost, "location_without_parent_station", detail)
    wanted = pc.if_else(pc.equal(kinds, _BOARDING), _PLATFORM, _STATION)
    is_wrong = pc.fill_null(pc.not_equal(kinds.take(at), wanted), False)
    detail = "the parent {parent_station!r} of {stop_id!r} is no station, nor the stop of a boarding area"
    rows.note(pc.and_(is_wrong, pc.invert(is_station)), "wrong_parent_location_type", detail)


def _users(stops: pa.Table, stops_of: Mapping[str, np.ndarray]) -> RoutesOf:
    """The routes that serve a stop, or one that belongs to it."""
    found: dict[int, set[str]] = {}

    def routes_of(row: int) -> set[str]:
        if not found:  # a network has a million pairs of route and stop, and mostly nothing wrong with its stops
            parents = pc.index_in(stops["parent_station"], stops["stop_id"]).to_pylist()
            for route, positions in stops_of.items():
                for position in positions.tolist():
                    place: int | None = position
                    for _ in range(3):  # a boarding area is of a stop, which is of a station
                        if place is not None:
                            found.setdefault(place, set()).add(route)
                            place = parents[place]
        return found.get(row, set())

    return routes_of
