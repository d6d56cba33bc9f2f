"""The one way into an interim table: rules, then one row per key, then the commit, then the ledger.

Rows that break a rule go to quarantine. Where they are more than the table's share of the landed rows,
the partition is refused: its last good version stays and the ledger says so. The order of the commits
(quarantine, table, ledger) makes a load that dies in between look like one that never was: the ledger
has no row for it, so its partitions are still due, and loading them again gives the same rows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from transit_assets.lake import Lake, Table, TableVersion
from transit_assets.lake.ledger import Load
from transit_assets.quality import quarantine
from transit_assets.quality.cleaned import Cleaned
from transit_assets.quality.dedupe import keep_last
from transit_assets.quality.repairs import Repairs
from transit_assets.quality.rules import split

if TYPE_CHECKING:
    import duckdb

# A commit costs 20 ms whatever it holds, memory is what bounds it: a month of road has 2 million rows of 150 bytes, a
# year of calls to the fire brigade 120,000 of 500.
_BATCH_BYTES = 160 * 2**20


@dataclass(frozen=True)
class _Judged:
    """One partition after the rules: what would be kept, what was turned away, and its accounting."""

    cleaned: Cleaned
    kept: pa.Table
    broken: pa.Table
    duplicates: int
    conflicts: int
    is_refused: bool


def load(lake: Lake, table: Table, cleaned: Iterable[Cleaned], *, run_id: str | None = None) -> list[Load]:
    """Load whole partitions of a table, several in one commit; one `Load` each, in the order they came.

    Raises WriteConflict where another writer replaced one of the partitions first; what was committed
    before stays, with its rows in the ledger.
    """
    loads: list[Load] = []
    repairs = Repairs(lake, table)
    with lake.engine() as connection:
        judged = (_judge(table, repairs.apply(one), connection) for one in cleaned)
        for batch in _batches(judged):
            loads += _commit(lake, table, batch, run_id, connection)
    return loads


def rebuild(
    lake: Lake,
    table: Table,
    build: Callable[[], pa.Table],
    *,
    run_id: str | None = None,
    source_versions: Mapping[str, TableVersion] | None = None,
) -> Load:
    """Load an unpartitioned table whole: `build` reads the lake's latest snapshots, and may run more than once.

    `source_versions` are the versions that `build` is sure to have seen: read them before calling.
    """
    outcome: list[_Judged] = []

    with lake.engine() as connection:

        def judged() -> pa.Table:
            rows = build()
            outcome[:] = [_judge(table, Cleaned(None, rows, rows.num_rows), connection)]
            if outcome[0].is_refused:
                raise _Refused
            return outcome[0].kept

        try:
            state: TableVersion | None = lake.table(table).rebuild(judged)
        except _Refused:
            state = None
        quarantine.replace(lake, table, {None: outcome[0].broken}, connection)
    load = _load(table, outcome[0], state, run_id, source_versions)
    lake.ledger.record([load])
    return load


class _Refused(Exception):
    """Ends a rebuild whose rows are refused, before anything is written."""


def _judge(table: Table, cleaned: Cleaned, connection: "duckdb.DuckDBPyConnection") -> _Judged:
    passing, broken = split(table, cleaned.candidates, connection)
    kept, duplicates, conflicts = keep_last(passing, table.key)
    return _Judged(
        cleaned=cleaned,
        kept=kept.select(table.column_names),
        broken=broken,
        duplicates=cleaned.duplicates + duplicates,
        conflicts=cleaned.conflicts + conflicts,
        is_refused=broken.num_rows > table.max_quarantined_share * cleaned.landed,
    )


def _batches(judged: Iterable[_Judged]) -> Iterator[list[_Judged]]:
    batch: list[_Judged] = []
    size = 0
    for one in judged:
        if batch and size + one.kept.nbytes > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.kept.nbytes
    if batch:
        yield batch


def _commit(
    lake: Lake, table: Table, batch: list[_Judged], run_id: str | None, connection: "duckdb.DuckDBPyConnection"
) -> list[Load]:
    quarantine.replace(lake, table, {one.cleaned.partition: one.broken for one in batch}, connection)
    accepted = [one for one in batch if not one.is_refused]
    state = None
    if accepted:
        rows = pa.concat_tables([one.kept for one in accepted])
        state = lake.table(table).replace(rows, [one.cleaned.partition for one in accepted if one.cleaned.partition])
    loads = [_load(table, one, None if one.is_refused else state, run_id) for one in batch]
    lake.ledger.record(loads)
    return loads


def _load(
    table: Table,
    judged: _Judged,
    state: TableVersion | None,
    run_id: str | None,
    source_versions: Mapping[str, TableVersion] | None = None,
) -> Load:
    return Load(
        relation=table.relation,
        partition=judged.cleaned.partition,
        outcome="refused" if judged.is_refused else "committed",
        landed_rows=judged.cleaned.landed,
        kept_rows=judged.kept.num_rows,
        duplicate_rows=judged.duplicates,
        conflict_rows=judged.conflicts,
        quarantined_rows=judged.broken.num_rows,
        fingerprint=judged.cleaned.fingerprint,
        source_versions=dict(source_versions or {}),
        table_version=state.version if state else None,
        table_id=state.table_id if state else None,
        run_id=run_id,
    )
