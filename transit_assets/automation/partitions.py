"""Days and months as Dagster partitions, in the city's own time zone.

A day is 23 or 25 hours long where the clock changes. The last partition is always the one that holds the day of
`Settings.clock()`, so that `TRANSIT_NOW` moves today for replays, also past the machine's own day.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from transit_assets.lake import Period
from transit_assets.settings import FIRST_DAY, LONDON, PARIS, Settings, settings

_DEFINITIONS = {Period.DAY: dg.DailyPartitionsDefinition, Period.MONTH: dg.MonthlyPartitionsDefinition}


@dataclass(frozen=True)
class Partitions:
    """The partitions of a domain: local days or months, each named by its first day.

    `definition` is the same to Dagster, by the settings with which the process began.
    """

    period: Period
    first_day: date
    zone: ZoneInfo
    definition: dg.TimeWindowPartitionsDefinition = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "definition", self.defined(settings()))

    def defined(self, configured: Settings) -> dg.TimeWindowPartitionsDefinition:
        """One partition per period from the first day to the one that holds now, which is included."""
        kind, start = _DEFINITIONS[self.period], self.first_day.isoformat()
        if configured.now is None:
            return kind(start_date=start, timezone=self.zone.key, end_offset=1)
        # Dagster counts periods by the machine's clock: a fixed clock ends them, or extends them into the future.
        fixed, real = configured.clock().astimezone(self.zone).date(), datetime.now(self.zone).date()
        return kind(
            start_date=start,
            end_date=self.period.after(fixed).isoformat(),
            timezone=self.zone.key,
            end_offset=max(1, len(self.period.between(real, fixed))),
        )

    def today(self) -> date:
        """The local day of the clock."""
        return today(self.zone)

    def current(self) -> str:
        """The partition that holds now, which still grows."""
        return self.period.key(self.today())


PARIS_DAYS = Partitions(Period.DAY, FIRST_DAY, PARIS)
PARIS_MONTHS = Partitions(Period.MONTH, date(2010, 1, 1), PARIS)  # the road's history extracts begin here
LONDON_MONTHS = Partitions(Period.MONTH, date(2009, 1, 1), LONDON)  # as do the fire brigade's files


def today(zone: ZoneInfo = PARIS) -> date:
    """The local day of the clock."""
    return settings().clock().astimezone(zone).date()
