"""Builds `interim.calendar__days`: it depends on the versions of the libraries alone, not on the landing."""

import numpy as np
import pyarrow as pa

from transit_assets.context.calendar.days import FIRST_DAY, LAST_DAY, calendar_of_days
from transit_assets.context.calendar.regions import REGIONS, Region
from transit_assets.context.calendar.schema import CALENDAR_DAYS
from transit_assets.lake import Lake, Load


def rebuild_days(lake: Lake, *, run_id: str | None = None) -> Load:
    """Rebuild the calendar of all regions."""
    from transit_assets.quality.load import rebuild

    return rebuild(lake, CALENDAR_DAYS, calendar_days, run_id=run_id)


def calendar_days() -> pa.Table:
    """The rows of all regions, in the order of the key."""
    ordered = sorted(REGIONS, key=lambda region: (region.country, region.name))
    return pa.concat_tables([_rows(region) for region in ordered]).combine_chunks()


def _rows(region: Region) -> pa.Table:
    import holidays

    found = calendar_of_days(FIRST_DAY, LAST_DAY, region.country, region.name)
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
        "public_holiday_source": pa.repeat(f"holidays {holidays.__version__}", count),
        "school_holiday_source": pa.array([school.source(day) for day in found.day.tolist()], pa.string()),
    }
    return pa.table([columns[field.name] for field in CALENDAR_DAYS.schema], schema=CALENDAR_DAYS.schema)
