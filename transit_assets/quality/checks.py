"""The factory that turns suites into Dagster asset checks: blocking or warning, partitioned.

Checks of one table share one step, so that a run pays for Great Expectations once. A run over a range of
partitions logs one evaluation per partition and check; the ledger keeps them all.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from transit_assets.lake import Lake, Table
from transit_assets.quality.evaluate import Evaluation, evaluate
from transit_assets.quality.suites import Suite
from transit_assets.settings import settings


def suite_checks(
    suites: Sequence[Suite],
    *,
    partitions_def: dg.PartitionsDefinition | None = None,
    name: str | None = None,
    pool: str | None = None,
    after: Sequence[Table] = (),
) -> dg.AssetChecksDefinition:
    """Asset checks of one table, one for each suite. They need the resource `lake`, whose `lake` is a `Lake`.

    `after` names other tables that a suite reads: in one run the checks wait for them.
    A partition on which a blocking check fails stops the run's assets downstream; its evaluations are kept.
    """
    (table,) = {suite.table.relation: suite.table for suite in suites}.values()

    @dg.multi_asset_check(
        name=name or f"{table.layer}__{table.identifier}__checks",
        specs=[
            dg.AssetCheckSpec(
                suite.name,
                asset=list(table.asset_key),
                description=_described(suite),
                blocking=suite.is_blocking,
                partitions_def=partitions_def,
                additional_deps=[list(other.asset_key) for other in after],
                metadata={"expectations": len(suite.expectations)},
            )
            for suite in suites
        ],
        can_subset=True,
        required_resource_keys={"lake"},
        pool=pool,
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.Output | dg.AssetCheckEvaluation]:
        lake: Lake = context.resources.lake.lake
        asset_key = dg.AssetKey(list(table.asset_key))
        partitions = _partitions(context, lake, table)
        selected = {key.name for key in context.selected_asset_check_keys}
        evaluations = [
            evaluation
            for suite in suites
            if suite.name in selected
            for evaluation in evaluate(lake, suite, partitions, now=settings().clock())
        ]
        lake.ledger.record_checks([evaluation.result(context.run.run_id) for evaluation in evaluations])
        for suite_name in selected:
            spec = dg.AssetCheckSpec(suite_name, asset=asset_key)
            yield dg.Output(None, output_name=spec.get_python_identifier())
        for evaluation in evaluations:
            yield _reported(
                evaluation, asset_key, judged_materialization(context.instance, asset_key, evaluation.partition)
            )

    return checks


def suite_check(
    suite: Suite, *, partitions_def: dg.PartitionsDefinition | None = None, name: str | None = None
) -> dg.AssetChecksDefinition:
    """One asset check, of one suite."""
    return suite_checks([suite], partitions_def=partitions_def, name=name)


def _partitions(context: dg.AssetCheckExecutionContext, lake: Lake, table: Table) -> list[str]:
    """The partitions of the run; of a run without any (a check started by hand), the last one that the table holds."""
    if not table.partition_by:
        return []
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    return lake.table(table).partitions()[-1:]


def _described(suite: Suite) -> str:
    expectations = "\n".join(f"- {expectation.description}" for expectation in suite.expectations)
    return f"{suite.description}\n\n{expectations}"


def judged_materialization(
    instance: dg.DagsterInstance, asset_key: dg.AssetKey, partition: str | None
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """The materialization that an evaluation judges; without it no automation condition counts a check as passed."""
    wanted = dg.AssetRecordsFilter(asset_key=asset_key, asset_partitions=[partition] if partition else None)
    for record in instance.fetch_materializations(wanted, limit=1).records:
        return AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
    return None


def _reported(
    evaluation: Evaluation, asset_key: dg.AssetKey, judged: AssetCheckEvaluationTargetMaterializationData | None
) -> dg.AssetCheckEvaluation:
    suite = evaluation.suite
    return dg.AssetCheckEvaluation(
        asset_key=asset_key,
        check_name=suite.name,
        passed=evaluation.has_passed,
        severity=dg.AssetCheckSeverity.ERROR if suite.is_blocking else dg.AssetCheckSeverity.WARN,
        blocking=suite.is_blocking,
        partition=evaluation.partition,
        description=evaluation.summary,
        metadata=_metadata(evaluation),
        target_materialization_data=judged,
    )


def _metadata(evaluation: Evaluation) -> dict[str, Any]:
    """Counts, what was observed, unexpected values and a sample of the rows that fail."""
    metadata: dict[str, Any] = {
        "rows": evaluation.rows,
        "expectations": len(evaluation.suite.expectations),
        "failed_expectations": len(evaluation.failures),
        "failing_rows": evaluation.failing_rows,
    }
    if evaluation.observed:
        metadata["observed"] = _table([evaluation.observed])
    if evaluation.failures:
        metadata["failures"] = _table(
            [
                {
                    "expectation": failure.expectation.name,
                    "failing_rows": failure.failing_rows,
                    "unexpected": ", ".join(str(value) for value in failure.unexpected),
                }
                for failure in evaluation.failures
            ]
        )
        metadata["sample"] = _table(evaluation.sample)
    return metadata


def _table(rows: Sequence[dict[str, Any]]) -> dg.MetadataValue:
    cells = [
        {name: value if isinstance(value, str | int | float | bool) else str(value) for name, value in row.items()}
        for row in rows
    ]
    columns = [dg.TableColumn(name, "text") for name in cells[0]]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in cells], dg.TableSchema(columns))
