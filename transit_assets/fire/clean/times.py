"""Dates and times as the brigade's files write them over the years, to the wall clock, and that to instants.

Calls are in London time: of 32,247 recorded ones none stands in the hour that the clock left out on 26 March 2017.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context.hours import END_SECOND, FIRST_SECOND
from transit_assets.context.local_time import local_seconds, utc_seconds
from transit_assets.feeds import coded, values

WALL = pa.timestamp("s")
"""A time of the wall clock, without a zone."""

ZONE = "Europe/London"
_HOUR, _DAY = 3_600, 86_400
_TIMES = (
    "%d/%m/%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%Y-%m-%d %H:%M",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M",
)
_DATES = ("%d %b %Y", "%d/%m/%Y", "%Y-%m-%d", "%d-%b-%Y", *_TIMES)
_CLOCKS = ("%H:%M:%S", "%H:%M")
_LAST_DAYS = r"^(.*[^0-9])?(29|30|31)([^0-9]|$)"  # of months that may be shorter: as first or last number of a date


def walls(raw: pa.Array) -> values.Read:
    """Times of the wall clock: timestamps, or texts in any of the known forms."""
    return _read(raw, _TIMES)


def dates(raw: pa.Array) -> values.Read:
    """Days, each at its midnight; a time beside the day is left out."""
    column = coded.encoded(raw)
    found = coded.read(column, lambda distinct: _read(distinct, _DATES))
    seconds = found.values.cast(pa.int64())
    days = pc.multiply(pc.divide(seconds, _DAY), _DAY)  # none of them is before 1970, see `is_possible`
    return values.Read(days.cast(WALL), found.unreadable)


def clocks(raw: pa.Array) -> values.Read:
    """Times of day, as seconds since midnight."""
    if pa.types.is_time(raw.type):
        return values.Read(raw.cast(pa.time32("s"), safe=False).cast(pa.int32()).cast(pa.int64()), _none(raw))
    if pa.types.is_floating(raw.type) or pa.types.is_integer(raw.type):  # a spreadsheet's share of a day
        share = raw.cast(pa.float64())
        seconds = pc.round(pc.multiply(share, _DAY)).cast(pa.int64(), safe=False)
        is_clock = pc.and_(pc.greater_equal(share, 0.0), pc.less(share, 1.0))
        return values.Read(pc.if_else(is_clock, seconds, None), pc.fill_null(pc.invert(is_clock), False))
    found = _read(raw, _CLOCKS)
    seconds = found.values.cast(pa.int64()).fill_null(0).to_numpy() % _DAY
    return values.Read(pa.array(seconds, mask=~_known(found.values)), found.unreadable)


def is_possible(wall: pa.Array) -> np.ndarray:
    """Which times lie in the years that the tables have; false where unknown."""
    seconds = wall.cast(pa.int64()).fill_null(0).to_numpy()
    return (seconds >= FIRST_SECOND) & (seconds < END_SECOND)


def first_instants(wall: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Instants (seconds UTC) of London's wall clock: the first of two, whether there is one, and whether there are two.

    One that the clock leaves out gets the instant that the offset before it gives.
    """
    at, exists = utc_seconds(wall, ZONE)
    is_twice = exists & (local_seconds(at - _HOUR, ZONE) == wall)
    return np.where(is_twice, at - _HOUR, at), exists, is_twice


def months(days: np.ndarray) -> np.ndarray:
    """First days of the months of some wall clock seconds, as numpy days."""
    return days.astype("datetime64[s]").astype("datetime64[M]").astype("datetime64[D]")


def _read(raw: pa.Array, forms: Sequence[str]) -> values.Read:
    if isinstance(raw, pa.ChunkedArray):
        raw = raw.combine_chunks()
    if pa.types.is_null(raw.type):
        return values.Read(pa.nulls(len(raw), WALL), _none(raw))
    if pa.types.is_timestamp(raw.type) or pa.types.is_date(raw.type):
        if pa.types.is_timestamp(raw.type) and raw.type.tz:
            raw = pc.local_timestamp(raw.cast(pa.timestamp("us", tz=ZONE)))
        return values.Read(raw.cast(pa.timestamp("us")).cast(WALL, safe=False), _none(raw))
    found = _parsed(_texts(raw), forms)
    lost = pc.and_(pc.is_valid(raw), pc.is_null(found))
    if pc.any(lost).as_py():  # spaces around it, fractions of seconds: rare, so each text is mended only then
        mended = pc.replace_substring_regex(values.text(pc.if_else(lost, _texts(raw), None)), r"\.[0-9]+$", "")
        found = pc.coalesce(found, _parsed(mended, forms))
        lost = pc.and_(pc.is_valid(values.text(raw)), pc.is_null(found))
    return values.Read(found, lost)


def _texts(raw: pa.Array) -> pa.Array:
    return (raw.dictionary_decode() if pa.types.is_dictionary(raw.type) else raw).cast(pa.string())


def _parsed(texts: pa.Array, forms: Sequence[str]) -> pa.Array:
    """Texts in any of the forms; null for those that are no time. Files hold one form, so one pass mostly does."""
    found = pa.nulls(len(texts), WALL)
    for form in forms:
        left = pc.and_(pc.is_valid(texts), pc.is_null(found))
        if not pc.any(left).as_py():
            break
        read = pc.strptime(pc.if_else(left, texts, None), format=form, unit="s", error_is_null=True)
        found = pc.coalesce(found, read)
    return _without_overflow(texts, found)


def _without_overflow(texts: pa.Array, found: pa.Array) -> pa.Array:
    """The same without what `strptime` makes of 31 February: the 3rd of March."""
    # Times of day alone come out as of the year 1900.
    is_early = pc.fill_null(pc.and_(pc.less_equal(pc.day(found), 3), pc.greater(pc.year(found), 1900)), False)
    doubtful = pc.if_else(is_early, texts, None)
    if doubtful.null_count == len(doubtful):
        return found
    is_over = pc.fill_null(pc.match_substring_regex(pc.utf8_slice_codeunits(doubtful, 0, 10), _LAST_DAYS), False)
    return pc.if_else(is_over, None, found)


def _known(column: pa.Array) -> np.ndarray:
    return np.array(pc.is_valid(column))


def _none(raw: pa.Array) -> pa.Array:
    return pa.array(np.zeros(len(raw), dtype=bool))
