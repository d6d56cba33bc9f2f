"""Where a calendar holds: a region has public holidays by law and school holidays by decree.

Another country joins with a `Region` and a function that gives its school holidays.
"""

from collections.abc import Callable
from dataclasses import dataclass

from transit_assets.context.calendar.school import SchoolHolidays, french_school_holidays
from transit_assets.context.errors import CalendarUnknown


@dataclass(frozen=True)
class Region:
    """One region: its country (ISO 3166), and how its holidays are found.

    `subdivision` and `language` are those of the library `holidays`; `school` gives the school holidays of a zone.
    """

    country: str
    name: str
    language: str
    school_zone: str
    school: Callable[[str], SchoolHolidays]
    subdivision: str | None = None


# Paris is in zone C; the other two zones leave for, and pass through, the city on days of their own.
REGIONS = (
    Region("FR", "Paris", "fr", "C", french_school_holidays),
    Region("FR", "Zone A", "fr", "A", french_school_holidays),
    Region("FR", "Zone B", "fr", "B", french_school_holidays),
)


def region_of(country: str, name: str) -> Region:
    """A region by its country and name. Raises CalendarUnknown naming those there are."""
    found = next((region for region in REGIONS if (region.country, region.name) == (country, name)), None)
    if found is None:
        known = ", ".join(f"{region.name} ({region.country})" for region in REGIONS)
        raise CalendarUnknown(f"there is no calendar of {name} ({country}); there is {known}")
    return found
