"""The suites of the weather as Dagster checks: blocking where rows would be wrong, else a warning."""

import dagster as dg

from transit_assets.automation.freshness import yesterday_exists
from transit_assets.context.weather.flow import FLOW
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.context.weather.suites import suites
from transit_assets.quality.checks import suite_checks

FRESHNESS = yesterday_exists(WEATHER_HOURLY, FLOW.partitions, instant="hour_start_at")

CHECKS: list[dg.AssetChecksDefinition] = [
    suite_checks(suites()[WEATHER_HOURLY.relation], partitions_def=FLOW.partitions.definition),
    FRESHNESS,
]
