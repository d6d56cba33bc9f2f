"""Every local day of a region: free or not, and from when that was known; computed once per process, without a lake.

Public holidays come from the library `holidays`: French ones, and the usual ones of England, are fixed by law, and so
known for all time; a few of England were decided late. A bridge is a working day between two free ones (a Friday after
a Thursday's holiday, a Monday before a Tuesday's).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cache

import numpy as np

from transit_assets.context.calendar.regions import Region, region_of
from transit_assets.context.calendar.school import SchoolHolidays
from transit_assets.context.errors import CalendarUnknown

FIRST_DAY, LAST_DAY = date(2009, 1, 1), date(2039, 12, 31)
"""The days there are: from the fire brigade's first records to far ahead; school holidays are not published so long."""


@dataclass(frozen=True)
class CalendarDays:
    """Consecutive local days of one region, one element each; the arrays are shared and cannot be written to.

    `weekday` is 1 (Monday) to 7. `is_school_holiday` is about pupils, and means nothing where `is_school_known` is
    false: the calendar of that school year is not published. `known_from` is the local day from which all this was
    public (NaT: always). Names are None where there is none.
    """

    day: np.ndarray
    weekday: np.ndarray
    is_public_holiday: np.ndarray
    is_school_holiday: np.ndarray
    is_school_known: np.ndarray
    is_bridge_day: np.ndarray
    known_from: np.ndarray
    public_holiday_name: np.ndarray
    school_holiday_name: np.ndarray

    def __len__(self) -> int:
        return len(self.day)


def calendar_of_days(first: date, last: date, country: str = "FR", region: str = "Paris") -> CalendarDays:
    """The calendar from a first to a last local day, both included.

    Raises CalendarUnknown for a region that there is not, or days that are not from FIRST_DAY to LAST_DAY.
    """
    if not FIRST_DAY <= first <= last <= LAST_DAY:
        raise CalendarUnknown(f"{first} to {last} is not a range of days from {FIRST_DAY} to {LAST_DAY}")
    known = _all_days(region_of(country, region))
    wanted = slice((first - FIRST_DAY).days, (last - FIRST_DAY).days + 1)
    return CalendarDays(**{field.name: getattr(known, field.name)[wanted] for field in fields(CalendarDays)})


@cache
def _all_days(region: Region) -> CalendarDays:
    return days_of(region, public_holidays(region), dict(region.decided))


def days_of(region: Region, public: Mapping[date, str], decided: Mapping[date, date]) -> CalendarDays:
    """All days of a region with these public holidays; `decided` has the day on which one was public, where late."""
    school = region.school(region.school_zone)
    day = np.arange(np.datetime64(FIRST_DAY), np.datetime64(LAST_DAY) + 1)
    days = day.tolist()
    public_name = np.array([public.get(one) for one in days], dtype=object)
    school_name = np.array([school.names.get(one) for one in days], dtype=object)
    is_school_known = day <= np.datetime64(school.last_day)
    known_from = [_known_from(one, school, decided) for one in days]
    weekday = ((day.astype(np.int64) + 3) % 7 + 1).astype(np.int8)  # 1970-01-01 was a Thursday
    is_public_holiday = public_name != None  # noqa: E711 element by element
    found = CalendarDays(
        day=day,
        weekday=weekday,
        is_public_holiday=is_public_holiday,
        is_school_holiday=school_name != None,  # noqa: E711 element by element
        is_school_known=is_school_known,
        is_bridge_day=_between_free_days(is_public_holiday | (weekday >= 6)),
        known_from=np.array(known_from, dtype="datetime64[D]"),
        public_holiday_name=public_name,
        school_holiday_name=school_name,
    )
    for field in fields(CalendarDays):
        getattr(found, field.name).setflags(write=False)
    return found


def _known_from(day: date, school: SchoolHolidays, decided: Mapping[date, date]) -> date | None:
    known = [school.known_from(day)] if day <= school.last_day else []
    return max([*known, *([decided[day]] if day in decided else [])], default=None)


def public_holidays(region: Region) -> dict[date, str]:
    """The public holidays of a region by day, several on one day joined by `; `."""
    import holidays

    years = range(FIRST_DAY.year, LAST_DAY.year + 2)  # New Year's Day after the last day may make it a bridge
    return dict(
        holidays.country_holidays(region.country, subdiv=region.subdivision, years=years, language=region.language)
    )


def _between_free_days(is_free: np.ndarray) -> np.ndarray:
    """Working days with a free day on both sides; the first and the last of the calendar have one neighbour."""
    before, after = np.append(False, is_free[:-1]), np.append(is_free[1:], False)
    return ~is_free & before & after
