"""The bikes in Dagster: Vélib' polls in the landing, clean tables, live state.

One partition is one Paris day of polls. A day is late where its polls or its archive are; what landed
later reopens it. Whatever fails leaves the last good version of its tables and a row in the ledger.
"""

from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from transit_assets.automation.conditions import FOLLOWS_AT_REST
from transit_assets.automation.descriptions import described
from transit_assets.automation.loads import ONE_RUN, RETRY, load_partitions
from transit_assets.automation.marts import mart_assets
from transit_assets.automation.models import model_assets, watching_assets
from transit_assets.automation.raw import raw_asset
from transit_assets.automation.reports import report_load
from transit_assets.automation.resources import LakeResource
from transit_assets.bikes.flow import FLOW
from transit_assets.bikes.landed import observations_by_day
from transit_assets.bikes.schema import (
    MODEL_TABLES,
    MODELS,
    STATION_INFORMATION,
    STATION_LATEST,
    STATION_STATUS,
    STATIONS,
)
from transit_assets.settings import Settings

if TYPE_CHECKING:
    from transit_assets.bikes.polls import FeedName
    from transit_assets.lake import Fetch, Lake

_DAYS = FLOW.partitions.definition


def _polls(feed: "FeedName", lake: "Lake", configured: Settings, day: date) -> "list[Fetch]":
    from transit_assets.bikes.polls import collect

    return collect(lake, configured, feed, day)


raw_station_status = raw_asset(
    FLOW,
    "station_status",
    "One poll of every Vélib' station: bikes, free docks and flags, as sent. A real provider gives what holds now, "
    "the simulator the polls of the whole day; past days of a real lake come from imports.",
    partial(_polls, "station_status"),
    pool="velib",
)
raw_station_information = raw_asset(
    FLOW,
    "station_information",
    "One description of every Vélib' station: name, place and capacity, as sent.",
    partial(_polls, "station_information"),
    pool="velib",
)


@dg.asset(
    **described(STATION_STATUS),
    deps=[raw_station_status],
    partitions_def=_DAYS,
    backfill_policy=ONE_RUN,
    retry_policy=RETRY,
)
def station_status(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.bikes.clean.status import station_status

    load_partitions(context, lake.lake, FLOW, STATION_STATUS, observations_by_day, station_status)


@dg.asset(
    **described(STATION_INFORMATION),
    deps=[raw_station_information],
    partitions_def=_DAYS,
    backfill_policy=ONE_RUN,
    retry_policy=RETRY,
)
def station_information(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.bikes.clean.information import station_information

    load_partitions(context, lake.lake, FLOW, STATION_INFORMATION, observations_by_day, station_information)


@dg.asset(
    **described(STATIONS),
    deps=[station_information],
    automation_condition=FOLLOWS_AT_REST,
    retry_policy=RETRY,
    pool="bikes_tables",
)
def stations(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.bikes.tables import rebuild_stations

    report_load(context, lake.lake, STATIONS, rebuild_stations(lake.lake, run_id=context.run.run_id))


@dg.asset(
    **described(STATION_LATEST),
    deps=[station_status, stations],
    automation_condition=FOLLOWS_AT_REST,
    retry_policy=RETRY,
    pool="bikes_tables",
)
def station_latest(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.bikes.tables import rebuild_latest

    report_load(context, lake.lake, STATION_LATEST, rebuild_latest(lake.lake, run_id=context.run.run_id))


_LEARNT_FROM = (STATION_STATUS, STATIONS)

RAW = [raw_station_status, raw_station_information]
ASSETS = [
    *RAW,
    station_status,
    station_information,
    stations,
    station_latest,
    *mart_assets(FLOW, unpartitioned=dg.AssetSelection.assets(stations)),
    *model_assets("bikes", MODELS, sources=_LEARNT_FROM),
    *watching_assets("bikes", MODELS, sources=_LEARNT_FROM, tables=MODEL_TABLES),
]
