"""How the fire comes in pieces: London months of calls."""

from transit_assets.automation.flows import Flow
from transit_assets.automation.partitions import LONDON_MONTHS
from transit_assets.fire.landed import FEEDS_OF, WITH_INSTANTS

FLOW = Flow("fire", LONDON_MONTHS, FEEDS_OF, WITH_INSTANTS)
