"""The suites of the fire as Dagster checks: blocking where marts would be wrong, else a warning."""

import dagster as dg

from transit_assets.automation.freshness import recently_exists
from transit_assets.fire.flow import FLOW
from transit_assets.fire.schema import DRIFT, INCIDENTS, LIVE_SCORES, MOBILISATIONS, TABLES
from transit_assets.fire.suites import suites
from transit_assets.quality.checks import suite_checks
from transit_assets.settings import settings

FRESHNESS = recently_exists(INCIDENTS, FLOW.partitions, "called_at", days=settings().fire_publication_days)

CHECKS: list[dg.AssetChecksDefinition] = [
    *(
        suite_checks(
            suites()[table.relation],
            partitions_def=FLOW.partitions.definition if table.partition_by else None,
            # One suite looks up the calls of the month, which are loaded beside it.
            after=[INCIDENTS] if table is MOBILISATIONS else [],
        )
        for table in (*TABLES, LIVE_SCORES, DRIFT)
    ),
    FRESHNESS,
]
