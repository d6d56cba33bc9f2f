"""When the road runs: counters publish by the hour and no poller asks for them, so the schedules do."""

from datetime import timedelta

from transit_assets.automation.standard import Parts, standard
from transit_assets.road.assets import RAW
from transit_assets.road.checks import FRESHNESS
from transit_assets.road.flow import FLOW
from transit_assets.road.schema import MODEL_TABLES, MODELS, TABLES
from transit_assets.settings import settings


def _look_back() -> timedelta:
    """How long after it is over a month is still asked for; an hour more, as the last one is known by its end."""
    configured = settings()
    return timedelta(hours=configured.road_look_back_hours + 1, minutes=configured.road_publication_delay_minutes)


AUTOMATION = standard(
    FLOW,
    Parts(RAW, TABLES, MODELS, MODEL_TABLES),
    FRESHNESS,
    compaction_cron="20 * * * *",
    is_polled=False,
    look_back=_look_back,
)
