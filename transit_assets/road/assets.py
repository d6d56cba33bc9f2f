"""The road in Dagster: answers of the counters' portal in the landing, clean tables, marts, models.

One partition is one Paris month of hours. A month is late where its last hours or its archive are; what landed later
reopens it. Whatever fails leaves the last good version of its tables and a row in the ledger.
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
from transit_assets.road.flow import FLOW
from transit_assets.road.landed import landed_by_month
from transit_assets.road.schema import ARC_DESCRIPTIONS, ARCS, COUNTS_HOURLY, MODEL_TABLES, MODELS
from transit_assets.settings import Settings

if TYPE_CHECKING:
    from transit_assets.lake import Fetch, Lake

_MONTHS = FLOW.partitions.definition


def _hours(lake: "Lake", configured: Settings, month: date) -> "list[Fetch]":
    from transit_assets.road.polls import collect

    return collect(lake, configured, month)


raw_counts = raw_asset(
    FLOW,
    "counts",
    "What every counter of Paris measured, hour by hour, as sent: the hours of a month that the landing lacks, and "
    "the last ones again, for they are corrected. The provider keeps about 14 months; older ones come from imports.",
    _hours,
    pool="opendata_paris",
)


@dg.asset(
    **described(COUNTS_HOURLY),
    deps=[raw_counts],
    partitions_def=_MONTHS,
    backfill_policy=ONE_RUN,
    retry_policy=RETRY,
)
def counts_hourly(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.road.clean.counts import counts_hourly

    load_partitions(context, lake.lake, FLOW, COUNTS_HOURLY, landed_by_month, counts_hourly)


@dg.asset(
    **described(ARC_DESCRIPTIONS),
    deps=[raw_counts],
    partitions_def=_MONTHS,
    backfill_policy=ONE_RUN,
    retry_policy=RETRY,
)
def arc_descriptions(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.road.clean.arcs import arc_descriptions

    load_partitions(context, lake.lake, FLOW, ARC_DESCRIPTIONS, landed_by_month, arc_descriptions)


@dg.asset(
    **described(ARCS),
    deps=[arc_descriptions],
    automation_condition=FOLLOWS_AT_REST,
    retry_policy=RETRY,
    pool="road_tables",
)
def arcs(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.road.tables import rebuild_arcs

    report_load(context, lake.lake, ARCS, rebuild_arcs(lake.lake, run_id=context.run.run_id))


_LEARNT_FROM = (COUNTS_HOURLY,)

RAW = [raw_counts]
ASSETS = [
    *RAW,
    counts_hourly,
    arc_descriptions,
    arcs,
    *mart_assets(FLOW, unpartitioned=dg.AssetSelection.assets(arcs)),
    *model_assets("road", MODELS, sources=_LEARNT_FROM),
    *watching_assets("road", MODELS, sources=_LEARNT_FROM, tables=MODEL_TABLES, described_in=[ARCS]),
]
