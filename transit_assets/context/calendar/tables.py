"""Builds `interim.calendar__days`: from the libraries, and the bank holidays that were imported."""

import numpy as np
import pyarrow as pa

from transit_assets.context.calendar.days import days_of, public_holidays
from transit_assets.context.calendar.landed import Holidays, imported_holidays
from transit_assets.context.calendar.london import COUNTRY
from transit_assets.context.calendar.regions import REGIONS, Region
from transit_assets.context.calendar.schema import CALENDAR_DAYS
from transit_assets.lake import Lake, Load

NOTHING = Holidays()


def rebuild_days(lake: Lake, *, run_id: str | None = None) -> Load:
    """Rebuild the calendar of all regions."""
    from transit_assets.quality.load import rebuild

    return rebuild(lake, CALENDAR_DAYS, lambda: calendar_days(imported_holidays(lake)), run_id=run_id)


def calendar_days(imported: Holidays = NOTHING) -> pa.Table:
    """The rows of all regions, in the order of the key; `imported` holidays are those of England and Wales."""
    ordered = sorted(REGIONS, key=lambda region: (region.country, region.name))
    found = [_rows(region, imported if region.country == COUNTRY else NOTHING) for region in ordered]
    return pa.concat_tables(found).combine_chunks()


def _rows(region: Region, imported: Holidays) -> pa.Table:
    import holidays

    usual = public_holidays(region)
    decided = imported.decided(usual) | dict(region.decided)
    found = days_of(region, imported.instead_of(usual), decided)
    library = f"holidays {holidays.__version__}"
    school = region.school(region.school_zone)
    count = len(found)
    columns = {
        "country": pa.repeat(region.country, count),
        "region": pa.repeat(region.name, count),
        "day": pa.array(found.day),
        "school_zone": pa.repeat(region.school_zone, count),
        "weekday": pa.array(found.weekday.astype(np.int32)),
        "is_public_holiday": pa.array(found.is_public_holiday),
        "public_holiday_name": pa.array(found.public_holiday_name, pa.string()),
        "is_school_holiday": pa.array(found.is_school_holiday, mask=~found.is_school_known),
        "school_holiday_name": pa.array(found.school_holiday_name, pa.string()),
        "is_bridge_day": pa.array(found.is_bridge_day),
        "known_from": pa.array(found.known_from),
        "public_holiday_source": pa.array(
            ["gov.uk bank-holidays.json" if day.year in imported.landed_on else library for day in found.day.tolist()],
            pa.string(),
        ),
        "school_holiday_source": pa.array([school.source(day) for day in found.day.tolist()], pa.string()),
    }
    return pa.table([columns[field.name] for field in CALENDAR_DAYS.schema], schema=CALENDAR_DAYS.schema)
