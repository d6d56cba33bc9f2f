"""Calls of the fire as the clean tables hold them, for the tests of features and models."""

from datetime import UTC, date, datetime
from pathlib import Path

from transit_assets.fire.archive import import_files
from transit_assets.fire.clean.incidents import incidents
from transit_assets.fire.landed import FEEDS_OF, WITH_INSTANTS, landed_by_month
from transit_assets.fire.schema import INCIDENTS
from transit_assets.fire.tables import rebuild_stations
from transit_assets.lake import Lake
from transit_assets.quality.load import load
from transit_assets.settings import LONDON, Settings

FILES = ("archive/lfb_incidents_2017-01_to_04.parquet", "reference/lfb_station_info.csv")
_FEEDS = FEEDS_OF[INCIDENTS.relation]


def recorded(lake: Lake, recordings: Path, *names: str) -> Lake:
    """Import recorded files of the fire (all by default), load their months and the stations."""
    import_files(lake, [recordings / "fire" / name for name in names or FILES], Settings(_env_file=None))
    prints = lake.landing.fingerprints("fire", _FEEDS, with_instants=WITH_INSTANTS)
    months = landed_by_month(lake, _FEEDS, sorted(prints))
    cleaned = (incidents(date.fromisoformat(month), found, prints[month]) for month, found in months)
    assert {one.outcome for one in load(lake, INCIDENTS, cleaned)} == {"committed"}
    rebuild_stations(lake)
    return lake


def london(text: str) -> datetime:
    """An instant of London's wall clock."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)
