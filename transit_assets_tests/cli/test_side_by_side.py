"""Commands at once, each in a process of its own: one fails, one is killed, Ctrl-C, their parent is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from transit_assets.automation.runs import LEARNING
from transit_assets.cli.side_by_side import Command, side_by_side

DAY = "2026-03-29"
# `transit demo` that hears Ctrl-C as at a terminal, also where the tests run in the background.
_DEMO = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from transit_assets.cli import main
sys.argv = ["transit", "demo"]
main()
"""


@pytest.fixture(autouse=True)
def of_a_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the processes find in their environment."""
    monkeypatch.setenv("TRANSIT_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("TRANSIT_NOW", f"{DAY}T05:20:00+02:00")
    monkeypatch.setenv("TRANSIT_SIMULATOR_POLL_MINUTES", "60")
    monkeypatch.setenv("TRANSIT_SIMULATOR_ARCS", "2")


def children() -> list[psutil.Process]:
    """The processes of this one that live: other tests leave dead ones behind, which nobody has waited for."""
    return [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]


def test_where_one_fails_the_other_goes_on_and_both_are_heard() -> None:
    said: list[str] = []
    is_well = side_by_side([Command(["run", "nowhere"]), Command(["run", "calendar"])], tell=said.append)
    assert not is_well
    assert any("no domain nowhere" in line for line in said)
    assert any("built what has no days or months" in line for line in said)


def test_each_has_its_own_environment() -> None:
    said: list[str] = []
    commands = [Command(["status"], {"TRANSIT_TRAINING_EXAMPLES": "none"}), Command(["--help"])]
    assert not side_by_side(commands, tell=said.append)
    assert any("TRANSIT_TRAINING_EXAMPLES" in line for line in said)


def test_one_that_is_killed_is_told_and_holds_nothing_that_the_other_waits_for() -> None:
    """Both build marts, of which one is built at a time."""
    said: list[str] = []

    def tell(line: str) -> None:
        said.append(line)
        if "bikes: interim" in line:
            for one in children():
                if "bikes" in one.cmdline():
                    one.kill()

    commands = [Command(["run", domain, "--steps", "raw,interim,processed"]) for domain in ("bikes", "road")]
    assert not side_by_side(commands, tell=tell)
    assert "failed: transit run bikes --steps raw,interim,processed was killed (signal 9)" in said
    assert any(line.startswith("built road") for line in said)


@pytest.fixture
def demo() -> Iterator[psutil.Process]:
    """The demo, with as many domains at work as there are cores."""
    with subprocess.Popen([sys.executable, "-c", _DEMO], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "raw" in process.stderr.readline()
        demo = psutil.Process(process.pid)
        assert {one.cmdline()[4] for one in demo.children()} == set(LEARNING[: os.cpu_count() or 1])
        try:
            yield demo
        finally:
            for one in (*demo.children(), demo) if demo.is_running() else ():
                one.kill()


def test_ctrl_c_ends_every_process(demo: psutil.Process) -> None:
    children = demo.children()
    demo.send_signal(signal.SIGINT)
    assert demo.wait(30) == 130
    assert not psutil.wait_procs(children, timeout=10)[1]


def test_without_a_parent_no_process_works_on(demo: psutil.Process) -> None:
    children = demo.children()
    demo.kill()
    assert not psutil.wait_procs(children, timeout=120)[1]
