"""The suites of the road as Dagster checks: blocking where marts would be wrong, else a warning."""

import dagster as dg

from transit_assets.automation.freshness import yesterday_exists
from transit_assets.quality.checks import suite_checks
from transit_assets.road.flow import FLOW
from transit_assets.road.schema import ARC_DESCRIPTIONS, COUNTS_HOURLY, DRIFT, LIVE_SCORES, TABLES
from transit_assets.road.suites import suites

FRESHNESS = yesterday_exists(COUNTS_HOURLY, FLOW.partitions, instant="hour_start_at")

CHECKS: list[dg.AssetChecksDefinition] = [
    *(
        suite_checks(
            suites()[table.relation],
            partitions_def=FLOW.partitions.definition if table.partition_by else None,
            # One suite looks up the arcs of the month, which are loaded beside it.
            after=[ARC_DESCRIPTIONS] if table is COUNTS_HOURLY else [],
        )
        for table in (*TABLES, LIVE_SCORES, DRIFT)
    ),
    FRESHNESS,
]
