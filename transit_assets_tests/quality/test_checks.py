"""The factory in Dagster: partitioned, one evaluation per partition in a range run, blocking or warning."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from transit_assets.lake import Lake
from transit_assets.quality.accounts import accounting_suite, completeness_suite
from transit_assets.quality.checks import suite_check, suite_checks
from transit_assets.quality.cleaned import Cleaned
from transit_assets.quality.load import load
from transit_assets.quality.suites import rows_suite
from transit_assets_tests.quality.conftest import COUNTS, candidates, row
from transit_assets_tests.quality.test_suites import stored

DAYS = dg.DailyPartitionsDefinition("2026-03-01", end_date="2026-03-10")
RANGE = {"dagster/asset_partition_range_start": "2026-03-01", "dagster/asset_partition_range_end": "2026-03-03"}
KEY = dg.AssetKey(["interim", "bikes", "counts"])

SUITES = (
    rows_suite(COUNTS),
    accounting_suite(COUNTS),
    completeness_suite(COUNTS, ("polled_at",), "station_code"),
)


class _LakeResource(dg.ConfigurableResource):
    root: str

    @property
    def lake(self) -> Lake:
        return Lake.at(self.root)


def run(lake: Lake, checks: dg.AssetChecksDefinition, **how: Any) -> dg.ExecuteInProcessResult:
    """A run of the table, its checks and one asset downstream. Day 2 of the table brings mostly broken rows."""

    @dg.asset(key=KEY, partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
    def counts(context: dg.AssetExecutionContext) -> None:
        parts = []
        for day in context.partition_keys:
            bikes = -1 if day.endswith("02") else 1
            rows = candidates(row("1", 1, day=day, bikes=bikes), row("2", 1, day=day, bikes=bikes))
            parts.append(Cleaned(day, rows, rows.num_rows))
        load(lake, COUNTS, parts, run_id=context.run.run_id)

    @dg.asset(deps=[KEY], partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
    def mart() -> None:
        return None

    job = dg.define_asset_job("everything", dg.AssetSelection.all())
    definitions = dg.Definitions(
        [counts, mart], asset_checks=[checks], jobs=[job], resources={"lake": _LakeResource(root=lake.location.root)}
    )
    return definitions.resolve_job_def("everything").execute_in_process(raise_on_error=False, **how)


def verdicts(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str | None], bool]:
    found = result.get_asset_check_evaluations()
    verdicts = {(one.check_name, one.partition): one.passed for one in found}
    assert len(verdicts) == len(found), "a check was evaluated twice on one partition"
    return verdicts


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}


def test_a_range_run_evaluates_each_check_once_per_partition(lake: Lake) -> None:
    result = run(lake, suite_checks(SUITES, partitions_def=DAYS), tags=RANGE)
    assert verdicts(result) == {
        ("rows", "2026-03-01"): True,
        ("rows", "2026-03-02"): True,
        ("rows", "2026-03-03"): True,
        ("accounting", "2026-03-01"): True,
        ("accounting", "2026-03-02"): False,
        ("accounting", "2026-03-03"): True,
        ("completeness", "2026-03-01"): False,
        ("completeness", "2026-03-02"): False,
        ("completeness", "2026-03-03"): False,
    }


def test_a_failing_blocking_check_stops_what_is_downstream_and_a_warning_does_not(lake: Lake) -> None:
    checks = suite_checks(SUITES, partitions_def=DAYS)
    stopped = run(lake, checks, tags=RANGE)
    assert (stopped.success, materialized(stopped)) == (False, {KEY.to_user_string()})
    warned = run(lake, checks, partition_key="2026-03-01")
    assert (warned.success, materialized(warned)) == (True, {KEY.to_user_string(), "mart"})
    severities = {one.check_name: one.severity for one in warned.get_asset_check_evaluations()}
    assert severities == {
        "rows": dg.AssetCheckSeverity.ERROR,
        "accounting": dg.AssetCheckSeverity.ERROR,
        "completeness": dg.AssetCheckSeverity.WARN,
    }


def test_a_refused_partition_fails_its_check_with_the_reason(lake: Lake) -> None:
    result = run(lake, suite_check(accounting_suite(COUNTS), partitions_def=DAYS), partition_key="2026-03-02")
    (evaluation,) = result.get_asset_check_evaluations()
    assert "refused: 2 of 2 rows broke a rule" in str(evaluation.description)
    assert evaluation.blocking


def test_a_failure_carries_counts_unexpected_values_and_a_sample(lake: Lake) -> None:
    lake.table(COUNTS).replace(stored(COUNTS, row("1", 1, bikes=-3), row("2", 1)), ["2026-03-01"])
    checks = suite_check(rows_suite(COUNTS), partitions_def=DAYS)
    job = dg.Definitions(
        [dg.AssetSpec(KEY, partitions_def=DAYS)],
        asset_checks=[checks],
        jobs=[dg.define_asset_job("check", dg.AssetSelection.all_asset_checks())],
        resources={"lake": _LakeResource(root=lake.location.root)},
    ).resolve_job_def("check")
    result = job.execute_in_process(tags={"dagster/partition": "2026-03-01"}, raise_on_error=False)
    (evaluation,) = result.get_asset_check_evaluations()
    metadata = {name: value.value for name, value in evaluation.metadata.items()}
    assert (metadata["rows"], metadata["failing_rows"], metadata["failed_expectations"]) == (2, 1, 1)
    (failure,) = evaluation.metadata["failures"].records
    assert failure.data == {"expectation": "bikes_bounds", "failing_rows": 1, "unexpected": "-3"}
    assert evaluation.metadata["sample"].records[0].data["bikes"] == -3


def test_the_ledger_keeps_every_evaluation(lake: Lake) -> None:
    result = run(lake, suite_checks(SUITES, partitions_def=DAYS), tags=RANGE)
    found = {(one.check_name, one.partition): one for one in lake.ledger.latest_checks()}
    assert {key: one.has_passed for key, one in found.items()} == verdicts(result)
    refused = found["accounting", "2026-03-02"]
    assert (refused.run_id, refused.is_blocking, refused.failing_rows) == (result.run_id, True, 1)
    assert refused.details["observed"]["quarantined_rows"] == 2
    assert list(refused.details["failed"]) == ["is_accepted"]


def test_one_check_started_by_hand_looks_at_the_last_partition(lake: Lake) -> None:
    checks = suite_checks(SUITES, partitions_def=DAYS)
    lake.table(COUNTS).replace(stored(COUNTS, row("1", 1), row("1", 1, day="2026-03-04")), ["2026-03-01", "2026-03-04"])
    job = dg.Definitions(
        [dg.AssetSpec(KEY, partitions_def=DAYS)],
        asset_checks=[checks],
        jobs=[dg.define_asset_job("one", dg.AssetSelection.checks(dg.AssetCheckKey(KEY, "rows")))],
        resources={"lake": _LakeResource(root=lake.location.root)},
    ).resolve_job_def("one")
    result = job.execute_in_process()
    assert verdicts(result) == {("rows", "2026-03-04"): True}


def test_suites_of_two_tables_do_not_share_a_step() -> None:
    from dataclasses import replace

    other = rows_suite(replace(COUNTS, name="other"))
    with pytest.raises(ValueError, match="too many values"):
        suite_checks([rows_suite(COUNTS), other])


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level("ERROR", logger="dagster"):
        yield
