"""The city's clock and calendar: Paris time, and days on which people live otherwise.

School holidays are those of zone C as a rule of thumb, right to a week; the simulated city has no ministry.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from transit_assets.simulator.noise import Floats, Ints

_PARIS = ZoneInfo("Europe/Paris")
_HOUR, _DAY = 3600, 86400
_EPOCH = date(1970, 1, 1)

WORKDAY, SATURDAY, SUNDAY = 0, 1, 2

_FIXED_HOLIDAYS = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}
_AFTER_EASTER = {1, 39, 50}  # Easter Monday, Ascension, Whit Monday
# The first possible Saturday (month, day) of each school holiday, and its length in days.
_SCHOOL_HOLIDAYS = (((2, 14), 16), ((4, 11), 16), ((7, 4), 59), ((10, 17), 16), ((12, 18), 16))
_LULL = ((7, 10), (8, 3), (8, 20), (9, 2))  # the city empties, is empty, fills again


@dataclass(frozen=True)
class Day:
    """One day of Paris: `kind` is a public holiday's SUNDAY too; `lull` is 1 when the city is empty in August."""

    kind: int
    is_school_holiday: bool
    lull: float


def local_hour(seconds: Ints) -> tuple[Floats, NDArray[np.bool_]]:
    """Hour of the Paris day with its fraction, and whether that day is a Saturday or Sunday."""
    local = local_seconds(seconds)
    return local % _DAY / _HOUR, (local // _DAY + 3) % 7 >= 5


def local_seconds(seconds: Ints) -> Ints:
    """Unix times moved by what Paris is ahead of UTC, so that their days and hours are those of Paris."""
    hours, place = np.unique(seconds // _HOUR, return_inverse=True)
    return seconds + np.array([offset(hour) for hour in hours.tolist()], dtype=np.int64)[place]


@lru_cache(maxsize=65_536)
def offset(hour: int) -> int:
    """Seconds by which Paris is ahead of UTC in an hour counted since 1970."""
    found = datetime.fromtimestamp(hour * _HOUR, _PARIS).utcoffset()
    return int(found.total_seconds()) if found is not None else 0


def midnight(day: date) -> int:
    """The Unix time at which a day of Paris begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=_PARIS).astimezone(UTC).timestamp())


@lru_cache(maxsize=8192)
def day_of(number: int) -> Day:
    """The day of Paris with this number, counted since 1970."""
    day = _EPOCH + timedelta(days=number)
    is_holiday = (day.month, day.day) in _FIXED_HOLIDAYS or (day - _easter(day.year)).days in _AFTER_EASTER
    kind = SUNDAY if is_holiday or day.weekday() == 6 else SATURDAY if day.weekday() == 5 else WORKDAY
    return Day(kind, _is_school_holiday(day), _lull(day))


def _is_school_holiday(day: date) -> bool:
    for year in (day.year - 1, day.year):
        for (month, earliest), length in _SCHOOL_HOLIDAYS:
            first = date(year, month, earliest)
            first += timedelta(days=(5 - first.weekday()) % 7)
            if first <= day < first + timedelta(days=length):
                return True
    return False


def _lull(day: date) -> float:
    steps = [date(day.year, month, number).toordinal() for month, number in _LULL]
    return float(np.interp(day.toordinal(), steps, [0.0, 1.0, 1.0, 0.0]))


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, by the rule of Meeus, Jones and Butcher."""
    a, b, c = year % 19, year // 100, year % 100
    moon = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (b % 4) + 2 * (c // 4) - moon - c % 4) % 7
    shift = moon + weekday - 7 * ((a + 11 * moon + 22 * weekday) // 451) + 114
    return date(year, shift // 31, shift % 31 + 1)
