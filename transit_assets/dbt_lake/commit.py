"""What a dbt run has built and tested goes to Delta: days by predicate, tables without days by a rebuild.

One run commits at a time on a host. Days that another run has meanwhile committed from newer sources stay
as they are. Tables without partitions are computed again from the latest snapshots, so whoever commits last
has seen every day. Each commit is recorded in the ledger with the versions it was built from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa
from filelock import FileLock

from transit_assets.dbt_lake.marts import mart_tables
from transit_assets.dbt_lake.views import Shown, show_lake
from transit_assets.lake import Lake, Table, TableVersion
from transit_assets.lake.errors import TableMissing, WriteConflict
from transit_assets.lake.ledger import Load

_ROWS_PER_COMMIT = 1_000_000  # bounds the memory of one write; about a month of station-hours
_DAYS_PER_COMMIT = 92
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

    `from_day` and `to_day` bound the days that the run replaces, inclusive; None for no bound.
    """

    marts: tuple[Mart, ...]
    from_day: str | None
    to_day: str | None
    run_id: str
    shown: Shown

    @classmethod
    def of(cls, message: dict[str, Any], shown: Shown) -> "Run":
        """The run that the macro `commit_to_lake` describes."""
        tables = {table.relation: table for table in mart_tables()}
        marts = tuple(Mart(tables[mart["relation"]], mart["sql"], tuple(mart["sources"])) for mart in message["marts"])
        from_day, to_day = (str(message[name]) if message[name] else None for name in ("from_day", "to_day"))
        return cls(marts, from_day, to_day, message["run_id"], shown)

    def after(self, mart: Mart, loads: Sequence[Load]) -> "Run":
        """The run as the marts downstream of one see it: they were built from what it has just committed."""
        states = [TableVersion(load.table_id or "", load.table_version or 0) for load in loads]
        changed = {mart.table.relation: max(states, key=lambda state: state.version)} if states else {}
        return replace(self, shown=replace(self.shown, versions={**self.shown.versions, **changed}))

    def named_days(self) -> set[str]:
        """Every day of the calendar between the bounds, where both are set."""
        if self.from_day is None or self.to_day is None:
            return set()
        first, last = date.fromisoformat(self.from_day), date.fromisoformat(self.to_day)
        return {(first + timedelta(number)).isoformat() for number in range((last - first).days + 1)}

    def replaces(self, day: str) -> bool:
        return (self.from_day is None or day >= self.from_day) and (self.to_day is None or day <= self.to_day)


def commit(lake: Lake, connection: duckdb.DuckDBPyConnection, run: Run) -> Iterator[str]:
    """Commit the marts of a run; yields one line for each.

    Raises LakeError where a table refuses its rows; marts before it are committed, and recorded.
    """
    done: list[Load] = []
    with FileLock(lake.lock_path("dbt-commit")):
        try:
            for mart in run.marts:
                loads = (
                    _commit_days(lake, connection, run, mart) if mart.table.partition_by else _rebuild(lake, run, mart)
                )
                done += loads
                run = run.after(mart, loads)
                yield _line(mart, loads)
        finally:
            lake.ledger.record(done)


def _line(mart: Mart, loads: list[Load]) -> str:
    rows = sum(load.kept_rows or 0 for load in loads)
    days = f" in {len(loads):,} days" if mart.table.partition_by else ""
    return f"Committed {mart.table.relation}: {rows:,} rows{days}"


# Marts by day ------------------------------------------------------------------------------------


def _commit_days(lake: Lake, connection: duckdb.DuckDBPyConnection, run: Run, mart: Mart) -> list[Load]:
    table, built = mart.table, f'built."{mart.table.identifier}"'
    lake.table(table).create()
    counted = connection.execute(f"SELECT day::VARCHAR, count(*) FROM {built} GROUP BY day").fetchall()
    rows = dict.fromkeys(_days_of_run(connection, run, mart), 0) | dict(counted)
    loads = []
    for days in _batches(rows):
        for attempt in range(1, _ATTEMPTS + 1):
            wanted = sorted(set(days) - _newer_days(lake, run, mart))
            if not wanted:
                break
            batch = connection.execute(
                f"SELECT * FROM {built} WHERE list_contains(?, day::VARCHAR) ORDER BY {_order(table)}", [wanted]
            ).to_arrow_table()
            try:
                version = lake.table(table).replace(batch, wanted)
            except WriteConflict:  # another host; the same days in one place or the other, so look and try again
                if attempt == _ATTEMPTS:
                    raise
                continue
            table_id = lake.table(table).state().table_id
            loads += [_load(run, mart, TableVersion(table_id, version), rows[day], day) for day in wanted]
            break
    return loads


def _days_of_run(connection: duckdb.DuckDBPyConnection, run: Run, mart: Mart) -> set[str]:
    """Days that the run replaces, those that are now without rows among them."""
    read = connection.execute(
        "SELECT DISTINCT day::VARCHAR FROM lake.days WHERE list_contains(?, relation)", [list(mart.sources)]
    ).fetchall()
    known = {day for (day,) in read} | set(run.shown.days.get(mart.table.relation, {}))
    return {day for day in known if run.replaces(day)} | run.named_days()


def _batches(rows: dict[str, int]) -> Iterator[list[str]]:
    """Days in order, so many at a time that one write stays small."""
    batch: list[str] = []
    size = 0
    for day in sorted(rows):
        if len(batch) == _DAYS_PER_COMMIT or (batch and size + rows[day] > _ROWS_PER_COMMIT):
            yield batch
            batch, size = [], 0
        batch.append(day)
        size += rows[day]
    if batch:
        yield batch


def _newer_days(lake: Lake, run: Run, mart: Mart) -> set[str]:
    """Days of the mart that were committed from a newer version of a source than the run has read."""
    read = run.shown.versions_of(mart.sources)
    states = {source: _state(lake, source) for source in mart.sources}
    latest = {source: state for source, state in states.items() if state and state.is_newer_than(read.get(source))}
    if not latest:
        return set()
    return {
        day
        for day, load in lake.ledger.latest(mart.table.relation, "committed").items()
        if day is not None
        and any(_has_seen_more(load.source_versions.get(name), read.get(name), now) for name, now in latest.items())
    }


def _has_seen_more(built: TableVersion | None, read: TableVersion | None, now: TableVersion) -> bool:
    """Whether a load was built from a version, of the table that is there now, that the run has not read."""
    return built is not None and built.table_id == now.table_id and built.is_newer_than(read)


def _state(lake: Lake, relation: str) -> TableVersion | None:
    try:
        delta = lake.open(relation)
    except TableMissing:
        return None
    return TableVersion(str(delta.metadata().id), delta.version())


# Marts without days ------------------------------------------------------------------------------


def _rebuild(lake: Lake, run: Run, mart: Mart) -> list[Load]:
    built: list[tuple[Shown, int]] = []

    def build() -> pa.Table:
        with lake.engine() as connection:
            shown = show_lake(connection, lake, mart.sources)
            rows = connection.execute(f"SELECT * FROM ({mart.sql}) ORDER BY {_order(mart.table)}").to_arrow_table()
        built.append((shown, rows.num_rows))
        return rows

    version = lake.table(mart.table).rebuild(build)
    shown, rows = built[-1]
    state = TableVersion(lake.table(mart.table).state().table_id, version)
    return [_load(replace(run, shown=shown), mart, state, rows)]


def _order(table: Table) -> str:
    columns = dict.fromkeys([*([table.partition_by] if table.partition_by else []), *table.key])
    return ", ".join(f'"{column}"' for column in columns)


def _load(run: Run, mart: Mart, state: TableVersion, rows: int, day: str | None = None) -> Load:
    return Load(
        relation=mart.table.relation,
        partition=day,
        outcome="committed",
        kept_rows=rows,
        source_versions=run.shown.versions_of(mart.sources),
        table_version=state.version,
        table_id=state.table_id,
        run_id=run.run_id,
    )
