"""When the weather runs: once an hour the running month, with its forecast."""

from transit_assets.automation.standard import Parts, standard
from transit_assets.context.weather.assets import RAW
from transit_assets.context.weather.checks import FRESHNESS
from transit_assets.context.weather.flow import FLOW
from transit_assets.context.weather.schema import WEATHER_HOURLY

AUTOMATION = standard(
    FLOW, Parts(RAW, (WEATHER_HOURLY,), {}, ()), FRESHNESS, compaction_cron="40 * * * *", is_polled=False
)
