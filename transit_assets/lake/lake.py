"""One lake: its location, its landing, its tables and its DuckDB connections."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from transit_assets.lake.landing import Landing
from transit_assets.lake.location import Location
from transit_assets.lake.schema import Table
from transit_assets.lake.tables import LakeTable

if TYPE_CHECKING:
    import duckdb


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

    def table(self, table: Table) -> LakeTable:
        return LakeTable(self, table)

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
