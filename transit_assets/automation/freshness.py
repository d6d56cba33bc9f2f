"""Freshness of a table: it holds rows of yesterday.

Dagster's freshness policies look at the last materialization of any partition, so a backfill of last year
would make a table fresh. This looks at the rows of the lake.
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from transit_assets.automation.partitions import Partitions
from transit_assets.automation.resources import LakeResource
from transit_assets.lake import Period

if TYPE_CHECKING:
    from transit_assets.lake import Lake, Table


def yesterday_exists(table: "Table", partitions: Partitions, *, instant: str | None = None) -> dg.AssetChecksDefinition:
    """A check that a table holds rows of yesterday, by the clock of the settings.

    A partition of yesterday is enough where partitions are days; else the rows are looked up by `instant`, a column.
    """

    @dg.asset_check(
        asset=list(table.asset_key),
        name="yesterday_exists",
        description="The table holds rows of yesterday.",
        blocking=False,
    )
    def yesterday_is_there(lake: LakeResource) -> dg.AssetCheckResult:
        yesterday = partitions.today() - timedelta(days=1)
        held = lake.lake.table(table).partitions()
        is_there = partitions.period.key(yesterday) in held
        if is_there and partitions.period is not Period.DAY:
            is_there = _has_rows(lake.lake, table, partitions, instant, yesterday)
        return dg.AssetCheckResult(
            passed=is_there,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{table.relation} has {yesterday}" if is_there else f"{yesterday} is missing",
            metadata={
                "yesterday": yesterday.isoformat(),
                f"last_{partitions.period.value}": held[-1] if held else "none",
                f"{partitions.period.value}s": len(held),
            },
        )

    return yesterday_is_there


def _has_rows(lake: "Lake", table: "Table", partitions: Partitions, instant: str | None, day: date) -> bool:
    """Whether the partition that holds a local day has a row of it."""
    found = lake.table(table).scan(
        f'SELECT 1 FROM "{table.name}" WHERE timezone(?, "{instant}")::DATE = ? LIMIT 1',
        [partitions.zone.key, day],
        partitions=[partitions.period.key(day)],
    )
    return found.num_rows > 0
