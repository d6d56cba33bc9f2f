"""What the calendar must be after it is rebuilt."""

from functools import cache

from transit_assets.context.calendar.schema import CALENDAR_DAYS
from transit_assets.quality.accounts import accounting_suite
from transit_assets.quality.suites import Suite, rows_suite


@cache
def suites() -> dict[str, tuple[Suite, ...]]:
    """The suites of each table, by relation."""
    return {CALENDAR_DAYS.relation: (rows_suite(CALENDAR_DAYS), accounting_suite(CALENDAR_DAYS))}
