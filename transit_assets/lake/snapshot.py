"""One version of a Delta table as the list of its Parquet files, and the DuckDB query that reads them.

DuckDB reads the files of a snapshot with its own Parquet reader (measured as fast as plain
Parquet), so a reader never waits for a writer and never sees half of a write.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

from transit_assets.lake.errors import LakeError, TableUnreadable
from transit_assets.lake.schema import Table

Partition = date | str

EVOLVED = "transit.evolved"  # a table property: some files may lack a column that was added later


class TableVersion(NamedTuple):
    """One version of one table. A table that was deleted and built again has another id, and counts from 0 anew."""

    table_id: str
    version: int

    def is_newer_than(self, other: "TableVersion | None") -> bool:
        """Whether something was committed since `other`, which is no version at all or one of the table's past."""
        return other is None or other.table_id != self.table_id or self.version > other.version


ABSENT = TableVersion("", -1)  # of a table that does not exist


@dataclass(frozen=True)
class Snapshot:
    """The files of one version of a table; none where the table does not exist (`empty`)."""

    state: TableVersion
    files: tuple[str, ...]
    schema: pa.Schema
    partition_by: str | None
    is_evolved: bool
    description: str | None

    @classmethod
    def of(
        cls,
        delta: DeltaTable,
        partitions: Iterable[Partition] | None = None,
        where: str | None = None,
    ) -> "Snapshot":
        """The files of an opened table that hold some partitions (default: all).

        `where` is a SQL predicate that skips files whose statistics exclude it; the query still has to filter.
        Raises LakeError where partitions are asked of a table that has none.
        """
        metadata = delta.metadata()
        partition_by = metadata.partition_columns[0] if metadata.partition_columns else None
        conditions = [where] if where else []
        if partitions is not None:
            if partition_by is None:
                raise LakeError(f"{metadata.name} has no partitions")
            listed = ", ".join(f"'{name}'" for name in sorted({partition_text(partition) for partition in partitions}))
            conditions.append(f"{partition_by} IN ({listed})" if listed else "")
        files = delta.file_uris(file_pruning_predicate=" AND ".join(conditions) or None) if all(conditions) else []
        return cls(
            state=TableVersion(str(metadata.id), delta.version()),
            files=tuple(sorted(unquote(file) for file in files)),  # delta-rs gives addresses, DuckDB takes names
            schema=pa.schema(delta.schema()),
            partition_by=partition_by,
            is_evolved=EVOLVED in metadata.configuration,
            description=metadata.description,
        )

    @classmethod
    def empty(cls, table: Table) -> "Snapshot":
        """What a reader sees of a table that does not exist yet: its columns, and no rows."""
        return cls(ABSENT, (), table.schema, table.partition_by, is_evolved=False, description=table.description)

    @property
    def version(self) -> int:
        return self.state.version

    @property
    def sql(self) -> str:
        """A DuckDB `SELECT` over exactly these files, columns in the table's order."""
        typed = ", ".join(f'NULL::{duckdb_type(field.type)} AS "{field.name}"' for field in self.schema)
        nothing = f"SELECT {typed} WHERE false"
        if not self.files:
            return nothing
        files = ", ".join("'" + name.replace("'", "''") + "'" for name in self.files)
        options = ["union_by_name=true"] if self.is_evolved else []
        if self.partition_by:
            kind = duckdb_type(self.schema.field(self.partition_by).type)
            options += ["hive_partitioning=true", f"hive_types={{'{self.partition_by}': {kind}}}"]
        else:
            options.append("hive_partitioning=false")
        columns = ", ".join(f'"{name}"' for name in self.schema.names)
        stored = f"read_parquet([{files}], {', '.join(options)})"
        # Files older than a migration lack its column: the typed empty part supplies it. And without that part DuckDB
        # asks the statistics of a Parquet file for the least or greatest partition, which it does not have, and fails.
        return (
            f"SELECT {columns} FROM (SELECT * FROM {stored} UNION ALL BY NAME {nothing})"
            if self.is_evolved or self.partition_by
            else f"SELECT {columns} FROM {stored}"
        )


def unreadable_log(relation: str, uri: str, error: Exception) -> TableUnreadable:
    """What delta-rs says about a log that it cannot read, without the frames of its own code."""
    return TableUnreadable(f"{relation}: its log {uri}/_delta_log cannot be read ({str(error).splitlines()[0]})")


_FACTS = ("path", "num_records", "size_bytes")


def files_of(delta: DeltaTable) -> pa.Table:
    """Each file of a version, from the log alone: partition (text; null where there is none), path, rows, bytes."""
    columns = delta.metadata().partition_columns
    actions = pa.table(delta.get_add_actions(flatten=True))
    held = actions[f"partition.{columns[0]}"].to_pylist() if columns and actions.num_rows else [None] * actions.num_rows
    listed = {name: actions[name].to_pylist() if actions.num_rows else [] for name in _FACTS}
    return pa.table(
        {
            "partition": pa.array([None if name is None else partition_text(name) for name in held], pa.string()),
            "path": pa.array(listed["path"], pa.string()),
            "rows": pa.array(listed["num_records"], pa.int64()),
            "bytes": pa.array(listed["size_bytes"], pa.int64()),
        }
    )


def rows_by_partition(delta: DeltaTable) -> dict[str | None, int]:
    """Rows of each partition that holds any, sorted, from the table's log alone; unpartitioned tables have None."""
    rows: dict[str | None, int] = {}
    for file in files_of(delta).to_pylist():
        rows[file["partition"]] = rows.get(file["partition"], 0) + (file["rows"] or 0)
    return dict(sorted(rows.items(), key=lambda item: item[0] or ""))


def partition_text(partition: Partition) -> str:
    """A partition as Delta writes it; refuses anything that is not a plain date or word."""
    text = partition.isoformat() if isinstance(partition, date) else str(partition)
    if not text.replace("-", "").replace("_", "").isalnum():
        raise LakeError(f"{text!r} is not the name of a partition")
    return text


def duckdb_type(kind: pa.DataType) -> str:
    """The DuckDB type that holds an Arrow type."""
    if pa.types.is_list(kind):
        return f"{duckdb_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        fields = (f'"{field.name}" {duckdb_type(field.type)}' for field in kind)
        return f"STRUCT({', '.join(fields)})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ" if kind.tz else "TIMESTAMP"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) == "string_view":
        return "VARCHAR"
    return _DUCKDB_TYPES[str(kind)]


_DUCKDB_TYPES = {
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date32[day]": "DATE",
    "binary": "BLOB",
}
