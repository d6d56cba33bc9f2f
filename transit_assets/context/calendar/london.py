"""School holidays of London: as published where a publication is at hand, by a rule of thumb elsewhere, and which.

Terms differ by borough and nobody publishes them together. The rule of thumb is what most community schools keep to:
half-terms of a week, a fortnight at Christmas and at Easter, six weeks in summer. It is no fact about any school. Of
the 16 holidays in `london_schools.csv` it has 13 to the day and 2 with a day too many or too few; it misses the October
of 2019 by a week.
Closures that were no holidays (2020, 2021) are not told.
"""

import csv
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from transit_assets.context.calendar.school import SchoolHolidays

COUNTRY, SUBDIVISION, LANGUAGE = "GB", "ENG", "en_GB"
"""Where the bank holidays of London stand in the library `holidays`: England's are those of Wales too."""

RULE_OF_THUMB = "rule of thumb, not published: typical London community schools"
_FIRST_YEAR, _LAST_YEAR = 2008, 2027  # school years by the year in which they begin, as far as those of Paris
_DAY = timedelta(days=1)


class _Holiday(NamedTuple):
    """A holiday of a school year; both days included."""

    name: str
    first_day: date
    last_day: date
    source: str

    @property
    def school_year(self) -> int:
        return _school_year(self.first_day)


@cache
def london_school_holidays(zone: str) -> SchoolHolidays:
    """The school holidays of London; it has one zone."""
    published = {(one.school_year, one.name): one for one in _published()}
    usual = {(one.school_year, one.name): one for year in range(_FIRST_YEAR, _LAST_YEAR + 1) for one in _usual(year)}
    holidays = sorted((usual | published).values(), key=lambda one: one.first_day)
    last_day = date(_LAST_YEAR + 1, 8, 31)
    names = {day: one.name for one in holidays for day in _days(one) if day <= last_day}
    # A holiday says until when there was class before it, so its source tells of the days since the one before.
    since = [date(_FIRST_YEAR, 9, 1), *(one.last_day + _DAY for one in holidays[:-1])]
    sources = {first: one.source for first, one in zip(since, holidays, strict=True)}
    return SchoolHolidays(names, last_day, sources)


def _published() -> list[_Holiday]:
    lines = files("transit_assets.context.calendar").joinpath("london_schools.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in lines.splitlines() if not line.startswith("#"))
    return [
        _Holiday(row["name"], date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"]), row["source"])
        for row in rows
    ]


def _usual(year: int) -> list[_Holiday]:
    """The holidays of the school year that begins in a year, by the rule of thumb; weekends beside them included."""
    public = _bank_holidays()
    day_of = {name: day for day, name in public.items() if day.year == year + 1}
    spring_bank_holiday = day_of["Spring Bank Holiday"]
    half_terms = {
        "Autumn half-term": _monday_from(date(year, 10, 22)),
        "Spring half-term": _monday_from(date(year + 1, 2, 12)),
        "Summer half-term": spring_bank_holiday - spring_bank_holiday.weekday() * _DAY,
    }
    christmas = _monday_from(date(year, 12, 19))
    back = max(christmas + 14 * _DAY, date(year + 1, 1, 2))
    while back.weekday() >= 5 or back in public:
        back += _DAY
    spans = {name: (monday - 2 * _DAY, monday + 6 * _DAY) for name, monday in half_terms.items()}
    spans["Christmas holiday"] = (christmas - 2 * _DAY, back - _DAY)
    spans["Easter holiday"] = _around(day_of["Easter Monday"] - _DAY)
    spans["Summer holiday"] = (date(year + 1, 7, 23), date(year + 1, 9, 2))
    return [_Holiday(name, *span, RULE_OF_THUMB) for name, span in spans.items()]


@cache
def _bank_holidays() -> dict[date, str]:
    import holidays

    years = range(_FIRST_YEAR, _LAST_YEAR + 2)
    return dict(holidays.country_holidays(COUNTRY, subdiv=SUBDIVISION, years=years, language=LANGUAGE))


def _monday_from(day: date) -> date:
    """The first Monday that is not before a day."""
    return day + (-day.weekday() % 7) * _DAY


def _around(easter: date) -> tuple[date, date]:
    """The fortnight after an early Easter, around a usual one, before a late one; Easter is in it."""
    if easter < date(easter.year, 4, 5):
        return easter - 2 * _DAY, easter + 14 * _DAY
    if easter < date(easter.year, 4, 14):
        return easter - 8 * _DAY, easter + 7 * _DAY
    return easter - 15 * _DAY, easter + _DAY


def _days(one: _Holiday) -> list[date]:
    return [one.first_day + number * _DAY for number in range((one.last_day - one.first_day).days + 1)]


def _school_year(day: date) -> int:
    return day.year if day.month >= 9 else day.year - 1
