"""Reads the public holidays that were imported: of each year those of the file that landed last."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from transit_assets.context.calendar.bank_holidays import DECODER_VERSION, decode_archive
from transit_assets.lake import Lake
from transit_assets.lake.archives import FEED as ARCHIVE

_ZONE = ZoneInfo("Europe/London")


@dataclass(frozen=True)
class Holidays:
    """Public holidays of England and Wales as gov.uk lists them, and the day on which each year of them landed."""

    names: Mapping[date, str] = field(default_factory=dict)
    landed_on: Mapping[int, date] = field(default_factory=dict)

    def instead_of(self, usual: Mapping[date, str]) -> dict[date, str]:
        """The usual holidays with these in their years. A weekend's are not listed there and stay."""
        kept = {day: name for day, name in usual.items() if day.year not in self.landed_on or day.isoweekday() >= 6}
        return kept | dict(self.names)

    def decided(self, usual: Mapping[date, str]) -> dict[date, date]:
        """Days that are a holiday by one and not by the other, and from when that was known at the latest."""
        now = self.instead_of(usual)
        return {
            day: min(day, self.landed_on[day.year]) for day in now.keys() ^ usual.keys() if day.year in self.landed_on
        }


def imported_holidays(lake: Lake) -> Holidays:
    """What was imported of England and Wales; nothing is no error."""
    names: dict[date, str] = {}
    landed_on: dict[int, date] = {}
    for fetch in lake.landing.fetches("calendar", [ARCHIVE]):
        for partition in fetch.partitions:
            year = date.fromisoformat(partition).year
            rows = lake.decoded(fetch, partition, decode_archive, DECODER_VERSION)
            of_other_years = {day: name for day, name in names.items() if day.year != year}
            names = of_other_years | dict(zip(rows["day"].to_pylist(), rows["name"].to_pylist(), strict=True))
            landed_on[year] = fetch.fetched_at.astimezone(_ZONE).date()
    return Holidays(names, landed_on)
