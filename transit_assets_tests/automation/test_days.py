"""Schedules, freshness, retries and parallel runs over the days of a domain."""

from datetime import UTC, date, datetime

import dagster as dg
import pyarrow as pa
import pytest

from transit_assets import definitions
from transit_assets.automation import instance
from transit_assets.automation.days import compaction, daily_close
from transit_assets.automation.executor import tagged_in_process_executor
from transit_assets.automation.freshness import recently_exists, yesterday_exists
from transit_assets.automation.partitions import PARIS_DAYS, PARIS_MONTHS
from transit_assets.automation.resources import LakeDuckDBResource, LakeResource
from transit_assets.lake import UTC_INSTANT, Column, Lake, Table
from transit_assets.settings import settings

DAYS_TABLE = Table(
    layer="interim",
    domain="bikes",
    name="anything",
    description="One day.",
    columns=(Column("day", pa.date32(), "Day."), Column("bikes", pa.int32(), "Bikes.")),
    key=("day",),
    partition_by="day",
)


@dg.asset(partitions_def=PARIS_DAYS.definition)
def day() -> None: ...


@dg.asset(partitions_def=PARIS_MONTHS.definition)
def month() -> None: ...


JOB = dg.define_asset_job("days", selection=[day])
MONTHS_JOB = dg.define_asset_job("months", selection=[month])
CLOSE = daily_close("close", JOB, PARIS_DAYS, cron="15 4 * * *")
COMPACT = compaction("compact", JOB, PARIS_DAYS, cron="*/15 * * * *")
CLOSE_MONTH = daily_close("close_month", MONTHS_JOB, PARIS_MONTHS, cron="15 4 * * *")
COMPACT_MONTH = compaction("compact_month", MONTHS_JOB, PARIS_MONTHS, cron="5 * * * *")
REPOSITORY = dg.Definitions(
    assets=[day, month], jobs=[JOB, MONTHS_JOB], schedules=[CLOSE, COMPACT, CLOSE_MONTH, COMPACT_MONTH]
).get_repository_def()


@pytest.mark.parametrize(
    ("schedule", "tick", "expected"),
    [
        pytest.param(CLOSE, "2025-03-31T02:15:00+00:00", "2025-03-30", id="the day of 23 hours is closed"),
        pytest.param(CLOSE, "2025-10-27T03:15:00+00:00", "2025-10-26", id="the day of 25 hours is closed"),
        pytest.param(CLOSE, "2026-01-01T03:15:00+00:00", "2025-12-31", id="the last day of a year is closed"),
        pytest.param(COMPACT, "2025-07-14T21:45:00+00:00", "2025-07-14", id="before midnight in Paris"),
        pytest.param(COMPACT, "2025-07-14T22:00:00+00:00", "2025-07-15", id="midnight in Paris"),
        pytest.param(CLOSE_MONTH, "2025-09-01T02:15:00+00:00", "2025-08-01", id="on the first, the month before"),
        pytest.param(CLOSE_MONTH, "2025-09-02T02:15:00+00:00", "2025-09-01", id="on the second, the running month"),
        pytest.param(COMPACT_MONTH, "2025-08-31T22:05:00+00:00", "2025-09-01", id="a month begins in Paris"),
    ],
)
def test_a_tick_requests_the_day_it_is_for(schedule: dg.ScheduleDefinition, tick: str, expected: str) -> None:
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime.fromisoformat(tick), repository_def=REPOSITORY
    )
    (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.partition_key == expected


@pytest.mark.parametrize(
    ("tick", "expected"),
    [
        pytest.param("2025-09-01T02:15:00+00:00", ["2025-08-01"], id="on the first, the month before"),
        pytest.param("2025-09-02T02:15:00+00:00", ["2025-08-01", "2025-09-01"], id="its last hours may be corrected"),
        # Asked then, the month is complete: see `wanted` of the road's polls.
        pytest.param("2025-09-04T02:15:00+00:00", ["2025-08-01", "2025-09-01"], id="three days after its last hour"),
        pytest.param("2025-09-05T02:15:00+00:00", ["2025-09-01"], id="the look-back has passed"),
    ],
)
def test_a_month_of_the_road_is_asked_for_until_its_last_hours_have_aged(tick: str, expected: list[str]) -> None:
    repository = definitions.build().get_repository_def()
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime.fromisoformat(tick), repository_def=repository
    )
    requests = repository.get_schedule_def("close_road_month").evaluate_tick(context).run_requests or []
    assert [request.partition_key for request in requests] == expected


def test_a_fixed_clock_goes_before_the_tick(city: Lake) -> None:
    tick = datetime(2030, 1, 1, tzinfo=UTC)
    context = dg.build_schedule_context(scheduled_execution_time=tick, repository_def=REPOSITORY)
    (request,) = COMPACT.evaluate_tick(context).run_requests or []
    assert request.partition_key == "2025-10-26"


def rows(*days: str) -> pa.Table:
    return pa.table(
        {"day": [date.fromisoformat(text) for text in days], "bikes": pa.array([1] * len(days), pa.int32())}
    )


@pytest.mark.parametrize(
    ("held", "passed"),
    [
        pytest.param(["2025-10-25"], True, id="yesterday is there"),
        pytest.param(["2025-10-26"], False, id="today alone is not fresh"),
        pytest.param(["2024-10-25", "2025-10-24"], False, id="a backfill of older days is not fresh"),
        pytest.param([], False, id="an empty table"),
    ],
)
def test_a_table_is_fresh_where_yesterday_exists(city: Lake, held: list[str], passed: bool) -> None:
    if held:
        city.table(DAYS_TABLE).replace(rows(*held), held)
    check = yesterday_exists(DAYS_TABLE, PARIS_DAYS)
    result = check(lake=LakeResource(root=city.location.root))
    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed is passed
    assert result.severity == dg.AssetCheckSeverity.WARN


MONTHS_TABLE = Table(
    layer="interim",
    domain="road",
    name="anything",
    description="One hour.",
    columns=(Column("month", pa.date32(), "Month."), Column("hour_start_at", UTC_INSTANT, "Hour.")),
    key=("hour_start_at",),
    partition_by="month",
)


@pytest.mark.parametrize(
    ("hours", "passed"),
    [
        pytest.param(["2025-10-24T22:00:00+00:00"], True, id="the first hour of yesterday in Paris"),
        pytest.param(["2025-10-24T21:00:00+00:00", "2025-10-25T22:00:00+00:00"], False, id="the hours around it"),
        pytest.param([], False, id="an empty table"),
    ],
)
def test_a_table_by_months_is_fresh_where_it_holds_hours_of_yesterday(
    city: Lake, hours: list[str], passed: bool
) -> None:
    if hours:
        instants = pa.array([datetime.fromisoformat(hour) for hour in hours], UTC_INSTANT)
        held = pa.table({"month": pa.array([date(2025, 10, 1)] * len(hours)), "hour_start_at": instants})
        city.table(MONTHS_TABLE).replace(held, ["2025-10-01"])
    check = yesterday_exists(MONTHS_TABLE, PARIS_MONTHS, instant="hour_start_at")
    result = check(lake=LakeResource(root=city.location.root))
    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed is passed


@pytest.mark.parametrize(
    ("hours", "passed"),
    [
        pytest.param(["2025-09-26T12:00:00+00:00"], True, id="thirty days ago"),
        pytest.param(["2025-09-25T12:00:00+00:00"], False, id="one more"),
        pytest.param([], False, id="an empty table"),
    ],
)
def test_a_table_of_a_slow_feed_is_fresh_where_its_last_row_is_young_enough(
    city: Lake, hours: list[str], passed: bool
) -> None:
    if hours:
        instants = pa.array([datetime.fromisoformat(hour) for hour in hours], UTC_INSTANT)
        held = pa.table({"month": pa.array([date(2025, 9, 1)] * len(hours)), "hour_start_at": instants})
        city.table(MONTHS_TABLE).replace(held, ["2025-09-01"])
    check = recently_exists(MONTHS_TABLE, PARIS_MONTHS, "hour_start_at", days=30)
    result = check(lake=LakeResource(root=city.location.root))
    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed is passed


def test_runs_are_tagged_with_their_process(city: Lake) -> None:
    job = dg.Definitions(assets=[day], executor=tagged_in_process_executor).resolve_implicit_global_asset_job_def()
    with instance.opened(settings()) as opened:
        outcome = dg.execute_job(
            dg.reconstructable(_day_job), instance=opened, tags={"dagster/partition": "2025-10-25"}
        )
        assert outcome.success
        run = opened.get_run_by_id(outcome.run_id)
        assert run is not None
        assert run.tags[instance.PROCESS_TAG] == instance.process_tags()[instance.PROCESS_TAG]
    assert job.executor_def.name == "in_process"


def _day_job() -> dg.JobDefinition:
    return dg.Definitions(assets=[day], jobs=[JOB], executor=tagged_in_process_executor).resolve_job_def("days")


@pytest.mark.parametrize(
    ("conflicts_beyond_retries", "succeeds"),
    [pytest.param(0, True, id="the last retry wins"), pytest.param(1, False, id="one more is final")],
)
def test_a_conflict_is_tried_again_until_the_retries_are_spent(
    city: Lake, conflicts_beyond_retries: int, succeeds: bool
) -> None:
    policy = _retry_of(["interim", "bikes", "station_status"])
    conflicts = policy.max_retries + conflicts_beyond_retries
    attempts = []

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=policy.max_retries, delay=0))
    def loser() -> None:
        attempts.append(1)
        if len(attempts) <= conflicts:
            raise RuntimeError("another writer was first")

    outcome = dg.materialize([loser], instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)
    assert outcome.success is succeeds
    assert len(attempts) == policy.max_retries + 1


def _retry_of(key: list[str]) -> dg.RetryPolicy:
    graph = definitions.build().resolve_asset_graph()
    policy = graph.get(dg.AssetKey(key)).assets_def.op.retry_policy
    assert policy is not None
    return policy


def test_a_connection_sees_the_relations_of_the_lake(any_lake: Lake) -> None:
    any_lake.table(DAYS_TABLE).replace(rows("2025-10-25"), ["2025-10-25"])
    resource = LakeDuckDBResource(storage=LakeResource(root=any_lake.location.root))
    with resource.get_connection() as connection:
        assert connection.execute("SELECT count(*) FROM interim.bikes__anything").fetchone() == (1,)


def test_an_asset_of_a_user_asks_for_the_connection_by_its_name(city: Lake) -> None:
    city.table(DAYS_TABLE).replace(rows("2025-10-24", "2025-10-25"), ["2025-10-24", "2025-10-25"])

    @dg.asset
    def counted(duckdb: LakeDuckDBResource) -> dg.MaterializeResult:
        with duckdb.get_connection() as connection:
            found = connection.execute("SELECT count(*) FROM interim.bikes__anything").fetchall()
        return dg.MaterializeResult(metadata={"days": found[0][0]})

    resources = definitions.build().resources
    outcome = dg.materialize([counted], resources=resources, instance=dg.DagsterInstance.ephemeral())
    (materialization,) = outcome.asset_materializations_for_node("counted")
    assert materialization.metadata["days"].value == 2
