"""Rebuilds the tables of bikes that have no days: stations with their validity, and live state.

Each is rebuilt whole from the latest snapshots under the table's lock, so whoever commits last has seen
everything, whichever days were loaded in the meantime.
"""

import pyarrow as pa

from transit_assets.bikes.clean import stations as clean
from transit_assets.bikes.schema import STATION_INFORMATION, STATION_LATEST, STATION_STATUS, STATIONS
from transit_assets.lake import Lake, Load, Table, TableVersion

_LAST_REPORTS = """
    SELECT unnest(arg_max(report, (polled_at, reported_at)))
    FROM station_status AS report
    GROUP BY station_code
"""


def rebuild_stations(lake: Lake, *, run_id: str | None = None) -> Load:
    """Rebuild `interim.bikes__stations` from the descriptions of all days."""
    from transit_assets.quality.load import rebuild

    versions = _versions(lake, STATION_INFORMATION)
    return rebuild(
        lake,
        STATIONS,
        lambda: clean.stations(lake.table(STATION_INFORMATION).read()),
        run_id=run_id,
        source_versions=versions,
    )


def rebuild_latest(lake: Lake, *, run_id: str | None = None) -> Load:
    """Rebuild `interim.bikes__station_latest` with the reports of the days loaded since it was last rebuilt.

    What it knows of other days, and what a poller knows later, stays.
    """
    from transit_assets.quality.load import rebuild

    versions = _versions(lake, STATION_STATUS, STATIONS)
    return rebuild(
        lake,
        STATION_LATEST,
        lambda: _latest(lake, lake.table(STATION_STATUS).scan(_LAST_REPORTS, partitions=_loaded_days(lake))),
        run_id=run_id,
        source_versions=versions,
    )


def refresh_latest(lake: Lake, reports: pa.Table) -> None:
    """Put the reports of one poll, already ruled on, into the live state."""
    lake.table(STATION_LATEST).rebuild(lambda: _latest(lake, reports))


def _loaded_days(lake: Lake) -> list[str]:
    days = lake.ledger.loaded_since(STATION_LATEST.relation, STATION_STATUS.relation)
    return [day for day in days if day is not None]


def _latest(lake: Lake, reports: pa.Table) -> pa.Table:
    return clean.station_latest(reports, lake.table(STATIONS).read(), lake.table(STATION_LATEST).read())


def _versions(lake: Lake, *tables: Table) -> dict[str, TableVersion]:
    return {table.relation: lake.table(table).state() for table in tables}
