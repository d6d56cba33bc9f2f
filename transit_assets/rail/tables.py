"""Rebuilds the tables of the rail that have no service dates: stops of all schedules, versions of disruptions.

Each is rebuilt whole under the table's lock, so whoever commits last has seen everything, whichever dates were loaded
in the meantime.
"""

from transit_assets.lake import Lake, Load
from transit_assets.rail.landed import all_schedules
from transit_assets.rail.schema import DISRUPTION_SIGHTINGS, DISRUPTIONS, SCHEDULED_CALLS, STOPS


def rebuild_stops(lake: Lake, *, run_id: str | None = None) -> Load:
    """Rebuild `interim.rail__stops` from all schedules that landed."""
    from transit_assets.quality.load import rebuild
    from transit_assets.rail.clean.stops import stops

    versions = {SCHEDULED_CALLS.relation: lake.table(SCHEDULED_CALLS).state()}
    return rebuild(lake, STOPS, lambda: stops(all_schedules(lake)), run_id=run_id, source_versions=versions)


def rebuild_disruptions(lake: Lake, *, run_id: str | None = None) -> Load:
    """Rebuild `interim.rail__disruptions` from the sightings of all days."""
    from transit_assets.quality.load import rebuild
    from transit_assets.rail.clean.versions import disruptions

    versions = {DISRUPTION_SIGHTINGS.relation: lake.table(DISRUPTION_SIGHTINGS).state()}
    return rebuild(
        lake,
        DISRUPTIONS,
        lambda: disruptions(lake.table(DISRUPTION_SIGHTINGS).read()),
        run_id=run_id,
        source_versions=versions,
    )
