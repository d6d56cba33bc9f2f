"""The Dagster instance: where it lives, how it is configured, and what a killed run leaves behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
import yaml
from sqlalchemy import NullPool, create_engine, literal, select

from transit_assets.automation import instance as automation
from transit_assets.settings import Settings

# A job that holds the only slot of a pool until it is killed.
_HOLDER = """
import sys, time
import dagster as dg
from transit_assets.automation.instance import process_tags

@dg.asset(pool="scarce")
def holder() -> None:
    time.sleep(120)

with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    job = dg.Definitions(assets=[holder]).resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=instance, tags=process_tags())
"""


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")  # prepare() sets it; the test puts back what was there


@pytest.fixture
def configured(tmp_path: Path) -> Settings:
    return Settings(lake=str(tmp_path / "lake"), _env_file=None)


def test_the_instance_lives_in_a_folder_lake(configured: Settings, tmp_path: Path) -> None:
    folder = automation.prepare(configured)
    assert folder == tmp_path / "lake" / "_dagster"
    assert os.environ["DAGSTER_HOME"] == str(folder)


def test_a_setting_moves_the_instance(tmp_path: Path) -> None:
    configured = Settings(lake="s3://bucket/city", dagster_home=tmp_path / "elsewhere", _env_file=None)
    assert automation.prepare(configured) == tmp_path / "elsewhere"


def test_a_lake_on_s3_needs_a_home_for_the_instance() -> None:
    with pytest.raises(automation.InstanceHomeMissing, match="TRANSIT_DAGSTER_HOME"):
        automation.home(Settings(lake="s3://bucket/city", _env_file=None))


def test_sqlite_is_the_default_and_telemetry_is_off(configured: Settings) -> None:
    with automation.opened(configured) as instance:
        assert "Sqlite" in type(instance.event_log_storage).__name__
        assert instance.telemetry_enabled is False
        assert instance.run_retries_enabled
        assert instance.run_monitoring_enabled


def test_postgresql_comes_from_the_environment(configured: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSIT_POSTGRES_URL", "")  # prepare() sets it; the test puts back what was there
    secret = "postgresql://transit:hunter2@127.0.0.1/dagster"
    with_postgres = configured.model_copy(update={"postgres_url": Settings(postgres_url=secret).postgres_url})
    folder = automation.prepare(with_postgres)
    text = (folder / "dagster.yaml").read_text()
    assert yaml.safe_load(text)["storage"] == {"postgres": {"postgres_url": {"env": "TRANSIT_POSTGRES_URL"}}}
    assert "hunter2" not in text
    assert os.environ["TRANSIT_POSTGRES_URL"] == secret


def test_compute_logs_of_a_lake_on_s3_go_beside_it(tmp_path: Path) -> None:
    configured = Settings(lake="s3://bucket/city", dagster_home=tmp_path, _env_file=None)
    logs = automation.configuration(configured)["compute_logs"]
    assert (logs["class"], logs["config"]["bucket"], logs["config"]["prefix"]) == (
        "S3ComputeLogManager",
        "bucket",
        "city/_dagster",
    )


@pytest.fixture
def killed(configured: Settings) -> Path:
    """The home of an instance in which a run was killed while it held the only slot of a pool."""
    folder = automation.prepare(configured)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        process = subprocess.Popen([sys.executable, "-c", _HOLDER, str(folder)], stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while not instance.event_log_storage.get_concurrency_run_ids():
                assert process.poll() is None, "the run ended before it took its slot"
                assert time.monotonic() < deadline, "the run never took its slot"
                time.sleep(0.2)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    return folder


def test_a_killed_run_is_closed_and_its_slot_freed_at_the_next_start(killed: Path) -> None:
    with dg.DagsterInstance.from_config(str(killed)) as instance:
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.STARTED
        assert automation.reconcile(instance) == [run.run_id]
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.FAILURE
        assert instance.event_log_storage.get_concurrency_run_ids() == set()

        @dg.asset(pool="scarce")
        def successor() -> None: ...

        job = dg.Definitions(assets=[successor]).resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=instance).success
        assert automation.reconcile(instance) == []


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param(lambda: automation.process_tags()[automation.PROCESS_TAG], id="alive"),
        pytest.param(lambda: "another-host:1:0", id="on another host"),
    ],
)
def test_a_run_that_may_be_alive_is_left_alone(configured: Settings, tag: object) -> None:
    with automation.opened(configured) as instance:
        run = instance.create_run_for_job(
            _job(),
            status=dg.DagsterRunStatus.STARTED,
            tags={automation.PROCESS_TAG: tag()},  # type: ignore[operator]
        )
        assert automation.reconcile(instance) == []
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.STARTED  # type: ignore[union-attr]


def test_a_process_id_used_again_by_another_process_does_not_keep_a_run_alive(configured: Settings) -> None:
    host, pid, _ = automation.process_tags()[automation.PROCESS_TAG].rsplit(":", 2)
    with automation.opened(configured) as instance:
        run = instance.create_run_for_job(
            _job(), status=dg.DagsterRunStatus.STARTED, tags={automation.PROCESS_TAG: f"{host}:{pid}:1"}
        )
        assert automation.reconcile(instance) == [run.run_id]


def _job() -> dg.JobDefinition:
    @dg.asset
    def anything() -> None: ...

    return dg.Definitions(assets=[anything]).resolve_implicit_global_asset_job_def()


def test_engines_of_one_file_share_their_compiled_statements(tmp_path: Path) -> None:
    hits = []
    with automation.fewer_disk_syncs():
        for number in range(3):
            engine = create_engine(f"sqlite:///{tmp_path / 'events.db'}", poolclass=NullPool)
            with engine.connect() as connection:
                found = connection.execute(select(literal(number)))
                hits.append((found.scalar(), found.context.cache_hit.name))
    assert hits == [(0, "CACHE_MISS"), (1, "CACHE_HIT"), (2, "CACHE_HIT")]
