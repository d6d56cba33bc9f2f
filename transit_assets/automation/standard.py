"""What every domain has: jobs in plain words, schedules and sensors, all off until someone switches them on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from transit_assets.automation.arrivals import landing_sensor
from transit_assets.automation.days import compaction, daily_close
from transit_assets.automation.flows import Flow
from transit_assets.automation.models import CHALLENGER, CHAMPION, asset_key, rollback_jobs
from transit_assets.dbt_lake import mart_tables
from transit_assets.lake import Period, Table

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

    Job = dg.JobDefinition | AssetJob

_RUNNING = {Period.DAY: "today", Period.MONTH: "this_month"}
_STOPPED = dg.DefaultSensorStatus.STOPPED


@dataclass(frozen=True)
class Parts:
    """The assets of a domain by what is done with them. A domain without models has none of the last two."""

    raw: Sequence[dg.AssetsDefinition]
    tables: Sequence[Table]
    models: Mapping[str, str]
    model_tables: Sequence[Table]

    def clean(self, *, is_partitioned: bool) -> list[Table]:
        return [table for table in self.tables if bool(table.partition_by) is is_partitioned]

    def marts(self, domain: str, *, is_partitioned: bool) -> list[Table]:
        return [mart for mart in mart_tables() if mart.domain == domain and bool(mart.partition_by) is is_partitioned]

    def trained(self, domain: str) -> dg.AssetSelection:
        keys = (asset_key(domain, model, role) for model in self.models for role in (CHALLENGER, CHAMPION))
        return dg.AssetSelection.assets(*keys)

    def watched(self) -> dg.AssetSelection:
        return _of(self.model_tables)


@dataclass(frozen=True)
class Automation:
    """What a domain gives to the definitions beside its assets and checks."""

    jobs: list["Job"]
    schedules: list[dg.ScheduleDefinition]
    sensors: list[dg.SensorDefinition]


def standard(
    flow: Flow,
    parts: Parts,
    freshness: dg.AssetChecksDefinition,
    *,
    compaction_cron: str,
    is_polled: bool,
    look_back: Callable[[], timedelta] = timedelta,
) -> Automation:
    """The jobs, schedules and sensors of a domain.

    `is_polled`: a poller of its own fetches all the time. Where none does, the schedules ask the provider too, and
    build what it gave. `look_back`: how long after their day rows still come, or are corrected.
    """
    domain, period = flow.domain, flow.partitions.period.value
    clean, marts = _of(parts.clean(is_partitioned=True)), _marts_with_sources(domain, parts)
    raw = dg.AssetSelection.assets(*parts.raw)
    whole = [*parts.clean(is_partitioned=False), *parts.marts(domain, is_partitioned=False)]
    clean_job = dg.define_asset_job(
        f"clean_{domain}_{period}s",
        selection=clean,
        description=f"Builds the clean tables of one {period} or a range of {period}s from what has landed.",
    )
    build_job = dg.define_asset_job(
        f"build_{domain}_{period}s",
        selection=clean | marts,
        description=f"Builds the clean tables and the marts of one {period} or a range of {period}s from what has "
        "landed.",
    )
    update_job = dg.define_asset_job(
        f"update_{domain}_{period}s",
        selection=raw | clean | marts,
        description=f"Asks the provider for one {period}, and builds its clean tables and marts.",
    )
    freshness_job = dg.define_asset_job(
        f"check_{domain}_freshness",
        selection=dg.AssetSelection.checks(freshness),
        description="Looks whether yesterday is there.",
    )
    closing, compacting = (build_job, clean_job) if is_polled else (update_job, update_job)
    return Automation(
        jobs=[
            dg.define_asset_job(f"fetch_{domain}", selection=raw, description=f"Asks the provider for one {period}."),
            clean_job,
            build_job,
            *([] if is_polled else [update_job]),
            *([_refresh_job(domain, whole, period)] if whole else []),
            freshness_job,
            *_model_jobs(domain, parts),
        ],
        schedules=[
            daily_close(f"close_{domain}_{period}", closing, flow.partitions, cron="15 4 * * *", look_back=look_back),
            compaction(
                f"compact_{domain}_{_RUNNING[flow.partitions.period]}",
                compacting,
                flow.partitions,
                cron=compaction_cron,
            ),
            dg.ScheduleDefinition(
                name=f"check_{domain}_freshness_daily",
                job=freshness_job,
                cron_schedule="0 7 * * *",
                execution_timezone=flow.partitions.zone.key,
                description="Looks at 07:00 whether yesterday is there.",
                default_status=dg.DefaultScheduleStatus.STOPPED,
            ),
        ],
        sensors=[landing_sensor(flow, clean_job), *_condition_sensors(domain, parts)],
    )


def _marts_with_sources(domain: str, parts: Parts) -> dg.AssetSelection:
    """The marts with partitions, and the clean tables without that they read: these are built between.

    Without them the marts of an empty lake would look up what is not there yet: all arcs in the zone `unknown`.
    """
    marts = _of(parts.marts(domain, is_partitioned=True))
    return marts | (marts.upstream(depth=1) & _of(parts.clean(is_partitioned=False)))


def _refresh_job(domain: str, whole: Sequence[Table], period: str) -> "Job":
    return dg.define_asset_job(
        f"refresh_{domain}_tables",
        selection=_of(whole),
        description=f"Rebuilds the tables without {period}s: what holds from when to when, profiles, rankings.",
    )


def _model_jobs(domain: str, parts: Parts) -> list["Job"]:
    if not parts.models:
        return []
    return [
        dg.define_asset_job(
            f"train_{domain}_models",
            selection=parts.trained(domain),
            description="Trains a challenger of each model and decides whether it is served.",
        ),
        dg.define_asset_job(
            f"forecast_{domain}",
            selection=parts.watched(),
            description="Asks the champions what comes, and meets earlier forecasts with what came true.",
        ),
        *rollback_jobs(domain, parts.models),
    ]


def _condition_sensors(domain: str, parts: Parts) -> list[dg.SensorDefinition]:
    of_lake = [
        *parts.clean(is_partitioned=False),
        *parts.marts(domain, is_partitioned=True),
        *parts.marts(domain, is_partitioned=False),
        *parts.model_tables,
    ]
    if not of_lake:  # clean tables with partitions follow the landing
        return []
    follows = dg.AutomationConditionSensorDefinition(
        f"{domain}_follows",
        target=_of(of_lake),
        description="Brings marts and tables built from them up to date once what they are made from has changed.",
        default_status=_STOPPED,
    )
    learns = dg.AutomationConditionSensorDefinition(
        f"{domain}_learns",
        target=parts.trained(domain),
        use_user_code_server=True,  # the condition reads the lake
        minimum_interval_seconds=600,
        description="Trains models once there is enough new data, or features drifted, and decides about them.",
        default_status=_STOPPED,
    )
    return [follows, learns] if parts.models else [follows]


def _of(tables: Iterable[Table]) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*(table.asset_key for table in tables))
