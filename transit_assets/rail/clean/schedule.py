"""`interim.rail__scheduled_calls`: the calls of one service date, by the version of the schedule then in force.

The versions that landed say which of them that is; calls of the other versions are not records of the date.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds.coded import recoded
from transit_assets.feeds.gtfs import Finding
from transit_assets.feeds.gtfs.services import Services
from transit_assets.lake import UTC_INSTANT
from transit_assets.quality.cleaned import Cleaned, candidate_schema
from transit_assets.rail.clean.timetables import CALLS, STOPS, calls_part, findings_of
from transit_assets.rail.schema import SCHEDULED_CALLS
from transit_assets.rail.stations import Station, by_uic, direction_of_number, station_of
from transit_assets.settings import PARIS

ALL_LINES = "*"

_SCHEMA = candidate_schema(SCHEDULED_CALLS.schema)
_MISSION = re.compile(r"([A-Z]{4})\d*")
_HALF_DAY = timedelta(hours=12)


@dataclass(frozen=True)
class Schedule:
    """One version of the schedule as landed, read for one line.

    `read` gives the parts of its decoded payload (see `timetables`). `line` is a route (`IDFM:C01743`), the last part
    of its identifier, or `*` for all.
    """

    sha256: str
    fetched_at: datetime
    line: str
    read: Callable[[str], pa.Table]

    @cached_property
    def routes(self) -> list[dict[str, object]]:
        """The routes of the line (rows of `timetables.ROUTES`)."""
        rows = self.read("routes").to_pylist()
        return [
            one for one in rows if self.line in (ALL_LINES, one["route_id"], str(one["route_id"]).rsplit(":", 1)[-1])
        ]

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        return findings_of(self.read("findings"))

    @cached_property
    def services(self) -> Services:
        return Services(self.read("services"), self.read("exceptions"))

    @cached_property
    def stops(self) -> pa.Table:
        """All stops of the version (rows of `timetables.STOPS`)."""
        return _or_empty(self.read("stops"), STOPS)

    @property
    def is_usable(self) -> bool:
        """Whether nothing that was found wrong in it blocks the line, and it has the line."""
        routes = [str(one["route_id"]) for one in self.routes]
        return bool(routes) and not any(one.blocks(routes) for one in self.findings)

    @cached_property
    def span(self) -> tuple[date, date] | None:
        """First and last service date on which the line runs; None where it never does."""
        firsts = [one["first_date"] for one in self.routes if isinstance(one["first_date"], date)]
        lasts = [one["last_date"] for one in self.routes if isinstance(one["last_date"], date)]
        return (min(firsts), max(lasts)) if firsts and lasts else None

    def covers(self, day: date) -> bool:
        """Whether its calendar speaks of a date for the line."""
        return self.span is not None and self.span[0] <= day <= self.span[1]

    def calls(self, route: dict[str, object]) -> pa.Table:
        """All calls of a route, of whatever date (rows of `timetables.CALLS`)."""
        number = route["number"]
        assert isinstance(number, int)
        return _or_empty(self.read(calls_part(number)), CALLS)

    @cached_property
    def served(self) -> dict[str, Station | None]:
        """The stops that the line serves, and which station each is."""
        known = {row["stop_id"]: row for row in self.stops.to_pylist()}
        found: dict[str, Station | None] = {}
        for route in self.routes:
            for stop_id in pc.unique(self.calls(route)["stop_id"].combine_chunks().dictionary_decode()).to_pylist():
                if stop_id is not None and found.get(stop_id) is None:
                    found[stop_id] = _station(known.get(stop_id, {"stop_id": stop_id}), bool(route["is_rail"]))
        return found


def in_force(schedules: Iterable[Schedule], day: date) -> Schedule | None:
    """The version that a service date is made of: of those that cover it, the last to land before the date ends.

    A date that ended before any of them landed has the one whose own calendar begins last before it, and of such the
    last to land. Versions that something wrong makes unusable are passed over.
    """
    covering = [one for one in schedules if one.is_usable and one.covers(day)]
    ends_at = datetime.combine(day + timedelta(days=1), time(), PARIS).astimezone(UTC)
    in_time = [one for one in covering if one.fetched_at < ends_at]
    if in_time:
        return max(in_time, key=lambda one: one.fetched_at)
    return max(covering, key=lambda one: (one.span or (day, day), one.fetched_at), default=None)


def scheduled_calls(service_date: date, landed: Iterable[Schedule], fingerprint: str | None = None) -> Cleaned:
    """The candidate rows of one service date; `landed` are the versions, in the order in which they landed."""
    schedule = in_force(landed, service_date)
    parts = [] if schedule is None else [_candidates(schedule, route, service_date) for route in schedule.routes]
    candidates = pa.concat_tables([_SCHEMA.empty_table(), *parts])
    return Cleaned(
        partition=service_date.isoformat(),
        candidates=candidates,
        landed=candidates.num_rows,
        fingerprint=fingerprint,
    )


def count_calls(service_date: date, landed: Iterable[Schedule]) -> int:
    """How many records the payloads hold of a service date, counted without making rows of them."""
    schedule = in_force(landed, service_date)
    if schedule is None:
        return 0
    active = schedule.services.active(service_date)
    return sum(int(np.count_nonzero(_is_active(schedule.calls(route), active))) for route in schedule.routes)


def midnight(service_date: date, time_zone: str) -> datetime:
    """Noon of a service date less twelve hours, from which GTFS counts: not midnight on the days of clock changes."""
    return datetime.combine(service_date, time(12), ZoneInfo(time_zone)).astimezone(UTC) - _HALF_DAY


def _candidates(schedule: Schedule, route: dict[str, object], service_date: date) -> pa.Table:
    all_calls = schedule.calls(route)
    calls = all_calls.filter(_is_active(all_calls, schedule.services.active(service_date))).combine_chunks()
    count = calls.num_rows
    if not count:
        return _SCHEMA.empty_table()
    stations = _stations(calls, schedule.served)
    short_name, headsign = (calls[name].combine_chunks() for name in ("short_name", "headsign"))
    number = recoded(short_name, pa.array([_number(text) for text in short_name.dictionary.to_pylist()], pa.string()))
    start_at = midnight(service_date, str(route["time_zone"]))
    columns = {name: calls[name] for name in calls.column_names} | {
        "service_date": pa.repeat(pa.scalar(service_date, pa.date32()), count),
        "route_id": pa.repeat(pa.scalar(str(route["route_id"])), count),
        "train_number": number,
        "mission": pc.coalesce(_missions(short_name), _missions(headsign)),
        "direction": pc.coalesce(_by_number(number), _by_order(calls, stations)),
        "station": stations,
        "arrival_at": _at(calls["arrival"], start_at),
        "departure_at": _at(calls["departure"], start_at),
        "feed_version": pa.repeat(pa.scalar(schedule.sha256), count),
        "payload_sha256": pa.repeat(pa.scalar(schedule.sha256), count),
    }
    return pa.table([columns[field.name].cast(field.type) for field in _SCHEMA], schema=_SCHEMA)


def _or_empty(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows of a part; one that the payload does not have comes as no rows of another part."""
    return rows if rows.schema.names == schema.names else schema.empty_table()


def _is_active(calls: pa.Table, services: Sequence[str] | set[str]) -> np.ndarray:
    if calls.num_rows == 0:
        return np.zeros(0, dtype=bool)
    coded = calls["service_id"].combine_chunks()
    wanted = np.array([service_id in services for service_id in coded.dictionary.to_pylist()] + [False])
    return wanted[coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]


def _station(stop: dict[str, str | None], is_rail: bool) -> Station | None:
    """The station that a stop is, by its own identifier, that of its parent, or its name if trains call there."""
    return (
        station_of(stop["stop_id"])
        or station_of(stop.get("parent_station"))
        or (station_of(None, stop.get("stop_name")) if is_rail else None)
    )


def _stations(calls: pa.Table, served: dict[str, Station | None]) -> pa.Array:
    coded = calls["stop_id"].combine_chunks()
    found = [served.get(stop_id) for stop_id in coded.dictionary.to_pylist()]
    return recoded(coded, pa.array([one and one.uic for one in found], pa.string())).dictionary_decode()


def _number(text: str | None) -> str | None:
    return text if text is not None and text[-1:].isdecimal() else None


def _missions(coded: pa.DictionaryArray) -> pa.Array:
    """Missions of texts such as `IPOI01` and `IPOI`."""
    found = [_MISSION.fullmatch(text or "") for text in coded.dictionary.to_pylist()]
    return recoded(coded, pa.array([one and one.group(1) for one in found], pa.string())).dictionary_decode()


def _by_number(number: pa.DictionaryArray) -> pa.Array:
    found = [direction_of_number(text) for text in number.dictionary.to_pylist()]
    return recoded(number, pa.array(found, pa.string())).dictionary_decode()


def _by_order(calls: pa.Table, stations: pa.Array) -> pa.Array:
    """Direction of each call's trip by the first and last of its stations; null with fewer than two."""
    coded = stations.dictionary_encode()
    places = [station.order if (station := by_uic(code)) else 0 for code in coded.dictionary.to_pylist()]
    place = np.array([*places, 0])[coded.indices.fill_null(len(places)).to_numpy(zero_copy_only=False)]
    trip = calls["trip_id"].combine_chunks().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    known = np.flatnonzero(place)
    if not len(known):
        return pa.nulls(len(place), pa.string())
    order = known[np.lexsort((calls["stop_sequence"].to_numpy()[known], trip[known]))]
    trips, first = np.unique(trip[order], return_index=True)
    last = np.append(first[1:], len(order)) - 1
    further = place[order[last]] - place[order[first]]
    found = np.zeros(trip.max() + 2, dtype=np.int64)
    found[trips] = np.sign(further)
    names = np.array(["south", "north", None], dtype=object)
    return pa.array(names[np.select([found[trip] > 0, found[trip] < 0], [0, 1], 2)], pa.string())


def _at(seconds: pa.ChunkedArray, start_at: datetime) -> pa.Array:
    micro = pc.multiply(seconds.cast(pa.int64()), 1_000_000)
    return pc.add(micro, int(start_at.timestamp()) * 1_000_000).cast(pa.timestamp("us")).cast(UTC_INSTANT)
