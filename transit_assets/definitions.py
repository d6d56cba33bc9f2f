"""The one Definitions object, and nothing else."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from transit_assets.automation import alerts, care
from transit_assets.automation.executor import tagged_in_process_executor
from transit_assets.automation.resources import LakeDuckDBResource, LakeResource, RegistryResource
from transit_assets.bikes.assets import ASSETS as BIKES_ASSETS
from transit_assets.bikes.automation import AUTOMATION as BIKES
from transit_assets.bikes.checks import CHECKS as BIKES_CHECKS
from transit_assets.context.calendar import assets as calendar
from transit_assets.context.congestion import assets as congestion
from transit_assets.context.weather.assets import ASSETS as WEATHER_ASSETS
from transit_assets.context.weather.automation import AUTOMATION as WEATHER
from transit_assets.context.weather.checks import CHECKS as WEATHER_CHECKS
from transit_assets.fire.assets import ASSETS as FIRE_ASSETS
from transit_assets.fire.automation import AUTOMATION as FIRE
from transit_assets.fire.checks import CHECKS as FIRE_CHECKS
from transit_assets.rail.assets import ASSETS as RAIL_ASSETS
from transit_assets.rail.automation import AUTOMATION as RAIL
from transit_assets.rail.checks import CHECKS as RAIL_CHECKS
from transit_assets.road.assets import ASSETS as ROAD_ASSETS
from transit_assets.road.automation import AUTOMATION as ROAD
from transit_assets.road.checks import CHECKS as ROAD_CHECKS
from transit_assets.settings import settings


def build(resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Everything there is, on the lake of the settings; `resources` go before these."""
    configured = LakeResource.of(settings())
    return dg.Definitions(
        assets=dg.with_source_code_references(
            [
                *BIKES_ASSETS,
                *ROAD_ASSETS,
                *FIRE_ASSETS,
                *RAIL_ASSETS,
                *WEATHER_ASSETS,
                *calendar.ASSETS,
                *congestion.ASSETS,
            ]
        ),
        asset_checks=[
            *BIKES_CHECKS,
            *ROAD_CHECKS,
            *FIRE_CHECKS,
            *RAIL_CHECKS,
            *WEATHER_CHECKS,
            *calendar.CHECKS,
            *congestion.CHECKS,
        ],
        jobs=[
            *BIKES.jobs,
            *ROAD.jobs,
            *FIRE.jobs,
            *RAIL.jobs,
            *WEATHER.jobs,
            *calendar.JOBS,
            *congestion.JOBS,
            care.maintain_lake,
            care.publish_warehouse,
        ],
        schedules=[
            *BIKES.schedules,
            *ROAD.schedules,
            *FIRE.schedules,
            *RAIL.schedules,
            *WEATHER.schedules,
            care.maintain_lake_nightly,
            care.publish_warehouse_daily,
        ],
        sensors=[
            *BIKES.sensors,
            *ROAD.sensors,
            *FIRE.sensors,
            *RAIL.sensors,
            *WEATHER.sensors,
            *congestion.SENSORS,
            alerts.alert_on_failed_run,
        ],
        resources={
            "lake": configured,
            "duckdb": LakeDuckDBResource(storage=configured),
            "registry": RegistryResource(),
            **(resources or {}),
        },
        executor=tagged_in_process_executor,
    )


defs = build()
