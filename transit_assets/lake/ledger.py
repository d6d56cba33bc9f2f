"""The ledger: what each load of a partition did, and what each check found.

`quality.loads` has one row per load of one partition of one relation, `quality.check_results` one
row per evaluation of one check. Both only grow. What a load was built from stands beside it, so
the partitions that need work follow from the content of the lake, never from a clock.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

import pyarrow as pa

from transit_assets.lake.errors import TableMissing
from transit_assets.lake.schema import UTC_INSTANT, Column, Table
from transit_assets.lake.snapshot import TableVersion

if TYPE_CHECKING:
    from transit_assets.lake.lake import Lake

LoadOutcome = Literal["committed", "refused"]

LOADS = Table(
    layer="quality",
    domain=None,
    name="loads",
    description="One load of one partition of one relation: what came in, what was kept, and what it was built from.",
    key=("load_id",),
    columns=(
        Column("load_id", pa.string(), "Random identifier of the load.", is_nullable=False),
        Column(
            "relation", pa.string(), "Relation that was loaded, `interim.bikes__station_status`.", is_nullable=False
        ),
        Column("partition", pa.string(), "Partition that was loaded; null for an unpartitioned relation."),
        Column(
            "outcome",
            pa.string(),
            "committed; refused (too many broken rows: the last good version stays).",
            is_nullable=False,
            values=("committed", "refused"),
        ),
        Column("landed_rows", pa.int64(), "Rows read from the payloads.", unit="rows", minimum=0),
        Column("kept_rows", pa.int64(), "Rows written.", unit="rows", minimum=0),
        Column("duplicate_rows", pa.int64(), "Rows dropped for a later one of the same key.", unit="rows", minimum=0),
        Column(
            "conflict_rows", pa.int64(), "Duplicates whose values differ from the kept row.", unit="rows", minimum=0
        ),
        Column("quarantined_rows", pa.int64(), "Rows that broke a rule.", unit="rows", minimum=0),
        Column("fingerprint", pa.string(), "Fingerprint of the landing that an interim partition was built from."),
        Column(
            "source_versions",
            pa.string(),
            "JSON object: Delta table id and version read of each relation that a mart was built from.",
        ),
        Column("table_version", pa.int64(), "Delta version that the load committed; null where refused."),
        Column("table_id", pa.string(), "Delta id of the table committed to: another one after it was deleted."),
        Column("run_id", pa.string(), "Run that did it; null outside of Dagster and dbt."),
        Column("loaded_at", UTC_INSTANT, "When it was recorded, by the real clock.", is_nullable=False),
    ),
)

CHECK_RESULTS = Table(
    layer="quality",
    domain=None,
    name="check_results",
    description="One evaluation of one check on one partition of one relation.",
    key=("check_name", "relation", "partition", "evaluated_at"),
    columns=(
        Column("check_name", pa.string(), "Name of the check.", is_nullable=False),
        Column("relation", pa.string(), "Relation that was checked.", is_nullable=False),
        Column("partition", pa.string(), "Partition that was checked; null for the whole relation."),
        Column("is_blocking", pa.bool_(), "True where a failure stops what is downstream.", is_nullable=False),
        Column("has_passed", pa.bool_(), "Whether everything held.", is_nullable=False),
        Column("failing_rows", pa.int64(), "Rows that broke the check, where it counts rows.", unit="rows", minimum=0),
        Column("details", pa.string(), "JSON object of what was observed.", is_nullable=False),
        Column("evaluated_at", UTC_INSTANT, "When it was evaluated, by the real clock.", is_nullable=False),
        Column("run_id", pa.string(), "Run that did it; null outside of Dagster and dbt."),
    ),
)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Load:
    """One row of `quality.loads`."""

    relation: str
    partition: str | None
    outcome: LoadOutcome
    landed_rows: int | None = None
    kept_rows: int | None = None
    duplicate_rows: int | None = None
    conflict_rows: int | None = None
    quarantined_rows: int | None = None
    fingerprint: str | None = None
    source_versions: dict[str, TableVersion] = field(default_factory=dict)
    table_version: int | None = None
    table_id: str | None = None
    run_id: str | None = None
    loaded_at: datetime = field(default_factory=_now)
    load_id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True)
class CheckResult:
    """One row of `quality.check_results`. `details` holds what JSON can."""

    check_name: str
    relation: str
    partition: str | None
    is_blocking: bool
    has_passed: bool
    failing_rows: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    evaluated_at: datetime = field(default_factory=_now)


class Ledger:
    """The ledger of one lake."""

    def __init__(self, lake: "Lake") -> None:
        self._lake = lake

    def record(self, loads: Sequence[Load]) -> None:
        """Append loads in one commit."""
        if loads:
            rows = [vars(load) | {"source_versions": _sources_json(load)} for load in loads]
            self._lake.table(LOADS).append(pa.Table.from_pylist(rows, schema=LOADS.schema))

    def latest(self, relation: str, outcome: LoadOutcome | None = None) -> dict[str | None, Load]:
        """The latest load of each partition, of any outcome or of one; unpartitioned relations have the key None.

        What was committed to a table that was deleted since is gone with it; a refusal stands.
        """
        return self.latest_of([relation], outcome).get(relation, {})

    def latest_of(
        self, relations: Sequence[str], outcome: LoadOutcome | None = None
    ) -> dict[str, dict[str | None, Load]]:
        """What `latest` says of each of some relations, with one look at the ledger."""
        ids = [found for relation in relations if (found := self._table_id(relation))]
        # Two processes may record in another order than they committed, so commits are told apart by version.
        rows = self._lake.table(LOADS).scan(
            "SELECT * FROM (SELECT * FROM loads WHERE list_contains(?, relation) AND outcome IN (?, ?)"
            " AND (outcome = 'refused' OR list_contains(?, table_id))"
            " QUALIFY row_number() OVER (PARTITION BY relation, partition, outcome"
            " ORDER BY table_version DESC NULLS LAST, loaded_at DESC, load_id) = 1)"
            " QUALIFY row_number() OVER (PARTITION BY relation, partition ORDER BY loaded_at DESC, outcome, load_id)"
            " = 1 ORDER BY relation, partition",
            [list(relations), outcome or "committed", outcome or "refused", ids],
        )
        latest: dict[str, dict[str | None, Load]] = {}
        for row in rows.to_pylist():
            latest.setdefault(row["relation"], {})[row["partition"]] = _load(row)
        return latest

    def _table_id(self, relation: str) -> str | None:
        try:
            return str(self._lake.open(relation).metadata().id)
        except TableMissing:
            return None

    def stale(self, relation: str, fingerprints: Mapping[str, str]) -> list[str]:
        """Partitions whose latest load was built from another landing than `fingerprints` says, or that have none."""
        built = self.latest(relation)
        return sorted(
            partition
            for partition, fingerprint in fingerprints.items()
            if partition not in built or built[partition].fingerprint != fingerprint
        )

    def stale_marts(self, relation: str, sources: Sequence[str]) -> list[str]:
        """Partitions of a mart for which a partitioned source was committed after the version the mart read.

        Sources without partitions reopen no day; `is_stale` answers for marts without partitions.
        """
        built = self.latest(relation)
        stale = set()
        for source in sources:
            for partition, load in self.latest(source, "committed").items():
                if partition is not None and _is_newer(load, built.get(partition)):
                    stale.add(partition)
        return sorted(stale)

    def is_stale(self, relation: str, sources: Sequence[str]) -> bool:
        """Whether an unpartitioned relation was built before the latest commit of any of its sources, or never."""
        built = self.latest(relation).get(None)
        return built is None or any(self.loaded_since(relation, source) for source in sources)

    def loaded_since(self, relation: str, source: str) -> list[str | None]:
        """Partitions of a source committed after the version that an unpartitioned relation was built from.

        All that the source has where the relation was never built.
        """
        built = self.latest(relation, "committed").get(None)
        return [partition for partition, load in self.latest(source, "committed").items() if _is_newer(load, built)]

    def record_checks(self, results: Sequence[CheckResult]) -> None:
        """Append evaluations in one commit."""
        if results:
            rows = [vars(result) | {"details": json.dumps(result.details, default=str)} for result in results]
            self._lake.table(CHECK_RESULTS).append(pa.Table.from_pylist(rows, schema=CHECK_RESULTS.schema))

    def latest_checks(self) -> list[CheckResult]:
        """The latest evaluation of each check on each partition, ordered by relation, check and partition.

        Only what still speaks of the rows that are there: an evaluation older than the latest load of its partition
        (of any partition, for one of the whole relation) is of a check that is run no more.
        """
        with self._lake.engine() as connection:
            self._lake.register(connection, [LOADS, CHECK_RESULTS])
            found = connection.execute(
                "SELECT c.* FROM quality.check_results AS c WHERE NOT EXISTS (SELECT 1 FROM quality.loads AS l"
                " WHERE l.relation = c.relation AND l.loaded_at > c.evaluated_at"
                " AND (c.partition IS NULL OR l.partition = c.partition))"
                " QUALIFY row_number() OVER"
                " (PARTITION BY check_name, relation, partition ORDER BY evaluated_at DESC) = 1"
                " ORDER BY relation, check_name, partition"
            ).to_arrow_table()
        return [CheckResult(**row | {"details": json.loads(row["details"])}) for row in found.to_pylist()]


def _sources_json(load: Load) -> str:
    return json.dumps(
        {name: {"table": one.table_id, "version": one.version} for name, one in load.source_versions.items()}
    )


def _load(row: dict[str, Any]) -> Load:
    known = {name.name for name in fields(Load)}
    sources = json.loads(row["source_versions"] or "{}")
    return Load(
        **{name: value for name, value in row.items() if name in known}
        | {"source_versions": {name: TableVersion(one["table"], one["version"]) for name, one in sources.items()}}
    )


def _is_newer(source: Load, built: Load | None) -> bool:
    committed = TableVersion(source.table_id or "", source.table_version or 0)
    return built is None or committed.is_newer_than(built.source_versions.get(source.relation))
