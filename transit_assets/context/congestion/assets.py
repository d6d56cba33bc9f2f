"""The congestion in Dagster: the clean hours of what was imported. It has no feed, so no raw asset and no schedule."""

import dagster as dg

from transit_assets.automation.arrivals import landing_sensor
from transit_assets.automation.descriptions import described
from transit_assets.automation.loads import ONE_RUN, RETRY, load_partitions
from transit_assets.automation.resources import LakeResource
from transit_assets.context.congestion.flow import FLOW
from transit_assets.context.congestion.landed import observations_by_month
from transit_assets.context.congestion.schema import CONGESTION_HOURLY
from transit_assets.context.congestion.suites import suites
from transit_assets.quality.checks import suite_checks


@dg.asset(
    **described(CONGESTION_HOURLY),
    partitions_def=FLOW.partitions.definition,
    backfill_policy=ONE_RUN,
    retry_policy=RETRY,
)
def hourly(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.context.congestion.clean.hourly import congestion_hourly

    load_partitions(context, lake.lake, FLOW, CONGESTION_HOURLY, observations_by_month, congestion_hourly)


clean_congestion_months = dg.define_asset_job(
    "clean_congestion_months",
    selection=dg.AssetSelection.assets(hourly),
    description="Builds the congestion of one month or a range of months from the files that were imported.",
)

ASSETS = [hourly]
CHECKS: list[dg.AssetChecksDefinition] = [
    suite_checks(suites()[CONGESTION_HOURLY.relation], partitions_def=FLOW.partitions.definition)
]
JOBS = [clean_congestion_months]
SENSORS = [landing_sensor(FLOW, clean_congestion_months)]
