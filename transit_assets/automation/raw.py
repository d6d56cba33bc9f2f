"""Raw assets: what a provider was asked for, as it lies in the landing."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from transit_assets.automation.flows import Flow
from transit_assets.automation.loads import ONE_RUN, RETRY
from transit_assets.automation.reports import report_landing
from transit_assets.automation.resources import LakeResource
from transit_assets.settings import Settings, settings

if TYPE_CHECKING:
    from transit_assets.lake import Fetch, Lake

Collect = Callable[["Lake", Settings, date], "Sequence[Fetch]"]
"""Asks a provider for what belongs to the partition that begins on a day, and lands it."""


class Fetching(dg.Config):
    """Whether a provider is asked, or only what has landed is shown."""

    is_wanted: bool = True


def raw_asset(
    flow: Flow, feed: str, description: str, collect: Collect, *, pool: str, beside: Sequence[str] = ("archive",)
) -> dg.AssetsDefinition:
    """The asset `raw/<domain>/<feed>`. `beside` are feeds of the same data, of which it shows what they hold too.

    `pool` names the provider: it is asked by one run at a time.
    """

    @dg.asset(
        key=["raw", flow.domain, feed],
        description=description,
        group_name=f"{flow.domain}_raw",
        kinds={"json", "file"},
        owners=[f"team:{flow.domain}"],
        tags={"layer": "raw", "domain": flow.domain},
        metadata={"landing": f"raw/{flow.domain}/{feed}", "outcomes": "raw.fetches"},
        partitions_def=flow.partitions.definition,
        backfill_policy=ONE_RUN,
        retry_policy=RETRY,
        pool=pool,
    )
    def raw(context: dg.AssetExecutionContext, config: Fetching, lake: LakeResource) -> None:
        fetches = {
            partition: collect(lake.lake, settings(), date.fromisoformat(partition)) if config.is_wanted else []
            for partition in context.partition_keys
        }
        report_landing(context, lake.lake, flow.domain, (feed, *beside), fetches)

    return raw
