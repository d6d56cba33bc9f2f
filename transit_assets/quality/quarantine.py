"""Quarantine: the rows that broke a rule, kept beside their table with the reason and their origin.

`quarantine.bikes__station_status` holds, for each partition of `interim.bikes__station_status`, the
rows that its latest load turned away. `repairs` puts them back.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from transit_assets.lake import UTC_INSTANT, Column, Lake, Table
from transit_assets.quality.rules import BROKEN, PROBLEM, ROW_NUMBER

PAYLOAD = "payload_sha256"


def quarantine_table(table: Table) -> Table:
    """The quarantine of a table: the same partitions, one row for each row turned away."""
    partition = tuple(column for column in table.columns if column.name == table.partition_by)
    return Table(
        layer="quarantine",
        domain=table.domain,
        name=table.name,
        description=f"One row that the latest load of its partition kept out of {table.relation}.",
        key=(PAYLOAD, ROW_NUMBER),
        partition_by=table.partition_by,
        owner=table.owner,
        columns=(
            *partition,
            Column("rule", pa.string(), "First rule that the row broke.", is_nullable=False),
            Column("rules", pa.list_(pa.string()), "Every rule that the row broke."),
            Column(PROBLEM, pa.string(), "What the decoder could not read; null where the row could be read."),
            Column(PAYLOAD, pa.string(), "Hash of the payload that the row came in, in `raw.fetches`."),
            Column(ROW_NUMBER, pa.int32(), "Position of the record in its payload, from 0."),
            Column("row", pa.string(), "The row as it was read, as a JSON object of the table's columns."),
            Column("quarantined_at", UTC_INSTANT, "When the load turned the row away.", is_nullable=False),
        ),
    )


def replace(
    lake: Lake, table: Table, broken: Mapping[str | None, pa.Table], connection: duckdb.DuckDBPyConnection
) -> None:
    """Make the quarantine of some partitions hold exactly these broken rows, in one commit at most."""
    target = lake.table(quarantine_table(table))
    held = set(target.partitions()) if table.partition_by else set()
    touched = [partition for partition, rows in broken.items() if rows.num_rows or partition in held]
    if table.partition_by is None:
        if any(rows.num_rows for rows in broken.values()) or target.exists():
            (rows,) = broken.values()
            target.rebuild(lambda: _described(table, None, rows, connection))
    elif touched:
        described = [_described(table, partition, broken[partition], connection) for partition in touched]
        target.replace(pa.concat_tables(described), [partition for partition in touched if partition])


def _described(
    table: Table, partition: str | None, broken: pa.Table, connection: duckdb.DuckDBPyConnection
) -> pa.Table:
    """Broken rows as rows of the quarantine."""
    have = set(broken.column_names)
    fields = ", ".join(f'"{name}" := "{name}"' for name in table.column_names)
    columns = [f"DATE '{partition}' AS \"{table.partition_by}\""] if partition else []
    columns += [f'"{BROKEN.name}"[1] AS rule', f'"{BROKEN.name}" AS rules']
    columns += [
        f'"{name}"' if name in have else f'NULL::{kind} AS "{name}"'
        for name, kind in ((PROBLEM, "VARCHAR"), (PAYLOAD, "VARCHAR"), (ROW_NUMBER, "INTEGER"))
    ]
    columns += [f'to_json(struct_pack({fields}))::VARCHAR AS "row"', "?::TIMESTAMPTZ AS quarantined_at"]
    connection.register("broken", broken)
    try:
        return connection.execute(f"SELECT {', '.join(columns)} FROM broken", [datetime.now(UTC)]).to_arrow_table()
    finally:
        connection.unregister("broken")


def list_rows(lake: Lake, table: Table, *, partition: str | None = None, limit: int | None = None) -> pa.Table:
    """Rows of a table's quarantine in the order of their payloads, optionally of one partition."""
    target = lake.table(quarantine_table(table))
    order = ", ".join([*([f'"{table.partition_by}"'] if table.partition_by else []), PAYLOAD, ROW_NUMBER])
    query = f'SELECT * FROM "{table.name}" ORDER BY {order}' + (f" LIMIT {limit:d}" if limit is not None else "")
    return target.scan(query, partitions=None if partition is None else [partition])
