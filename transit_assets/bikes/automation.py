"""When the bikes run: a poller fetches every minute, so the schedules only build."""

from transit_assets.automation.standard import Parts, standard
from transit_assets.bikes.assets import RAW
from transit_assets.bikes.checks import FRESHNESS
from transit_assets.bikes.flow import FLOW
from transit_assets.bikes.schema import MODEL_TABLES, MODELS, TABLES

AUTOMATION = standard(
    FLOW, Parts(RAW, TABLES, MODELS, MODEL_TABLES), FRESHNESS, compaction_cron="*/15 * * * *", is_polled=True
)
