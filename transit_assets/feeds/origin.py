"""One lake, one origin: whether a lake may be filled from where the settings point."""

from transit_assets.lake import Lake
from transit_assets.settings import Settings


def refusal(lake: Lake, configured: Settings) -> str | None:
    """Why nothing is fetched into this lake, or None: the simulator is not asked for a lake of real data."""
    if configured.is_simulated and lake.landing.origin() == "real":
        return f"{lake.location.root} holds real data, so nothing is fetched from the simulator"
    return None
