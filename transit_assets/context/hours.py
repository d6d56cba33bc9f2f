"""Hours of places: what a wall clock showed as instants, and records of hours by UTC month."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context.landed import FIRST_MONTH as FIRST_MONTH  # where a flow finds it without pyarrow's compute
from transit_assets.context.local_time import local_seconds, utc_seconds
from transit_assets.feeds import values
from transit_assets.lake import UTC_INSTANT
from transit_assets.lake.errors import PayloadUnreadable

FIRST_SECOND, END_SECOND = 1_230_768_000, 2_524_608_000
"""2009 and 2050 in seconds UTC: between them times are taken at their word."""

_HOUR, _MICRO = 3600, 1_000_000
_NAIVE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?$"


def of_wall_clock(written: pa.Array, place: np.ndarray, zone: np.ndarray) -> tuple[pa.Array, list[pa.Array | None]]:
    """Instants of hours written as the clock of each place shows them, and complaints (`values.complaints`).

    A text with an offset is what it says. Of two records of an hour that comes twice the earlier is the first.
    """
    texts = values.text(written)
    is_naive = pc.fill_null(pc.match_substring_regex(texts, _NAIVE), False)
    read = values.instant(pc.if_else(is_naive, pc.binary_join_element_wise(texts, "Z", ""), texts))
    micro = read.values.cast(pa.int64()).fill_null(0).to_numpy()
    seconds, naive = micro // _MICRO, np.array(is_naive)
    is_sane = (seconds >= FIRST_SECOND) & (seconds < END_SECOND)
    start, exists = seconds.copy(), np.ones(len(seconds), bool)
    for name in np.unique(place):
        mine = np.flatnonzero((place == name) & naive & is_sane)
        start[mine], exists[mine] = _hours_of_clock(seconds[mine], str(zone[mine[0]])) if len(mine) else ([], [])
    return instants(start, is_sane & exists), [
        values.complaints("datetime_is_a_time_from_2009_to_2049", written, pa.array(~is_sane)),
        values.complaints("datetime_exists_at_the_place", written, pa.array(is_sane & ~exists)),
    ]


def _hours_of_clock(wall: np.ndarray, zone: str) -> tuple[np.ndarray, np.ndarray]:
    second, exists = utc_seconds(wall, zone)
    is_twice = exists & (local_seconds(second - _HOUR, zone) == wall)
    _, place_of, counts = np.unique(wall, return_index=True, return_counts=True)
    is_first = np.zeros(len(wall), bool)
    is_first[place_of[counts > 1]] = True
    return np.where(is_twice & is_first, second - _HOUR, second), exists


def instants(seconds: np.ndarray, is_known: np.ndarray) -> pa.Array:
    """Seconds UTC as instants, null where they are not known."""
    return pa.array(seconds * _MICRO, mask=~is_known).cast(pa.timestamp("us")).cast(UTC_INSTANT)


def by_month(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Records by UTC month of `hour_start_at`; one without an hour goes with the record before it, the first ones with
    the first month.

    Raises PayloadUnreadable where no record has an hour.
    """
    known = pc.fill_null_backward(pc.fill_null_forward(rows["hour_start_at"].combine_chunks()))
    if known.null_count:
        raise PayloadUnreadable("none of its records has an hour that can be read")
    months = known.cast(pa.timestamp("us")).to_numpy().astype("datetime64[M]")
    for month in np.unique(months):
        yield f"{month}-01", rows.filter(pa.array(months == month))


def rows_by_month(rows: pa.Table) -> dict[str, int]:
    """How many records there are of each month."""
    counts: Counter[str] = Counter()
    for month, found in by_month(rows):
        counts[month] += found.num_rows
    return dict(sorted(counts.items()))


def months_of_file(rows: pa.Table, now: datetime) -> dict[str, int]:
    """How many records a file has of each month. Raises PayloadUnreadable for months that no table has."""
    months, last = rows_by_month(rows), month_of(now).isoformat()
    for month in (min(months), max(months)):
        if not FIRST_MONTH.isoformat() <= month <= last:
            raise PayloadUnreadable(
                f"it has hours of {month[:7]}, which is not a month from {FIRST_MONTH:%Y-%m} to {last[:7]}; "
                "without them the file can be imported"
            )
    return months


def month_of(instant: datetime) -> date:
    """The UTC month of an instant, by its first day."""
    return instant.astimezone(UTC).date().replace(day=1)
