"""What a user sees when something goes wrong."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from transit_assets.cli import app
from transit_assets.cli.mistakes import explain
from transit_assets.context.errors import ContextError
from transit_assets.lake import errors
from transit_assets_tests.cli.conftest import AT_A_TERMINAL, Transit

COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands if command.callback)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage: " in result.stdout


@pytest.mark.parametrize(
    ("arguments", "variables", "says"),
    [
        (["status"], {"feeds": "sometimes"}, "TRANSIT_FEEDS: Input should be 'simulated' or 'live'"),
        (["status"], {"velib_url": "http://example.org/"}, "TRANSIT_VELIB_URL: Value error, must be https"),
        (["status"], {"now": "2026-03-29T12:00:00"}, "TRANSIT_NOW: Input should have timezone info"),
        (["status"], {"now": "2026"}, "TRANSIT_NOW: Value error, must be an ISO instant"),
        (["status"], {"now": "1774778400.5"}, "TRANSIT_NOW: Value error, must be an ISO instant"),
        (["status"], {"simulator_faults": "nonsense"}, "TRANSIT_SIMULATOR_FAULTS: Value error, no fault is called"),
        (["run", "bikes", "--steps", ","], {}, "--steps names no layer"),
        (
            ["run", "trams"],
            {},
            "there is no domain trams; there is bikes, road, fire, rail, weather, calendar, congestion",
        ),
        (["quarantine", "list", "bikes__station_status", "--partition", "bad"], {}, "'bad' is not a day of"),
        (["quarantine", "list", "bikes__stations", "--partition", "2025-09-08"], {}, "has no partitions"),
        (["simulate", "--faults", "earthquake"], {}, "no fault is called 'earthquake'"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    transit: Transit, arguments: list[str], variables: dict[str, str], says: str
) -> None:
    result = transit(*arguments, **variables)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["no-such-command"], ["status", "--no-such-option"], ["simulate", "--port", "x"]]
)
def test_what_typer_refuses_has_exit_code_2(transit: Transit, arguments: list[str]) -> None:
    assert transit(*arguments).exit_code == 2


def test_an_empty_clock_is_an_unset_one(transit: Transit) -> None:
    assert transit("status", now="").exit_code == 0


def test_a_secret_that_does_not_fit_is_not_repeated(transit: Transit) -> None:
    assert "hunter2" not in transit("status", alert_url="https:hunter2@[").stderr


def test_a_lake_that_cannot_be_there_is_one_line_and_exit_code_2(transit: Transit, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = transit("status", lake=str(tmp_path / "file" / "lake"))
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.LakeError("x"), 1),
        (errors.WriteConflict("x"), 1),
        (errors.LocationRefused("x"), 2),
        (errors.OriginMismatch("x"), 2),
        (errors.TableMissing("x"), 2),
        (ContextError("x"), 2),
        (PermissionError("x"), 1),
    ],
)
def test_a_known_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert explain(error) == (code, "x")


def test_a_reader_that_stops_reading_is_no_error() -> None:
    assert explain(BrokenPipeError()) is None


def test_a_bug_keeps_its_stack_trace() -> None:
    assert explain(KeyError("station_code")) is None


def test_ctrl_c_ends_a_service_with_one_line_and_exit_code_130(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL, "simulate", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TRANSIT_LAKE": str(tmp_path)},
    )
    assert process.stderr is not None
    assert "http://127.0.0.1:" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert rest.count("\n") == 1
    assert rest.startswith("interrupted")
