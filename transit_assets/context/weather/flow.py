"""How the weather comes in pieces: UTC months of hours."""

from zoneinfo import ZoneInfo

from transit_assets.automation.flows import Flow
from transit_assets.automation.partitions import Partitions
from transit_assets.context.landed import FIRST_MONTH
from transit_assets.context.weather.landed import FEEDS_OF
from transit_assets.lake import Period

FLOW = Flow("weather", Partitions(Period.MONTH, FIRST_MONTH, ZoneInfo("UTC")), FEEDS_OF)
