"""The dbt-duckdb plugin: shows the lake to dbt and commits what dbt built.

When dbt connects, every relation of the lake is a view over one snapshot (`interim.bikes__station_status`),
and one that does not exist yet is an empty view with its columns. `committed.<mart>` is a mart as it stands in
Delta, `processed.<mart>` the same until the run builds it, `built.<mart>` the rows the run has built, and
`lake.partitions` counts the rows of each day or month of each relation that is split by them. The project's macros
say when a run begins and, at its end, what to commit and what the tests found; nothing is written to Delta otherwise.
"""

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.duckdb.utils import TargetConfig
from dbt.adapters.events.logging import AdapterLogger
from dbt_common.exceptions import DbtRuntimeError

from transit_assets.dbt_lake.commit import Run, commit
from transit_assets.dbt_lake.tested import record_tests, tests_of
from transit_assets.dbt_lake.views import Shown, show_lake
from transit_assets.lake import Lake
from transit_assets.lake.engine import prepare
from transit_assets.lake.errors import LakeError
from transit_assets.settings import settings

_log = AdapterLogger("Lake")


class Plugin(BasePlugin):
    """One per dbt connection."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        setting = settings()
        # Not from the profile: where a variable of it has changed, dbt parses the whole project again (3 s).
        self._lake = Lake.at(
            os.environ.get("TRANSIT_LAKE") or setting.lake,
            threads=setting.duckdb_threads,
            memory_limit=setting.duckdb_memory_limit,
        )
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._shown = Shown()
        self._is_fresh = False

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        # DuckDB creates the folder when it first spills and removes it when it closes.
        spill = Path(tempfile.gettempdir()) / f"transit-assets-dbt-{uuid4().hex}"
        config.update(
            threads=self._lake.threads,
            memory_limit=self._lake.memory_limit,
            temp_directory=str(spill),
            autoinstall_known_extensions=False,
            autoload_known_extensions=False,
            enable_external_file_cache=False,  # each day is read once a model: keeping them cost 12 MB a day
        )

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        prepare(conn, is_s3=self._lake.location.is_s3)
        self._connection = conn
        self._show_lake()
        self._is_fresh = True

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute("SET TimeZone = 'UTC'")  # a cursor does not inherit what its connection was set to

    def store(self, target_config: TargetConfig) -> None:
        """What the project's macros tell the lake: `begin`, or `end` with the marts to commit and the results."""
        message = target_config.config
        if message["event"] == "begin":
            if not self._is_fresh:
                self._show_lake()
            self._is_fresh = False
        else:
            self._end(message)

    def _show_lake(self) -> None:
        assert self._connection is not None
        with self._connection.cursor() as cursor:
            self._shown = show_lake(cursor, self._lake)

    def _end(self, message: dict[str, Any]) -> None:
        """Commit, then record the tests: an evaluation older than the rows it judges counts no more."""
        assert self._connection is not None
        run, refused = Run.of(message, self._shown), None
        with self._connection.cursor() as cursor:
            self.configure_cursor(cursor)
            try:
                for line in commit(self._lake, cursor, run) if run.marts else ():
                    _log.info(line)
            except LakeError as error:
                refused = error
            by = replace(run, run_id=message["tested_by"] or run.run_id)
            record_tests(self._lake, cursor, by, tests_of(message["results"]), message["sources"])
        if refused is not None:
            raise DbtRuntimeError(str(refused)) from refused
