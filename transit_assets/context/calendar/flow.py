"""The calendar has no pieces and no feed: it is rebuilt whole, whichever days are asked for, and whenever it is."""

from transit_assets.automation.flows import Flow
from transit_assets.automation.partitions import PARIS_MONTHS

FLOW = Flow("calendar", PARIS_MONTHS, {})
