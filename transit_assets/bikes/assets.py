"""The bikes in Dagster: Vélib' polls in the landing, clean tables, live state.

One partition is one Paris day of polls. A day is late where its polls or its archive are; what landed
later reopens it. Whatever fails leaves the last good version of its tables and a row in the ledger.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from transit_assets.automation.conditions import FOLLOWS_AT_REST
from transit_assets.automation.descriptions import described
from transit_assets.automation.marts import mart_assets
from transit_assets.automation.models import model_assets, watching_assets
from transit_assets.automation.partitions import PARIS_DAYS
from transit_assets.automation.reports import report_landing, report_load, report_loads
from transit_assets.automation.resources import LakeResource
from transit_assets.bikes.landed import FEEDS_OF, observations_by_day
from transit_assets.bikes.schema import (
    MODEL_TABLES,
    MODELS,
    STATION_INFORMATION,
    STATION_LATEST,
    STATION_STATUS,
    STATIONS,
)
from transit_assets.settings import settings

if TYPE_CHECKING:
    from transit_assets.bikes.clean.observations import Observation
    from transit_assets.bikes.polls import FeedName
    from transit_assets.lake import Lake, Table
    from transit_assets.quality.cleaned import Cleaned

    CleanDay = Callable[[date, Iterable[Observation], str | None], Cleaned]

# Two writers of one day leave one whole version and one loser, who tries again from the newest state.
_RETRY = dg.RetryPolicy(max_retries=2, delay=1, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
_ONE_RUN = dg.BackfillPolicy.single_run()


class Fetching(dg.Config):
    """Whether a provider is asked, or only what has landed is shown."""

    is_wanted: bool = True


def _raw(feed: "FeedName", description: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=["raw", "bikes", feed],
        description=description,
        group_name="bikes_raw",
        kinds={"json", "file"},
        owners=["team:bikes"],
        tags={"layer": "raw", "domain": "bikes"},
        metadata={"landing": f"raw/bikes/{feed}", "outcomes": "raw.fetches"},
        partitions_def=PARIS_DAYS,
        backfill_policy=_ONE_RUN,
        retry_policy=_RETRY,
        pool="velib",
    )
    def raw(context: dg.AssetExecutionContext, config: Fetching, lake: LakeResource) -> None:
        from transit_assets.bikes import polls

        wanted = settings() if config.is_wanted else None
        fetches = {
            day: polls.collect(lake.lake, wanted, feed, date.fromisoformat(day)) if wanted else []
            for day in context.partition_keys
        }
        report_landing(context, lake.lake, "bikes", (feed, "archive"), fetches)

    return raw


raw_station_status = _raw(
    "station_status",
    "One poll of every Vélib' station: bikes, free docks and flags, as sent. A real provider gives what holds now, "
    "the simulator the polls of the whole day; past days of a real lake come from imports.",
)
raw_station_information = _raw(
    "station_information",
    "One description of every Vélib' station: name, place and capacity, as sent.",
)


@dg.asset(
    **described(STATION_STATUS),
    deps=[raw_station_status],
    partitions_def=PARIS_DAYS,
    backfill_policy=_ONE_RUN,
    retry_policy=_RETRY,
)
def station_status(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.bikes.clean.status import station_status

    _load_days(context, lake.lake, STATION_STATUS, station_status)


@dg.asset(
    **described(STATION_INFORMATION),
    deps=[raw_station_information],
    partitions_def=PARIS_DAYS,
    backfill_policy=_ONE_RUN,
    retry_policy=_RETRY,
)
def station_information(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.bikes.clean.information import station_information

    _load_days(context, lake.lake, STATION_INFORMATION, station_information)


def _load_days(context: dg.AssetExecutionContext, lake: "Lake", table: "Table", clean: "CleanDay") -> None:
    """Build the run's days of a table from the landing, one after the other, and say what became of each."""
    from transit_assets.quality.load import load

    feeds = FEEDS_OF[table.relation]
    fingerprints = lake.landing.fingerprints("bikes", feeds)  # before reading: what lands now makes the day due again
    cleaned = (
        clean(date.fromisoformat(day), observed, fingerprints.get(day))
        for day, observed in observations_by_day(lake, feeds, context.partition_keys)
    )
    report_loads(context, lake, table, load(lake, table, cleaned, run_id=context.run.run_id))


@dg.asset(
    **described(STATIONS),
    deps=[station_information],
    automation_condition=FOLLOWS_AT_REST,
    retry_policy=_RETRY,
    pool="bikes_tables",
)
def stations(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.bikes.tables import rebuild_stations

    report_load(context, lake.lake, STATIONS, rebuild_stations(lake.lake, run_id=context.run.run_id))


@dg.asset(
    **described(STATION_LATEST),
    deps=[station_status, stations],
    automation_condition=FOLLOWS_AT_REST,
    retry_policy=_RETRY,
    pool="bikes_tables",
)
def station_latest(context: dg.AssetExecutionContext, lake: LakeResource) -> None:
    from transit_assets.bikes.tables import rebuild_latest

    report_load(context, lake.lake, STATION_LATEST, rebuild_latest(lake.lake, run_id=context.run.run_id))


_LEARNT_FROM = (STATION_STATUS, STATIONS)

ASSETS = [
    raw_station_status,
    raw_station_information,
    station_status,
    station_information,
    stations,
    station_latest,
    *mart_assets("bikes", PARIS_DAYS, unpartitioned=dg.AssetSelection.assets(stations)),
    *model_assets("bikes", MODELS, sources=_LEARNT_FROM),
    *watching_assets("bikes", MODELS, sources=_LEARNT_FROM, tables=MODEL_TABLES),
]
