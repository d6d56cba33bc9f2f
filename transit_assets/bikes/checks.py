"""The suites of bikes as Dagster checks: blocking where marts would be wrong, else a warning."""

import dagster as dg

from transit_assets.automation.freshness import yesterday_exists
from transit_assets.bikes.flow import FLOW
from transit_assets.bikes.schema import DRIFT, LIVE_SCORES, STATION_INFORMATION, STATION_STATUS, TABLES
from transit_assets.bikes.suites import suites
from transit_assets.quality.checks import suite_checks

FRESHNESS = yesterday_exists(STATION_STATUS, FLOW.partitions)

CHECKS: list[dg.AssetChecksDefinition] = [
    *(
        suite_checks(
            suites()[table.relation],
            partitions_def=FLOW.partitions.definition if table.partition_by else None,
            # One suite looks up the stations of the day, which are loaded beside it.
            after=[STATION_INFORMATION] if table is STATION_STATUS else [],
        )
        for table in (*TABLES, LIVE_SCORES, DRIFT)
    ),
    FRESHNESS,
]
