"""Freshness of a table by days: yesterday's partition exists.

Dagster's freshness policies look at the last materialization of any partition, so a backfill of last year
would make a table fresh. This looks at the rows of the lake.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from transit_assets.automation.partitions import today
from transit_assets.automation.resources import LakeResource

if TYPE_CHECKING:
    from transit_assets.lake import Table


def yesterday_exists(table: "Table") -> dg.AssetChecksDefinition:
    """A check that a daily table holds rows of yesterday, by the clock of the settings."""

    @dg.asset_check(
        asset=list(table.asset_key),
        name="yesterday_exists",
        description="The table holds rows of yesterday.",
        blocking=False,
    )
    def yesterday_is_there(lake: LakeResource) -> dg.AssetCheckResult:
        yesterday = (today() - timedelta(days=1)).isoformat()
        held = lake.lake.table(table).partitions()
        return dg.AssetCheckResult(
            passed=yesterday in held,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{table.relation} has {yesterday}" if yesterday in held else f"{yesterday} is missing",
            metadata={"yesterday": yesterday, "last_day": held[-1] if held else "none", "days": len(held)},
        )

    return yesterday_is_there
