"""The calendar in Dagster: one table, computed from the libraries that the lock names and what was imported."""

import dagster as dg

from transit_assets.automation.descriptions import described
from transit_assets.automation.loads import RETRY
from transit_assets.automation.reports import report_load
from transit_assets.automation.resources import LakeResource
from transit_assets.context.calendar.schema import CALENDAR_DAYS
from transit_assets.context.calendar.suites import suites
from transit_assets.quality.checks import suite_checks


@dg.asset(**described(CALENDAR_DAYS), retry_policy=RETRY, pool="calendar_tables")
def days(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.context.calendar.tables import rebuild_days

    report_load(context, lake.lake, CALENDAR_DAYS, rebuild_days(lake.lake, run_id=context.run.run_id))


build_calendar = dg.define_asset_job(
    "build_calendar",
    selection=dg.AssetSelection.assets(days),
    description="Computes the holidays anew: after an import, or an update of the libraries that know them.",
)

ASSETS = [days]
CHECKS: list[dg.AssetChecksDefinition] = [suite_checks(suites()[CALENDAR_DAYS.relation])]
JOBS = [build_calendar]
