"""What is stored of a model: documents and pictures, nothing that runs; and nothing that was changed is used."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transit_assets.lake import Lake
from transit_assets.learning.errors import ModelUnreadable
from transit_assets.learning.fitting import Fitted
from transit_assets.learning.registry import Registry, Version
from transit_assets.learning.training import baseline_of
from transit_assets_tests.learning import gauges
from transit_assets_tests.learning.test_story import NAME, aliases

Document = dict[str, Any]


@pytest.fixture
def version(lake: Lake, registry: Registry, without_plots: None) -> Version:
    """A challenger that waits for its decision."""
    gauges.land(lake, 0, 3)
    return gauges.train(lake, registry)


def artifacts(lake: Lake) -> list[Path]:
    return [path for path in Path(lake.location.root, "_mlflow").rglob("*") if path.is_file()]


def changed(lake: Lake, version: Version, name: str, change: Callable[[str], str]) -> None:
    """Change one document of a version where it lies."""
    [path] = [path for path in artifacts(lake) if path.name == name and version.run_id in path.parts]
    path.write_text(change(path.read_text()))


def test_artifacts_hold_nothing_that_runs(lake: Lake, registry: Registry) -> None:
    gauges.land(lake, 0, 2)
    gauges.trained(lake, registry)
    found = artifacts(lake)
    assert {path.suffix for path in found} == {".json", ".png", ".md", ".html"}
    starts = {".json": (b"{", b"["), ".png": (b"\x89PNG",), ".md": (b"# ",), ".html": (b"<!doctype html>",)}
    assert all(path.read_bytes().startswith(starts[path.suffix]) for path in found)


def test_no_code_of_the_project_unpickles() -> None:
    import transit_assets

    sources = Path(transit_assets.__file__).parent.rglob("*.py")
    words = ("pickle", "joblib", "skops", "mlflow.pyfunc", "mlflow.sklearn", "mlflow.lightgbm")
    assert [path.name for path in sources if any(f"import {word}" in path.read_text() for word in words)] == []


@pytest.mark.parametrize("name", ["model.json", "baseline.json"])
def test_a_document_that_was_changed_is_refused(lake: Lake, registry: Registry, version: Version, name: str) -> None:
    changed(lake, version, name, lambda text: text.replace('"intercept": 0.0', '"intercept": 0.5'))
    with pytest.raises(ModelUnreadable) as refused:
        (registry.load if name == "model.json" else lambda one: baseline_of(registry, one))(version)
    assert str(refused.value) == f"{NAME} 1: model/{name} is not the one that was registered"


def test_a_document_that_is_gone_is_named(lake: Lake, registry: Registry, version: Version) -> None:
    [path] = [path for path in artifacts(lake) if path.name == "model.json"]
    path.unlink()
    with pytest.raises(ModelUnreadable, match=f"^{NAME} 1: model/model.json cannot be read") as refused:
        registry.load(version)
    assert "\n" not in str(refused.value)


def _with_kind(document: Document) -> None:
    document["estimator"]["kind"] = "os.system"


def _with_state(document: Document) -> None:
    document["estimator"]["state"]["command"] = "ls"


def _with_field(document: Document) -> None:
    document["command"] = "ls"


def _with_format(document: Document) -> None:
    document["format"] = 99


def _without_features(document: Document) -> None:
    del document["features"]


@pytest.mark.parametrize("change", [_with_kind, _with_state, _with_field, _with_format, _without_features])
def test_a_document_of_another_shape_is_refused(
    lake: Lake, registry: Registry, version: Version, change: Callable[[Document], None]
) -> None:
    document = json.loads(registry.load(version).to_json())
    change(document)
    with pytest.raises(ModelUnreadable) as refused:
        Fitted.from_json(json.dumps(document))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "null", '"text"', "{", '{"format": 1}', '{"format": 1, "estimator": 3}'])
def test_a_text_that_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(ModelUnreadable) as refused:
        Fitted.from_json(text)
    assert "\n" not in str(refused.value)


def test_trees_that_are_cut_off_are_refused(registry: Registry, version: Version) -> None:
    document = json.loads(registry.load(version).to_json())
    document["estimator"]["state"]["text"] = "tree\nversion=v4\nnum_class"
    fitted = Fitted.from_json(json.dumps(document))
    asked = _one_question(fitted.features)
    with pytest.raises(ModelUnreadable, match="LightGBM cannot read its trees") as refused:
        fitted.predict(asked)
    assert "\n" not in str(refused.value)


def test_features_in_another_order_are_refused(registry: Registry, version: Version) -> None:
    fitted = registry.load(version)
    with pytest.raises(ModelUnreadable, match=r"was fitted on other features: their order$"):
        fitted.predict(_one_question(fitted.features[::-1]))
    with pytest.raises(ModelUnreadable, match=r"was fitted on other features: minute_of_day, weather$"):
        fitted.predict(_one_question(("level", "change", "weather")))


def _one_question(names: tuple[str, ...]) -> Any:
    from transit_assets.learning.examples import Examples

    one = np.zeros(1, np.int64)
    return Examples(names, np.zeros((1, len(names)), np.float32), one, one, one + 3600, one + 60, one)


def test_a_challenger_that_was_changed_is_refused_for_good(lake: Lake, registry: Registry, version: Version) -> None:
    changed(lake, version, "model.json", lambda text: text + " ")
    decision = gauges.decide(lake, registry)
    assert decision is not None
    assert (decision.outcome, decision.champion) == ("refused", "none")
    assert "model/model.json is not the one that was registered" in decision.reason
    assert decision.reason in registry.read(version, "decision.html").decode()
    assert gauges.decide(lake, registry) is None
    assert aliases(registry)["champion"] is None


def test_a_champion_that_was_changed_is_replaced_by_a_challenger_that_beats_the_baseline(
    lake: Lake, registry: Registry, version: Version
) -> None:
    gauges.decide(lake, registry)
    changed(lake, version, "model.json", lambda text: text + " ")
    decision = gauges.trained(lake, registry)
    assert (decision.outcome, decision.version, decision.champion) == ("promoted", "2", "2")
    assert decision.compared_with in ("persistence", "climatology")
    assert "the champion has no answer (gauges_level 1: model/model.json is not the one" in decision.reason


def test_a_champion_of_older_features_is_replaced(
    lake: Lake, registry: Registry, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    gauges.decide(lake, registry)
    monkeypatch.setattr(gauges, "NAMES", ("level", "trend", "minute_of_day"))
    decision = gauges.trained(lake, registry)
    assert (decision.outcome, decision.champion) == ("promoted", "2")
    assert "the champion has no answer (gauges_level was fitted on other features: change, trend)" in decision.reason


def test_a_challenger_of_older_features_is_refused(
    lake: Lake, registry: Registry, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gauges, "NAMES", ("level", "trend", "minute_of_day"))
    decision = gauges.decide(lake, registry)
    assert decision is not None
    assert decision.outcome == "refused"
    assert "was fitted on other features: change, trend" in decision.reason


def test_a_challenger_whose_data_is_not_kept_is_refused(lake: Lake, registry: Registry, version: Version) -> None:
    table = lake.table(gauges.LEVELS)
    held = table.read()
    lake.table(gauges.LEVELS).rebuild(lambda: held)
    [old] = list(Path(table.uri).glob("_delta_log/*00.json"))
    table.checkpoint()
    table.vacuum(0)
    old.unlink()
    decision = gauges.decide(lake, registry)
    assert decision is not None
    assert decision.outcome == "refused"
    assert "version 1 is not kept" in decision.reason
    again = gauges.trained(lake, registry)
    assert (again.outcome, again.version) == ("promoted", "2")
