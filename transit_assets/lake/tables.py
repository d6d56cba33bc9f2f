"""Delta tables: create, replace partitions, scan a snapshot, look after the files.

Every write is one Delta commit. A partitioned table is only ever replaced partition by partition,
so writers of different days never meet; two writers of one day leave one whole version and one
`WriteConflict`.
"""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from filelock import FileLock

from transit_assets.lake import care
from transit_assets.lake.commit import commit, was_only_tidied
from transit_assets.lake.errors import (
    LakeError,
    SchemaDrift,
    TableMissing,
    UnpartitionedOverwrite,
    VersionMissing,
    WriteConflict,
)
from transit_assets.lake.schema import Column, Table
from transit_assets.lake.snapshot import (
    EVOLVED,
    Partition,
    Snapshot,
    TableVersion,
    partition_text,
    rows_by_partition,
    unreadable_log,
)

if TYPE_CHECKING:
    from transit_assets.lake.lake import Lake

_ATTEMPTS = 20
_MANY_FILES = 64  # an append to a partition of more files merges them: reading 1,500 one-row files takes 0.25 s
_PROPERTIES = {
    # Opening a table replays the commits since its last checkpoint: 5 ms at 20 of them, 30 ms at 95.
    "delta.checkpointInterval": "20",
    # A table written every minute would list 43,000 log files at the default of 30 days.
    care.LOG_RETENTION: "interval 168 hours",
}


class LakeTable:
    """One table of one lake, whether it exists yet or not."""

    def __init__(self, lake: "Lake", table: Table) -> None:
        self._lake = lake
        self.table = table

    @property
    def uri(self) -> str:
        return self._lake.location.uri(self.table.path)

    @cached_property
    def _options(self) -> dict[str, str]:
        return self._lake.location.storage_options

    def exists(self) -> bool:
        return DeltaTable.is_deltatable(self.uri, storage_options=self._options)

    def create(self) -> "LakeTable":
        """Create the table from its schema where it is missing; several processes may try at once."""
        if not self.exists():
            try:
                DeltaTable.create(
                    self.uri,
                    self.table.schema,
                    mode="ignore",
                    partition_by=[self.table.partition_by] if self.table.partition_by else None,
                    name=self.table.relation,
                    description=self.table.description,
                    configuration=_PROPERTIES,
                    commit_properties=CommitProperties(max_commit_retries=0),
                    storage_options=self._options,
                )
            except CommitFailedError:  # another process created it between our look and our commit
                if not self.exists():
                    raise
        return self

    def delta(self, version: int | None = None, at: datetime | None = None) -> DeltaTable:
        """The Delta table, at its latest version, at a version or at an instant.

        Raises TableMissing where it was never created, VersionMissing where that version is not kept,
        TableUnreadable where its log is damaged.
        """
        if at is not None:
            return self.delta(self._version_at(at))
        try:
            return DeltaTable(self.uri, version=version, storage_options=self._options)
        except (TableNotFoundError, DeltaError) as error:
            if version is not None and self.exists():
                raise VersionMissing(f"{self.table.relation}: version {version} is not kept ({error})") from error
            if isinstance(error, TableNotFoundError):
                raise TableMissing(f"{self.table.relation} does not exist in {self._lake.location.root}") from None
            raise unreadable_log(self.table.relation, self.uri, error) from error

    def _version_at(self, at: datetime) -> int:
        # By the commits' own clock: delta-rs looks at the files' times, which S3 tells in whole seconds, and
        # silently gives the first version that is kept where none is old enough.
        for done in self.delta().history():
            if done["timestamp"] / 1000 <= at.timestamp():
                return done["version"]
        raise VersionMissing(f"{self.table.relation}: no version of {at.isoformat()} is kept")

    def version(self) -> int:
        return self.delta().version()

    def state(self) -> TableVersion:
        """The latest version, told apart from those of a table of the same name that was deleted."""
        return self.snapshot([] if self.table.partition_by else None).state

    # Writing -----------------------------------------------------------------------------------

    def replace(self, rows: pa.Table, partitions: Iterable[Partition]) -> TableVersion:
        """Replace whole partitions in one transaction; a partition without rows becomes empty.

        Returns the new version. Raises UnpartitionedOverwrite where no partition is named or the table has
        none, SchemaDrift where the rows do not fit, WriteConflict where another writer was first.
        """
        column = self.table.partition_by
        wanted = sorted({partition_text(partition) for partition in partitions})
        if column is None:
            raise UnpartitionedOverwrite(f"{self.table.relation} has no partitions; use rebuild()")
        if not wanted:
            raise UnpartitionedOverwrite(f"{self.table.relation} is partitioned by {column}: name the partitions")
        rows = self._conform(rows)
        strangers = sorted(set(self._partitions_of(rows) or []) - set(wanted))
        if strangers:
            raise LakeError(f"{self.table.relation}: rows of {strangers[0]} in a write that replaces {wanted[0]}…")
        listed = ", ".join(f"'{value}'" for value in wanted)
        for _ in range(_ATTEMPTS):
            delta = self.create().delta()
            read = delta.version()
            try:
                version = commit(delta, rows, "overwrite", f"{column} IN ({listed})")
                return TableVersion(str(delta.metadata().id), version)
            except WriteConflict:
                if not was_only_tidied(self.delta(), read, wanted):
                    raise
        raise WriteConflict(f"{self.table.relation}: it was cared for {_ATTEMPTS} times in between")

    def append(self, rows: pa.Table) -> int:
        """Add rows. Appends never conflict. Returns the new version.

        A table that grows by small appends keeps itself readable: partitions of many files are merged.
        """
        rows = self._conform(rows)
        for _ in range(_ATTEMPTS):
            delta = self.create().delta()
            try:
                version = commit(delta, rows, "append")
            except WriteConflict:  # a property or a column of the table changed meanwhile
                continue
            care.compact(self._lake, delta, at_most=_MANY_FILES, partitions=self._partitions_of(rows))
            return version
        raise WriteConflict(f"{self.table.relation}: its description changed {_ATTEMPTS} times in between")

    def rebuild(self, build: Callable[[], pa.Table]) -> TableVersion:
        """Replace an unpartitioned table by what `build` reads from the lake's latest snapshots.

        One builder at a time on a host; one that loses to another host builds again from what is then
        latest, so whoever commits last has seen everything. Returns the new version. Raises WriteConflict after
        many losses.
        """
        if self.table.partition_by:
            raise UnpartitionedOverwrite(
                f"{self.table.relation} is partitioned by {self.table.partition_by}: "
                "replace() takes the partitions to overwrite"
            )
        self.create()
        with FileLock(self._lake.lock_path(self.table.relation)):
            for attempt in range(_ATTEMPTS):
                delta = self.delta()
                rows = self._conform(build())
                try:
                    # Without a predicate, two overwriters of an empty table both commit, and so does one that
                    # raced a merge of files: the table then holds both versions' rows (deltalake 1.6).
                    version = commit(delta, rows, "overwrite", "true")
                    return TableVersion(str(delta.metadata().id), version)
                except WriteConflict:
                    time.sleep(random.uniform(0, 0.05 * 2 ** min(attempt, 5)))
        raise WriteConflict(f"{self.table.relation}: other writers were first {_ATTEMPTS} times")

    def _conform(self, rows: pa.Table) -> pa.Table:
        """The rows in the table's column order and types, in one chunk (several lose their order silently)."""
        expected = self.table.schema
        for name in rows.column_names:
            if name not in expected.names:
                raise SchemaDrift(f"{self.table.relation} has no column {name}; add it with add_column() first")
        for field in expected:
            if field.name not in rows.column_names:
                raise SchemaDrift(f"{self.table.relation}: column {field.name} is missing from the rows")
        columns = []
        for field in expected:
            column = rows[field.name]
            try:
                columns.append(column if column.type == field.type else column.cast(field.type))
            except pa.ArrowInvalid as error:
                raise SchemaDrift(f"{self.table.relation}: column {field.name} is not {field.type}: {error}") from error
            except pa.ArrowNotImplementedError as error:
                raise SchemaDrift(
                    f"{self.table.relation}: column {field.name} is {column.type}, not {field.type}"
                ) from error
        return pa.table(columns, schema=expected).combine_chunks()

    def _partitions_of(self, rows: pa.Table) -> list[str] | None:
        column = self.table.partition_by
        return None if column is None else [partition_text(value.as_py()) for value in rows[column].unique()]

    # Reading -----------------------------------------------------------------------------------

    def snapshot(
        self,
        partitions: Iterable[Partition] | None = None,
        version: int | None = None,
        at: datetime | None = None,
        where: str | None = None,
    ) -> Snapshot:
        """The files of a version (default: the latest) that hold some partitions (default: all).

        `where` skips files by their statistics (see `Snapshot.of`). A table that does not exist yet has no files:
        reading writes nothing. Raises TableMissing where a version or an instant of such a table is asked for.
        """
        try:
            delta = self.delta(version, at)
        except TableMissing:
            if version is not None or at is not None:
                raise
            return Snapshot.empty(self.table)
        return Snapshot.of(delta, partitions, where)

    def scan(
        self,
        query: str,
        parameters: Sequence[Any] = (),
        *,
        partitions: Iterable[Partition] | None = None,
        version: int | None = None,
        at: datetime | None = None,
        where: str | None = None,
    ) -> pa.Table:
        """Run one SQL query over a snapshot, where the table goes by its own short name (`station_status`)."""
        with self._lake.engine() as connection:
            sql = self.snapshot(partitions, version, at, where).sql
            connection.execute(f'CREATE TEMP VIEW "{self.table.name}" AS {sql}')
            return connection.execute(query, parameters).to_arrow_table()

    def read(self, partitions: Iterable[Partition] | None = None, **when: Any) -> pa.Table:
        """The rows of a snapshot as Arrow, optionally of some partitions, a `version=` or an instant `at=`."""
        order = ", ".join(f'"{name}"' for name in self._order())
        return self.scan(f'SELECT * FROM "{self.table.name}" ORDER BY {order}', partitions=partitions, **when)

    def _order(self) -> list[str]:
        first = [self.table.partition_by] if self.table.partition_by else []
        return list(dict.fromkeys([*first, *self.table.key]))

    def partitions(self) -> list[str]:
        """Partitions that hold rows, sorted."""
        return [partition for partition in self.rows_by_partition() if partition is not None]

    def rows_by_partition(self) -> dict[str | None, int]:
        """Rows of each partition that holds any (of the whole table under None), from the log alone."""
        try:
            return rows_by_partition(self.delta())
        except TableMissing:
            return {}

    # Care --------------------------------------------------------------------------------------

    def add_column(self, column: Column) -> None:
        """Migrate: add a nullable column, which older rows read as null. The schema in code must have it too."""
        if not column.is_nullable:
            raise SchemaDrift(f"{self.table.relation}: a new column must be nullable, {column.name} is not")
        from deltalake import Field, Schema

        delta = self.delta()
        added = Schema.from_arrow(pa.schema([column.field])).fields[0]
        delta.alter.add_columns([Field(added.name, added.type, nullable=True)])
        delta.alter.set_table_properties({EVOLVED: "true"}, raise_if_not_exists=False)

    def history(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Commits, latest first: version, timestamp (UTC), operation, metrics."""
        return self.delta().history(limit)

    def compact(self) -> int:
        """Merge small files within each partition; returns how many files went."""
        return care.compact(self._lake, self.delta())

    def checkpoint(self) -> None:
        """Write the log's state in one file, so that opening the table stays fast."""
        self.delta().create_checkpoint()

    def vacuum(self, retention_hours: int, *, dry_run: bool = False) -> list[str]:
        """Delete files that no version younger than the retention names; returns them."""
        return care.vacuum(self.delta(), retention_hours, dry_run=dry_run)
