"""How the lake looks to dbt: a view for each relation, an empty one where the table does not exist yet."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import duckdb
from deltalake import DeltaTable

from transit_assets.dbt_lake.marts import mart_tables, source_tables
from transit_assets.lake import Lake, Snapshot
from transit_assets.lake.lake import create_views
from transit_assets.lake.periods import PARTITION_COLUMNS
from transit_assets.lake.snapshot import ABSENT, TableVersion, rows_by_partition

_SCHEMAS = ("lake", "committed", "built", "processed")


@dataclass(frozen=True)
class Shown:
    """What a connection shows: the version of each relation, and the rows of each day or month that it is split by."""

    versions: Mapping[str, TableVersion] = field(default_factory=dict)
    partitions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def versions_of(self, relations: Collection[str]) -> dict[str, TableVersion]:
        """Versions of the relations that exist."""
        return {name: self.versions[name] for name in relations if self.versions.get(name, ABSENT) != ABSENT}


def show_lake(connection: duckdb.DuckDBPyConnection, lake: Lake, relations: Collection[str] | None = None) -> Shown:
    """Create the views of some relations (default: all that the lake or the dbt project has), one snapshot each."""
    described = {table.relation: table for table in (*source_tables(), *mart_tables())}
    existing = lake.relations()
    if relations is not None:
        described = {name: table for name, table in described.items() if name in relations}
        existing = [name for name in existing if name in relations]
    with ThreadPoolExecutor(8) as pool:
        opened = dict(zip(existing, pool.map(lake.open, existing), strict=True))
    snapshots = {name: Snapshot.empty(table) for name, table in described.items()} | {
        name: Snapshot.of(delta) for name, delta in opened.items()
    }

    for schema in _SCHEMAS:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    create_views(connection, snapshots)
    create_views(
        connection,
        {name.replace("processed.", "committed.", 1): snapshots[name] for name in snapshots if _is_mart(name)},
    )
    shown = Shown(
        versions={name: snapshot.state for name, snapshot in snapshots.items()},
        partitions={
            name: _partitions(delta)
            for name, delta in opened.items()
            if snapshots[name].partition_by in PARTITION_COLUMNS
        },
    )
    _show_partitions(connection, shown)
    return shown


def _is_mart(relation: str) -> bool:
    return relation.startswith("processed.")


def _partitions(delta: DeltaTable) -> dict[str, int]:
    return {one: rows for one, rows in rows_by_partition(delta).items() if one is not None}


def _show_partitions(connection: duckdb.DuckDBPyConnection, shown: Shown) -> None:
    # Not as an Arrow table: DuckDB would import pyarrow's datasets for it in whichever thread of dbt asks first. Seen
    # once, on a fresh lake, and not again: "No function registered with name: make_struct"; perhaps that was why.
    counted = [(name, one, rows) for name, held in shown.partitions.items() for one, rows in held.items()]
    connection.execute(
        "CREATE OR REPLACE TABLE lake.partitions AS SELECT unnest(?::VARCHAR[]) AS relation, "
        "unnest(?::DATE[]) AS partition, unnest(?::BIGINT[]) AS rows",
        [[one[column] for one in counted] for column in range(3)],
    )
