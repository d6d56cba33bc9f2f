"""One lake: its location, its landing, its tables and its DuckDB connections."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from transit_assets.lake.decoded import Decode, decoded
from transit_assets.lake.errors import TableMissing, TableUnreadable
from transit_assets.lake.landing import Fetch, Landing
from transit_assets.lake.ledger import Ledger
from transit_assets.lake.location import Location
from transit_assets.lake.schema import Layer, Table
from transit_assets.lake.snapshot import Partition, Snapshot, unreadable_log
from transit_assets.lake.tables import LakeTable

if TYPE_CHECKING:
    import duckdb

_PARALLEL_OPENS = 8  # opening a table is a few requests to the store, so waiting overlaps


@dataclass(frozen=True)
class Lake:
    """A lake in a folder or on S3.

    `Lake.at("data")`, `Lake.at("s3://bucket/prefix")`; `threads` and `memory_limit` bound each DuckDB connection.
    """

    location: Location
    threads: int = 2
    memory_limit: str = "2GB"

    @classmethod
    def at(cls, root: str | Path, *, threads: int = 2, memory_limit: str = "2GB") -> "Lake":
        return cls(Location.of(root), threads, memory_limit)

    @cached_property
    def landing(self) -> Landing:
        return Landing(self)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self)

    def table(self, table: Table) -> LakeTable:
        return LakeTable(self, table)

    def decoded(self, fetch: Fetch, partition: str, decode: Decode, version: int) -> pa.Table:
        """The rows of an archive that belong to a partition; the archive is decoded once (see decoded.py)."""
        return decoded(self, fetch, partition, decode, version)

    def open(self, relation: str) -> DeltaTable:
        """The latest version of a relation, `interim.bikes__station_status`, whoever describes it.

        Raises TableMissing where the lake has no such table, TableUnreadable where its log is damaged.
        """
        uri = self.location.uri(relation.replace(".", "/", 1).replace("__", "/", 1))
        try:
            return DeltaTable(uri, storage_options=self.location.storage_options)
        except TableNotFoundError:
            raise TableMissing(f"{relation} does not exist in {self.location.root}") from None
        except DeltaError as error:
            raise unreadable_log(relation, uri, error) from error

    def relations(self) -> list[str]:
        """Every table that exists in the lake, by relation, sorted."""
        names = []
        for layer in get_args(Layer):
            for folder in self.location.folders(layer):
                if self._is_table(f"{layer}/{folder}"):
                    names.append(f"{layer}.{folder}")
                else:
                    inner = self.location.folders(f"{layer}/{folder}")
                    names += [
                        f"{layer}.{folder}__{name}" for name in inner if self._is_table(f"{layer}/{folder}/{name}")
                    ]
        return sorted(names)

    def _is_table(self, path: str) -> bool:
        return DeltaTable.is_deltatable(self.location.uri(path), storage_options=self.location.storage_options)

    def snapshots(
        self,
        relations: Iterable[str | Table] | None = None,
        partitions: Iterable[Partition] | None = None,
        on_unreadable: Callable[[str, TableUnreadable], None] | None = None,
    ) -> dict[str, Snapshot]:
        """One snapshot each of some relations (default: all), opened side by side.

        `partitions` narrows the partitioned ones. Raises TableMissing where a relation does not exist; one that is
        given as its `Table` is then empty. Raises TableUnreadable for a damaged log, or tells `on_unreadable` of it and
        leaves the relation out.
        """
        asked = list(self.relations() if relations is None else relations)
        described = {one.relation: one for one in asked if isinstance(one, Table)}
        names = sorted({one.relation if isinstance(one, Table) else one for one in asked})
        wanted = None if partitions is None else list(partitions)

        def take(name: str) -> Snapshot | None:
            try:
                delta = self.open(name)
            except TableMissing:
                if name not in described:
                    raise
                return Snapshot.empty(described[name])
            except TableUnreadable as error:
                if on_unreadable is None:
                    raise
                on_unreadable(name, error)
                return None
            return Snapshot.of(delta, wanted if delta.metadata().partition_columns else None)

        with ThreadPoolExecutor(_PARALLEL_OPENS) as pool:
            taken = zip(names, pool.map(take, names), strict=True)
            return {name: snapshot for name, snapshot in taken if snapshot is not None}

    def register(
        self,
        connection: "duckdb.DuckDBPyConnection",
        relations: Iterable[str | Table] | None = None,
        partitions: Iterable[Partition] | None = None,
    ) -> dict[str, int]:
        """Show relations (default: all) as views such as `interim.bikes__station_status`, one snapshot each.

        `partitions` narrows the partitioned ones. Returns the version that each view reads.
        """
        snapshots = self.snapshots(relations, partitions)
        create_views(connection, snapshots)
        return {relation: snapshot.version for relation, snapshot in snapshots.items()}

    def connect(self, database: str = ":memory:") -> "duckdb.DuckDBPyConnection":
        """A DuckDB connection that can read the lake's files: UTC, bounded threads and memory."""
        from transit_assets.lake.engine import connect

        return connect(self, database)

    @contextmanager
    def engine(self) -> "Iterator[duckdb.DuckDBPyConnection]":
        """A connection of `connect()`, closed at the end."""
        connection = self.connect()
        try:
            yield connection
        finally:
            connection.close()

    def lock_path(self, name: str) -> str:
        """A lock file on this host for one thing of this lake; the system frees it when its holder dies."""
        lake = hashlib.sha256(self.location.root.encode()).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / "transit-assets-locks" / lake
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder / f"{name}.lock")


def create_views(connection: "duckdb.DuckDBPyConnection", snapshots: Mapping[str, Snapshot]) -> None:
    """A schema for each layer and a view for each relation."""
    for relation, snapshot in snapshots.items():
        layer, name = relation.split(".", 1)
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{layer}"')
        connection.execute(f'CREATE OR REPLACE VIEW "{layer}"."{name}" AS {snapshot.sql}')
