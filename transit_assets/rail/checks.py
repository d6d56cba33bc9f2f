"""The suites of the rail as Dagster checks: blocking where marts would be wrong, else a warning."""

import dagster as dg

from transit_assets.automation.freshness import yesterday_exists
from transit_assets.quality.checks import suite_checks
from transit_assets.rail.flow import FLOW
from transit_assets.rail.schema import DRIFT, LIVE_SCORES, PREDICTED_CALLS, TABLES
from transit_assets.rail.suites import suites

FRESHNESS = yesterday_exists(PREDICTED_CALLS, FLOW.partitions)

CHECKS: list[dg.AssetChecksDefinition] = [
    *(
        suite_checks(
            suites()[table.relation],
            partitions_def=FLOW.partitions.definition if table.partition_by else None,
        )
        for table in (*TABLES, LIVE_SCORES, DRIFT)
    ),
    FRESHNESS,
]
