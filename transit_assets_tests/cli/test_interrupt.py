"""Ctrl-C in the middle of dbt: exit code 130, one line, no half of a mart, and the next run completes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import dagster as dg
import pyarrow as pa
import pytest

from transit_assets.automation import instance
from transit_assets.bikes.schema import STATION_INFORMATION, STATION_STATUS
from transit_assets.dbt_lake import build, mart_tables
from transit_assets.lake import Lake, Load
from transit_assets.settings import settings
from transit_assets_tests.cli.conftest import Transit
from transit_assets_tests.dbt.conftest import BIKES, DAYS, fill

RUN = ("run", "bikes", "--steps", "processed")

# `transit` that comes to a certain point, says so, and stays there until it is stopped.
_HELD = """
import signal, sys
from transit_assets.cli import main
from transit_assets.dbt_lake import commit, plugin
from dbt.adapters.duckdb.environments import local

signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal, also where the tests run in the background

def hold(cursor):
    print("held", flush=True)
    cursor.execute("SELECT count(*) FROM range(1000000) a, range(1000000) b, range(1000000) c WHERE a.range = -b.range")

def hold_here(*_, **__):
    import duckdb
    hold(duckdb.connect())

moment = sys.argv.pop(1)
if moment == "while a mart is built":
    execute = local.DuckDBCursorWrapper.execute
    def held(self, sql, bindings=None):
        if "insert into" in sql and "zone_hourly" in sql:
            hold(self._cursor)
        return execute(self, sql, bindings)
    local.DuckDBCursorWrapper.execute = held
elif moment == "after the tests":
    plugin.commit = hold_here
elif moment == "after the first mart is committed":
    commit._line = hold_here
main()
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    """What an undisturbed build leaves of each mart."""
    lake = Lake.at(tmp_path_factory.mktemp("whole") / "lake")
    fill(lake, DAYS)
    assert build(lake, select=BIKES).has_passed
    return content(lake)


def content(lake: Lake) -> dict[str, pa.Table]:
    """The rows of the marts that hold any."""
    rows = {table.relation: lake.table(table).read() for table in mart_tables()}
    return {relation: found for relation, found in rows.items() if found.num_rows}


@pytest.fixture
def interrupted(lake: Lake) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run `transit run` up to a moment and press Ctrl-C there."""
    fill(lake, DAYS)
    for table in (STATION_STATUS, STATION_INFORMATION):
        state = lake.table(table).state()
        loads = [Load(table.relation, day.isoformat(), "committed", kept_rows=1) for day in DAYS]
        lake.ledger.record([replace(load, table_version=state.version, table_id=state.table_id) for load in loads])

    def run(moment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "ignore", "-c", _HELD, moment, *RUN]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TRANSIT_LAKE": lake.location.root, "DAGSTER_HOME": ""},
        )
        assert process.stdout is not None
        said = process.stdout.readline()  # empty where it ended before
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert said == "held\n", errors
        return subprocess.CompletedProcess(command, process.returncode, "", errors)

    return run


@pytest.mark.parametrize(
    ("moment", "committed"),
    [
        ("while a mart is built", 0),
        ("after the tests", 0),
        ("after the first mart is committed", 1),
    ],
)
def test_ctrl_c_in_the_middle_of_dbt_leaves_whole_marts_and_the_next_run_completes(
    lake: Lake,
    whole: dict[str, pa.Table],
    interrupted: Callable[[str], subprocess.CompletedProcess[str]],
    transit: Transit,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    committed: int,
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    done = interrupted(moment)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("interrupted: the lake holds what was committed before")
    found = content(lake)
    assert len(found) == committed
    assert found == {relation: whole[relation] for relation in found}

    again = transit(*RUN)
    assert again.exit_code == 0, again.stderr
    assert content(lake) == whole
    assert transit(*RUN).stderr.splitlines()[-1].startswith("nothing is due")
    with instance.opened(settings()) as opened:
        *completed, first = [run.status for run in opened.get_runs()]
    assert first == dg.DagsterRunStatus.FAILURE
    assert set(completed) == {dg.DagsterRunStatus.SUCCESS}
