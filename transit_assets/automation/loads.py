"""What clean assets have in common: how a run's partitions of a table are built from the landing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from transit_assets.automation.flows import Flow
from transit_assets.automation.reports import report_loads

if TYPE_CHECKING:
    from transit_assets.lake import Lake, Table
    from transit_assets.quality.cleaned import Cleaned

# Two writers of one partition leave one whole version and one loser, who tries again from the newest state.
RETRY = dg.RetryPolicy(max_retries=2, delay=1, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
ONE_RUN = dg.BackfillPolicy.single_run()

Clean = Callable[[date, Iterable[Any], str | None], "Cleaned"]
"""The pure function of a table: first day of the partition, what has landed of it, fingerprint of the landing."""
Landed = Callable[["Lake", Sequence[str], Sequence[str]], Iterator[tuple[str, Iterator[Any]]]]
"""What the landing holds of each partition: lake, feeds, partitions."""


Make = Callable[["Lake", str, str | None], "Cleaned"]
"""How a partition is made of other clean tables: lake, partition, fingerprint of what they were built from."""


def load_partitions(
    context: dg.AssetExecutionContext, lake: "Lake", flow: Flow, table: "Table", landed: Landed, clean: Clean
) -> None:
    """Build the run's partitions of a table from the landing, one after the other, and say what became of each."""
    from transit_assets.quality.load import load

    feeds = flow.feeds_of[table.relation]
    # Before reading: what lands now makes the partition due again.
    fingerprints = flow.fingerprints(lake, table.relation)
    cleaned = (
        clean(date.fromisoformat(partition), observed, fingerprints.get(partition))
        for partition, observed in landed(lake, feeds, context.partition_keys)
    )
    report_loads(context, lake, table, load(lake, table, cleaned, run_id=context.run.run_id))


def make_partitions(context: dg.AssetExecutionContext, lake: "Lake", flow: Flow, table: "Table", make: Make) -> None:
    """Build the run's partitions of a table from other clean tables of the same partitions, one after the other."""
    from transit_assets.quality.load import load

    # Before reading: a source that is loaded now makes the partition due again.
    built = flow.built(lake, table.relation)
    cleaned = (make(lake, partition, built.get(partition)) for partition in context.partition_keys)
    report_loads(context, lake, table, load(lake, table, cleaned, run_id=context.run.run_id))
