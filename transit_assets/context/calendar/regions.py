"""Where a calendar holds: a region has public holidays by law and school holidays by decree.

Another country joins with a `Region` and a function that gives its school holidays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from transit_assets.context.calendar import london
from transit_assets.context.calendar.school import SchoolHolidays, french_school_holidays
from transit_assets.context.errors import CalendarUnknown


@dataclass(frozen=True)
class Region:
    """One region: its country (ISO 3166), and how its holidays are found.

    `subdivision` and `language` are those of the library `holidays`; `school` gives the school holidays of a zone.
    `decided` has public holidays that were decided late, each with the day on which that was public.
    """

    country: str
    name: str
    language: str
    school_zone: str
    school: Callable[[str], SchoolHolidays]
    subdivision: str | None = None
    decided: tuple[tuple[date, date], ...] = ()


# Paris is in zone C; the other two zones leave for, and pass through, the city on days of their own.
REGIONS = (
    Region("FR", "Paris", "fr", "C", french_school_holidays),
    Region("FR", "Zone A", "fr", "A", french_school_holidays),
    Region("FR", "Zone B", "fr", "B", french_school_holidays),
    Region(
        london.COUNTRY,
        "London",
        london.LANGUAGE,
        "London",
        london.london_school_holidays,
        london.SUBDIVISION,
        # Extra bank holidays that were public only after their school year had begun. The others, and those that were
        # moved (2012, 2020, 2022), were public before.
        (
            (date(2011, 4, 29), date(2010, 11, 23)),  # Downing Street, after the cabinet of that day
            (date(2022, 9, 19), date(2022, 9, 11)),  # approved on the 10th, before its day was certain
            (date(2023, 5, 8), date(2022, 11, 7)),  # reported that morning
        ),
    ),
)


def region_of(country: str, name: str) -> Region:
    """A region by its country and name. Raises CalendarUnknown naming those there are."""
    found = next((region for region in REGIONS if (region.country, region.name) == (country, name)), None)
    if found is None:
        known = ", ".join(f"{region.name} ({region.country})" for region in REGIONS)
        raise CalendarUnknown(f"there is no calendar of {name} ({country}); there is {known}")
    return found
