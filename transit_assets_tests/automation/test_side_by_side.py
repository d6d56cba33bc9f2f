"""Domains that are filled at once, each in a process of its own: what one raises, a process that dies, Ctrl-C."""

import multiprocessing
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import psutil
import pytest

from transit_assets.automation.side_by_side import Fill, fill

NIGHT = "2026-03-29T05:20:00+02:00"


@pytest.fixture(autouse=True)
def of_a_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the processes find in their environment."""
    monkeypatch.setenv("TRANSIT_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("TRANSIT_NOW", NIGHT)


def test_what_a_process_raises_is_raised_here() -> None:
    with pytest.raises(ValueError, match="no domain nowhere"):
        fill([Fill("nowhere", date(2026, 3, 29), 1000)], progress=lambda *_: None)
    assert not multiprocessing.active_children()


def test_a_process_that_dies_is_an_error_and_the_other_ends_its_work() -> None:
    def kill_the_road(domain: str, _: str) -> None:
        if domain == "road":
            max(multiprocessing.active_children(), key=lambda one: one.pid or 0).kill()  # it began last

    wanted = [Fill(domain, date(2026, 3, 29), 1000) for domain in ("calendar", "road")]
    result = fill(wanted, progress=kill_the_road)
    assert result.errors == ["road: its process ended with exit code -9"]
    assert len(result.run_ids) == 1  # the calendar's


def test_ctrl_c_ends_every_process(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [Path(sys.executable).with_name("transit"), "demo"], stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stderr is not None
    assert "raw" in process.stderr.readline()  # both are at work
    children = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: the lake holds what was committed" in rest
    assert len(children) >= 2
    assert not psutil.wait_procs(children, timeout=10)[1]
