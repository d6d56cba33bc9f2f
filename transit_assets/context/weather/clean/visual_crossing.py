"""Visual Crossing's hours, JSON and CSV: the same figures with other names and other times.

JSON has `datetimeEpoch` (seconds UTC) and lists of what fell; CSV has the wall clock of the place without an offset,
`sealevelpressure` instead of `pressure`, and lists joined by commas. `tzoffset` is that of one day, and is not used.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context.hours import END_SECOND, FIRST_SECOND, instants, of_wall_clock
from transit_assets.context.places import Place, known_places, place_at, place_named
from transit_assets.context.weather.clean import records as typed
from transit_assets.context.weather.clean.errors import UnknownFormat
from transit_assets.context.weather.clean.units import Units, told_by
from transit_assets.feeds import errors as feed_errors
from transit_assets.feeds import values
from transit_assets.feeds import visual_crossing as feed
from transit_assets.feeds.tables import csv_table
from transit_assets.lake.errors import PayloadUnreadable

_DAY_ONLY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


class Decoded(NamedTuple):
    """Records in the order of the payload, and the units that it was in."""

    records: pa.Table
    units: Units


def decode_json(payload: bytes, units: Units | None = None) -> Decoded:
    """A timeline with hours; `units` are told by the figures where None. Raises UnknownFormat, PayloadUnreadable."""
    try:
        timeline = feed.decode_timeline(payload)
    except feed_errors.PayloadUnreadable as error:
        raise UnknownFormat(str(error)) from error
    place = _place(timeline)
    hours = feed.decode_hours(timeline)
    if not hours.stations:
        raise PayloadUnreadable(_NO_HOURS)
    raw = {
        column: values.column([getattr(hour, name) for hour in hours.stations])
        for name, column in typed.FIELDS.items()
        if any(getattr(hour, name) is not None for hour in hours.stations)
    }
    raw |= {
        "precipitation_types": pa.array([_listed(hour.preciptype) for hour in hours.stations], pa.string()),
        "conditions": values.column([hour.conditions for hour in hours.stations]),
        "source": values.column([hour.source for hour in hours.stations]),
    }
    start, problem = _of_epochs(hours.stations)
    if not pc.any(pc.is_valid(start)).as_py():
        raise PayloadUnreadable("none of its hours has a datetimeEpoch that can be read")
    found = units or _told(raw, len(hours.stations))
    count = len(hours.stations)
    rows = typed.records(
        raw,
        place=pa.repeat(place.name, count),
        hour_start_at=start,
        source="visual_crossing_json",
        units=found,
        row_number=pa.array(hours.row_numbers, pa.int32()),
        problems=[problem],
    )
    if hours.unreadable:
        complaints = {one.row_number: f"record_is_readable: {one.problem}" for one in hours.unreadable}
        bad = typed.unreadable(complaints, place=place.name, hour_start_at=pc.max(start), source="visual_crossing_json")
        rows = pa.concat_tables([rows, bad])
    return Decoded(rows, found)


def _place(timeline: feed.Timeline) -> Place:
    place = place_at(timeline.latitude, timeline.longitude) or place_named(timeline.address)
    if place is None:
        raise PayloadUnreadable(_unknown(timeline.address))
    return place


def _unknown(address: str | None) -> str:
    return f"the weather of {address or 'an unnamed place'} is not kept; that of {known_places()} is"


_NO_HOURS = "it has days and no hours: ask Visual Crossing with include=hours"


def _listed(kinds: list[str] | str | None) -> str | None:
    return ",".join(kinds) if isinstance(kinds, list) else kinds


def _of_epochs(hours: Sequence[feed.Hour]) -> tuple[pa.Array, pa.Array | None]:
    epochs = [hour.starts_at for hour in hours]
    is_known = np.array([epoch is not None and FIRST_SECOND <= epoch < END_SECOND for epoch in epochs])
    start = np.array([epoch if known else 0 for epoch, known in zip(epochs, is_known, strict=True)], dtype=np.int64)
    complaint = values.complaints("datetimeEpoch_is_from_2009_to_2049", values.column(epochs), pa.array(~is_known))
    return instants(start, is_known), complaint


def _told(raw: dict[str, pa.Array], count: int) -> Units:
    names = ("temperature_celsius", "dew_point_celsius", "humidity_percent")
    found = told_by(*(typed.numbers(raw.get(name), count) for name in names))
    if found is None:
        raise PayloadUnreadable(
            "nothing in it tells its units, dew point and humidity fit several: say if they are metric, uk, us or base"
        )
    return found


def decode_csv(payload: bytes, units: Units | None = None) -> Decoded:
    """Hours of one place or several; `units` as for JSON. Raises UnknownFormat, PayloadUnreadable."""
    table = csv_table(payload)
    named = {name.strip().lower(): table[name].combine_chunks() for name in table.column_names}
    raw = {column: named[name] for name, column in typed.FIELDS.items() if name in named}
    raw |= {column: named[name] for name, column in _TEXTS.items() if name in named}
    place, zone = _places(named)
    if pc.all(pc.match_substring_regex(values.text(named["datetime"]), _DAY_ONLY), skip_nulls=True).as_py():
        raise PayloadUnreadable(_NO_HOURS)
    start, problems = of_wall_clock(named["datetime"], place, zone)
    found = units or _told(raw, table.num_rows)
    rows = typed.records(
        raw,
        place=pa.array(place, pa.string()),
        hour_start_at=start,
        source="visual_crossing_csv",
        units=found,
        row_number=pa.array(np.arange(table.num_rows), pa.int32()),
        problems=problems,
    )
    return Decoded(rows, found)


_TEXTS = {"preciptype": "precipitation_types", "conditions": "conditions", "source": "source"}


def _places(named: dict[str, pa.Array]) -> tuple[np.ndarray, np.ndarray]:
    """Name and time zone of the place of each record: by coordinates, else by its address."""
    count = len(named["datetime"])
    addresses = next((named[name] for name in ("resolvedaddress", "address", "name") if name in named), None)
    names = [None] * count if addresses is None else addresses.to_pylist()
    latitudes, longitudes = (typed.numbers(named.get(name), count).tolist() for name in ("latitude", "longitude"))
    known: dict[tuple, Place] = {}
    for name, latitude, longitude in set(zip(names, latitudes, longitudes, strict=True)):
        place = place_named(name) or place_at(latitude, longitude)
        if place is None:
            raise PayloadUnreadable(_unknown(name))
        known[name, latitude, longitude] = place
    of_row = [known[key] for key in zip(names, latitudes, longitudes, strict=True)]
    return np.array([place.name for place in of_row]), np.array([place.zone for place in of_row])
