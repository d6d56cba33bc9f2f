"""Jobs that look after the lake as a whole: file care, and the warehouse file for analysts."""

import dagster as dg

from transit_assets.automation.resources import LakeResource
from transit_assets.settings import PARIS, settings


@dg.op(description="Merges small files, writes checkpoints and deletes files that no kept version names.", pool="care")
def care_for_tables(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    from transit_assets.lake.care import maintain

    done = maintain(lake.lake, settings().vacuum_retention_hours)
    context.log.info(f"cared for {len(done)} tables")


@dg.op(description="Builds warehouse.duckdb beside the old one and renames it into place.", pool="warehouse")
def replace_warehouse(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    from transit_assets.lake.warehouse import publish

    counts = publish(lake.lake, settings().warehouse_path)
    context.log.info(f"published {len(counts)} relations")


@dg.job(description="File care for every table of the lake. Safe at any time.")
def maintain_lake() -> None:
    care_for_tables()


@dg.job(description="Publishes warehouse.duckdb for analysts. Readers of the old one are not disturbed.")
def publish_warehouse() -> None:
    replace_warehouse()


maintain_lake_nightly = dg.ScheduleDefinition(
    name="maintain_lake_nightly",
    job=maintain_lake,
    cron_schedule="30 3 * * *",
    execution_timezone=PARIS.key,
    description="File care at 03:30, before the day is closed.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
publish_warehouse_daily = dg.ScheduleDefinition(
    name="publish_warehouse_daily",
    job=publish_warehouse,
    cron_schedule="0 6 * * *",
    execution_timezone=PARIS.key,
    description="A new warehouse.duckdb at 06:00, after the day was closed.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
