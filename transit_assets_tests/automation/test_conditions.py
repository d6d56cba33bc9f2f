"""When tables downstream follow: a late day, a failed blocking check, a backfill."""

from collections.abc import Iterator

import dagster as dg
import pytest

from transit_assets.automation.conditions import FOLLOWS_AT_REST, follows_its_day
from transit_assets.quality.checks import judged_materialization

DAYS = dg.DailyPartitionsDefinition("2025-01-01", end_date="2025-01-11")
PASSED: dict[str, bool] = {}


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def clean() -> None: ...


@dg.multi_asset_check(specs=[dg.AssetCheckSpec("counts", asset=clean, blocking=True, partitions_def=DAYS)])
def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.Output | dg.AssetCheckEvaluation]:
    yield dg.Output(None, output_name="clean_counts")
    for day in context.partition_keys:
        yield dg.AssetCheckEvaluation(
            clean.key,
            "counts",
            PASSED.get(day, True),
            {},
            partition=day,
            blocking=True,
            target_materialization_data=judged_materialization(context.instance, clean.key, day),
        )


@dg.asset(partitions_def=DAYS, deps=[clean], automation_condition=follows_its_day(dg.AssetSelection.assets()))
def mart() -> None: ...


@dg.asset(deps=[clean], automation_condition=FOLLOWS_AT_REST)
def table() -> None: ...


DEFINITIONS = dg.Definitions(assets=[clean, mart, table], asset_checks=[checks])


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    PASSED.clear()
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def build(instance: dg.DagsterInstance, first: str, last: str | None = None) -> None:
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last or first}
    job = DEFINITIONS.resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=instance, asset_selection=[clean.key], tags=tags, raise_on_error=False)


class Ticks:
    """Evaluations one after the other, each from where the last one stood."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._cursor = None

    def next(self) -> tuple[set[str], bool]:
        """The days of the mart that are requested, and whether the table is."""
        found = dg.evaluate_automation_conditions(DEFINITIONS, self._instance, cursor=self._cursor)
        self._cursor = found.cursor
        return set(found.get_requested_partitions(mart.key)), found.get_num_requested(table.key) > 0


def test_a_late_day_is_followed_and_no_other(instance: dg.DagsterInstance) -> None:
    ticks = Ticks(instance)
    ticks.next()
    build(instance, "2025-01-02")
    assert ticks.next() == ({"2025-01-02"}, True)
    assert ticks.next() == (set(), False)


def test_a_backfill_is_followed_day_by_day_and_once_by_tables(instance: dg.DagsterInstance) -> None:
    ticks = Ticks(instance)
    ticks.next()
    build(instance, "2025-01-03", "2025-01-06")
    assert ticks.next() == ({f"2025-01-0{day}" for day in (3, 4, 5, 6)}, True)


def test_a_day_that_failed_a_blocking_check_waits_until_it_passes(instance: dg.DagsterInstance) -> None:
    ticks = Ticks(instance)
    ticks.next()
    PASSED["2025-01-04"] = False
    build(instance, "2025-01-03", "2025-01-04")
    assert ticks.next()[0] == {"2025-01-03"}
    PASSED.clear()
    build(instance, "2025-01-04")
    assert ticks.next()[0] == {"2025-01-04"}
