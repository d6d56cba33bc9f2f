"""Jobs and schedules over the days of a domain: close yesterday, compact today, check freshness."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from transit_assets.settings import PARIS, settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob


def daily_close(name: str, job: "AssetJob", *, cron: str) -> dg.ScheduleDefinition:
    """A schedule that builds yesterday once more, after its last row can have landed."""

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=cron,
        execution_timezone=PARIS.key,
        description="Builds yesterday from everything that has landed for it.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        yesterday = _instant(context).date() - timedelta(days=1)
        return dg.RunRequest(partition_key=yesterday.isoformat(), tags={"reason": "daily close"})

    return close


def compaction(name: str, job: "AssetJob", *, cron: str = "*/15 * * * *") -> dg.ScheduleDefinition:
    """A schedule that builds today from what has landed so far."""

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=cron,
        execution_timezone=PARIS.key,
        description="Builds today from what has landed so far, every quarter of an hour.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def compact(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(partition_key=_instant(context).date().isoformat(), tags={"reason": "compaction"})

    return compact


def _instant(context: dg.ScheduleEvaluationContext) -> datetime:
    """The tick's own instant, so that a late tick means the day it was for; `TRANSIT_NOW` goes before it."""
    return (settings().now or context.scheduled_execution_time).astimezone(PARIS)
