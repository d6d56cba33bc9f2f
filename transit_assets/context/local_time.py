"""Local clock time of many instants at once, or of one, at array speed: zoneinfo is asked once per process."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

_FIRST, _LAST = datetime(2008, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)


@cache
def _changes(zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Instants (seconds UTC) from which an offset (seconds) holds, 2008 to 2049: the two days a year that matter."""
    place = ZoneInfo(zone)

    def offset(at: datetime) -> int:
        return int((at.astimezone(place).utcoffset() or timedelta()).total_seconds())

    instants, offsets = [int(_FIRST.timestamp())], [offset(_FIRST)]
    day = _FIRST
    while day < _LAST:
        if offset(day + timedelta(days=1)) != offsets[-1]:
            hour = day
            while offset(hour) == offsets[-1]:
                hour += _HOUR
            instants.append(int(hour.timestamp()))
            offsets.append(offset(hour))
        day += timedelta(days=1)
    return np.array(instants), np.array(offsets)


def local_seconds(at: np.ndarray, zone: str) -> np.ndarray:
    """Seconds of the wall clock since 1970-01-01 00:00 local, for instants in seconds UTC between 2008 and 2049."""
    instants, offsets = _changes(zone)
    return at + offsets[instants[1:].searchsorted(at, "right")]


def utc_seconds(wall: np.ndarray, zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Instants (seconds UTC) of wall clock times as `local_seconds` gives them, and whether each of them exists.

    Of an hour that the clock shows twice it is the second; one that the clock leaves out gets the instant that the
    offset before it gives.
    """
    instants, offsets = _changes(zone)
    starts = instants + offsets
    ends = np.append(instants[1:] + offsets[:-1], np.iinfo(np.int64).max)
    period = starts.searchsorted(wall, side="right") - 1
    return wall - offsets[period], wall < ends[period]
