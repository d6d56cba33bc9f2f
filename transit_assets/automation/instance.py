"""The Dagster instance: where it lives, how it is configured, and what is cleared up when it starts.

It lives in `TRANSIT_DAGSTER_HOME`, by default in `_dagster` inside a folder lake. Its configuration is
`dagster.yaml` of the checkout, with the storage of `dagster.postgres.yaml` where `TRANSIT_POSTGRES_URL`
is set, and with compute logs beside a lake on S3. Every run carries the process that executes it as a
tag, so that a run whose process was killed from outside is recognised and closed at the next start.
"""

import logging
import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import yaml
from filelock import FileLock

from transit_assets.settings import CHECKOUT, Settings

PROCESS_TAG = "transit/process"

_RUNNING = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_log = logging.getLogger(__name__)


class InstanceHomeMissing(Exception):
    """A lake on S3 has no folder for the Dagster instance."""


def home(configured: Settings) -> Path:
    """The folder of the instance. Raises InstanceHomeMissing for a lake on S3 without `TRANSIT_DAGSTER_HOME`."""
    if configured.dagster_home is not None:
        return configured.dagster_home.resolve()
    if configured.lake.startswith("s3://"):
        raise InstanceHomeMissing(
            f"the lake {configured.lake} is on S3: set TRANSIT_DAGSTER_HOME to a local folder for the Dagster instance"
        )
    return Path(configured.lake).resolve() / "_dagster"


def prepare(configured: Settings) -> Path:
    """Create the instance's folder with its configuration, and point this process and its children at it."""
    folder = home(configured)
    folder.mkdir(parents=True, exist_ok=True)
    if configured.postgres_url is not None:  # may come from `.env`, where Dagster's own processes do not look
        os.environ["TRANSIT_POSTGRES_URL"] = configured.postgres_url.get_secret_value()
    text = yaml.safe_dump(configuration(configured), sort_keys=False)
    target = folder / "dagster.yaml"
    if not target.exists() or target.read_text() != text:
        beside = folder / f"dagster.yaml.{os.getpid()}"
        beside.write_text(text)
        beside.replace(target)
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def configuration(configured: Settings) -> dict[str, Any]:
    """What `dagster.yaml` says for these settings; secrets stay names of environment variables."""
    parts = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text())
    if configured.postgres_url is not None:
        parts |= yaml.safe_load((CHECKOUT / "dagster.postgres.yaml").read_text())
    if configured.lake.startswith("s3://"):
        bucket, _, prefix = configured.lake.removeprefix("s3://").partition("/")
        parts["compute_logs"] = {
            "module": "dagster_aws.s3.compute_log_manager",
            "class": "S3ComputeLogManager",
            "config": {"bucket": bucket, "prefix": f"{prefix}/_dagster".lstrip("/"), "skip_empty_files": True},
        }
    return parts


@contextmanager
def fewer_disk_syncs() -> Iterator[None]:
    """While it lasts, SQLite commits of this process wait for the disk only when their log is folded in.

    Dagster commits five times for each materialized day, over connections that live for one statement, and the last
    one to close folds the log in: 90 ms a day on a busy disk. In this mode nothing is lost when a process dies, and
    the file stays whole when the power goes. Each of those connections has an engine of its own, whose statements
    would be compiled anew; engines of one file share the compiled ones.
    """
    from sqlalchemy import Connection, Dialect, Engine, event
    from sqlalchemy.util import LRUCache

    held: dict[str, sqlite3.Connection] = {}
    dialects: dict[str, Dialect] = {}
    compiled: LRUCache = LRUCache(500)

    def share_compiled(connection: Connection) -> None:
        if connection.dialect.name != "sqlite":
            return
        # What is compiled is found again by the dialect object, too.
        connection.dialect = dialects.setdefault(str(connection.engine.url), connection.dialect)
        connection.execution_options(compiled_cache=compiled)

    def connected(connection: Any, _: Any) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        connection.execute("PRAGMA synchronous = NORMAL")
        path = connection.execute("PRAGMA database_list").fetchone()[2]
        if path and path not in held:
            held[path] = sqlite3.connect(path, check_same_thread=False)
        if path:  # a look takes hold of the log, once Dagster has switched the file to it
            held[path].execute("SELECT count(*) FROM sqlite_master").fetchone()

    event.listen(Engine, "connect", connected)
    event.listen(Engine, "engine_connect", share_compiled)
    try:
        yield
    finally:
        event.remove(Engine, "connect", connected)
        event.remove(Engine, "engine_connect", share_compiled)
        for connection in held.values():
            connection.close()


@contextmanager
def opened(configured: Settings) -> Iterator[dg.DagsterInstance]:
    """The prepared instance, with the leftovers of killed runs cleared away."""
    folder = prepare(configured)
    with fewer_disk_syncs(), ExitStack() as stack:
        # Dagster creates its SQLite files without a lock: two first starts at once left them broken for good.
        with FileLock(folder / "start.lock"):
            instance = stack.enter_context(dg.DagsterInstance.from_config(str(folder)))
            instance.all_instigator_state()  # creates the last of them
            reconcile(instance)
        yield instance


def process_tags() -> Mapping[str, str]:
    """The tag that says which process on which host executes a run."""
    process = psutil.Process()
    return {PROCESS_TAG: f"{socket.gethostname()}:{process.pid}:{process.create_time():.0f}"}


def reconcile(instance: dg.DagsterInstance) -> list[str]:
    """Close the runs of this host whose process is gone, and free the pool slots of every run that ended.

    Runs of other hosts are left to the next start there, and to the longest time that `dagster.yaml` gives a run:
    containers that come and go need a host name that stays. Returns the ids of the closed runs.
    """
    closed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_RUNNING)):
        if not _is_abandoned(run):
            continue
        message = f"The process of this run ({run.tags[PROCESS_TAG]}) ended without reporting back."
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message)
        else:
            instance.report_run_failed(run, message)
        _log.warning("run %s was killed from outside; closed", run.run_id)
        closed.append(run.run_id)
    _free_slots(instance)
    return closed


def _is_abandoned(run: dg.DagsterRun) -> bool:
    tag = run.tags.get(PROCESS_TAG)
    if tag is None:
        return False
    host, pid, created = tag.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        # A process id is used again; the same id with another start is another process.
        return abs(process.create_time() - float(created)) > 2 or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _free_slots(instance: dg.DagsterInstance) -> None:
    """Free what ended runs still hold or wait for."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    holders = storage.get_concurrency_run_ids()
    if not holders:
        return
    unended = {
        run.run_id for run in instance.get_runs(dg.RunsFilter(run_ids=list(holders))) if run.status not in _ENDED
    }
    for run_id in holders - unended:
        storage.free_concurrency_slots_for_run(run_id)
