"""A backfill of one run per day, by Dagster's own queue and launcher, leaves what one run of all days leaves."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from transit_assets.automation import instance, runs
from transit_assets.catalog import TABLES
from transit_assets.dbt_lake import manifest_path, mart_tables
from transit_assets.lake import Lake
from transit_assets.settings import CHECKOUT, settings

FIRST, LAST = date(2025, 10, 24), date(2025, 10, 26)  # the last is a day of 25 hours, and today
DAYS = ("2025-10-24", "2025-10-25", "2025-10-26")
JOB = "build_bikes_days"
WORKSPACE = str(CHECKOUT / "workspace.yaml")
DEADLINE_SECONDS = 300  # for a run that never ends
BUILT = [
    table for table in (*TABLES, *mart_tables()) if table.layer in ("interim", "processed") and table.domain == "bikes"
]


def content(lake: Lake) -> dict[str, pa.Table]:
    return {table.relation: lake.table(table).read() for table in BUILT}


@pytest.fixture
def landed(city: Lake, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """The lake of the settings, in which three days have landed and nothing is built."""
    monkeypatch.setenv("TRANSIT_SIMULATOR_POLL_MINUTES", "20")  # polls further apart leave the marts without statistics
    settings.cache_clear()
    assert runs.materialize(["bikes"], FIRST, LAST, ("raw",)).is_ok
    manifest_path()  # else each run's process would parse the dbt project, each waiting for none
    return city


@pytest.fixture
def by_one_run(landed: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A copy of what has landed, built by one run of the whole range."""
    copy = Lake.at(tmp_path / "by one run")
    shutil.copytree(landed.location.root, copy.location.root)
    with monkeypatch.context() as patch:
        patch.setenv("TRANSIT_LAKE", copy.location.root)
        settings.cache_clear()
        assert runs.materialize(["bikes"], FIRST, LAST, ("interim", "processed")).is_ok
    settings.cache_clear()
    return copy


def backfill(opened: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Queue one run for each day. A backfill asked for in the UI is one run of a range: the assets have that policy."""
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("dagster"), "job", "backfill", "--workspace", WORKSPACE),
            *("--job", JOB, "--partitions", ",".join(DAYS), "--noprompt"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return opened.get_runs(dg.RunsFilter(job_name=JOB))


def wait_for(opened: dg.DagsterInstance, *statuses: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
    """The runs of the backfill, once each of them has one of these."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        found = opened.get_runs(dg.RunsFilter(job_name=JOB))
        if all(run.status in statuses for run in found):
            return found
        assert time.monotonic() < deadline, [run.status for run in found]
        time.sleep(0.5)


@contextmanager
def held(opened: dg.DagsterInstance, pool: str) -> Iterator[None]:
    """Hold the only slot of a pool."""
    storage = opened.event_log_storage
    storage.initialize_concurrency_limit_to_default(pool)
    assert storage.claim_concurrency_slot(pool, "held", "held").is_claimed
    yield
    storage.free_concurrency_slots_for_run("held")


@pytest.mark.filterwarnings("ignore")
def test_three_runs_at_once_leave_what_one_run_of_all_days_leaves(landed: Lake, by_one_run: Lake) -> None:
    with (
        instance.opened(settings()) as opened,
        WorkspaceProcessContext(opened, WorkspaceFileTarget([WORKSPACE])) as context,
    ):
        queued = backfill(opened)
        assert sorted(run.tags["dagster/partition"] for run in queued) == list(DAYS)
        daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)
        with held(opened, "dbt"):  # none can end before all have started
            list(daemon.run_iteration(context))
            started = wait_for(opened, dg.DagsterRunStatus.STARTED)
            assert len({run.tags.get(instance.PROCESS_TAG) for run in started}) == len(DAYS)
        ended = wait_for(opened, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
        assert {run.status for run in ended} == {dg.DagsterRunStatus.SUCCESS}

    apart, whole = content(landed), content(by_one_run)
    for table in BUILT:
        if table.partition_by:
            assert apart[table.relation].equals(whole[table.relation]), table.relation
    refreshed = runs.materialize(["bikes"], steps=("interim", "processed"))
    assert refreshed.is_ok
    assert refreshed.built == {}
    apart = content(landed)
    assert {relation for relation, rows in apart.items() if not rows.equals(whole[relation])} == set()
    assert all(rows.num_rows for rows in apart.values())
