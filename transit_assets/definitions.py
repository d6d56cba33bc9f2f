"""The one Definitions object, and nothing else."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from transit_assets.automation import alerts, care
from transit_assets.automation.executor import tagged_in_process_executor
from transit_assets.automation.resources import LakeDuckDBResource, LakeResource, RegistryResource
from transit_assets.bikes import assets as bikes
from transit_assets.bikes import automation as bikes_automation
from transit_assets.bikes import checks as bikes_checks
from transit_assets.settings import settings


def build(resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Everything there is, on the lake of the settings; `resources` go before these."""
    configured = LakeResource.of(settings())
    return dg.Definitions(
        assets=dg.with_source_code_references(bikes.ASSETS),
        asset_checks=bikes_checks.CHECKS,
        jobs=[*bikes_automation.JOBS, care.maintain_lake, care.publish_warehouse],
        schedules=[*bikes_automation.SCHEDULES, care.maintain_lake_nightly, care.publish_warehouse_daily],
        sensors=[*bikes_automation.SENSORS, alerts.alert_on_failed_run],
        resources={
            "lake": configured,
            "duckdb": LakeDuckDBResource(storage=configured),
            "registry": RegistryResource(),
            **(resources or {}),
        },
        executor=tagged_in_process_executor,
    )


defs = build()
