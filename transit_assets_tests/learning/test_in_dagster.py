"""What the story leaves in Dagster: the materializations of challengers and champions with their evidence."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from mlflow import MlflowClient

from transit_assets import definitions
from transit_assets.automation import instance, models, runs
from transit_assets.automation.resources import RegistryResource
from transit_assets.lake import Lake
from transit_assets.learning import training
from transit_assets.learning.registry import Registry
from transit_assets.learning.schema import DECISIONS, EVALUATIONS
from transit_assets.settings import settings
from transit_assets_tests.bikes.reports import MONDAY, describe, fill, polled
from transit_assets_tests.learning import gauges

STATIONS = tuple(range(1001, 1005))


@pytest.fixture
def city(lake: Lake, mlflow_template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """The lake of this process's settings: four stations, polled every five minutes for two days."""
    fill(lake, polled(1, days=2, every=300))
    describe(lake, *({"station_code": str(code), "capacity": 20} for code in STATIONS))
    folder = Path(lake.location.root, "_mlflow")
    folder.mkdir()
    shutil.copy(mlflow_template, folder / "mlflow.db")
    monkeypatch.setenv("TRANSIT_LAKE", lake.location.root)
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.delenv("TRANSIT_MLFLOW_URI", raising=False)
    settings.cache_clear()
    yield lake
    settings.cache_clear()


def materialized(name: str) -> list[Mapping[str, Any]]:
    """The metadata of an asset's materializations, latest first."""
    with instance.opened(settings()) as opened:
        records = opened.fetch_materializations(dg.AssetKey(["models", "bikes", name]), limit=10).records
    found = []
    for record in records:
        assert record.asset_materialization is not None
        found.append({key: value.value for key, value in record.asset_materialization.metadata.items()})
    return found


def test_a_version_that_waits_is_decided_about_and_no_other_one_is_trained(
    city: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was killed before its evaluation was written: the registry alone knows of it."""
    registry, learner = RegistryResource().registry, models.domain_of("bikes")
    for other in ("bikes_empty", "bikes_available"):
        gauges.judged(city, other, MONDAY + timedelta(days=2))
    with monkeypatch.context() as killed:
        killed.setattr(training, "write_evaluation", lambda *_: None)
        taught = training.lesson(city, learner, days=60, at_most=20_000)
        training.train(city, registry, learner.model("bikes_full"), taught, seed=7)
    assert not city.table(EVALUATIONS).exists()
    assert models.due(city, "bikes") == models.Due((), ("bikes_full",))

    result = runs.materialize(["bikes"], steps=["models"])
    assert result.is_ok, result.errors
    assert [said.split(" (")[0] for said in result.said] == ["bikes_full 1"]
    assert [version.version for version in versions(registry)] == [1]
    assert city.table(EVALUATIONS).exists()
    assert materialized("full_challenger") == []
    assert models.due(city, "bikes") == models.Due((), ())


def versions(registry: Registry) -> list[Any]:
    return list(MlflowClient(registry.uri, registry.uri).search_model_versions("name = 'bikes_full'"))


def test_dagster_shows_each_decision_with_its_evidence_and_goes_back_in_one_job(city: Lake) -> None:
    registry = RegistryResource().registry
    first, second = (runs.train(["bikes_full"]) for _ in range(2))
    assert first.is_ok, first.errors
    assert second.is_ok, second.errors  # a challenger that is refused is a run that went well
    assert first.said[0].startswith("bikes_full 1 (")
    assert ") promoted: " in first.said[0]
    assert ") refused: not so: the lower bound of the gain" in second.said[0]

    [latest, earliest] = materialized("full_challenger")
    assert (earliest["version"], latest["version"]) == ("1", "2")
    assert latest["mlflow_run"] == registry.version("bikes_full", "2").run_id
    assert latest["card"].startswith("# bikes_full\n")

    [refused, promoted] = materialized("full_champion")
    assert (promoted["outcome"], promoted["champion"], promoted["version"]) == ("promoted", "1", "1")
    assert (refused["outcome"], refused["champion"], refused["version"]) == ("refused", "1", "2")
    assert refused["compared_with"] == "champion 1"
    assert "| ✘ | the lower bound of the gain is above zero |" in refused["evidence"]
    assert "✘" not in promoted["evidence"]
    assert refused["reason"].startswith("not so: ")
    assert "interim.bikes__station_status@" in refused["data"]

    # One click in the UI: a job that fails in one line where there is nothing to go back to.
    job = definitions.build().resolve_job_def("roll_back_bikes_full")
    with instance.opened(settings()) as opened:
        nothing = job.execute_in_process(instance=opened, raise_on_error=False)
    assert not nothing.success
    [failure] = nothing.filter_events(lambda event: event.is_step_failure)
    assert "bikes_full has no previous version to go back to" in str(failure.event_specific_data)
    with registry.lock("bikes_full"):
        registry.promote(registry.version("bikes_full", "2"))
    with instance.opened(settings()) as opened:
        assert job.execute_in_process(instance=opened).success
    champion = registry.champion("bikes_full")
    assert champion is not None
    assert champion.number == "1"
    rows = city.table(DECISIONS).scan("SELECT outcome, champion FROM decisions ORDER BY decided_at").to_pylist()
    assert rows[-1] == {"outcome": "rolled_back", "champion": "1"}
