"""The calendar that domains share: public holidays, school holidays, bridge days, and when they were known.

`calendar_of_days` answers for features without a lake; `interim.calendar__days` says the same in SQL.
"""

from transit_assets.context.calendar.days import FIRST_DAY, LAST_DAY, CalendarDays, calendar_of_days
from transit_assets.context.calendar.regions import REGIONS, Region

__all__ = ["FIRST_DAY", "LAST_DAY", "REGIONS", "CalendarDays", "Region", "calendar_of_days"]
