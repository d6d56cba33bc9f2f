"""The marts as Dagster shows them: a materialization for each day of a run, or a failed check and none at all."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from transit_assets.automation import instance, runs
from transit_assets.bikes.schema import STATION_STATUS
from transit_assets.dbt_lake import mart_tables
from transit_assets.lake import CheckResult, Lake
from transit_assets.settings import settings
from transit_assets_tests.automation.conftest import settings_of, take
from transit_assets_tests.dbt.conftest import DAYS, fill, report, rows_of

MARTS = ("processed",)
DAILY = [table for table in mart_tables() if table.domain == "bikes" and table.partition_by]
WHOLE = [table for table in mart_tables() if table.domain == "bikes" and not table.partition_by]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, runs.Materialized]:
    """A lake with three days of interim rows whose marts were built by a run, and what the run said."""
    with settings_of(tmp_path_factory.mktemp("made") / "lake") as lake:
        fill(lake, DAYS)
        return Path(lake.location.root), build()


@pytest.fixture
def result(made: tuple[Path, runs.Materialized]) -> runs.Materialized:
    """What the run said that built the marts."""
    return made[1]


@pytest.fixture
def built(city: Lake, made: tuple[Path, runs.Materialized]) -> Lake:
    """The lake of the settings as that run has left it."""
    return take(made[0], city)


def build(days: Sequence[date] = DAYS) -> runs.Materialized:
    return runs.materialize(["bikes"], days[0], days[-1], steps=MARTS)


def materializations(key: Sequence[str]) -> list[tuple[str | None, dict[str, Any]]]:
    """Partition and metadata of each materialization of an asset, oldest first."""
    with instance.opened(settings()) as opened:
        records = opened.fetch_materializations(dg.AssetKey(list(key)), limit=100, ascending=True).records
    found = [(record.partition_key, record.asset_materialization) for record in records]
    return [(day, {name: value.value for name, value in one.metadata.items()}) for day, one in found if one]


def evaluations(run_id: str) -> dict[str, bool]:
    """Whether each check of a run passed, `processed/bikes/station_daily: name`."""
    with instance.opened(settings()) as opened:
        records = opened.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    found = [record.event_log_entry.dagster_event for record in records]
    judged = [event.asset_check_evaluation_data for event in found if event]
    return {f"{one.asset_key.to_user_string()}: {one.check_name}": one.passed for one in judged}


def versions(lake: Lake) -> dict[str, int]:
    return {table.relation: lake.table(table).version() for table in mart_tables() if lake.table(table).exists()}


def test_each_day_of_a_mart_is_materialized_once_with_its_own_rows_and_version(
    built: Lake, result: runs.Materialized
) -> None:
    assert result.is_ok, result.errors
    assert len(result.run_ids) == 2  # the days, then the marts without days
    for table in DAILY:
        rows = built.table(table).rows_by_partition()
        found = materializations(table.asset_key)
        assert sorted(str(day) for day, _ in found) == [day.isoformat() for day in DAYS], table.relation
        assert {day: said["dagster/partition_row_count"] for day, said in found} == rows, table.relation
        assert {said["delta_version"] for _, said in found} == {built.table(table).version()}, table.relation
    for table in WHOLE:
        [(day, said)] = materializations(table.asset_key)
        assert day is None
        assert said["dagster/row_count"] == built.table(table).read().num_rows > 0, table.relation
        assert said["delta_version"] == built.table(table).version()


def test_each_check_of_the_marts_is_recorded_for_each_day_of_the_run(built: Lake, result: runs.Materialized) -> None:
    assert result.is_ok, result.errors
    daily = evaluations(result.run_ids[0])
    assert daily
    assert all(daily.values())
    recorded = [one for one in built.ledger.latest_checks() if one.run_id == result.run_ids[0]]
    expected = {(name, day.isoformat()) for name in daily for day in DAYS}
    assert {(_name_in_dagster(one), one.partition) for one in recorded} == expected
    assert all(one.has_passed and one.is_blocking for one in recorded)


def test_a_failing_test_is_a_failed_check_and_run_and_changes_no_mart(built: Lake) -> None:
    before, said = versions(built), {table.asset_key: materializations(table.asset_key) for table in DAILY}
    built.table(STATION_STATUS).replace(_impossible(DAYS[1]), [DAYS[1]])

    result = build()
    assert not result.is_ok
    (error,) = result.errors
    assert f"{DAYS[0]} to {DAYS[-1]}: nothing was committed, because " in error
    (run_id,) = result.run_ids  # the marts without days are not tried
    failed = {name for name, has_passed in evaluations(run_id).items() if not has_passed}
    assert failed
    assert all(name.startswith("processed/bikes/") for name in failed)
    with instance.opened(settings()) as opened:
        run = opened.get_run_by_id(run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.FAILURE

    assert versions(built) == before
    assert {table.asset_key: materializations(table.asset_key) for table in DAILY} == said
    recorded = [one for one in built.ledger.latest_checks() if one.run_id == run_id and not one.has_passed]
    expected = {(name, day.isoformat()) for name in failed for day in DAYS}
    assert {(_name_in_dagster(one), one.partition) for one in recorded} == expected
    assert all(one.is_blocking for one in recorded)


def _name_in_dagster(result: CheckResult) -> str:
    """`processed/bikes/station_daily: name`, as Dagster names what the ledger has recorded."""
    return f"{result.relation.replace('.', '/').replace('__', '/', 1)}: {result.check_name}"


def _impossible(day: date) -> pa.Table:
    """Reports of a station with fewer than no bikes."""
    start = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    return rows_of(STATION_STATUS, [report("1001", start + timedelta(minutes=15 * poll), -5, 12) for poll in range(24)])
