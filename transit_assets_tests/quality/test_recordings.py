"""Each recording of bikes in a lake of its own: accounts, checks, and the 500 rows that come back."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from transit_assets.bikes.archive import import_files
from transit_assets.bikes.clean.information import station_information
from transit_assets.bikes.clean.status import station_status
from transit_assets.bikes.landed import FEEDS_OF, observations
from transit_assets.bikes.schema import STATION_INFORMATION, STATION_STATUS
from transit_assets.bikes.suites import suites
from transit_assets.bikes.tables import rebuild_latest, rebuild_stations
from transit_assets.lake import Lake, Load, Table
from transit_assets.quality.evaluate import Evaluation, evaluate
from transit_assets.quality.load import load
from transit_assets.quality.quarantine import list_rows
from transit_assets.quality.repairs import Repair, release
from transit_assets.settings import Settings

SNAPSHOTS = "archive/velib_snapshots_2025-09-07_to_13.parquet"
CLEAN = {STATION_STATUS: station_status, STATION_INFORMATION: station_information}
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def landed(lake: Lake, recordings: Path, names: list[str]) -> list[str]:
    imported = import_files(lake, [recordings / "bikes" / name for name in names], Settings(lake=lake.location.root))
    return sorted({partition for one in imported for partition in one.partitions})


def load_days(lake: Lake, table: Table, days: list[str]) -> list[Load]:
    feeds = FEEDS_OF[table.relation]
    fingerprints = lake.landing.fingerprints("bikes", feeds)
    clean = CLEAN[table]
    cleaned = (clean(date.fromisoformat(day), observations(lake, feeds, day), fingerprints.get(day)) for day in days)
    return load(lake, table, cleaned)


def total(loads: list[Load], *names: str) -> tuple[int, ...]:
    return tuple(sum(getattr(one, name) for one in loads) for name in names)


@pytest.mark.parametrize(
    ("names", "landed_rows", "kept_rows", "duplicate_rows", "quarantined_rows"),
    [
        ([SNAPSHOTS], 407_096, 383_690, 22_906, 500),
        (["archive/velib_15min_weather_2025-09-07_to_16.parquet"], 484_712, 484_711, 0, 1),
        (
            ["payloads/gbfs_station_status_2025-10-18.json", "payloads/gbfs_station_information_2025-10-18.json"],
            *(1_495, 1_495, 0, 0),
        ),
        (["payloads/velib_ods_v1_records_2022-08-31.json"], 1_435, 1_435, 0, 0),
        (["payloads/velib_ods_v21_records_2026-04-02.json"], 2, 2, 0, 0),
    ],
)
def test_a_recording_adds_up_and_passes_every_blocking_check(
    lake: Lake,
    recordings: Path,
    names: list[str],
    landed_rows: int,
    kept_rows: int,
    duplicate_rows: int,
    quarantined_rows: int,
) -> None:
    days = landed(lake, recordings, names)
    loads = load_days(lake, STATION_STATUS, days)
    counts = total(loads, "landed_rows", "kept_rows", "duplicate_rows", "quarantined_rows")
    assert counts == (landed_rows, kept_rows, duplicate_rows, quarantined_rows)
    load_days(lake, STATION_INFORMATION, days)
    rebuild_stations(lake)
    rebuild_latest(lake)
    failed = [one.summary for one in verdicts(lake, days) if one.suite.is_blocking and not one.has_passed]
    assert failed == []


def verdicts(lake: Lake, days: list[str]) -> list[Evaluation]:
    return [
        evaluation
        for found in suites().values()
        for suite in found
        for evaluation in evaluate(lake, suite, days if suite.table.partition_by else [], now=NOW)
    ]


def test_the_500_rows_without_a_station_code_come_back_once_somebody_knows_it(lake: Lake, recordings: Path) -> None:
    """One poll of 8 September lost code, name and place of 500 stations: here they are numbered in their order."""
    days = landed(lake, recordings, [SNAPSHOTS])
    load_days(lake, STATION_STATUS, days)
    aside = list_rows(lake, STATION_STATUS).to_pylist()
    assert [row["rule"] for row in aside] == ["station_code_is_known"] * 500
    repairs = [
        Repair(row["payload_sha256"], row["row_number"], {"station_code": f"{10_000 + number}_found"})
        for number, row in enumerate(aside)
    ]
    assert release(lake, STATION_STATUS, repairs, now=NOW).partitions == ("2025-09-08",)
    for _ in range(2):
        loads = load_days(lake, STATION_STATUS, days)
        counts = total(loads, "landed_rows", "kept_rows", "duplicate_rows", "quarantined_rows")
        assert counts == (407_096, 383_690 + 500, 22_906, 0)
    assert list_rows(lake, STATION_STATUS).num_rows == 0
    back = lake.table(STATION_STATUS).scan("SELECT count(*) AS n FROM station_status WHERE station_code LIKE '%_found'")
    assert back.to_pylist() == [{"n": 500}]
