"""A registry for each test: creating MLflow's tables takes seconds, so that every store is a copy of one."""

import shutil
from pathlib import Path

import pytest

from transit_assets.lake import Lake
from transit_assets.learning import reports
from transit_assets.learning.registry import Registry
from transit_assets_tests.learning.gauges import store


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store with MLflow's tables and nothing in them."""
    folder = tmp_path_factory.mktemp("mlflow")
    assert store(Lake.at(folder / "lake"), folder)._client.search_registered_models() == []
    return folder / "mlflow.db"


@pytest.fixture
def mlflow_folder(mlflow_template: Path, tmp_path: Path) -> Path:
    """A folder with a store of its own."""
    shutil.copy(mlflow_template, tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture
def registry(lake: Lake, mlflow_folder: Path) -> Registry:
    """An empty registry of the lake."""
    return store(lake, mlflow_folder)


@pytest.fixture
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots take most of the time of a small training, and tell these tests nothing."""
    monkeypatch.setattr(reports, "plots", lambda *_: {})
    monkeypatch.setattr(reports, "calibration_plot", lambda *_: b"")
