"""(e) What `transit --help` costs, against a bare Typer application with two commands."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import Limit, Report, measure

_LIMIT = 2.0
_BARE = """
import typer
app = typer.Typer()
@app.command()
def one() -> None: "One."
@app.command()
def two() -> None: "Two."
app()
"""


def main() -> Report:
    found = measure({"a bare Typer application": bare, "transit": ours}, rounds=9)
    floor, transit = found.values()
    factor = transit.seconds / floor.seconds
    return Report(
        "(e) `--help` on the command line",
        "Whole processes, interpreter included; memory is that of the process that starts them.",
        [one.row(floor) for one in found.values()],
        [Limit(f"at most {_LIMIT:g}× (now {factor:.2f}×)", factor <= _LIMIT)],
    )


def bare() -> Callable[[], int]:
    return _run([sys.executable, "-c", _BARE, "--help"])


def ours() -> Callable[[], int]:
    return _run([str(Path(sys.executable).with_name("transit")), "--help"])


def _run(command: list[str]) -> Callable[[], int]:
    def run() -> int:
        return subprocess.run(command, stdout=subprocess.DEVNULL, env=os.environ, check=True).returncode

    run()  # the first run reads files and bytecode from disk
    return run
