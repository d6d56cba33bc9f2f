"""When the rail runs."""

from transit_assets.automation.standard import Parts, standard
from transit_assets.rail.assets import RAW
from transit_assets.rail.checks import FRESHNESS
from transit_assets.rail.flow import FLOW
from transit_assets.rail.schema import ALERT_TABLES, MODEL_TABLES, MODELS, TABLES

AUTOMATION = standard(
    FLOW,
    Parts(RAW, TABLES, MODELS, (*MODEL_TABLES, *ALERT_TABLES)),
    FRESHNESS,
    compaction_cron="*/15 * * * *",
    is_polled=True,
)
