"""The rail in Dagster: schedules, answers about trains and disruptions in the landing, clean tables, marts, models.

One partition is one service date. A date is late where its answers or its archive are; what landed later reopens it.
Whatever fails leaves the last good version of its tables and a row in the ledger.
"""

from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from transit_assets.automation.alerting import alert_assets
from transit_assets.automation.conditions import FOLLOWS_AT_REST
from transit_assets.automation.descriptions import described
from transit_assets.automation.loads import ONE_RUN, RETRY, load_partitions, make_partitions
from transit_assets.automation.marts import mart_assets
from transit_assets.automation.models import model_assets, watching_assets
from transit_assets.automation.raw import raw_asset
from transit_assets.automation.reports import report_load
from transit_assets.automation.resources import LakeResource
from transit_assets.rail.flow import FLOW
from transit_assets.rail.landed import (
    events_of_date,
    predictions_by_date,
    schedules_by_date,
    sightings_by_date,
)
from transit_assets.rail.schema import (
    ALERT_DELIVERIES,
    ALERTS,
    DISRUPTION_SIGHTINGS,
    DISRUPTIONS,
    FORECASTS,
    MODEL_TABLES,
    MODELS,
    PREDICTED_CALLS,
    SCHEDULED_CALLS,
    STOP_EVENTS,
    STOPS,
)
from transit_assets.settings import PARIS, Settings

if TYPE_CHECKING:
    from transit_assets.lake import Fetch, Lake
    from transit_assets.rail.polls import FeedName

_DATES = FLOW.partitions.definition


def _polls(feed: "FeedName", lake: "Lake", configured: Settings, day: date) -> "list[Fetch]":
    from transit_assets.rail.polls import collect

    return collect(lake, configured, feed, day)


def _raw(feed: "FeedName", description: str) -> dg.AssetsDefinition:
    return raw_asset(FLOW, feed, description, partial(_polls, feed), pool="prim")


raw_gtfs = _raw("gtfs", "A version of the schedule (GTFS zip), as sent, asked for again only where it changed.")
raw_stop_monitoring = _raw(
    "stop_monitoring",
    "What the provider said of the next trains at every station (SIRI Lite), as sent. A real provider gives what holds "
    "now, the simulator the polls of the whole day; past days of a real lake come from imports.",
)
raw_disruptions = _raw("disruptions", "Disruptions of all lines in one answer (disruptions_bulk), as sent.")
raw_general_message = _raw("general_message", "Messages to travellers on the line (SIRI Lite), as sent.")
raw_line_reports = _raw("line_reports", "Reports about the line (Navitia), as sent.")


@dg.asset(
    **described(SCHEDULED_CALLS),
    deps=[raw_gtfs],
    partitions_def=_DATES,
    backfill_policy=ONE_RUN,
    retry_policy=RETRY,
)
def scheduled_calls(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.rail.clean.schedule import scheduled_calls

    load_partitions(context, lake.lake, FLOW, SCHEDULED_CALLS, schedules_by_date, scheduled_calls)


@dg.asset(
    **described(PREDICTED_CALLS),
    deps=[raw_stop_monitoring],
    partitions_def=_DATES,
    backfill_policy=ONE_RUN,
    retry_policy=RETRY,
)
def predicted_calls(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.rail.clean.predicted import predicted_calls

    load_partitions(context, lake.lake, FLOW, PREDICTED_CALLS, predictions_by_date, predicted_calls)


@dg.asset(
    **described(STOP_EVENTS),
    deps=[predicted_calls, scheduled_calls],
    partitions_def=_DATES,
    backfill_policy=ONE_RUN,
    retry_policy=RETRY,
)
def stop_events(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    make_partitions(context, lake.lake, FLOW, STOP_EVENTS, events_of_date)


@dg.asset(
    **described(DISRUPTION_SIGHTINGS),
    deps=[raw_disruptions, raw_general_message, raw_line_reports],
    partitions_def=_DATES,
    backfill_policy=ONE_RUN,
    retry_policy=RETRY,
)
def disruption_sightings(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.rail.clean.versions import disruption_sightings

    load_partitions(context, lake.lake, FLOW, DISRUPTION_SIGHTINGS, sightings_by_date, disruption_sightings)


@dg.asset(
    **described(STOPS),
    deps=[scheduled_calls],
    automation_condition=FOLLOWS_AT_REST,
    retry_policy=RETRY,
    pool="rail_tables",
)
def stops(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.rail.tables import rebuild_stops

    report_load(context, lake.lake, STOPS, rebuild_stops(lake.lake, run_id=context.run.run_id))


@dg.asset(
    **described(DISRUPTIONS),
    deps=[disruption_sightings],
    automation_condition=FOLLOWS_AT_REST,
    retry_policy=RETRY,
    pool="rail_tables",
)
def disruptions(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.rail.tables import rebuild_disruptions

    report_load(context, lake.lake, DISRUPTIONS, rebuild_disruptions(lake.lake, run_id=context.run.run_id))


_LEARNT_FROM = (STOP_EVENTS, PREDICTED_CALLS, SCHEDULED_CALLS)

RAW = [raw_gtfs, raw_stop_monitoring, raw_disruptions, raw_general_message, raw_line_reports]
ASSETS = [
    *RAW,
    scheduled_calls,
    predicted_calls,
    stop_events,
    disruption_sightings,
    stops,
    disruptions,
    *mart_assets(FLOW, unpartitioned=dg.AssetSelection.assets(stops, disruptions)),
    *model_assets("rail", MODELS, sources=_LEARNT_FROM),
    *watching_assets("rail", MODELS, sources=_LEARNT_FROM, tables=MODEL_TABLES),
    *alert_assets(ALERTS, ALERT_DELIVERIES, sources=[DISRUPTION_SIGHTINGS, FORECASTS], zone=PARIS),
]
