"""What assets ask Dagster for: the lake, and a DuckDB connection that sees its relations."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import dagster as dg
from dagster_duckdb import DuckDBResource
from pydantic import Field

from transit_assets.settings import Settings, settings

if TYPE_CHECKING:
    import duckdb

    from transit_assets.lake import Lake
    from transit_assets.learning.registry import Registry


class LakeResource(dg.ConfigurableResource):
    """One lake, in a folder or on S3."""

    root: str = Field(description="Folder or `s3://bucket/prefix`.")
    threads: int = Field(2, description="Threads of each DuckDB connection.")
    memory_limit: str = Field("2GB", description="Memory of each DuckDB connection.")

    @classmethod
    def of(cls, configured: Settings) -> "LakeResource":
        return cls(root=configured.lake, threads=configured.duckdb_threads, memory_limit=configured.duckdb_memory_limit)

    @cached_property
    def _lake(self) -> "Lake":
        from transit_assets.lake import Lake

        return Lake.at(self.root, threads=self.threads, memory_limit=self.memory_limit)

    @property
    def lake(self) -> "Lake":
        return self._lake


class LakeDuckDBResource(DuckDBResource):
    """Dagster's DuckDB resource over the lake: in memory, bounded, every relation a view over one snapshot.

    The resource as it comes opens a file, which one writer would lock, and cannot read the lake on S3.
    """

    database: str = ":memory:"
    storage: dg.ResourceDependency[LakeResource]

    @contextmanager
    def get_connection(self) -> "Iterator[duckdb.DuckDBPyConnection]":
        lake = self.storage.lake
        connection = lake.connect(self.database)
        try:
            lake.register(connection)
            yield connection
        finally:
            connection.close()


class RegistryResource(dg.ConfigurableResource):
    """The registry of models that the settings name: the store's address may hold a password, so it is no field."""

    @property
    def registry(self) -> "Registry":
        from transit_assets.lake import Lake
        from transit_assets.learning.registry import Registry

        configured = settings()
        lake = Lake.at(configured.lake)
        return Registry(configured.mlflow_store, lake.location.uri("_mlflow/artifacts"), lake.lock_path)
