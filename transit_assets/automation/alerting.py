"""The alerts of a domain as Dagster assets: what they are, and who was told of them.

A channel that refuses or is down fails no run: its attempts are rows, and later runs make them again.
"""

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from zoneinfo import ZoneInfo

import dagster as dg

from transit_assets.alerts.channels import channels
from transit_assets.alerts.messages import message
from transit_assets.alerts.outbox import Outbox
from transit_assets.automation.conditions import FOLLOWS_AT_REST
from transit_assets.automation.descriptions import described
from transit_assets.automation.loads import RETRY
from transit_assets.automation.reports import report_load
from transit_assets.automation.resources import LakeResource
from transit_assets.lake import Lake, Table
from transit_assets.settings import settings


def alert_assets(
    alerts: Table, deliveries: Table, *, sources: Sequence[Table], zone: ZoneInfo
) -> list[dg.AssetsDefinition]:
    """The alerts of a domain, made of `sources` by `update_alerts` of its `alerting.py`, and their deliveries.

    `zone` is that of the times that people are told.
    """

    @dg.asset(
        **described(alerts),
        deps=[list(table.asset_key) for table in sources],
        automation_condition=FOLLOWS_AT_REST,
        retry_policy=RETRY,
        pool=f"{alerts.domain}_alerts",
    )
    def judged(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
        update = import_module(f"transit_assets.{alerts.domain}.alerting").update_alerts
        load = update(lake.lake, settings(), run_id=context.run.run_id)
        report_load(context, lake.lake, alerts, load)

    @dg.asset(
        **described(deliveries),
        deps=[judged],
        automation_condition=FOLLOWS_AT_REST,
        pool=f"{alerts.domain}_alerts",
    )
    def told(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        outbox = _outbox(lake.lake, alerts, deliveries, zone, context.run.run_id)
        configured = settings()
        outcomes = outbox.deliver(channels(configured, context.log.warning), configured.clock())
        for outcome in ("failed", "unknown"):
            if outcomes[outcome]:
                context.log.warning(f"{outcomes[outcome]} deliveries {outcome}: see {deliveries.relation}")
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(lake.lake.table(deliveries).rows_by_partition().values()),
                **{outcome: outcomes[outcome] for outcome in ("sent", "failed", "unknown")},
            }
        )

    return [judged, told]


def _outbox(lake: Lake, alerts: Table, deliveries: Table, zone: ZoneInfo, run_id: str) -> Outbox:
    lake.table(deliveries).create()
    is_simulated = lake.landing.origin() == "simulated"
    compose = partial(message, alerts=alerts, is_simulated=is_simulated, zone=zone)
    return Outbox(lake, alerts, deliveries, compose, run_id=run_id)
