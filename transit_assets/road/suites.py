"""What the tables of the road must be after a load: suites from the schema, and what only a whole month tells.

Blocking: rows and accounting. Warnings: counters may well be silent, and a city may change its ways.
"""

from datetime import timedelta
from functools import cache

from transit_assets.quality.accounts import accounting_suite, completeness_suite, drift_suite
from transit_assets.quality.models import drift_suites, live_suites
from transit_assets.quality.suites import Suite, relation_suite, rows_suite, shares_suite
from transit_assets.road.landed import payloads_of
from transit_assets.road.schema import ARC_DESCRIPTIONS, ARCS, COUNTS_HOURLY, DRIFT, LIVE_SCORES
from transit_assets.settings import settings

# The classes of a drift index want to be few and filled.
_FLOWS = (0, 50, 150, 300, 600, 1000, 1500, 2500)  # veh/h
_OCCUPANCIES = (0, 1, 3, 6, 10, 15, 30, 50)  # %


@cache
def suites() -> dict[str, tuple[Suite, ...]]:
    """The suites of each table, by relation."""
    found = (
        rows_suite(COUNTS_HOURLY),
        accounting_suite(COUNTS_HOURLY, payloads_of(COUNTS_HOURLY)),
        completeness_suite(
            COUNTS_HOURLY,
            ("hour_start_at",),
            "arc_id",
            slot_minutes=60,
            delay=timedelta(minutes=settings().road_publication_delay_minutes),
        ),
        shares_suite(
            COUNTS_HOURLY,
            {
                # In sixteen years of recordings the two agree on every row.
                "share_level_agrees": (
                    "CASE WHEN level <> 'unknown' AND level_of_occupancy <> 'unknown'"
                    " THEN level = level_of_occupancy END",
                    0.999,
                    1.0,
                ),
                # 6 to 66 % of a year of an arc, 78 % of its worst month.
                "share_silent": ("flow_veh_per_hour IS NULL", 0.0, 0.5),
            },
            among="true",
        ),
        drift_suite(COUNTS_HOURLY, {"flow_veh_per_hour": _FLOWS, "occupancy_percent": _OCCUPANCIES}),
        relation_suite(COUNTS_HOURLY, ARC_DESCRIPTIONS, "arc_id"),
        rows_suite(ARC_DESCRIPTIONS),
        accounting_suite(ARC_DESCRIPTIONS, payloads_of(ARC_DESCRIPTIONS)),
        rows_suite(ARCS),
        accounting_suite(ARCS),
        *live_suites(LIVE_SCORES),
        *drift_suites(DRIFT),
    )
    relations = dict.fromkeys(suite.table.relation for suite in found)
    return {relation: tuple(suite for suite in found if suite.table.relation == relation) for relation in relations}
