"""What the hourly weather must be after a load: rows and accounts block, gaps warn."""

from functools import cache

from transit_assets.context.weather.landed import payloads
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.quality.accounts import accounting_suite, completeness_suite
from transit_assets.quality.suites import Suite, rows_suite


@cache
def suites() -> dict[str, tuple[Suite, ...]]:
    """The suites of each table, by relation."""
    found = (
        rows_suite(WEATHER_HOURLY),
        accounting_suite(WEATHER_HOURLY, payloads),
        completeness_suite(WEATHER_HOURLY, ("hour_start_at",), "place", time_zone="UTC", slot_minutes=60),
    )
    return {WEATHER_HOURLY.relation: found}
