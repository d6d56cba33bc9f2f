"""`t_1h`, the end of an hour as providers write it, to the instant at which the hour starts and its Paris month.

A time without an offset is Paris time: 1,429 of 1,429 hours of history equal those of an export that has offsets.
On the last Sunday of March history prints a 02:00 that the clock leaves out; of October's two 02:00 there is the
second only.
"""

from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context.local_time import local_seconds, utc_seconds
from transit_assets.feeds import values
from transit_assets.lake import UTC_INSTANT

FIRST_MONTH = date(2010, 1, 1)
"""First partition of the monthly tables: the history begins that year."""

_ZONE = "Europe/Paris"
_NAIVE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?$"
_MICRO, _HOUR = 1_000_000, 3_600
_FIRST = int(np.datetime64(FIRST_MONTH, "s").astype(np.int64))
_LAST = int(np.datetime64("2050-01-01", "s").astype(np.int64))


class Hours(NamedTuple):
    """The hours of some records: null where unknown, with a complaint where something was written.

    `month` is a date32, null where nothing tells it; `is_naive` says which times were written without an offset.
    """

    start_at: pa.Array
    month: pa.Array
    is_naive: pa.Array
    complaints: list[pa.Array | None]


def hours(raw: pa.Array) -> Hours:
    """Read the ends of hours: texts with or without an offset, or timestamps."""
    if isinstance(raw, pa.ChunkedArray):
        raw = raw.combine_chunks()
    clock, is_naive = _clock(raw)
    is_read = np.array(pc.is_valid(clock.values))
    micro = clock.values.cast(pa.int64()).fill_null(_FIRST * _MICRO).to_numpy()
    seconds, rest = micro // _MICRO, micro % _MICRO
    naive = np.array(is_naive)
    of_wall, exists = utc_seconds(seconds, _ZONE)
    exists |= ~naive
    start = np.where(naive, of_wall, seconds) - _HOUR
    wall = np.where(exists, local_seconds(start, _ZONE), seconds - _HOUR)
    is_possible = (wall >= _FIRST) & (wall < _LAST)
    has_month, is_known = is_read & is_possible, is_read & is_possible & exists
    month = wall.astype("datetime64[s]").astype("datetime64[M]").astype("datetime64[D]")
    return Hours(
        start_at=pa.array(start * _MICRO + rest, mask=~is_known).cast(pa.timestamp("us")).cast(UTC_INSTANT),
        month=pa.array(month, pa.date32(), mask=~has_month),
        is_naive=is_naive,
        complaints=[
            values.complaints("t_1h_is_a_time", raw, clock.unreadable),
            values.complaints("hour_starts_from_2010_to_2049", raw, pa.array(is_read & ~is_possible)),
            values.complaints("t_1h_exists_in_paris", raw, pa.array(has_month & ~exists)),
        ],
    )


def _clock(raw: pa.Array) -> tuple[values.Read, pa.Array]:
    """Instants, and wall clock times as if they were UTC; which of them are the latter."""
    if pa.types.is_timestamp(raw.type):
        return values.instant(raw), pa.array(np.full(len(raw), raw.type.tz is None))
    written = values.text(raw)
    is_naive = pc.fill_null(pc.match_substring_regex(written, _NAIVE), False)
    return values.instant(pc.if_else(is_naive, pc.binary_join_element_wise(written, "Z", ""), written)), is_naive
