"""Incident records: one row per call, with what the brigade wrote of it."""

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context.hours import FIRST_SECOND, instants
from transit_assets.feeds import coded
from transit_assets.feeds.coded import CODED
from transit_assets.fire.clean import places, times
from transit_assets.fire.clean.records import ENDS, Columns, mask
from transit_assets.lake import UTC_INSTANT

_TEXTS = (
    "incident_group",
    "stop_code",
    "special_service_type",
    "property_category",
    "property_type",
    "address_qualifier",
    "borough_code",
    "ward_code",
    "station_ground",
    "first_pump_station",
    "second_pump_station",
)
_WHOLE = (
    "first_pump_attendance_seconds",
    "second_pump_attendance_seconds",
    "stations_attending",
    "pumps_attending",
    "pump_count",
    "calls",
)
_PLACE = (
    "postcode_district",
    "borough_name",
    "proper_case",
    "borough_code",
    "ward_name",
    "ward_name_new",
    "ward_code",
    "frs",
    "easting_rounded",
    "northing_rounded",
)

RECORDS = pa.schema(
    [
        ("month", pa.date32()),
        ("incident_number", pa.string()),
        ("called_at", UTC_INSTANT),
        *((name, CODED) for name in (*_TEXTS, "postcode_district", "borough", "ward")),
        ("easting_m", pa.int32()),
        ("northing_m", pa.int32()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("is_over_the_border", pa.bool_()),
        *((name, pa.int32()) for name in (*_WHOLE, "pump_minutes")),
        ("notional_cost_gbp", pa.float64()),
        *ENDS,
    ]
)

# Values that differ from record to record; all others repeat.
PLAIN = ("incident_number", "time_of_call")
_OUTER = r"^(?P<outer>[A-Za-z]{1,2}[0-9][0-9A-Za-z]?)\b"
_FRS = ("london", "overtheborder")
_ROUNDED_TO, _SQUARE, _FARTHEST = 50, 100, 2_000_000  # metres


def records(raw: Mapping[str, pa.Array], *, source: str, row_number: pa.Array) -> pa.Table:
    """Typed records from raw columns; absent columns are null."""
    columns = Columns(raw, len(row_number))
    columns.add_ids("incident_number")
    _add_times(columns)
    columns.add_texts(*_TEXTS)
    columns.add_whole(*_WHOLE)
    if columns.has(*_PLACE):
        _add_place(columns)
    if columns.has("pump_minutes", "pump_hours"):
        columns.typed["pump_minutes"] = pc.coalesce(
            columns.whole("pump_minutes"), pc.multiply(columns.whole("pump_hours"), pa.scalar(60, pa.int32()))
        )
    if columns.has("notional_cost_gbp"):
        columns.typed["notional_cost_gbp"] = columns.number("notional_cost_gbp")
    return columns.table(RECORDS, source, row_number)


def _add_times(columns: Columns) -> None:
    """The month and the instant of the call."""
    day, clock = times.dates(columns.raw("date_of_call")), times.clocks(columns.raw("time_of_call"))
    is_possible = times.is_possible(day.values)
    days = day.values.cast(pa.int64()).fill_null(0).to_numpy()
    seconds = clock.values.fill_null(0).to_numpy(zero_copy_only=False)
    wall = np.where(is_possible, days + seconds, FIRST_SECOND)
    at, exists, _ = times.first_instants(wall)
    is_known = is_possible & pc.is_valid(clock.values).to_numpy(zero_copy_only=False)
    columns.typed["called_at"] = instants(at, is_known & exists)
    columns.typed["month"] = pa.array(times.months(days), pa.date32(), mask=~is_possible)
    written = columns.raw("date_of_call")
    is_read = pc.is_valid(day.values).to_numpy(zero_copy_only=False)
    columns.complain("date_of_call_is_a_date", written, day.unreadable)
    columns.complain("date_of_call_is_from_2009_to_2049", written, mask(is_read & ~is_possible))
    columns.complain("time_of_call_is_a_time", columns.raw("time_of_call"), clock.unreadable)
    columns.complain("time_of_call_exists_in_london", columns.raw("time_of_call"), mask(is_known & ~exists))


def _add_place(columns: Columns) -> None:
    """Where the call was: district, borough, ward, the rounded place and its coordinates."""
    district = columns.texts("postcode_district")
    outer = pc.struct_field(pc.extract_regex(district.dictionary, _OUTER), "outer")
    columns.typed["postcode_district"] = coded.recoded(district, pc.utf8_upper(outer))
    is_lost = pc.and_(pc.is_valid(district), pc.is_null(columns.typed["postcode_district"]))
    columns.complain_silently("postcode_district_is_a_district", is_lost)

    borough = _first_known(columns.texts("borough_name"), columns.texts("proper_case"))
    names = pa.array([places.borough(written) for written in borough.dictionary.to_pylist()], pa.string())
    columns.typed["borough"] = coded.recoded(borough, names)
    ward = _first_known(columns.texts("ward_name_new"), columns.texts("ward_name"))
    columns.typed["ward"] = coded.recoded(ward, _without(ward.dictionary, places.UNPLACED))
    for name in filter(columns.has, ("borough_code", "ward_code")):
        code = columns.typed[name]
        columns.typed[name] = coded.recoded(code, _without(code.dictionary, places.UNPLACED))

    frs = columns.texts("frs")
    ours = pc.utf8_lower(frs.dictionary)
    is_over = pc.if_else(pc.is_in(ours, pa.array(list(_FRS))), pc.equal(ours, "overtheborder"), None)
    columns.typed["is_over_the_border"] = is_over.take(frs.indices)
    columns.complain("frs_is_known", frs, coded.taken(pc.is_null(is_over), frs.indices))
    _add_coordinates(columns)


def _add_coordinates(columns: Columns) -> None:
    """The rounded place and its coordinates; 0 is no place. Finer than 50 m never passes, whatever a file holds."""
    grid = []
    for name in ("easting_rounded", "northing_rounded"):
        metres = columns.number(name, shows=False).fill_null(0).to_numpy(zero_copy_only=False)
        is_round = metres % _ROUNDED_TO == 0
        grid.append(np.where(is_round, metres, metres // _SQUARE * _SQUARE + _SQUARE / 2))
    is_known = (grid[0] != 0) & (grid[1] != 0)
    latitude, longitude = places.wgs84(*(np.where(is_known, metres, np.nan) for metres in grid))
    fits = is_known & (np.abs(grid) < _FARTHEST).all(axis=0)
    for name, metres in zip(("easting_m", "northing_m"), grid, strict=True):
        columns.typed[name] = pa.array(np.where(fits, metres, 0).astype(np.int32), mask=~fits)
    columns.complain_silently("place_is_on_the_british_grid", mask(is_known & ~fits))
    for name, degrees in (("latitude", latitude), ("longitude", longitude)):
        columns.typed[name] = pa.array(degrees, mask=~fits | ~np.isfinite(degrees))


def _first_known(column: pa.DictionaryArray, other: pa.DictionaryArray) -> pa.DictionaryArray:
    if not column.null_count or other.null_count == len(other):
        return column
    return coded.encoded(pc.coalesce(column.cast(pa.string()), other.cast(pa.string())))


def _without(distinct: pa.Array, words: Collection[str]) -> pa.Array:
    is_none = pc.is_in(pc.utf8_lower(distinct), pa.array(sorted(words)))
    return pc.if_else(is_none, pa.scalar(None, pa.string()), distinct)
