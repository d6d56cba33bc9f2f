"""When the fire runs: files come a few times a year and no poller asks for them, so the schedules do."""

from datetime import timedelta

from transit_assets.automation.standard import Parts, standard
from transit_assets.fire.assets import RAW
from transit_assets.fire.checks import FRESHNESS
from transit_assets.fire.flow import FLOW
from transit_assets.fire.schema import MODEL_TABLES, MODELS, TABLES
from transit_assets.settings import settings


def _look_back() -> timedelta:
    """How long after it is over a month is still asked for."""
    return timedelta(days=settings().fire_publication_days)


AUTOMATION = standard(
    FLOW,
    Parts(RAW, TABLES, MODELS, MODEL_TABLES),
    FRESHNESS,
    compaction_cron="40 5 * * *",
    is_polled=False,
    look_back=_look_back,
)
