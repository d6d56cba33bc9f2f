"""The fire in Dagster: files of the London Fire Brigade in the landing, clean tables, marts, models.

One partition is one London month of calls. The brigade publishes files that hold years, a few times a year and in
bulk; each reopens the months whose records it changed. Whatever fails leaves the last good version of its tables and a
row in the ledger.
"""

from datetime import date
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
from transit_assets.context.congestion.schema import CONGESTION_HOURLY
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.fire.flow import FLOW
from transit_assets.fire.landed import landed_by_month
from transit_assets.fire.schema import INCIDENTS, MOBILISATIONS, MODEL_TABLES, MODELS, STATIONS
from transit_assets.settings import Settings

if TYPE_CHECKING:
    from transit_assets.lake import Fetch, Lake

_MONTHS = FLOW.partitions.definition


def _files(lake: "Lake", configured: Settings, month: date) -> "list[Fetch]":
    from transit_assets.fire.polls import collect

    return collect(lake, configured, month)


raw_incidents = raw_asset(
    FLOW,
    "incidents",
    "What the brigade has published of a month, as sent: its files of calls, of vehicles sent and of stations, asked "
    "for again only where they changed. A file holds years.",
    _files,
    pool="london_datastore",
    beside=("mobilisations", "stations", "archive"),
)


@dg.asset(
    **described(INCIDENTS),
    deps=[raw_incidents],
    partitions_def=_MONTHS,
    backfill_policy=ONE_RUN,
    retry_policy=RETRY,
)
def incidents(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.fire.clean.incidents import incidents

    load_partitions(context, lake.lake, FLOW, INCIDENTS, landed_by_month, incidents)


@dg.asset(
    **described(MOBILISATIONS),
    deps=[raw_incidents],
    partitions_def=_MONTHS,
    backfill_policy=ONE_RUN,
    retry_policy=RETRY,
)
def mobilisations(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.fire.clean.mobilisations import mobilisations

    load_partitions(context, lake.lake, FLOW, MOBILISATIONS, landed_by_month, mobilisations)


@dg.asset(
    **described(STATIONS),
    deps=[incidents],
    automation_condition=FOLLOWS_AT_REST,
    retry_policy=RETRY,
    pool="fire_tables",
)
def stations(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.fire.tables import rebuild_stations

    report_load(context, lake.lake, STATIONS, rebuild_stations(lake.lake, run_id=context.run.run_id))


_LEARNT_FROM = (INCIDENTS, STATIONS, WEATHER_HOURLY, CONGESTION_HOURLY)

RAW = [raw_incidents]
ASSETS = [
    *RAW,
    incidents,
    mobilisations,
    stations,
    *mart_assets(FLOW, unpartitioned=dg.AssetSelection.assets(stations)),
    *model_assets("fire", MODELS, sources=_LEARNT_FROM),
    *watching_assets("fire", MODELS, sources=_LEARNT_FROM, tables=MODEL_TABLES),
]
