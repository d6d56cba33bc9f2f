"""What a lake holds and how far it can be trusted, read from the lake alone: no Dagster, no dbt.

Row counts come from the Delta logs, so the report costs the same on a large lake. `transit status`
prints it; `to_json` is the same for scripts.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow.compute as pc

from transit_assets.lake import Lake
from transit_assets.lake.landing import FETCHES
from transit_assets.lake.ledger import CheckResult
from transit_assets.lake.snapshot import files_of


@dataclass(frozen=True)
class TableStatus:
    """One table of the lake. `loaded_at` is its latest committed load, else its latest Delta commit (UTC)."""

    relation: str
    rows: int
    bytes: int
    version: int
    partitions: int | None
    first_partition: str | None
    last_partition: str | None
    loaded_at: datetime | None
    quarantined_rows: int = 0
    refused_partitions: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class FeedStatus:
    """One feed: its payloads, and what came after the last good answer."""

    domain: str
    feed: str
    payloads: int
    failed_attempts: int
    last_success_at: datetime | None
    failures_since: int
    last_error: str | None


@dataclass(frozen=True)
class Status:
    """A lake at one instant. `failed_checks` holds the latest evaluation of each check that does not hold now."""

    lake: str
    origin: str | None
    as_of: datetime
    tables: list[TableStatus]
    feeds: list[FeedStatus]
    checks_passed: int
    failed_checks: list[CheckResult]

    @property
    def is_healthy(self) -> bool:
        """No blocking check fails and no partition's latest load was refused."""
        return not any(check.is_blocking for check in self.failed_checks) and not any(
            table.refused_partitions for table in self.tables
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"is_healthy": self.is_healthy}, default=_text, indent=2)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def status(lake: Lake, as_of: datetime) -> Status:
    """The report of a lake; an empty lake, or a place where none is yet, has no tables, feeds or checks."""
    checks = lake.ledger.latest_checks()
    return Status(
        lake=lake.location.root,
        origin=lake.landing.origin(),
        as_of=as_of,
        tables=_tables(lake),
        feeds=_feeds(lake),
        checks_passed=sum(check.has_passed for check in checks),
        failed_checks=[check for check in checks if not check.has_passed],
    )


def _tables(lake: Lake) -> list[TableStatus]:
    relations = lake.relations()
    latest, committed = lake.ledger.latest_of(relations), lake.ledger.latest_of(relations, "committed")
    held = {relation: _holdings(lake, relation) for relation in relations}
    tables = []
    for relation in relations:
        rows, size, version, partitions, committed_at = held[relation]
        loaded = [load.loaded_at for load in committed.get(relation, {}).values()]
        refused = [name for name, load in latest.get(relation, {}).items() if load.outcome == "refused"]
        quarantine = held.get(f"quarantine.{relation.split('.', 1)[1]}") if relation.startswith("interim.") else None
        tables.append(
            TableStatus(
                relation=relation,
                rows=rows,
                bytes=size,
                version=version,
                partitions=None if partitions is None else len(partitions),
                first_partition=partitions[0] if partitions else None,
                last_partition=partitions[-1] if partitions else None,
                loaded_at=max(loaded, default=committed_at),
                quarantined_rows=quarantine[0] if quarantine else 0,
                refused_partitions=sorted(name or "all" for name in refused),
            )
        )
    return tables


def _holdings(lake: Lake, relation: str) -> tuple[int, int, int, list[str] | None, datetime | None]:
    """Rows, bytes, version, partitions (None where unpartitioned) and last commit of one table."""
    delta = lake.open(relation)
    files = files_of(delta)
    partitions = sorted(set(files["partition"].to_pylist())) if delta.metadata().partition_columns else None
    rows, size = (pc.sum(files[name]).as_py() or 0 for name in ("rows", "bytes"))
    return rows, size, delta.version(), partitions, _committed_at(delta.history(1))


def _committed_at(history: list[dict[str, Any]]) -> datetime | None:
    return datetime.fromtimestamp(history[0]["timestamp"] / 1000, UTC) if history else None


def _feeds(lake: Lake) -> list[FeedStatus]:
    found = lake.table(FETCHES).scan(
        "WITH good AS (SELECT domain, feed, max(fetched_at) AS last_success_at FROM fetches"
        " WHERE outcome IN ('landed', 'not_modified') GROUP BY ALL)"
        " SELECT domain, feed, count(DISTINCT sha256) FILTER (outcome = 'landed') AS payloads,"
        " count(*) FILTER (outcome = 'failed') AS failed_attempts, any_value(last_success_at) AS last_success_at,"
        " count(*) FILTER (outcome = 'failed' AND fetched_at > coalesce(last_success_at, '-infinity'::TIMESTAMPTZ))"
        " AS failures_since, arg_max(error, fetched_at) FILTER (error IS NOT NULL) AS last_error"
        " FROM fetches LEFT JOIN good USING (domain, feed) GROUP BY domain, feed ORDER BY domain, feed"
    )
    return [FeedStatus(**row) for row in found.to_pylist()]
