"""`interim.rail__stops`: the stops that the line serves in each version of the schedule, and their stations."""

from collections.abc import Iterable
from datetime import date, timedelta

import pyarrow as pa

from transit_assets.rail.clean.schedule import Schedule, in_force
from transit_assets.rail.schema import STOPS


def stops(landed: Iterable[Schedule]) -> pa.Table:
    """Rows of STOPS of all versions that some service date uses, by the dates for which they are in force."""
    schedules = list(landed)
    used = _validity(schedules)
    rows = [
        row | {"feed_version": schedule.sha256, "valid_from": valid_from, "valid_to": valid_to}
        for schedule in schedules
        if schedule.sha256 in used
        for valid_from, valid_to in [used[schedule.sha256]]
        for row in _stops(schedule)
    ]
    return pa.Table.from_pylist(rows, schema=STOPS.schema)


def _validity(schedules: list[Schedule]) -> dict[str, tuple[date, date | None]]:
    """First date for which each version is in force, and the one after the last; null where nothing replaces it.

    A version that is in force again after another has the whole time in between: what it says is what counts.
    """
    spans = [schedule.span for schedule in schedules if schedule.span is not None and schedule.is_usable]
    found: dict[str, tuple[date, date | None]] = {}
    if not spans:
        return found
    day, end = min(first for first, _ in spans), max(last for _, last in spans)
    while day <= end:
        schedule = in_force(schedules, day)
        if schedule is not None:
            first, _ = found.get(schedule.sha256, (day, None))
            found[schedule.sha256] = (first, day + timedelta(days=1))
        day += timedelta(days=1)
    return {sha: (first, None if after is None or after > end else after) for sha, (first, after) in found.items()}


def _stops(schedule: Schedule) -> list[dict[str, object]]:
    """The stops that the line serves and those that they belong to, in the order of the feed."""
    known = {row["stop_id"]: row for row in schedule.stops.to_pylist()}
    stations = dict(schedule.served)
    for stop_id in schedule.served:
        place, station = known.get(stop_id), schedule.served[stop_id]
        for _ in range(2):  # a boarding area is of a stop, which is of a station
            place = known.get(place["parent_station"]) if place else None
            if place is not None and stations.get(place["stop_id"]) is None:
                stations[place["stop_id"]] = station
    return [
        row
        | {
            "station": station.uic if station else None,
            "station_name": station.name if station else None,
            "line_order": station.order if station else None,
            "branch": station.branch if station else None,
        }
        for row in known.values()
        if row["stop_id"] in stations
        for station in [stations[row["stop_id"]]]
    ]
