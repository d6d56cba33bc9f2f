"""When the road runs: counters publish by the hour and no poller asks for them, so the schedules do."""

from transit_assets.automation.standard import Parts, standard
from transit_assets.road.assets import RAW
from transit_assets.road.checks import FRESHNESS
from transit_assets.road.flow import FLOW
from transit_assets.road.schema import MODEL_TABLES, MODELS, TABLES

AUTOMATION = standard(
    FLOW, Parts(RAW, TABLES, MODELS, MODEL_TABLES), FRESHNESS, compaction_cron="20 * * * *", is_polled=False
)
