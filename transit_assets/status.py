"""What a lake holds and how far it can be trusted, read from the lake alone: no Dagster, no dbt.

Row counts come from the Delta logs, so the report costs the same on a large lake. `transit status`
prints it; `to_json` is the same for scripts.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import duckdb
import obstore
import pyarrow.compute as pc
from deltalake import DeltaTable

from transit_assets.lake import Lake
from transit_assets.lake.errors import TableUnreadable
from transit_assets.lake.landing import FETCHES
from transit_assets.lake.ledger import CHECK_RESULTS, LOADS, CheckResult
from transit_assets.lake.snapshot import files_of
from transit_assets.learning.schema import EVALUATIONS
from transit_assets.learning.standing import Standing, standings

Found = TypeVar("Found")


@dataclass(frozen=True)
class TableStatus:
    """One table of the lake. `loaded_at` is its latest committed load, else its latest Delta commit (UTC).

    `damage` names the file that is missing or not as long as it was written; where it is the log, all else is unknown.
    """

    relation: str
    rows: int = 0
    bytes: int = 0
    version: int = -1
    partitions: int | None = None
    first_partition: str | None = None
    last_partition: str | None = None
    loaded_at: datetime | None = None
    quarantined_rows: int = 0
    refused_partitions: list[str] = field(default_factory=list)
    damage: str | None = None


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
    models: list[Standing]
    checks_passed: int
    failed_checks: list[CheckResult]

    @property
    def is_healthy(self) -> bool:
        """No blocking check fails, no partition's latest load was refused, and every file of every table is there."""
        return not any(check.is_blocking for check in self.failed_checks) and not any(
            table.refused_partitions or table.damage for table in self.tables
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"is_healthy": self.is_healthy}, default=_text, indent=2)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def status(lake: Lake, as_of: datetime) -> Status:
    """The report of a lake; an empty lake, or a place where none is yet, has no tables, feeds or checks."""
    unread: dict[str, str] = {}
    checks = _read(lake.ledger.latest_checks, CHECK_RESULTS.relation, unread) or []
    feeds = _read(lambda: _feeds(lake), FETCHES.relation, unread) or []
    models = _read(lambda: standings(lake), EVALUATIONS.relation, unread) or []
    return Status(
        lake=lake.location.root,
        origin=lake.landing.origin(),
        as_of=as_of,
        tables=_tables(lake, unread),
        feeds=feeds,
        models=models,
        checks_passed=sum(check.has_passed for check in checks),
        failed_checks=[check for check in checks if not check.has_passed],
    )


def _read(read: Callable[[], Found], relation: str, unread: dict[str, str]) -> Found | None:
    """What a table of the lake says; None where it is damaged, and `unread` then says why."""
    try:
        return read()
    except (TableUnreadable, duckdb.Error) as error:
        unread[relation] = str(error).splitlines()[0]
        return None


def _tables(lake: Lake, unread: dict[str, str]) -> list[TableStatus]:
    opened, damaged = _opened(lake)
    relations = list(opened)
    latest = _read(lambda: lake.ledger.latest_of(relations), LOADS.relation, unread) or {}
    committed = _read(lambda: lake.ledger.latest_of(relations, "committed"), LOADS.relation, unread) or {}
    if LOADS.relation in unread:  # checks are read beside the loads
        unread.pop(CHECK_RESULTS.relation, None)
    held = {relation: _holdings(delta) for relation, delta in opened.items()}
    tables = [TableStatus(relation, damage=damage) for relation, damage in damaged.items()]
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
                damage=_damage(lake, relation, opened[relation]) or unread.get(relation),
            )
        )
    return sorted(tables, key=lambda table: table.relation)


def _opened(lake: Lake) -> tuple[dict[str, DeltaTable], dict[str, str]]:
    """The tables of a lake, and what is wrong with those whose log cannot be read."""
    opened, damaged = {}, {}
    for relation in lake.relations():
        try:
            opened[relation] = lake.open(relation)
        except TableUnreadable as error:
            damaged[relation] = str(error).removeprefix(f"{relation}: ")
    return opened, damaged


def _damage(lake: Lake, relation: str, delta: DeltaTable) -> str | None:
    """The first file of a table that is gone or of another length than its log says; one listing, nothing is read."""
    folder = relation.replace(".", "/", 1).replace("__", "/", 1)
    there = {one["path"]: one["size"] for page in obstore.list(lake.location.store, folder) for one in page}
    for file in files_of(delta).to_pylist():
        found = there.get(f"{folder}/{file['path']}")
        if found is None:
            return f"the file {folder}/{file['path']} is missing"
        if found != file["bytes"]:
            return f"the file {folder}/{file['path']} has {found:,} bytes, {file['bytes']:,} were written"
    return None


def _holdings(delta: DeltaTable) -> tuple[int, int, int, list[str] | None, datetime | None]:
    """Rows, bytes, version, partitions (None where unpartitioned) and last commit of one table."""
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
