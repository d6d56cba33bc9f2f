"""Rebuilds the table of the road that has no months: arcs with their validity.

It is rebuilt whole from the latest snapshot under the table's lock, so whoever commits last has seen everything,
whichever months were loaded in the meantime.
"""

from transit_assets.lake import Lake, Load
from transit_assets.road.clean import arcs as clean
from transit_assets.road.schema import ARC_DESCRIPTIONS, ARCS


def rebuild_arcs(lake: Lake, *, run_id: str | None = None) -> Load:
    """Rebuild `interim.road__arcs` from the descriptions of all months."""
    from transit_assets.quality.load import rebuild

    versions = {ARC_DESCRIPTIONS.relation: lake.table(ARC_DESCRIPTIONS).state()}
    return rebuild(
        lake,
        ARCS,
        lambda: clean.arcs(lake.table(ARC_DESCRIPTIONS).read()),
        run_id=run_id,
        source_versions=versions,
    )
