"""The weather, the calendar and the congestion as assets: built and checked like the tables of a domain."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from transit_assets import settings as configuration
from transit_assets.automation.resources import LakeResource
from transit_assets.context.calendar import assets as calendar
from transit_assets.context.calendar.schema import CALENDAR_DAYS
from transit_assets.context.congestion import assets as congestion
from transit_assets.context.congestion.archive import import_files
from transit_assets.context.congestion.schema import CONGESTION_HOURLY
from transit_assets.context.weather import assets as weather
from transit_assets.context.weather import automation, checks
from transit_assets.context.weather.flow import FLOW
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.lake import Lake
from transit_assets_tests.context.congestion import hours_csv

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> configuration.Settings:
    monkeypatch.setenv("TRANSIT_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("TRANSIT_NOW", NOW.isoformat())
    configuration.settings.cache_clear()
    yield configuration.settings()
    configuration.settings.cache_clear()


def materialized(
    configured: configuration.Settings, assets: Sequence, partition: str | None = None
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        assets, partition_key=partition, resources={"lake": LakeResource.of(configured)}, raise_on_error=True
    )


def test_a_month_of_weather_is_fetched_built_and_passes_its_checks(configured: configuration.Settings) -> None:
    result = materialized(configured, [*weather.ASSETS, *checks.CHECKS], "2026-03-01")
    found = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert found == {"rows": True, "accounting": True, "completeness": True, "yesterday_exists": True}
    lake = Lake.at(configured.lake)
    assert lake.table(WEATHER_HOURLY).partitions() == ["2026-03-01"]
    assert lake.ledger.stale(WEATHER_HOURLY.relation, {"2026-03-01": "other"}) == ["2026-03-01"]
    now = lake.landing.fingerprints("weather", FLOW.feeds_of[WEATHER_HOURLY.relation])
    assert lake.ledger.stale(WEATHER_HOURLY.relation, {"2026-03-01": now["2026-03-01"]}) == []


def test_the_calendar_is_built_and_passes_its_checks(configured: configuration.Settings) -> None:
    result = materialized(configured, [*calendar.ASSETS, *calendar.CHECKS])
    assert {one.check_name: one.passed for one in result.get_asset_check_evaluations()} == {
        "rows": True,
        "accounting": True,
    }
    assert Lake.at(configured.lake).table(CALENDAR_DAYS).exists()


@pytest.mark.parametrize("is_imported", [True, False])
def test_a_month_of_congestion_is_what_was_imported_and_nothing_is_no_error(
    configured: configuration.Settings, tmp_path: Path, is_imported: bool
) -> None:
    lake = Lake.at(configured.lake)
    if is_imported:
        (tmp_path / "file").write_bytes(hours_csv("london,2026-03-06T14:00,20"))
        import_files(lake, [tmp_path / "file"], configured)
    result = materialized(configured, [*congestion.ASSETS, *congestion.CHECKS], "2026-03-01")
    assert {one.check_name: one.passed for one in result.get_asset_check_evaluations()} == {
        "rows": True,
        "accounting": True,
    }
    assert lake.table(CONGESTION_HOURLY).read().num_rows == is_imported


def test_the_definitions_fit_together() -> None:
    definitions = dg.Definitions(
        assets=[*weather.ASSETS, *calendar.ASSETS, *congestion.ASSETS],
        asset_checks=[*checks.CHECKS, *calendar.CHECKS, *congestion.CHECKS],
        jobs=[*automation.AUTOMATION.jobs, *calendar.JOBS, *congestion.JOBS],
        schedules=automation.AUTOMATION.schedules,
        sensors=[*automation.AUTOMATION.sensors, *congestion.SENSORS],
        resources={"lake": LakeResource.of(configuration.settings())},
    )
    dg.Definitions.validate_loadable(definitions)
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert keys == {
        "raw/weather/timeline",
        "interim/weather/hourly",
        "interim/calendar/days",
        "interim/congestion/hourly",
    }
    jobs = {job.name for job in definitions.get_repository_def().get_all_jobs()}
    assert {"fetch_weather", "update_weather_months", "build_calendar"} <= jobs
