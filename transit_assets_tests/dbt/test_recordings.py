"""What the marts say of each recording of bikes."""

from pathlib import Path

import pytest

from transit_assets.bikes.schema import STATION_INFORMATION, STATION_STATUS
from transit_assets.bikes.tables import rebuild_stations
from transit_assets.dbt_lake import build, mart_tables
from transit_assets.lake import Lake
from transit_assets_tests.dbt.conftest import BIKES
from transit_assets_tests.quality.test_recordings import SNAPSHOTS, landed, load_days

BINS = "archive/velib_15min_weather_2025-09-07_to_16.parquet"
GBFS = ["payloads/gbfs_station_status_2025-10-18.json", "payloads/gbfs_station_information_2025-10-18.json"]
ODS_V1, ODS_V21 = "payloads/velib_ods_v1_records_2022-08-31.json", "payloads/velib_ods_v21_records_2026-04-02.json"
RANKING = "bikes__stations_sometimes_empty"


def marts_of(lake: Lake, recordings: Path, names: list[str]) -> dict[str, list[dict]]:
    """Rows of each mart of bikes, of a lake that holds this recording alone."""
    days = landed(lake, recordings, names)
    for table in (STATION_STATUS, STATION_INFORMATION):
        load_days(lake, table, days)
    rebuild_stations(lake)
    outcome = build(lake, select=BIKES)
    assert outcome.has_passed, outcome.error
    marts = [table for table in mart_tables() if table.domain == "bikes"]
    return {table.identifier: lake.table(table).read().to_pylist() for table in marts}


@pytest.mark.parametrize("names", [[SNAPSHOTS], [BINS], GBFS, [ODS_V1], [ODS_V21]], ids=lambda names: names[0])
def test_a_recording_fills_every_mart_for_which_it_says_enough(lake: Lake, recordings: Path, names: list[str]) -> None:
    marts = marts_of(lake, recordings, names)
    assert {name for name, rows in marts.items() if not rows} <= {RANKING}
    # The v1 recording holds counts and flags alone: no number, name or place of a station tells its zone.
    assert ({row["zone"] for row in marts["bikes__zone_daily"]} == {"unknown"}) == (names == [ODS_V1])
    observed = [row for row in marts["bikes__station_hourly"] if row["empty_share"] is not None]
    has_series = names[0].startswith("archive/")
    assert bool(observed) == has_series
    assert bool(marts[RANKING]) == has_series
    knows_kinds = any(row["mechanical_mean"] is not None for row in observed)
    assert knows_kinds == (names == [SNAPSHOTS])
