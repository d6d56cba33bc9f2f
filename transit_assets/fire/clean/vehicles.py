"""Mobilisation records: one row per vehicle sent to a call. Their times are still the file's own wall clock.

Whether that clock is London's or GMT only the records of a month together tell, see `mobilisations`.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds.coded import CODED
from transit_assets.fire.clean import times
from transit_assets.fire.clean.records import ENDS, Columns, mask

_TEXTS = ("resource_code", "station_code", "station", "deployed_from", "plus_code", "delay_reason")
_WHOLE = (
    "performance_reporting",
    "turnout_seconds",
    "travel_seconds",
    "attendance_seconds",
    "pump_order",
    "delay_code",
    "hour_of_call",
)
TIMES = ("mobilised_at", "mobile_at", "arrived_at", "left_at", "returned_at")

RECORDS = pa.schema(
    [
        ("month", pa.date32()),
        ("mobilisation_id", pa.string()),
        ("incident_number", pa.string()),
        *((name, CODED) for name in _TEXTS),
        *((name, pa.int32()) for name in _WHOLE),
        *((name, times.WALL) for name in TIMES),
        *ENDS,
    ]
)

# Values that differ from record to record; all others repeat.
PLAIN = ("incident_number", "mobilisation_id", *TIMES)
_DAY, _HOUR = 86_400, 3_600
_LATE, _MIDNIGHT = 12, 23  # hours between the call and the mobilisation on the clock


def records(raw: Mapping[str, pa.Array], *, source: str, row_number: pa.Array) -> pa.Table:
    """Typed records from raw columns; absent columns are null."""
    columns = Columns(raw, len(row_number))
    columns.add_ids("incident_number", "mobilisation_id")
    columns.add_texts(*_TEXTS)
    columns.add_whole(*_WHOLE)
    for name in filter(columns.has, TIMES):
        written = columns.raw(name)
        read = times.walls(written)
        is_possible = times.is_possible(read.values)
        is_read = pc.is_valid(read.values).to_numpy(zero_copy_only=False)
        columns.typed[name] = pc.if_else(mask(is_possible), read.values, pa.scalar(None, times.WALL))
        columns.complain(f"{name}_is_a_time", written, read.unreadable)
        columns.complain(f"{name}_is_from_2009_to_2049", written, mask(is_read & ~is_possible))
    if columns.has("mobilised_at") and columns.has("hour_of_call"):
        columns.typed["month"] = months_of_calls(columns.typed["mobilised_at"], columns.typed["hour_of_call"])
    return columns.table(RECORDS, source, row_number)


def months_of_calls(mobilised_at: pa.Array, hour_of_call: pa.Array) -> pa.Array:
    """First days of the London months of the calls, by the hour of the call; null where nothing tells.

    A vehicle is sent within hours: one sent at 00:02 to a call of 23 h was called the day before. In a file in GMT one
    sent at 23:58 to a summer call of 0 h was called the day after.
    """
    is_known = pc.is_valid(mobilised_at).to_numpy(zero_copy_only=False)
    seconds = mobilised_at.cast(pa.int64()).fill_null(0).to_numpy()
    hour = seconds % _DAY // _HOUR
    ahead = hour_of_call.fill_null(-1).to_numpy()
    ahead = np.where(ahead < 0, 0, ahead - hour)
    days = seconds // _DAY - (ahead > _LATE) + (ahead == -_MIDNIGHT)
    found = times.months(days * _DAY)
    return pa.array(found, pa.date32(), mask=~is_known)
