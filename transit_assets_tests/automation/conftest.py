"""A process of its own settings: a lake in a folder, a fixed clock, few simulated polls."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from transit_assets.lake import Lake
from transit_assets.settings import settings


def _point_at(root: Path, patch: pytest.MonkeyPatch, **more: str) -> Lake:
    for name, value in {
        "TRANSIT_LAKE": str(root),
        "TRANSIT_FEEDS": "simulated",
        "TRANSIT_NOW": "2025-10-26T12:00:00+01:00",
        "TRANSIT_SIMULATOR_POLL_MINUTES": "60",
        "DAGSTER_HOME": "",
    }.items():
        patch.setenv(name, value)
    for name, value in more.items():
        patch.setenv(f"TRANSIT_{name.upper()}", value)
    settings.cache_clear()
    return Lake.at(root)


@contextmanager
def settings_of(root: Path, **more: str) -> Iterator[Lake]:
    """A lake as `city` is one, for a fixture of a module; keywords set `TRANSIT_*` variables."""
    with pytest.MonkeyPatch.context() as patch:
        yield _point_at(root, patch, **more)
    settings.cache_clear()


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """The lake of this process's settings: simulated, polled every hour, at noon of 26 October 2025 (a long day)."""
    yield _point_at(tmp_path / "lake", monkeypatch)
    settings.cache_clear()


def take(made: Path, lake: Lake) -> Lake:
    """Fill the lake of a test with a copy of one that was made once, its Dagster instance included."""
    shutil.copytree(made, lake.location.root, dirs_exist_ok=True)
    return lake
