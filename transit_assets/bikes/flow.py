"""How the bikes come in pieces: Paris days of polls."""

from transit_assets.automation.flows import Flow
from transit_assets.automation.partitions import PARIS_DAYS
from transit_assets.bikes.landed import FEEDS_OF

FLOW = Flow("bikes", PARIS_DAYS, FEEDS_OF)
