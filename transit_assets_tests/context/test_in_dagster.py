"""The weather and the calendar as assets: built, checked and scheduled like the tables of a domain."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from transit_assets import settings as configuration
from transit_assets.automation.resources import LakeResource
from transit_assets.context.calendar import assets as calendar
from transit_assets.context.calendar.schema import CALENDAR_DAYS
from transit_assets.context.weather import assets as weather
from transit_assets.context.weather import automation, checks
from transit_assets.context.weather.flow import FLOW
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.lake import Lake

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


def test_the_definitions_fit_together() -> None:
    definitions = dg.Definitions(
        assets=[*weather.ASSETS, *calendar.ASSETS],
        asset_checks=[*checks.CHECKS, *calendar.CHECKS],
        jobs=[*automation.AUTOMATION.jobs, *calendar.JOBS],
        schedules=automation.AUTOMATION.schedules,
        sensors=automation.AUTOMATION.sensors,
        resources={"lake": LakeResource.of(configuration.settings())},
    )
    dg.Definitions.validate_loadable(definitions)
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert keys == {"raw/weather/timeline", "interim/weather/hourly", "interim/calendar/days"}
    jobs = {job.name for job in definitions.get_repository_def().get_all_jobs()}
    assert {"fetch_weather", "update_weather_months", "build_calendar"} <= jobs
