"""Rebuilds the table of the fire that has no months: stations with their validity.

It is rebuilt whole from the latest snapshots and all landed files of stations under the table's lock, so whoever
commits last has seen everything, whichever months were loaded in the meantime.
"""

from transit_assets.fire.clean import stations as clean
from transit_assets.fire.landed import station_files
from transit_assets.fire.schema import INCIDENTS, MOBILISATIONS, STATIONS
from transit_assets.lake import Lake, Load

_GROUNDS = """
    SELECT station_ground AS station, median(easting_m) AS easting_m, median(northing_m) AS northing_m,
        count(*) AS calls
    FROM incidents
    WHERE station_ground IS NOT NULL AND easting_m IS NOT NULL AND NOT coalesce(is_over_the_border, false)
    GROUP BY ALL
"""
_CODES = """
    WITH counted AS (
        SELECT station, station_code, count(*) AS vehicles FROM mobilisations
        WHERE station IS NOT NULL AND station_code IS NOT NULL
        GROUP BY ALL
    )
    SELECT station, max_by(station_code, (vehicles, station_code)) AS station_code FROM counted GROUP BY station
"""


def rebuild_stations(lake: Lake, *, run_id: str | None = None) -> Load:
    """Rebuild `interim.fire__stations` from the files of stations, the calls of all months and the vehicles sent."""
    from transit_assets.quality.load import rebuild

    versions = {table.relation: lake.table(table).state() for table in (INCIDENTS, MOBILISATIONS)}
    return rebuild(
        lake,
        STATIONS,
        lambda: clean.stations(
            list(station_files(lake)), lake.table(INCIDENTS).scan(_GROUNDS), lake.table(MOBILISATIONS).scan(_CODES)
        ),
        run_id=run_id,
        source_versions=versions,
    )
