"""Schedules over the partitions of a domain: close the one that held yesterday, compact the one that holds now."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from transit_assets.automation.partitions import Partitions
from transit_assets.settings import settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob


def daily_close(
    name: str, job: "AssetJob", partitions: Partitions, *, cron: str, look_back: Callable[[], timedelta] = timedelta
) -> dg.ScheduleDefinition:
    """A schedule that builds yesterday, or its month, once more, after its last row can have landed.

    `look_back` says how much longer rows may come: what holds the time before yesterday by so much is built too.
    """
    span = f"the {partitions.period.value} of yesterday"

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=cron,
        execution_timezone=partitions.zone.key,
        description=f"Builds {span} from everything that has landed for it.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def close(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
        yesterday = _instant(context, partitions) - timedelta(days=1)
        closing = partitions.period.between((yesterday - look_back()).date(), yesterday.date())
        tick = context.scheduled_execution_time.isoformat()
        return [
            dg.RunRequest(run_key=f"{key}:{tick}", partition_key=key, tags={"reason": "daily close"}) for key in closing
        ]

    return close


def compaction(name: str, job: "AssetJob", partitions: Partitions, *, cron: str) -> dg.ScheduleDefinition:
    """A schedule that builds the day or month that holds now from what has landed so far."""

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=cron,
        execution_timezone=partitions.zone.key,
        description=f"Builds the {partitions.period.value} that is running from what has landed so far.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def compact(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        running = partitions.period.key(_instant(context, partitions).date())
        return dg.RunRequest(partition_key=running, tags={"reason": "compaction"})

    return compact


def _instant(context: dg.ScheduleEvaluationContext, partitions: Partitions) -> datetime:
    """The tick's own instant, so that a late tick means the day it was for; `TRANSIT_NOW` goes before it."""
    return (settings().now or context.scheduled_execution_time).astimezone(partitions.zone)
