"""What a materialization says about itself, one partition at a time."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from transit_assets.lake import Fetch, Lake, Load, Table

_PREVIEW_ROWS = 5


def report_landing(
    context: dg.AssetExecutionContext,
    lake: "Lake",
    domain: str,
    feeds: Sequence[str],
    fetches: "Mapping[str, Sequence[Fetch]]",
) -> None:
    """Say for each partition what was fetched and what the landing holds of it.

    Raises Failure where something was fetched for a partition and nothing of it arrived.
    """
    held = landing_summary(lake, domain, feeds, list(fetches))
    empty = []
    for partition, attempts in fetches.items():
        failed = [fetch for fetch in attempts if fetch.outcome in ("failed", "skipped")]
        counts = {"attempts": len(attempts), "failed_attempts": len(failed)}
        context.add_asset_metadata(counts | held.get(partition, {"payloads": 0}), partition_key=partition)
        if failed and len(failed) == len(attempts):
            empty.append(f"{partition}: {failed[-1].error}")
    if empty:
        raise dg.Failure(f"no payload of {domain}/{feeds[0]} arrived for {'; '.join(empty)}")


def landing_summary(
    lake: "Lake", domain: str, feeds: Sequence[str], partitions: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """For each partition that landed data touches: payloads, observations, their first and last instant, origin."""
    from transit_assets.lake.landing import FETCHES

    found = lake.table(FETCHES).scan(
        "SELECT partition, count(DISTINCT sha256) AS payloads, count(*) AS observations,"
        " min(fetched_at) AS first_fetched_at, max(fetched_at) AS last_fetched_at,"
        " bool_or(is_simulated) AS is_simulated"
        " FROM (SELECT unnest(partitions) AS partition, * FROM fetches"
        "  WHERE domain = ? AND list_contains(?, feed) AND outcome IN ('landed', 'not_modified')"
        "  AND sha256 IS NOT NULL)"
        " WHERE list_contains(?, partition) GROUP BY partition",
        [domain, list(feeds), list(partitions)],
    )
    return {
        row.pop("partition"): row
        | {name: dg.MetadataValue.timestamp(row[name]) for name in ("first_fetched_at", "last_fetched_at")}
        for row in found.to_pylist()
    }


def report_loads(context: dg.AssetExecutionContext, lake: "Lake", table: "Table", loads: "Sequence[Load]") -> None:
    """Say of each partition what its load counted, and show the last one."""
    shown = next((load for load in reversed(loads) if load.outcome == "committed"), None)
    for load in loads:
        metadata = counted(load)
        if load is shown:
            metadata |= portrait(lake, table, load.partition)
        context.add_asset_metadata(metadata, partition_key=load.partition)


def report_load(context: dg.AssetExecutionContext, lake: "Lake", table: "Table", load: "Load") -> None:
    """Say what the load of an unpartitioned table counted, and show the table."""
    context.add_asset_metadata(counted(load) | (portrait(lake, table) if load.outcome == "committed" else {}))


def counted(load: "Load") -> dict[str, Any]:
    """The accounting of one load: landed = kept + duplicates + quarantined."""
    rows = {
        "outcome": load.outcome,
        "landed_rows": load.landed_rows,
        "duplicate_rows": load.duplicate_rows,
        "conflict_rows": load.conflict_rows,
        "quarantined_rows": load.quarantined_rows,
        "delta_version": load.table_version,
        "dagster/partition_row_count" if load.partition else "dagster/row_count": load.kept_rows,
    }
    return {name: value for name, value in rows.items() if value is not None}


def portrait(lake: "Lake", table: "Table", partition: str | None = None) -> dict[str, Any]:
    """Range of each instant, share of nulls, first rows: of a table, or of one partition of it."""
    where = "" if partition is None else f" WHERE {table.partition_by} = DATE '{partition}'"
    instants = [column.name for column in table.columns if column.name.endswith("_at")]
    optional = [column.name for column in table.columns if column.is_nullable]
    facts = [f"min({name}) AS first_{name}, max({name}) AS last_{name}" for name in instants]
    facts += [f'count(*) FILTER ("{name}" IS NULL) / greatest(count(*), 1) AS null_{name}' for name in optional]
    partitions = None if partition is None else [partition]
    target = lake.table(table)
    found = target.scan(f'SELECT {", ".join(facts)} FROM "{table.name}"{where}', partitions=partitions).to_pylist()[0]
    first = target.scan(f'SELECT * FROM "{table.name}"{where} LIMIT {_PREVIEW_ROWS}', partitions=partitions)
    shares = {name.removeprefix("null_"): f"{found[name]:.1%}" for name in found if name.startswith("null_")}
    ranges = {name: value for name, value in found.items() if not name.startswith("null_") and value is not None}
    return {name: dg.MetadataValue.timestamp(value) for name, value in ranges.items()} | {
        "null_shares": dg.MetadataValue.json({name: share for name, share in shares.items() if share != "0.0%"}),
        "preview": dg.MetadataValue.md(_markdown(first.to_pylist())),
    }


def _markdown(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "no rows"
    head = f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}\n"
    return head + "\n".join(f"| {' | '.join(str(value) for value in row.values())} |" for row in rows)
