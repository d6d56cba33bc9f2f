"""Freshness of a table: it holds rows of yesterday, or of the last so many days.

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


def recently_exists(table: "Table", partitions: Partitions, instant: str, *, days: int) -> dg.AssetChecksDefinition:
    """A check that a table of months holds rows, by `instant`, that are no older than so many days."""

    @dg.asset_check(
        asset=list(table.asset_key),
        name="recent_rows_exist",
        description=f"The table holds rows of the last {days} days.",
        blocking=False,
    )
    def recent_rows_are_there(lake: LakeResource) -> dg.AssetCheckResult:
        held = lake.lake.table(table).partitions()
        found = lake.lake.table(table).scan(
            f'SELECT max(timezone(?, "{instant}"))::DATE AS last FROM "{table.name}"',
            [partitions.zone.key],
            partitions=held[-1:],
        )
        last = found["last"][0].as_py()
        age = None if last is None else (partitions.today() - last).days
        return dg.AssetCheckResult(
            passed=age is not None and age <= days,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{table.relation} ends {age} days ago" if age is not None else f"{table.relation} is empty",
            metadata={"last_day": last.isoformat() if last else "none"},
        )

    return recent_rows_are_there


def _has_rows(lake: "Lake", table: "Table", partitions: Partitions, instant: str | None, day: date) -> bool:
    """Whether the partition that holds a local day has a row of it."""
    found = lake.table(table).scan(
        f'SELECT 1 FROM "{table.name}" WHERE timezone(?, "{instant}")::DATE = ? LIMIT 1',
        [partitions.zone.key, day],
        partitions=[partitions.period.key(day)],
    )
    return found.num_rows > 0
