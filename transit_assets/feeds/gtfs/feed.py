"""A whole feed: its small tables, its calls as numbers, and everything that is found wrong in it."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from io import BufferedReader
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds.gtfs import checks
from transit_assets.feeds.gtfs.calls import Calls, Names, read_calls, spans
from transit_assets.feeds.gtfs.files import AGENCY, CALENDAR, SMALL_FILES, STOP_TIMES, TRIPS, Finding, Findings
from transit_assets.feeds.gtfs.reading import members, table
from transit_assets.feeds.gtfs.services import Services, read_services

ALL_LINES = "*"


@dataclass(frozen=True)
class Feed:
    """One version of a schedule. `version` is the SHA-256 of its zip.

    Tables hold text as written, without empty values; `trips` are in the order of their routes and have `calls`, how
    many stop times each has. `stop_times` are the calls themselves, which `survey` lets go of. `stops_of` has the
    positions of the stops that each route serves.
    """

    version: str
    time_zone: str
    stops: pa.Table
    routes: pa.Table
    trips: pa.Table
    services: Services
    rows: Mapping[str, int]
    findings: tuple[Finding, ...]
    stops_of: Mapping[str, np.ndarray]
    stop_times: Calls | None

    def routes_of(self, line: str = ALL_LINES) -> tuple[str, ...]:
        """The routes of a line: of the identifier itself (`IDFM:C01743`) or its last part (`C01743`); `*` is all."""
        ids = [one for one in self.routes["route_id"].to_pylist() if one is not None]
        return tuple(one for one in ids if line in (ALL_LINES, one, one.rsplit(":", 1)[-1]))

    def blocking(self, line: str = ALL_LINES) -> tuple[Finding, ...]:
        """The findings that make the schedule of a line unusable."""
        routes = None if line == ALL_LINES else self.routes_of(line)
        return tuple(one for one in self.findings if one.blocks(routes))

    def calls_by_date(self, line: str = ALL_LINES) -> dict[date, int]:
        """How many calls the trips of a line make on each service date that has any."""
        wanted = pa.array(self.routes_of(line), pa.string())
        trips = self.trips.filter(pc.is_in(self.trips["route_id"], wanted))
        per_service: Counter[str] = Counter()
        for service_id, calls in zip(trips["service_id"].to_pylist(), trips["calls"].to_pylist(), strict=True):
            per_service[service_id] += calls
        used = [one for one, calls in per_service.items() if calls]
        return {
            day: sum(per_service[one] for one in self.services.active(day) if one in per_service)
            for day in self.services.dates(used)
        }

    @cached_property
    def _dates(self) -> tuple[date, ...]:
        return tuple(self.services.dates())

    @property
    def first_date(self) -> date | None:
        """First date on which any service runs; None where none does."""
        return self._dates[0] if self._dates else None

    @property
    def last_date(self) -> date | None:
        """Last date on which any service runs."""
        return self._dates[-1] if self._dates else None


def survey(stream: BinaryIO) -> Feed:
    """Read and check a whole feed, without keeping its stop times. Raises what `read` raises."""
    return replace(read(stream), stop_times=None)


def read(stream: BinaryIO) -> Feed:
    """Read and check a whole feed; what is wrong in its rows is in `findings`.

    Raises PayloadUnreadable where the zip is damaged, may not be read, or has no file of GTFS, and ArchiveTooLarge.
    """
    version = hashlib.file_digest(cast("BufferedReader", stream), "sha256").hexdigest()
    stream.seek(0)
    findings = Findings()
    files = members(stream, findings)
    for file in (*SMALL_FILES, STOP_TIMES):
        if file.is_required and file.name not in files:
            findings.add(file, "missing_required_file", "it is not in the zip")
    small = {file.name: table(files[file.name], file, findings) for file in SMALL_FILES if file.name in files}
    empty = {file.name: _nothing(file.columns) for file in SMALL_FILES}
    services = read_services(small.get("calendar.txt"), small.get("calendar_dates.txt"), findings)
    rows = {name: one.num_rows for name, one in small.items()}
    small = empty | small
    stops, routes = small["stops.txt"], small["routes.txt"]
    trips = _by_route(small.pop("trips.txt"))
    checks.check_references(small | {"trips.txt": trips}, services, findings)
    names = _names(trips, stops)
    pa.default_memory_pool().release_unused()  # 150 MB that reading and comparing half a million trips took
    calls = read_calls(files["stop_times.txt"], names, findings) if "stop_times.txt" in files else None
    pa.default_memory_pool().release_unused()
    trips = trips.append_column("calls", pa.array(_counts(calls, trips.num_rows), pa.int32()))
    stops_of = _stops_of(calls, names)

    checks.check_stops(stops, stops_of, findings)
    _check_use(trips, services, findings)
    return Feed(
        version=version,
        time_zone=_time_zone(small["agency.txt"], findings),
        stops=stops,
        routes=routes,
        trips=trips,
        services=services,
        rows=rows | ({"stop_times.txt": calls.rows} if calls is not None else {}),
        findings=findings.all(),
        stops_of=stops_of,
        stop_times=calls,
    )


def _nothing(columns: Collection[str]) -> pa.Table:
    return pa.schema([*((name, pa.string()) for name in columns), ("line", pa.int32())]).empty_table()


def _by_route(trips: pa.Table) -> pa.Table:
    order = pa.table({"route_id": pc.fill_null(trips["route_id"], ""), "line": trips["line"]})
    return trips.take(pc.sort_indices(order, [("route_id", "ascending"), ("line", "ascending")])).combine_chunks()


def _names(trips: pa.Table, stops: pa.Table) -> Names:
    coded = pc.fill_null(trips["route_id"].combine_chunks(), "").dictionary_encode()
    return Names(
        trips=trips["trip_id"].to_pylist(),
        route_of_trip=coded.indices.to_numpy(),
        routes=coded.dictionary.to_pylist(),
        stops=stops["stop_id"].to_pylist(),
    )


def _counts(calls: Calls | None, trips: int) -> np.ndarray:
    return np.zeros(trips, int) if calls is None else np.bincount(calls.trip, minlength=trips)


def _stops_of(calls: Calls | None, names: Names) -> dict[str, np.ndarray]:
    if calls is None:
        return {}
    of_route = spans(names.route_of_trip, calls.trip, len(names.routes))
    return {names.routes[route]: np.unique(calls.stop[span]) for route, span in of_route.items()}


def _check_use(trips: pa.Table, services: Services, findings: Findings) -> None:
    """Trips have stop times, and some date to run on."""
    unused = trips.filter(pc.equal(trips["calls"], 0))
    if unused.num_rows:
        first = unused.sort_by("line").slice(0, 1).to_pylist()[0]
        detail = f"trip {first['trip_id']!r} has no stop times"
        findings.add(TRIPS, "unused_trip", detail, first["line"], rows=unused.num_rows, is_error=False)
    of_route: dict[str, set[str]] = {}
    pairs = trips.group_by(["route_id", "service_id"], use_threads=False).aggregate([])
    for route_id, service_id in zip(pairs["route_id"].to_pylist(), pairs["service_id"].to_pylist(), strict=True):
        of_route.setdefault(route_id or "", set()).add(service_id)
    running: set[str] = set()
    for day in services.dates():
        running |= services.active(day)
    for route_id, of in of_route.items():
        if of.isdisjoint(running):
            detail = f"no service of route {route_id!r} runs on any date"
            findings.add(CALENDAR, "unusable_calendar", detail, routes=[route_id])


def _time_zone(agency: pa.Table, findings: Findings) -> str:
    zones = list(dict.fromkeys(zone for zone in agency["agency_timezone"].to_pylist() if zone))
    if len(zones) > 1:
        findings.add(AGENCY, "inconsistent_agency_timezone", f"they are {', '.join(zones)}")
    for zone in zones:
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, KeyError):
            findings.add(AGENCY, "invalid_timezone", f"{zone!r} is no time zone")
    return zones[0] if zones else ""
