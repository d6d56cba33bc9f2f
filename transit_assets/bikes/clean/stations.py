"""`interim.bikes__stations` and `interim.bikes__station_latest`: the tables that are rebuilt whole.

A description that gains a field it lacked is the same description; one that changes opens a new period. The last
known value of each field holds from one day to the next.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.bikes.clean.records import is_stale
from transit_assets.bikes.schema import STATION_LATEST, STATIONS
from transit_assets.quality.dedupe import changes

_DESCRIBED = ("name", "latitude", "longitude", "capacity", "commune", "insee_code", "zone", "zone_provenance")
_SAME_PLACE_DEGREES = 0.0002  # 20 m: providers round coordinates differently
_SAME_STATION_METRES = 150.0
_GONE_AFTER_DAYS = 7  # days that describe other stations but not this one, after which it counts as closed

_Row: TypeAlias = dict[str, Any]


def stations(information: pa.Table) -> pa.Table:
    """Stations with validity from all days of `interim.bikes__station_information` (see STATIONS)."""
    if information.num_rows == 0:
        return STATIONS.schema.empty_table()
    days = sorted(pc.unique(information["day"]).to_pylist())
    ordered = information.sort_by([("station_code", "ascending"), ("day", "ascending")]).combine_chunks()
    last_days = dict(
        zip(*ordered.group_by("station_code").aggregate([("day", "max")]).to_pydict().values(), strict=True)
    )
    changed = ordered.filter(changes(ordered, ("station_code", *_DESCRIBED)))  # one row in hundreds
    periods: list[_Row] = []
    for code, rows in groupby(changed.to_pylist(), key=lambda row: row["station_code"]):
        of_station = list(_periods(rows))
        of_station[-1]["valid_to"] = _closed_on(last_days[code], days)
        periods += of_station
    _name_first_codes(periods)
    return pa.Table.from_pylist(periods, schema=STATIONS.schema)


def _periods(rows: Iterator[_Row]) -> Iterator[_Row]:
    period: _Row | None = None
    for row in rows:
        if period is not None and _is_same(period, row):
            period |= {name: row[name] for name in _DESCRIBED if period[name] is None}
            continue
        known = {name: period[name] for name in _DESCRIBED} if period else dict.fromkeys(_DESCRIBED)
        if period is not None:
            yield period | {"valid_to": row["day"]}
        known |= {name: row[name] for name in _DESCRIBED if row[name] is not None}
        period = {"station_code": row["station_code"], "valid_from": row["day"], "valid_to": None, **known}
    if period is not None:
        yield period


def _is_same(period: _Row, row: _Row) -> bool:
    for name in _DESCRIBED:
        was, now_is = period[name], row[name]
        if name == "zone_provenance" or was is None or now_is is None:
            continue
        if name in ("latitude", "longitude"):
            if abs(was - now_is) > _SAME_PLACE_DEGREES:
                return False
        elif was != now_is:
            return False
    return True


def _closed_on(last_day: date, days: Sequence[date]) -> date | None:
    later = sum(day > last_day for day in days[-_GONE_AFTER_DAYS:])
    return last_day + timedelta(days=1) if later >= _GONE_AFTER_DAYS else None


def _name_first_codes(periods: list[_Row]) -> None:
    """Give each period the code under which its station was first seen: same name, near, and gone by then."""
    by_name: dict[str, list[_Row]] = {}
    for period in sorted(periods, key=lambda period: (period["valid_from"], period["station_code"])):
        period["first_station_code"] = period["station_code"]
        earlier = by_name.setdefault((period["name"] or "").casefold(), [])
        for other in reversed(earlier):
            is_own = other["station_code"] == period["station_code"]
            has_ended = other["valid_to"] is not None and other["valid_to"] <= period["valid_from"]
            if period["name"] and (is_own or (has_ended and _metres(other, period) <= _SAME_STATION_METRES)):
                period["first_station_code"] = other["first_station_code"]
                break
        earlier.append(period)


def _metres(one: _Row, other: _Row) -> float:
    if None in (one["latitude"], other["latitude"], one["longitude"], other["longitude"]):
        return math.inf
    north = (one["latitude"] - other["latitude"]) * 111_320
    east = (one["longitude"] - other["longitude"]) * 111_320 * math.cos(math.radians(one["latitude"]))
    return math.hypot(north, east)


def station_latest(status: pa.Table, described: pa.Table, previous: pa.Table | None = None) -> pa.Table:
    """The last report of each station, with its name and place (see STATION_LATEST).

    `status` holds the reports of the latest days, `described` the rows of `interim.bikes__stations`, `previous`
    the table as it was, which supplies the stations that the latest days do not mention.
    """
    reports = ("station_code", "reported_at", "polled_at", "bikes", "mechanical", "ebike", "docks_free", "capacity")
    flags = ("is_installed", "is_renting", "is_returning", "is_stale", "reported_at_provenance", "source")
    wanted = [*reports, *flags]
    parts = [part.select(wanted) for part in (previous, status) if part is not None]
    rows = pa.concat_tables(parts).combine_chunks() if parts else STATION_LATEST.schema.empty_table().select(wanted)
    rows = rows.take(_last_of_each(rows))
    stale = is_stale(rows["reported_at"], rows["polled_at"])
    rows = rows.set_column(rows.column_names.index("is_stale"), "is_stale", stale)
    current = {period["station_code"]: period for period in described.sort_by("valid_from").to_pylist()}
    periods = [current.get(code, {}) for code in rows["station_code"].to_pylist()]
    for name in ("name", "zone", "latitude", "longitude"):
        values = pa.array([period.get(name) for period in periods], STATION_LATEST.schema.field(name).type)
        rows = rows.append_column(name, values)
    known = pa.array([period.get("capacity") for period in periods], pa.int32())
    at = rows.column_names.index("capacity")
    rows = rows.set_column(at, "capacity", pc.coalesce(rows["capacity"], known))
    return rows.select(STATION_LATEST.column_names).cast(STATION_LATEST.schema)


def _last_of_each(rows: pa.Table) -> pa.Array:
    """Positions of the last report of each station: by poll, then by report, then by order."""
    codes = pc.rank(rows["station_code"], tiebreaker="dense").to_numpy()
    instants = [rows[name].cast(pa.int64()).to_numpy() for name in ("reported_at", "polled_at")]
    order = np.lexsort((*instants, codes))
    is_last = np.ones(len(order), dtype=bool)
    is_last[:-1] = codes[order[1:]] != codes[order[:-1]]
    return pa.array(order[is_last])
