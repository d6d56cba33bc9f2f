"""What a dbt run has built and tested goes to Delta: partitions by predicate, tables without any by a rebuild.

A partition is a day or a month, as the mart says. One run commits at a time on a host. Partitions that another run
has meanwhile committed from newer sources stay as they are. Tables without partitions are what the run has built
where it has read everything there is, and are computed again from the latest snapshots where another run has
written meanwhile, so whoever commits last has seen every partition. Each commit is recorded in the ledger with the
versions it was built from.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from filelock import FileLock

from transit_assets.dbt_lake.marts import mart_tables
from transit_assets.dbt_lake.views import Shown, show_lake
from transit_assets.lake import Lake, Period, Table, TableVersion
from transit_assets.lake.errors import TableMissing, WriteConflict
from transit_assets.lake.ledger import Load
from transit_assets.lake.snapshot import ABSENT

_ROWS_PER_COMMIT = 1_000_000  # bounds the memory of one write; about a month of station-hours
_PARTITIONS_PER_COMMIT = 92
_ATTEMPTS = 20


@dataclass(frozen=True)
class Mart:
    """One mart of a run: its table, its compiled SQL, and the relations that the SQL reads."""

    table: Table
    sql: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """What one dbt run has built, in the order in which it was built, and what it was built from.

    `from_day` and `to_day` bound the days that the run replaces, inclusive, each with the whole partition that holds
    it; None for no bound. `overtaken` are the relations to which another run committed between what this one has read
    and what it has committed.
    """

    marts: tuple[Mart, ...]
    from_day: str | None
    to_day: str | None
    run_id: str
    shown: Shown
    overtaken: frozenset[str] = frozenset()

    @classmethod
    def of(cls, message: dict[str, Any], shown: Shown) -> "Run":
        """The run that the macro `commit_to_lake` describes."""
        tables = {table.relation: table for table in mart_tables()}
        marts = tuple(Mart(tables[mart["relation"]], mart["sql"], tuple(mart["sources"])) for mart in message["marts"])
        from_day, to_day = (str(message[name]) if message[name] else None for name in ("from_day", "to_day"))
        return cls(marts, from_day, to_day, message["run_id"], shown)

    def after(self, mart: Mart, loads: Sequence[Load]) -> "Run":
        """The run as the marts downstream of one see it: they were built from what it has just committed."""
        states = {TableVersion(load.table_id or "", load.table_version or 0) for load in loads}
        if not states:
            return self
        relation, last = mart.table.relation, max(states, key=lambda state: state.version)
        read = self.shown.versions.get(relation, ABSENT)
        own = {TableVersion(last.table_id, max(read.version, 0) + number) for number in range(1, len(states) + 1)}
        is_alone = states == own and read.table_id in (last.table_id, ABSENT.table_id)
        return replace(
            self,
            shown=replace(self.shown, versions={**self.shown.versions, relation: last}),
            overtaken=self.overtaken if is_alone else self.overtaken | {relation},
        )

    def has_read_all(self, mart: Mart, latest: "_Latest") -> bool:
        """Whether all that the mart reads is as the run has read or committed it."""
        return self.overtaken.isdisjoint(mart.sources) and all(
            latest.state(name) == self.shown.versions.get(name, ABSENT) for name in mart.sources
        )

    def partitions(self, table: Table, known: Iterable[str]) -> set[str]:
        """Those of the known partitions of a table that the run replaces, and all that its bounds name."""
        period = Period.of(table)
        first, last = (
            date.fromisoformat(day) if day else bound
            for day, bound in ((self.from_day, date.min), (self.to_day, date.max))
        )
        named = period.between(first, last) if self.from_day and self.to_day else []
        within = {one for one in known if period.start(first) <= date.fromisoformat(one) <= last}
        return {*within, *named}


def commit(lake: Lake, connection: duckdb.DuckDBPyConnection, run: Run) -> Iterator[str]:
    """Commit the marts of a run; yields one line for each.

    Raises LakeError where a table refuses its rows; marts before it are committed, and recorded.
    """
    done: list[Load] = []
    latest = _Latest(lake)
    with FileLock(lake.lock_path("dbt-commit")):
        try:
            for mart in run.marts:
                write = _commit_partitions if mart.table.partition_by else _rebuild
                loads = write(lake, connection, latest, run, mart)
                done += loads
                run = run.after(mart, loads)
                yield _line(mart, loads)
        finally:
            lake.ledger.record(done)


def _line(mart: Mart, loads: list[Load]) -> str:
    rows = sum(load.kept_rows or 0 for load in loads)
    partitions = f" in {len(loads):,} {mart.table.partition_by}s" if mart.table.partition_by else ""
    return f"Committed {mart.table.relation}: {rows:,} rows{partitions}"


# Marts with partitions ---------------------------------------------------------------------------


def _commit_partitions(
    lake: Lake, connection: duckdb.DuckDBPyConnection, latest: "_Latest", run: Run, mart: Mart
) -> list[Load]:
    table, built = mart.table, f'built."{mart.table.identifier}"'
    lake.table(table).create()
    by = f'"{table.partition_by}"'
    counted = connection.execute(f"SELECT {by}::VARCHAR, count(*) FROM {built} GROUP BY {by}").fetchall()
    rows = dict.fromkeys(run.partitions(table, known_partitions(connection, run, table, mart.sources)), 0)
    rows |= dict(counted)
    loads = []
    for partitions in _batches(rows):
        for attempt in range(1, _ATTEMPTS + 1):
            wanted = sorted(set(partitions) - _newer_partitions(lake, latest, run, mart))
            if not wanted:
                break
            batch = connection.execute(
                f"SELECT * FROM {built} WHERE list_contains(?, {by}::VARCHAR) ORDER BY {_order(table)}", [wanted]
            ).to_arrow_table()
            try:
                state = lake.table(table).replace(batch, wanted)
            except WriteConflict:  # another host; the same ones in one place or the other, so look and try again
                if attempt == _ATTEMPTS:
                    raise
                continue
            loads += [_load(run, mart, state, rows[one], one) for one in wanted]
            break
    return loads


def known_partitions(connection: duckdb.DuckDBPyConnection, run: Run, table: Table, sources: Sequence[str]) -> set[str]:
    """Partitions of a table that its sources have, or that it has itself: some of these are now without rows."""
    read = connection.execute(
        "SELECT DISTINCT partition::VARCHAR FROM lake.partitions WHERE list_contains(?, relation)",
        [[table.relation, *sources]],
    ).fetchall()
    return {one for (one,) in read} | set(run.shown.partitions.get(table.relation, {}))


def _batches(rows: dict[str, int]) -> Iterator[list[str]]:
    """Partitions in order, so many at a time that one write stays small."""
    batch: list[str] = []
    size = 0
    for one in sorted(rows):
        if len(batch) == _PARTITIONS_PER_COMMIT or (batch and size + rows[one] > _ROWS_PER_COMMIT):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += rows[one]
    if batch:
        yield batch


def _newer_partitions(lake: Lake, latest: "_Latest", run: Run, mart: Mart) -> set[str]:
    """Partitions of the mart that were committed from a newer version of a source than the run has read."""
    read = run.shown.versions_of(mart.sources)
    states = {source: latest.state(source) for source in mart.sources}
    newer = {name: state for name, state in states.items() if state != ABSENT and state.is_newer_than(read.get(name))}
    if not newer:
        return set()
    return {
        partition
        for partition, load in lake.ledger.latest(mart.table.relation, "committed").items()
        if partition is not None
        and any(_has_seen_more(load.source_versions.get(name), read.get(name), now) for name, now in newer.items())
    }


def _has_seen_more(built: TableVersion | None, read: TableVersion | None, now: TableVersion) -> bool:
    """Whether a load was built from a version, of the table that is there now, that the run has not read."""
    return built is not None and built.table_id == now.table_id and built.is_newer_than(read)


class _Latest:
    """The latest versions of relations, each opened once: a look at what was added takes 2 ms, opening 20.

    One that is deleted in between may still count as it was: what was built from it is stale by its table id.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._opened: dict[str, DeltaTable] = {}

    def state(self, relation: str) -> TableVersion:
        """`ABSENT` where there is no such table."""
        try:
            delta = self._look(relation)
        except TableMissing:
            return ABSENT
        return TableVersion(str(delta.metadata().id), delta.version())

    def _look(self, relation: str) -> DeltaTable:
        delta = self._opened.pop(relation, None)
        try:
            if delta is not None:
                delta.update_incremental()
        except DeltaError:  # it was deleted and built again, or its log was shortened beyond what was read of it
            delta = None
        self._opened[relation] = delta = delta or self._lake.open(relation)
        return delta


# Marts without partitions ------------------------------------------------------------------------


def _rebuild(lake: Lake, connection: duckdb.DuckDBPyConnection, latest: _Latest, run: Run, mart: Mart) -> list[Load]:
    built: list[tuple[Shown, int]] = []
    order = _order(mart.table)

    def build() -> pa.Table:
        if run.has_read_all(mart, latest):
            query = f'SELECT * FROM built."{mart.table.identifier}" ORDER BY {order}'
            shown, rows = run.shown, connection.execute(query).to_arrow_table()
        else:
            with lake.engine() as fresh:
                shown = show_lake(fresh, lake, mart.sources)
                rows = fresh.execute(f"SELECT * FROM ({mart.sql}) ORDER BY {order}").to_arrow_table()
        built.append((shown, rows.num_rows))
        return rows

    state = lake.table(mart.table).rebuild(build)
    shown, rows = built[-1]
    return [_load(replace(run, shown=shown), mart, state, rows)]


def _order(table: Table) -> str:
    columns = dict.fromkeys([*([table.partition_by] if table.partition_by else []), *table.key])
    return ", ".join(f'"{column}"' for column in columns)


def _load(run: Run, mart: Mart, state: TableVersion, rows: int, partition: str | None = None) -> Load:
    return Load(
        relation=mart.table.relation,
        partition=partition,
        outcome="committed",
        kept_rows=rows,
        source_versions=run.shown.versions_of(mart.sources),
        table_version=state.version,
        table_id=state.table_id,
        run_id=run.run_id,
    )
