"""Values as providers write them, to typed Arrow columns.

Each function takes one column of anything (numbers, text, booleans) and returns the typed column with a mask
of the values that it could not read. Unknown stays unknown: an empty text is null, never 0 or false.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.lake import UTC_INSTANT

_TRUE = ["OUI", "TRUE", "1", "1.0", "VRAI", "YES"]
_FALSE = ["NON", "FALSE", "0", "0.0", "FAUX", "NO"]
_WHOLE = r"^[+-]?[0-9]{1,18}(\.0*)?$"
_DECIMAL = r"^[+-]?[0-9]{1,17}(\.[0-9]*)?([eE][+-]?[0-9]{1,2})?$"
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_NO_TEXT = pa.scalar(None, pa.string())
_LAST_SECOND, _MILLISECONDS_FROM = 4_102_444_800, 100_000_000_000  # the year 2100; 1973 read as milliseconds


class Read(NamedTuple):
    """A typed column, and where a value was there but could not be read."""

    values: pa.Array
    unreadable: pa.Array


def column(values: Sequence[Any]) -> pa.Array:
    """Decoded JSON scalars as one Arrow column; as text where their types differ."""
    try:
        return pa.array(values, from_pandas=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if value is None else _written(value) for value in values], pa.string())


def _written(value: Any) -> str:
    return value if isinstance(value, str) else str(value).encode(errors="replace").decode()


def text(raw: pa.Array) -> pa.Array:
    """Trimmed text; empty is null. A whole number in a float column has no `.0`."""
    raw = _plain(raw)
    if pa.types.is_floating(raw.type):
        whole = integer(raw)
        if not pc.any(whole.unreadable).as_py():
            raw = whole.values
    if pa.types.is_nested(raw.type):
        raw = pa.array([None if value is None else str(value) for value in raw.to_pylist()], pa.string())
    trimmed = pc.utf8_trim_whitespace(raw.cast(pa.string()))
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def integer(raw: pa.Array, kind: pa.DataType | None = None) -> Read:
    """Whole numbers. `4`, `4.0` and `"4"` are 4; `4.5`, `abc`, `true` and what does not fit are unreadable."""
    kind = kind or pa.int64()
    raw = _plain(raw)
    if pa.types.is_null(raw.type):
        return _all_null(raw, kind)
    if pa.types.is_integer(raw.type):
        return _within(raw, kind)
    if pa.types.is_floating(raw.type):
        raw = pc.if_else(pc.is_nan(raw), pa.scalar(None, raw.type), raw)
        is_whole = pc.and_(pc.equal(pc.floor(raw), raw), pc.less(pc.abs(raw), 2.0**53))
        read = _within(pc.if_else(is_whole, raw, pa.scalar(None, raw.type)).cast(pa.int64()), kind)
        return Read(read.values, pc.or_(read.unreadable, pc.fill_null(pc.invert(is_whole), False)))
    written = text(raw)
    is_whole = pc.fill_null(pc.match_substring_regex(written, _WHOLE), False)
    digits = pc.replace_substring_regex(pc.if_else(is_whole, written, None), r"^\+|\..*$", "")
    read = _within(digits.cast(pa.int64()), kind)
    return Read(read.values, pc.or_(read.unreadable, _lost(written, is_whole)))


def number(raw: pa.Array) -> Read:
    """Decimal numbers with a point."""
    raw = _plain(raw)
    if pa.types.is_null(raw.type):
        return _all_null(raw, pa.float64())
    if pa.types.is_integer(raw.type) or pa.types.is_floating(raw.type):
        values = raw.cast(pa.float64(), safe=False)
        is_finite = pc.is_finite(values)
        return Read(pc.if_else(is_finite, values, pa.scalar(None, pa.float64())), _none(raw))
    if pa.types.is_string(raw.type) and (plain := _plain_numbers(raw)) is not None:
        return Read(plain, _none(raw))
    written = text(raw)
    is_number = pc.fill_null(pc.match_substring_regex(written, _DECIMAL), False)
    digits = pc.replace_substring_regex(pc.if_else(is_number, written, None), r"^\+", "")
    return Read(digits.cast(pa.float64()), _lost(written, is_number))


def _plain_numbers(raw: pa.Array) -> pa.Array | None:
    """Texts that are all numbers or null, as almost all columns are: a fifth of the time of looking at each."""
    try:
        values = raw.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return values if pc.all(pc.is_finite(values)).as_py() is not False else None


def flag(raw: pa.Array) -> Read:
    """OUI/NON, 1/0, true/false in any case."""
    raw = _plain(raw)
    if pa.types.is_boolean(raw.type):
        return Read(raw, _none(raw))
    if pa.types.is_null(raw.type):
        return _all_null(raw, pa.bool_())
    written = text(raw)
    upper = pc.utf8_upper(written)
    is_true, is_false = (pc.is_in(upper, pa.array(words)) for words in (_TRUE, _FALSE))
    is_known = pc.or_(is_true, is_false)
    return Read(pc.if_else(is_known, is_true, pa.scalar(None, pa.bool_())), _lost(written, is_known))


def instant(raw: pa.Array) -> Read:
    """Instants: ISO texts with an offset, Unix seconds or milliseconds, timestamps (without a zone: UTC).

    0 stands for "never" in GBFS and is null. A text without an offset is unreadable rather than guessed.
    """
    raw = _plain(raw)
    if pa.types.is_timestamp(raw.type):
        return Read(_utc(raw), _none(raw))
    if pa.types.is_null(raw.type):
        return _all_null(raw, UTC_INSTANT)
    if pa.types.is_integer(raw.type) or pa.types.is_floating(raw.type):
        return _unix(integer(raw))
    written = text(raw)
    is_digits = pc.fill_null(pc.match_substring_regex(written, _WHOLE), False)
    if pc.any(is_digits).as_py():
        return _merged(_unix(integer(pc.if_else(is_digits, written, None))), _iso(pc.if_else(is_digits, None, written)))
    return _iso(written)


def complaints(rule: str, raw: pa.Array, unreadable: pa.Array) -> pa.Array | None:
    """`rule: 'what was written'` for each value that could not be read, null for the others; None without any."""
    if not pc.any(unreadable).as_py():
        return None
    written = pc.utf8_slice_codeunits(pc.coalesce(text(raw), pa.scalar("")), 0, 60)
    return pc.if_else(unreadable, pc.binary_join_element_wise(f"{rule}: '", written, "'", ""), _NO_TEXT)


def first_complaint(found: Sequence[pa.Array | None], count: int) -> pa.Array:
    """Of several complaints about each of so many rows, the first."""
    made = [complaint for complaint in found if complaint is not None]
    return pc.coalesce(*made).cast(pa.string()) if made else pa.nulls(count, pa.string())


def _iso(written: pa.Array) -> Read:
    is_iso = pc.fill_null(pc.match_substring_regex(written, _ISO), False)
    shaped = pc.if_else(is_iso, written, pa.scalar(None, pa.string()))
    try:
        values = shaped.cast(UTC_INSTANT)
    except pa.ArrowInvalid:  # a month 13 among them: one by one
        values = pa.array([_iso_value(value) for value in shaped.to_pylist()], UTC_INSTANT)
    return Read(values, _lost(written, pc.is_valid(values)))


def _iso_value(value: str | None) -> Any:
    try:
        return None if value is None else pa.array([value]).cast(UTC_INSTANT)[0].as_py()
    except pa.ArrowInvalid:
        return None


def _unix(seconds: Read) -> Read:
    given = pc.if_else(pc.equal(seconds.values, 0), pa.scalar(None, pa.int64()), seconds.values)
    is_milli = pc.greater_equal(given, _MILLISECONDS_FROM)
    whole = pc.if_else(is_milli, pc.divide(given, 1000), given)
    is_sane = pc.and_(pc.greater(whole, 0), pc.less(whole, _LAST_SECOND))
    kept = pc.if_else(is_sane, whole, pa.scalar(None, pa.int64()))
    values = pc.multiply(kept, 1_000_000).cast(pa.timestamp("us")).cast(UTC_INSTANT)
    return Read(values, pc.or_(seconds.unreadable, pc.fill_null(pc.invert(is_sane), False)))


def _merged(first: Read, second: Read) -> Read:
    return Read(pc.coalesce(first.values, second.values), pc.or_(first.unreadable, second.unreadable))


def _utc(raw: pa.Array) -> pa.Array:
    micro = raw.cast(pa.timestamp("us", tz=raw.type.tz), safe=False)
    return micro.cast(UTC_INSTANT) if micro.type.tz else pc.assume_timezone(micro, "UTC")


def _within(raw: pa.Array, kind: pa.DataType) -> Read:
    if raw.type == kind:
        return Read(raw, _none(raw))
    info = np.iinfo(kind.to_pandas_dtype())
    fits = pc.and_(pc.greater_equal(raw, int(info.min)), pc.less_equal(raw, int(info.max)))
    values = pc.if_else(fits, raw, pa.scalar(None, raw.type)).cast(kind)
    return Read(values, pc.fill_null(pc.invert(fits), False))


def _plain(raw: pa.Array) -> pa.Array:
    if isinstance(raw, pa.ChunkedArray):
        raw = raw.combine_chunks()
    if pa.types.is_dictionary(raw.type):
        raw = raw.dictionary_decode()
    return raw


def _lost(written: pa.Array, is_read: pa.Array) -> pa.Array:
    return pc.and_(pc.is_valid(written), pc.invert(pc.fill_null(is_read, False)))


def _none(raw: pa.Array) -> pa.Array:
    return pa.array(np.zeros(len(raw), dtype=bool))


def _all_null(raw: pa.Array, kind: pa.DataType) -> Read:
    return Read(pa.nulls(len(raw), kind), _none(raw))
