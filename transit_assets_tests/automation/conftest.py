"""A process of its own settings: a lake in a folder, a fixed clock, few simulated polls."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from transit_assets.lake import Lake
from transit_assets.settings import settings


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """The lake of this process's settings: simulated, polled every hour, at noon of 26 October 2025 (a long day)."""
    root = tmp_path / "lake"
    for name, value in {
        "TRANSIT_LAKE": str(root),
        "TRANSIT_FEEDS": "simulated",
        "TRANSIT_NOW": "2025-10-26T12:00:00+01:00",
        "TRANSIT_SIMULATOR_POLL_MINUTES": "60",
        "DAGSTER_HOME": "",
    }.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield Lake.at(root)
    settings.cache_clear()
