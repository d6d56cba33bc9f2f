"""What the hourly congestion must be after a load. Gaps are no fault: it has what was imported."""

from functools import cache

from transit_assets.context.congestion.landed import payloads
from transit_assets.context.congestion.schema import CONGESTION_HOURLY
from transit_assets.quality.accounts import accounting_suite
from transit_assets.quality.suites import Suite, rows_suite


@cache
def suites() -> dict[str, tuple[Suite, ...]]:
    """The suites of each table, by relation."""
    return {CONGESTION_HOURLY.relation: (rows_suite(CONGESTION_HOURLY), accounting_suite(CONGESTION_HOURLY, payloads))}
