"""Dates and times as the brigade's files write them over the years, to the wall clock, and that to instants.

Calls are in London time: of 32,247 recorded ones none stands in the hour that the clock left out on 26 March 2017.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

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
_DIGITS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_LEAST = {"Y": 1900, "m": 1, "d": 1, "H": 0, "M": 0, "S": 0}  # of what a form does not say, as `strptime` has it
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
    seconds, is_read = _of_digits(texts, forms)
    of_digits = pa.array(seconds, pa.int64(), mask=~is_read).cast(WALL)
    rest = pc.if_else(pa.array(is_read), pa.scalar(None, pa.string()), texts)
    if rest.null_count == len(rest):
        return of_digits
    found = pa.nulls(len(texts), WALL)
    for form in forms:
        left = pc.and_(pc.is_valid(rest), pc.is_null(found))
        if not pc.any(left).as_py():
            break
        read = pc.strptime(pc.if_else(left, rest, None), format=form, unit="s", error_is_null=True)
        found = pc.coalesce(found, read)
    return pc.coalesce(of_digits, _without_overflow(rest, found))


@dataclass(frozen=True)
class _Picture:
    """A form that has so many digits for each part: where they are, and where which other characters."""

    length: int
    parts: Mapping[str, Sequence[int]]
    others: Mapping[int, str]


@cache
def _picture(form: str) -> _Picture | None:
    """None for a form with names in it."""
    parts, others, at = {}, {}, 0
    for part, other in re.findall(r"%(.)|([^%])", form):
        if part and part not in _DIGITS:
            return None
        if part:
            parts[part] = range(at, at + _DIGITS[part])
        else:
            others[at] = other
        at += _DIGITS.get(part, 1)
    return _Picture(at, parts, others)


def _of_digits(texts: pa.Array, forms: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds since 1970 of texts that are all of one length, and which of them are times of a form in digits.

    A tenth of the time that `strptime` takes: of 2.7 million vehicles there are 13 million times.
    """
    seconds, is_read = np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
    known = texts.drop_null()
    lengths = pc.min_max(pc.binary_length(known)).as_py()
    length = lengths["min"]
    if not len(known) or not length or length != lengths["max"]:
        return seconds, is_read
    # Texts of one length lie one after the other.
    start = np.frombuffer(known.buffers()[1], np.int32)[known.offset]
    written = np.frombuffer(known.buffers()[2], np.uint8, len(known) * length, start).reshape(-1, length)
    for picture in filter(None, map(_picture, forms)):
        if picture.length == length:
            found, fits = _seconds_of(written, picture)
            if fits.any():
                places = np.flatnonzero(_known(texts))
                seconds[places], is_read[places] = found, fits
                break
    return seconds, is_read


def _seconds_of(written: np.ndarray, picture: _Picture) -> tuple[np.ndarray, np.ndarray]:
    """Of (n, length) characters what time they are, and whether they are one."""
    fits = np.ones(len(written), bool)
    for place, other in picture.others.items():
        fits &= written[:, place] == ord(other)
    value = {part: np.full(len(written), least, np.int64) for part, least in _LEAST.items()}
    for part, places in picture.parts.items():
        value[part] = np.zeros(len(written), np.int64)
        for place in places:
            digit = written[:, place] - ord("0")  # what comes before 0 wraps around
            fits &= digit <= 9
            value[part] = value[part] * 10 + digit
    fits &= (value["Y"] > 0) & (value["m"] >= 1) & (value["m"] <= 12)
    fits &= (value["H"] < 24) & (value["M"] < 60) & (value["S"] < 60)
    month = np.where(fits, (value["Y"] - 1970) * 12 + value["m"] - 1, 0).astype("datetime64[M]")
    first, after = (one.astype("datetime64[D]").astype(np.int64) for one in (month, month + 1))
    day = first + value["d"] - 1
    fits &= (value["d"] >= 1) & (day < after)
    return day * _DAY + value["H"] * _HOUR + value["M"] * 60 + value["S"], fits


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
