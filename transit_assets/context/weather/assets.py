"""The weather in Dagster: Visual Crossing's answers in the landing, and the clean hours.

One partition is one UTC month of hours at every place. A month is late where an answer or a file with hours of it is;
what landed later reopens it. What the plan of the provider does not allow today is skipped, and follows another day.
"""

from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from transit_assets.automation.descriptions import described
from transit_assets.automation.loads import ONE_RUN, RETRY, load_partitions
from transit_assets.automation.raw import raw_asset
from transit_assets.automation.resources import LakeResource
from transit_assets.context.weather.flow import FLOW
from transit_assets.context.weather.landed import observations_by_month
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.settings import Settings

if TYPE_CHECKING:
    from transit_assets.lake import Fetch, Lake


def _hours(lake: "Lake", configured: Settings, month: date) -> "list[Fetch]":
    from transit_assets.context.weather.collect import collect

    return collect(lake, configured, month)


raw_timeline = raw_asset(
    FLOW,
    "timeline",
    "The weather of each place hour by hour, as sent: the days of a month that the landing lacks, and, of the running "
    "month, what is forecast. History costs 24 records a day of the provider's plan.",
    _hours,
    pool="visual_crossing",
)


@dg.asset(
    **described(WEATHER_HOURLY),
    deps=[raw_timeline],
    partitions_def=FLOW.partitions.definition,
    backfill_policy=ONE_RUN,
    retry_policy=RETRY,
)
def hourly(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.context.weather.clean.hourly import weather_hourly

    load_partitions(context, lake.lake, FLOW, WEATHER_HOURLY, observations_by_month, weather_hourly)


RAW = [raw_timeline]
ASSETS = [*RAW, hourly]
