"""School holidays, and when they were known; those of France by zone, from two kept libraries.

`vacances-scolaires-france` (the ministry's open data since 1990) gives the days before September 2017; from then on
`holidays`, whose French zones begin there, does. Against the ministry's own file of 2017 to 2026 the first lacks the
bridges of Ascension of 2023 to 2026 and has the spring of 2021 as it was planned before it was moved; the second
differs only where the file counts a last day of class, or leaves out free days beside a bridge.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache

_HOLIDAYS_FROM = date(2017, 9, 4)  # the first day of class of the first school year that `holidays` has
_PUBLISHED_TO = date(2028, 8, 31)  # the order of 21 July 2026 is the last that was published

# School year by the year in which it begins, to the day from which its calendar was public: that of the Journal
# officiel, or a week after the minister's signature where only that is at hand. Otherwise the year's first day, 1
# September, bounds it: every calendar was published before.
_PUBLISHED = {
    2019: date(2018, 7, 31),  # order of 24 July 2018
    2021: date(2020, 12, 16),  # Journal officiel 303
    2022: date(2021, 7, 11),  # Journal officiel 160
    2023: date(2022, 12, 14),  # order of 7 December 2022, for three years
    2024: date(2022, 12, 14),
    2025: date(2022, 12, 14),
    2026: date(2025, 10, 29),  # order of 22 October 2025
    2027: date(2026, 7, 28),  # order of 21 July 2026
}
# On the evening of 31 March 2021 the spring holidays of zones B and C were moved to those of zone A.
_MOVED = {date(2021, 4, 10) + timedelta(days=number): date(2021, 4, 1) for number in range(30)}  # to 9 May


@dataclass(frozen=True)
class SchoolHolidays:
    """The school holidays of one zone: names by day, and the last day of which they are published.

    `published` has the day on which the calendar of a school year (by the year in which it begins) was public, `moved`
    the day on which it was decided to move holidays, by day; where they say nothing the school year's first day, 1
    September, bounds it.
    """

    names: Mapping[date, str]
    last_day: date
    sources: Mapping[date, str]  # by the first day of which a source tells
    published: Mapping[int, date] = field(default_factory=dict)
    moved: Mapping[date, date] = field(default_factory=dict)

    def known_from(self, day: date) -> date:
        """From when it was public whether pupils are free on a day; a bound where the publication is not recorded."""
        year = day.year if day.month >= 9 else day.year - 1
        return self.moved.get(day) or self.published.get(year, date(year, 9, 1))

    def source(self, day: date) -> str | None:
        """Who says so; None after the last day."""
        if day > self.last_day:
            return None
        return self.sources[max(first for first in self.sources if first <= day)]


@cache
def french_school_holidays(zone: str) -> SchoolHolidays:
    """The school holidays of pupils in zone `A`, `B` or `C` of metropolitan France, from 1990 on.

    A holiday that begins after class counts from the next day.
    """
    import holidays
    from holidays.constants import SCHOOL
    from vacances_scolaires_france import SchoolHolidayDates

    earlier = SchoolHolidayDates().data
    names = {
        day: str(row["nom_vacances"])
        for day, row in earlier.items()
        if day < _HOLIDAYS_FROM and row[f"vacances_zone_{zone.lower()}"]
    }
    later = holidays.country_holidays(
        "FR",
        subdiv=f"Zone {zone}",
        years=range(_HOLIDAYS_FROM.year, _PUBLISHED_TO.year + 1),
        categories=(SCHOOL,),
        language="fr",
    )
    names |= {day: name for day, name in later.items() if _HOLIDAYS_FROM <= day <= _PUBLISHED_TO}
    return SchoolHolidays(
        names,
        _PUBLISHED_TO,
        {min(earlier): "vacances-scolaires-france", _HOLIDAYS_FROM: f"holidays {holidays.__version__}"},
        _PUBLISHED,
        _MOVED,
    )
