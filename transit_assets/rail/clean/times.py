"""Times as the feeds of the rail write them, to instants; instants to service dates and Paris days.

A time without an offset is Paris time (polls of 2022, disruptions, Navitia), one with an offset or `Z` what it says.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context.local_time import local_seconds, utc_seconds
from transit_assets.feeds import values
from transit_assets.lake import UTC_INSTANT
from transit_assets.settings import PARIS

SERVICE_DATE_STARTS_AT = 3
"""Hour of Paris at which a service date begins: the last train of 2022 ends at 01:18, the first leaves after 04:45."""

_ZONE = "Europe/Paris"
_MICRO = 1_000_000
_FIRST, _END = 1_230_768_000, 2_524_608_000  # 2009 and 2050: between them the rules of the clock are known
_FIRST_YEAR, _END_YEAR = 2009, 2050

# `20240428T044500`, `24/06/2022 11:02` and `24-06-2022 11:02`, as ISO.
_COMPACT = r"^([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})$", r"\1-\2-\3T\4:\5:\6"
_DAY_FIRST = r"^([0-9]{2})[/-]([0-9]{2})[/-]([0-9]{4})[ T]([0-9]{2}:[0-9]{2}(:[0-9]{2})?)$", r"\3-\2-\1T\4"
_NAIVE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?$"


def instants(raw: pa.Array) -> values.Read:
    """Instants of texts. A Paris time that the clock leaves out is unreadable; of one that comes twice it is the
    second: no train runs in that hour."""
    written = values.text(raw)
    for pattern, replacement in (_COMPACT, _DAY_FIRST):
        written = pc.replace_substring_regex(written, pattern, replacement)
    is_naive = pc.fill_null(pc.match_substring_regex(written, _NAIVE), False)
    read = values.instant(pc.if_else(is_naive, pc.binary_join_element_wise(written, "Z", ""), written))
    micro = read.values.cast(pa.int64()).fill_null(0).to_numpy()
    seconds, naive = micro // _MICRO, np.array(is_naive)
    is_sane = (seconds >= _FIRST) & (seconds < _END)
    of_wall, exists = utc_seconds(np.where(is_sane, seconds, _FIRST), _ZONE)
    is_known = is_sane & (exists | ~naive)
    at = np.where(naive, of_wall, seconds) * _MICRO + micro % _MICRO
    return values.Read(
        pa.array(at, mask=~is_known).cast(pa.timestamp("us")).cast(UTC_INSTANT),
        pc.and_(pc.is_valid(written), pa.array(~is_known)),
    )


@lru_cache(16_384)
def instant(written: str) -> datetime | None:
    """The instant of one text, as `instants` reads it; None where it is none. A thousand times as fast for one."""
    text = written.strip()
    for pattern, replacement in (_COMPACT, _DAY_FIRST):
        text = re.sub(pattern, replacement, text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not _FIRST_YEAR <= at.year < _END_YEAR or len(text) < len("2024-04-28T04:45"):
        return None
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    found = at.replace(tzinfo=PARIS, fold=1).astimezone(UTC)
    return found if found.astimezone(PARIS).replace(tzinfo=None) == at else None


def service_dates(at: pa.Array) -> pa.Array:
    """The service date of each instant; null where it is unknown."""
    return _days(at, SERVICE_DATE_STARTS_AT * 3600)


def paris_days(at: pa.Array) -> pa.Array:
    """The Paris day of each instant; null where it is unknown."""
    return _days(at, 0)


def service_date(at: datetime) -> date:
    """The service date of an instant."""
    return (at.astimezone(PARIS).replace(tzinfo=None) - timedelta(hours=SERVICE_DATE_STARTS_AT)).date()


def paris_day(at: datetime) -> date:
    """The Paris day of an instant."""
    return at.astimezone(PARIS).date()


def of_stamp(digits: str) -> datetime | None:
    """The instant of `20240423001001`, a Paris time as collectors name their files; None where it is none."""
    return instant(f"{digits[:8]}T{digits[8:]}")


def _days(at: pa.Array, shift: int) -> pa.Array:
    if isinstance(at, pa.ChunkedArray):
        at = at.combine_chunks()
    seconds = at.cast(pa.int64()).fill_null(_FIRST * _MICRO).to_numpy() // _MICRO
    wall = local_seconds(np.clip(seconds, _FIRST, _END), _ZONE) - shift
    days = wall.astype("datetime64[s]").astype("datetime64[D]")
    return pa.array(days, pa.date32(), mask=~np.array(pc.is_valid(at)))
