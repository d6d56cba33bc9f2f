"""How the road comes in pieces: Paris months of hours."""

from transit_assets.automation.flows import Flow
from transit_assets.automation.partitions import PARIS_MONTHS
from transit_assets.road.landed import FEEDS_OF, WITH_INSTANTS

FLOW = Flow("road", PARIS_MONTHS, FEEDS_OF, WITH_INSTANTS)
