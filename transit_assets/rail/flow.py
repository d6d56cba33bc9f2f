"""How the rail comes in pieces: service dates, which are days of Paris."""

from transit_assets.automation.flows import Flow
from transit_assets.automation.partitions import PARIS_DAYS
from transit_assets.rail.landed import FEEDS_OF, MADE_OF

FLOW = Flow("rail", PARIS_DAYS, FEEDS_OF, made_of=MADE_OF)
