"""dbt from Python: the manifest, prepared ahead, and a build of a range of days.

Starting dbt costs seconds and a Delta commit milliseconds, so a range of days is one invocation.
dbt keeps global state: one build at a time in a process, over a connection of its own.
"""

import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transit_assets.dbt_lake.marts import PROJECT
from transit_assets.dbt_lake.tested import TestResult, tests_of
from transit_assets.lake import Lake
from transit_assets.lake.ledger import LOADS

if TYPE_CHECKING:
    from dbt.artifacts.schemas.results import NodeResult
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

_PARSED = "partial_parse.msgpack"
_PREPARED = (_PARSED, "manifest.json")
_LEAN = ("--log-level-file", "none", "--no-write-json", "--no-populate-cache")  # nothing here reads what these make
_PASSED = {"success", "pass", "warn"}
_one_at_a_time = threading.Lock()
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MartResult:
    """One mart of a build. `rows` are those committed, by partition; by None for a mart without any."""

    relation: str
    is_committed: bool
    seconds: float
    message: str | None
    version: int | None
    rows: dict[str | None, int]


@dataclass(frozen=True)
class BuildResult:
    """What a build did; `error` says in one sentence why it did not pass."""

    has_passed: bool
    error: str | None
    marts: tuple[MartResult, ...]
    tests: tuple[TestResult, ...]
    run_id: str


def build(
    lake: Lake,
    from_day: str | None = None,
    to_day: str | None = None,
    select: Sequence[str] = (),
    *,
    variables: dict[str, Any] | None = None,
    run_id: str | None = None,
    log: Callable[[str], None] | None = None,
) -> BuildResult:
    """`dbt build` of the days from `from_day` to `to_day`, both inclusive (`2025-09-08`; None: all days).

    A mart by month builds the months that hold these days, whole.

    `select` takes dbt selectors such as `bikes__station_daily`; `log` is given each line that dbt would print.
    A failed test is a result, not an exception: then no mart is committed. The ledger has the tests as those of
    `run_id`, or of dbt's own run where it is None.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner
    from dbt_common.invocation import get_invocation_id

    given = {"from_day": from_day, "to_day": to_day, "tested_by": run_id} | (variables or {})
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="transit-assets-dbt-") as target, _lake_of_dbt(lake):
        arguments = ["--quiet", "build", *_places(target), "--vars", json.dumps(given), *_LEAN]
        arguments += ["--select", *select] if select else []
        # A connection left by an earlier build would show the lake as it was then.
        DuckDBConnectionManager.close_all_connections()
        try:
            outcome = dbtRunner(_manifest(), [_listener(log)] if log else None).invoke(arguments)
            invocation_id = get_invocation_id()
        finally:
            DuckDBConnectionManager.close_all_connections()
    return _result(lake, outcome, invocation_id)


def manifest_path() -> Path:
    """The project's manifest, parsed again where the project has changed. Safe in several processes at once.

    Where dbt's target folder cannot be written, as in a checkout that is read-only, it is parsed for this process
    alone. Raises RuntimeError with dbt's own words where the project does not parse.
    """
    name = f"prepared-{_fingerprint()}"
    target = Path(os.environ.get("DBT_TARGET_PATH", PROJECT / "target"))
    if not _is_prepared(target / name):
        target = _writable(target)
    if not _is_prepared(target / name):
        _parse_into(target / name)
    return target / name / "manifest.json"


def _is_prepared(folder: Path) -> bool:
    return all((folder / name).exists() for name in _PREPARED)


def _writable(target: Path) -> Path:
    """The folder, created where it is missing; one of this process where it cannot be written."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=target).close()
    except OSError as error:
        _warn_unwritable(str(target), error.strerror or type(error).__name__)
        return Path(_of_this_process().name)
    return target


@cache
def _warn_unwritable(target: str, reason: str) -> None:
    _log.warning(
        "dbt's target folder %s cannot be written (%s): each process parses the dbt project for itself, "
        "which costs seconds; DBT_TARGET_PATH names another folder",
        target,
        reason,
    )


@cache
def _of_this_process() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes with the process."""
    return tempfile.TemporaryDirectory(prefix="transit-assets-dbt-")


def _parse_into(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".parsing-") as target:
        dbt = Path(sys.executable).with_name("dbt")
        done = subprocess.run(  # noqa: S603  # a process of its own: parsing leaves dbt's global state behind
            [dbt, "--no-use-colors", "parse", *_places(target), "--log-level-file", "none"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the dbt project does not parse: {done.stdout.strip() or done.stderr.strip()}")
        folder.mkdir(exist_ok=True)
        for name in _PREPARED:
            (Path(target) / name).replace(folder / name)


def _manifest() -> "Manifest":
    """The prepared manifest as dbt holds it: parsing for each build would cost as much as building a month."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    packed = (manifest_path().parent / _PARSED).read_bytes()
    manifest = Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)
    manifest.build_flat_graph()
    return manifest


def _places(target: str) -> list[str]:
    return ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", target]


def _fingerprint() -> str:
    """Hash over the files that dbt parses, and its version."""
    digest = hashlib.sha256(version("dbt-core").encode())
    for path in sorted(PROJECT.rglob("*")):
        if path.suffix in {".sql", ".yml", ".md", ".csv"} and not {"target", "logs"} & set(path.parts):
            digest.update(str(path.relative_to(PROJECT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@contextmanager
def _lake_of_dbt(lake: Lake) -> Iterator[None]:
    """The profile finds the lake in the environment."""
    before = os.environ.get("TRANSIT_LAKE")
    os.environ["TRANSIT_LAKE"] = lake.location.root
    try:
        yield
    finally:
        if before is None:
            del os.environ["TRANSIT_LAKE"]
        else:
            os.environ["TRANSIT_LAKE"] = before


def _listener(log: Callable[[str], None]) -> Callable[[Any], None]:
    def listen(event: Any) -> None:
        if event.info.level in {"info", "warn", "error"} and event.info.msg.strip():
            log(event.info.msg)

    return listen


def _result(lake: Lake, outcome: "dbtRunnerResult", run_id: str) -> BuildResult:
    results = getattr(outcome.result, "results", [])
    committed = _committed(lake, run_id)
    failed = [result for result in results if str(result.status) not in _PASSED]
    error = str(outcome.exception) if outcome.exception else None
    if error is None and failed:
        first = next((result for result in failed if str(result.status) != "skipped"), failed[0])
        error = f"nothing was committed, because {first.node.name} did not pass: {first.message}"
    return BuildResult(
        has_passed=outcome.success,
        error=error,
        marts=tuple(
            _mart(result, committed, outcome.success)
            for result in results
            if result.node.resource_type == "model" and result.node.config.materialized == "lake"
        ),
        tests=tests_of(results),
        run_id=run_id,
    )


def _committed(lake: Lake, run_id: str) -> dict[str, dict[str | None, tuple[int, int]]]:
    """Version and rows that a run committed, by relation and partition."""
    found = lake.table(LOADS).scan(
        "SELECT relation, partition, table_version, kept_rows FROM loads WHERE run_id = ? ORDER BY ALL", [run_id]
    )
    committed: dict[str, dict[str | None, tuple[int, int]]] = {}
    for row in found.to_pylist():
        committed.setdefault(row["relation"], {})[row["partition"]] = (row["table_version"], row["kept_rows"])
    return committed


def _mart(
    result: "NodeResult", committed: dict[str, dict[str | None, tuple[int, int]]], has_passed: bool
) -> MartResult:
    relation = f"{result.node.schema}.{result.node.name}"
    loads = committed.get(relation, {})
    return MartResult(
        relation=relation,
        is_committed=has_passed,
        seconds=result.execution_time,
        message=result.message,
        version=max((version for version, _ in loads.values()), default=None),
        rows={partition: rows for partition, (_, rows) in loads.items()},
    )
