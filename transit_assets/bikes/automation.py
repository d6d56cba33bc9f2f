"""When the bikes run: jobs in plain words, schedules and sensors, all off until someone switches them on."""

from typing import TYPE_CHECKING

import dagster as dg

from transit_assets.automation.arrivals import landing_sensor
from transit_assets.automation.days import compaction, daily_close
from transit_assets.automation.models import CHALLENGER, CHAMPION, asset_key, rollback_jobs
from transit_assets.bikes.checks import FRESHNESS
from transit_assets.bikes.landed import FEEDS_OF
from transit_assets.bikes.schema import (
    MODEL_TABLES,
    MODELS,
    STATION_INFORMATION,
    STATION_LATEST,
    STATION_STATUS,
    STATIONS,
)
from transit_assets.dbt_lake import mart_tables
from transit_assets.settings import PARIS

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

RAW = dg.AssetSelection.assets(["raw", "bikes", "station_status"], ["raw", "bikes", "station_information"])
CLEAN_DAYS = dg.AssetSelection.assets(STATION_STATUS.asset_key, STATION_INFORMATION.asset_key)
DAILY_MARTS = dg.AssetSelection.assets(
    *(mart.asset_key for mart in mart_tables() if mart.domain == "bikes" and mart.partition_by)
)
MARTS = dg.AssetSelection.assets(
    *(mart.asset_key for mart in mart_tables() if mart.domain == "bikes" and not mart.partition_by)
)
CLEAN_TABLES = dg.AssetSelection.assets(STATIONS.asset_key, STATION_LATEST.asset_key)
TRAINED = dg.AssetSelection.assets(
    *(asset_key("bikes", model, role) for model in MODELS for role in (CHALLENGER, CHAMPION))
)
WATCHED = dg.AssetSelection.assets(*(table.asset_key for table in MODEL_TABLES))

fetch_bikes = dg.define_asset_job(
    "fetch_bikes",
    selection=RAW,
    description="Asks the provider: one poll now, or a whole day from the simulator.",
)
clean_bikes_days = dg.define_asset_job(
    "clean_bikes_days",
    selection=CLEAN_DAYS,
    description="Builds the clean tables of one day or a range of days from what has landed.",
)
build_bikes_days = dg.define_asset_job(
    "build_bikes_days",
    selection=CLEAN_DAYS | DAILY_MARTS,
    description="Builds the clean tables and the daily marts of one day or a range of days from what has landed.",
)
refresh_bikes_tables = dg.define_asset_job(
    "refresh_bikes_tables",
    selection=CLEAN_TABLES | MARTS,
    description="Rebuilds the tables without days: stations with their validity, live state, profiles, rankings.",
)

train_bikes_models = dg.define_asset_job(
    "train_bikes_models",
    selection=TRAINED,
    description="Trains a challenger of each model and decides whether it is served.",
)
forecast_bikes = dg.define_asset_job(
    "forecast_bikes",
    selection=WATCHED,
    description="Asks the champions about every station now, and meets earlier forecasts with what came true.",
)
check_bikes_freshness = dg.define_asset_job(
    "check_bikes_freshness",
    selection=dg.AssetSelection.checks(FRESHNESS),
    description="Looks whether yesterday is there.",
)

JOBS: list["dg.JobDefinition | AssetJob"] = [
    fetch_bikes,
    clean_bikes_days,
    build_bikes_days,
    refresh_bikes_tables,
    train_bikes_models,
    forecast_bikes,
    check_bikes_freshness,
    *rollback_jobs("bikes", MODELS),
]
SCHEDULES = [
    daily_close("close_bikes_day", build_bikes_days, cron="15 4 * * *"),
    compaction("compact_bikes_today", clean_bikes_days),
    dg.ScheduleDefinition(
        name="check_bikes_freshness_daily",
        job=check_bikes_freshness,
        cron_schedule="0 7 * * *",
        execution_timezone=PARIS.key,
        description="Looks at 07:00 whether yesterday is there.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    ),
]
SENSORS = [
    landing_sensor("bikes", FEEDS_OF, clean_bikes_days),
    dg.AutomationConditionSensorDefinition(
        "bikes_follows",
        target=CLEAN_TABLES | DAILY_MARTS | MARTS | WATCHED,
        description="Brings marts and tables without days up to date once what they are made from has changed.",
        default_status=dg.DefaultSensorStatus.STOPPED,
    ),
    dg.AutomationConditionSensorDefinition(
        "bikes_learns",
        target=TRAINED,
        use_user_code_server=True,  # the condition reads the lake
        minimum_interval_seconds=600,
        description="Trains models once there is enough new data, or features drifted, and decides about them.",
        default_status=dg.DefaultSensorStatus.STOPPED,
    ),
]
