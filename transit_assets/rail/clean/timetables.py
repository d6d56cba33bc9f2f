"""Timetables, decoded once: a GTFS zip or a hop table, cut into parts that a service date can be made of.

Parts hold all lines, so another line is another reading and no other decoding: `routes`, `services` (the calendar),
`exceptions` to it, `stops`, `findings`, and `calls_<number>`, the calls of one route by trip and sequence.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds import gtfs, values
from transit_assets.feeds.coded import CODED
from transit_assets.feeds.gtfs.calls import spans

DECODER_VERSION = 1  # of what `decode_gtfs` and `hops.decode_hops` give; part of the path of decoded payloads

ROUTES = pa.schema(
    [
        ("route_id", pa.string()),
        ("number", pa.int32()),
        ("is_rail", pa.bool_()),
        ("time_zone", pa.string()),
        ("first_date", pa.date32()),  # of its services; null where none runs
        ("last_date", pa.date32()),
    ]
)
STOPS = pa.schema(
    [
        ("stop_id", pa.string()),
        ("stop_name", pa.string()),
        ("location_type", pa.int32()),
        ("parent_station", pa.string()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
    ]
)
CALLS = pa.schema(
    [
        ("trip_id", CODED),
        ("service_id", CODED),
        ("short_name", CODED),
        ("headsign", CODED),
        ("direction_id", pa.int32()),
        ("stop_sequence", pa.int32()),
        ("stop_id", CODED),
        ("arrival", pa.int32()),  # seconds after noon less twelve hours of the service date
        ("departure", pa.int32()),
        ("row_number", pa.int32()),
        ("problem", pa.string()),
    ]
)
FINDINGS = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int32()),
        ("rule", pa.string()),
        ("detail", pa.string()),
        ("is_error", pa.bool_()),
        ("rows", pa.int32()),
        ("routes", pa.list_(pa.string())),
    ]
)
_RAIL = {"2", *(str(kind) for kind in range(100, 118))}  # `route_type`: rail, and the extended types of it


def calls_part(number: int) -> str:
    """The part that has the calls of a route."""
    return f"calls_{number}"


def decode_gtfs(stream: BinaryIO) -> Iterator[tuple[str, pa.Table]]:
    """The parts of a GTFS zip. Rows that say no trip, stop or place are left out; `findings` has why.

    Raises PayloadUnreadable and ArchiveTooLarge.
    """
    feed = gtfs.read(stream)
    routes = _routes(feed)
    yield "routes", routes
    yield "services", feed.services.calendar
    yield "exceptions", feed.services.exceptions
    yield "stops", _stops(feed.stops)
    yield "findings", findings_table(feed.findings)
    yield from _calls(feed, dict(zip(routes["route_id"].to_pylist(), routes["number"].to_pylist(), strict=True)))


def findings_table(findings: tuple[gtfs.Finding, ...]) -> pa.Table:
    """Findings as rows of `FINDINGS`."""
    rows = [{name: getattr(one, name) for name in FINDINGS.names} for one in findings]
    return pa.Table.from_pylist(rows, schema=FINDINGS)


def findings_of(table: pa.Table) -> tuple[gtfs.Finding, ...]:
    """The findings of such rows."""
    return tuple(
        gtfs.Finding(**{**row, "routes": None if row["routes"] is None else tuple(row["routes"])})
        for row in table.to_pylist()
    )


def _routes(feed: gtfs.Feed) -> pa.Table:
    spans_of = _dates_of_routes(feed)
    rows = [
        {
            "route_id": route_id,
            "number": number,
            "is_rail": kind in _RAIL,
            "time_zone": feed.time_zone,
            "first_date": spans_of.get(route_id, (None, None))[0],
            "last_date": spans_of.get(route_id, (None, None))[1],
        }
        for number, (route_id, kind) in enumerate(
            zip(feed.routes["route_id"].to_pylist(), feed.routes["route_type"].to_pylist(), strict=True)
        )
    ]
    return pa.Table.from_pylist(rows, schema=ROUTES)


def _dates_of_routes(feed: gtfs.Feed) -> Mapping[str, tuple[date, date]]:
    """First and last date on which any service of a route runs."""
    of_service: dict[str, tuple[date, date]] = {}
    for day in feed.services.dates():
        for service_id in feed.services.active(day):
            of_service[service_id] = (of_service.get(service_id, (day, day))[0], day)
    found: dict[str, tuple[date, date]] = {}
    pairs = feed.trips.filter(pc.greater(feed.trips["calls"], 0)).group_by(["route_id", "service_id"]).aggregate([])
    for route_id, service_id in zip(pairs["route_id"].to_pylist(), pairs["service_id"].to_pylist(), strict=True):
        if service_id in of_service:
            first, last = of_service[service_id]
            held = found.get(route_id, (first, last))
            found[route_id] = (min(held[0], first), max(held[1], last))
    return found


def _stops(stops: pa.Table) -> pa.Table:
    kind = pc.fill_null(values.integer(stops["location_type"].combine_chunks(), pa.int32()).values, 0)
    columns = [stops["stop_id"], stops["stop_name"], kind, stops["parent_station"]]
    places = [values.number(stops[name].combine_chunks()).values for name in ("stop_lat", "stop_lon")]
    return pa.table([*columns, *places], schema=STOPS)


def _calls(feed: gtfs.Feed, numbers: Mapping[str, int]) -> Iterator[tuple[str, pa.Table]]:
    calls = feed.stop_times
    if calls is None:
        return
    coded = pc.fill_null(feed.trips["route_id"].combine_chunks(), "").dictionary_encode()
    stop_ids = feed.stops["stop_id"].combine_chunks()
    routes = coded.dictionary.to_pylist()
    for place, span in spans(coded.indices.to_numpy(), calls.trip, len(routes)).items():
        if routes[place] not in numbers or span.start == span.stop:
            continue
        first = int(calls.trip[span.start])
        trips = feed.trips.slice(first, int(calls.trip[span.stop - 1]) - first + 1)
        trip = pa.array(calls.trip[span] - first)
        direction = values.integer(trips["direction_id"].combine_chunks(), pa.int32()).values
        columns = {
            "trip_id": _coded(trip, trips["trip_id"]),
            "service_id": _coded(trip, trips["service_id"]),
            "short_name": _coded(trip, trips["trip_short_name"]),
            "headsign": _coded(trip, trips["trip_headsign"]),
            "direction_id": direction.take(trip),
            "stop_sequence": pa.array(calls.sequence[span]),
            "stop_id": _coded(*_distinct(calls.stop[span], stop_ids)),
            "arrival": _seconds(calls.arrival[span]),
            "departure": _seconds(calls.departure[span]),
            "row_number": pa.array(calls.line[span] - 2),
            "problem": pa.nulls(span.stop - span.start, pa.string()),
        }
        yield calls_part(numbers[routes[place]]), pa.table([columns[name] for name in CALLS.names], schema=CALLS)


def _distinct(stop: np.ndarray, stop_ids: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Positions among the stops that a route serves, and the identifiers of those."""
    served, at = np.unique(stop, return_inverse=True)
    return pa.array(at.astype(np.int32)), stop_ids.take(pa.array(served))


def _coded(at: pa.Array, texts: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """Texts by position, each distinct one once."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    encoded = texts.dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices.take(at), encoded.dictionary)


def _seconds(values_: np.ndarray) -> pa.Array:
    return pa.array(values_, mask=values_ < 0)
