"""What the tests of a dbt run found, in the lake's own ledger: whoever runs `dbt build`, `transit status` shows it.

A test of a table with partitions counts for each one of the run, so that no other one's result hides it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from transit_assets.dbt_lake.commit import Run, known_partitions
from transit_assets.dbt_lake.marts import mart_tables, source_tables
from transit_assets.lake import CheckResult, Lake, Table

if TYPE_CHECKING:
    from dbt.artifacts.schemas.results import NodeResult


@dataclass(frozen=True)
class TestResult:
    """One data test or unit test of a build; `relation` is the one it stands by."""

    name: str
    unique_id: str
    relation: str | None
    has_passed: bool
    is_blocking: bool
    failing_rows: int
    seconds: float
    message: str | None


def tests_of(results: Sequence["NodeResult"]) -> tuple[TestResult, ...]:
    """The tests among the results of a dbt run."""
    tables = _tables()
    return tuple(_test(result, tables) for result in results if result.node.resource_type in ("test", "unit_test"))


def record_tests(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    tests: Sequence[TestResult],
    sources: Mapping[str, Sequence[str]],
) -> None:
    """Put the tests of a run into the ledger, a row for each partition of it; after its commit, whose rows they judge.

    `sources` names the relations that each mart of the run reads. Tests of what the lake does not store are left out.
    """
    tables = _tables().values()
    partitions = {
        table.relation: _partitions(connection, run, table, sources.get(table.relation, ())) for table in tables
    }
    lake.ledger.record_checks(
        [
            CheckResult(
                check_name=test.name,
                relation=test.relation,
                partition=partition,
                is_blocking=test.is_blocking,
                has_passed=test.has_passed,
                failing_rows=test.failing_rows,
                details={"message": test.message},
                run_id=run.run_id,
            )
            for test in tests
            if test.relation
            for partition in partitions[test.relation]
        ]
    )


def _partitions(
    connection: duckdb.DuckDBPyConnection, run: Run, table: Table, sources: Sequence[str]
) -> Sequence[str | None]:
    """Partitions of a table that the run was about, also those without rows now; None for a table without any."""
    if table.partition_by is None:
        return [None]
    return sorted(run.partitions(table, known_partitions(connection, run, table, sources)))


def _test(result: "NodeResult", tables: Mapping[str, Table]) -> TestResult:
    node: Any = result.node
    is_warning = node.resource_type == "test" and str(node.config.severity).lower() == "warn"
    stands_by = getattr(node, "attached_node", None) or next(iter(node.depends_on.nodes), "")
    table = tables.get(stands_by.rsplit(".", 1)[-1])
    return TestResult(
        name=node.name,
        unique_id=node.unique_id,
        relation=table.relation if table else None,
        has_passed=str(result.status) == "pass",
        is_blocking=not is_warning,
        failing_rows=result.failures or 0,
        seconds=result.execution_time,
        message=result.message,
    )


def _tables() -> dict[str, Table]:
    """What dbt reads and builds of the lake, by the name that ends a dbt id: `model.transit_assets.<name>`."""
    return {table.identifier: table for table in (*source_tables(), *mart_tables())}
