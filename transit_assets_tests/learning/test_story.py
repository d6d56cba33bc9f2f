"""The whole protocol as a story: first champion, worse challenger, better one, roll back, the live error."""

import json
import re

import pytest
from mlflow import MlflowClient

from transit_assets.lake import Lake
from transit_assets.learning import schema, watching
from transit_assets.learning.promotion import Decision, roll_back
from transit_assets.learning.registry import Registry
from transit_assets.learning.schema import DECISIONS, EVALUATIONS
from transit_assets.learning.standing import standings
from transit_assets_tests.learning import gauges

NAME = "gauges_level"


def rolled_back(lake: Lake, registry: Registry) -> Decision:
    return roll_back(lake, registry, NAME, "gauges", "mae")


def decisions(lake: Lake) -> list[dict]:
    return lake.table(DECISIONS).scan("FROM decisions ORDER BY decided_at").to_pylist()


def aliases(registry: Registry) -> dict[str, str | None]:
    found = {alias: registry.aliased(NAME, alias) for alias in ("champion", "challenger", "previous")}
    return {alias: one and one.number for alias, one in found.items()}


def test_the_story_of_a_model(lake: Lake, registry: Registry) -> None:
    # The first champion has beaten the best baseline.
    gauges.land(lake, 0, 3)
    first = gauges.trained(lake, registry, rounds=8)
    assert (first.outcome, first.version, first.champion, first.estimator) == ("promoted", "1", "1", "boosted")
    assert first.compared_with in ("persistence", "climatology")
    assert first.gain is not None
    assert first.gain.ci_low is not None
    assert first.gain.ci_low > 0
    assert aliases(registry) == {"champion": "1", "challenger": None, "previous": None}

    # New data lands; a worse challenger is refused, and both the table and the page say why.
    gauges.land(lake, 3, 2)
    worse = gauges.trained(lake, registry, rounds=5)
    assert (worse.outcome, worse.version, worse.champion) == ("refused", "2", "1")
    assert worse.compared_with == "champion 1"
    assert "not so: the lower bound of the gain is above zero" in worse.reason
    page = registry.read(registry.version(NAME, "2"), "decision.html").decode()
    assert worse.reason in page
    assert "refused" in page
    assert "data:image/png;base64," in page
    assert aliases(registry) == {"champion": "1", "challenger": "2", "previous": None}

    # A better one is promoted on the same data.
    better = gauges.trained(lake, registry, rounds=60)
    assert (better.outcome, better.version, better.compared_with) == ("promoted", "3", "champion 1")
    assert aliases(registry) == {"champion": "3", "challenger": None, "previous": "1"}

    # It speaks, and so does the baseline; there is no error before the truth is there.
    assert watching.forecast(lake, registry, gauges.domain()) == gauges.GAUGES
    assert watching.forecast(lake, registry, gauges.domain()) == 0
    watching.meet_the_truth(lake, gauges.domain())
    assert lake.table(schema.live_scores("gauges")).read().num_rows == 0
    gauges.land(lake, 5, 1)
    watching.meet_the_truth(lake, gauges.domain())
    found = lake.table(schema.live_scores("gauges")).read().to_pylist()
    live = {row["metric"]: row for row in found}
    assert set(live) == {"mae", "calibration", "coverage"}
    assert {(row["version"], row["met"], row["forecasts"]) for row in found} == {("3", 12, 12)}
    assert live["mae"]["value"] > 0
    assert live["mae"]["baseline_value"] > 0
    assert live["mae"]["value"] != live["mae"]["baseline_value"]

    # One step back, and the version that was left is not the previous one: going back again goes further back.
    back = rolled_back(lake, registry)
    assert (back.outcome, back.version, back.champion) == ("rolled_back", "3", "1")
    assert aliases(registry) == {"champion": "1", "challenger": None, "previous": None}
    watching.forecast(lake, registry, gauges.domain())
    spoke = lake.table(schema.forecasts("gauges")).scan("SELECT DISTINCT version FROM forecasts ORDER BY 1")
    assert spoke["version"].to_pylist() == ["1", "3"]

    # What is on record is what is so.
    assert [(row["version"], row["outcome"], row["champion"]) for row in decisions(lake)] == [
        ("1", "promoted", "1"),
        ("2", "refused", "1"),
        ("3", "promoted", "3"),
        ("3", "rolled_back", "1"),
    ]
    [standing] = standings(lake)
    assert (standing.champion, standing.estimator, standing.waiting) == ("1", "boosted", None)
    _the_evidence_is_in_mlflow(registry)


def _the_evidence_is_in_mlflow(registry: Registry) -> None:
    client = MlflowClient(registry.uri, registry.uri)
    versions = {one.version: one for one in client.search_model_versions(f"name = '{NAME}'")}
    assert {number: one.tags["transit.decided"] for number, one in versions.items()} == {
        1: "promoted",
        2: "refused",
        3: "promoted",
    }
    third = versions[3]
    assert third.tags["transit.replaced"] == "1"
    assert third.tags["transit.estimator"] == "boosted"
    assert json.loads(third.tags["transit.decision"])["outcome"] == "promoted"
    assert third.description.startswith(f"# {NAME}")
    run = client.get_run(third.run_id)
    assert run.info.status == "FINISHED"
    assert {"estimator", "seed", "examples", "rounds", "learning_rate", "best_baseline"} <= set(run.data.params)
    assert {"mae_60", f"mae_60_{run.data.params['best_baseline']}", "coverage_60"} <= set(run.data.metrics)
    assert re.fullmatch(r"[\d.]+\+[0-9a-f]{12}", run.data.tags["transit.code"])
    assert {"transit.train", "transit.test", "transit.data"} <= set(run.data.tags)
    files = {
        one.path
        for folder in ("", "model", "plots")
        for one in client.list_artifacts(third.run_id, folder)
        if not one.is_dir
    }
    assert files == {
        "card.md",
        "decision.html",
        "evaluation.json",
        "model/model.json",
        "model/baseline.json",
        "plots/calibration.png",
        "plots/gain_by_segment.png",
    }


def test_where_nothing_beats_the_best_baseline_it_is_served_under_its_name_until_a_model_does(
    lake: Lake, registry: Registry, without_plots: None
) -> None:
    gauges.land(lake, 0, 3, "walk")
    first = gauges.trained(lake, registry)
    assert (first.outcome, first.estimator, first.champion) == ("promoted", "persistence", "1")
    assert "no model beat the best baseline: persistence is served" in first.reason
    assert all(one.has_passed for one in first.conditions)
    champion = registry.champion(NAME)
    assert champion is not None
    assert champion.estimator == "persistence"
    assert registry.load(champion).is_baseline
    watching.forecast(lake, registry, gauges.domain())
    said = lake.table(schema.forecasts("gauges")).read().to_pylist()
    assert len(said) == gauges.GAUGES
    assert all(row["value"] == row["baseline_value"] and row["baseline"] == "persistence" for row in said)

    # The same baseline again is no gain.
    again = gauges.trained(lake, registry)
    assert (again.outcome, again.champion, again.estimator) == ("refused", "1", "persistence")

    gauges.land(lake, 3, 8)  # now gauges swing
    better = gauges.trained(lake, registry)
    assert (better.outcome, better.estimator, better.champion) == ("promoted", "boosted", "3")
    assert better.compared_with == "champion 1"


def test_there_is_nothing_to_go_back_to_before_a_second_champion(lake: Lake, registry: Registry) -> None:
    from transit_assets.learning.errors import ModelMissing

    with pytest.raises(ModelMissing, match=f"^{NAME} has no previous version to go back to$"):
        rolled_back(lake, registry)


def test_training_twice_on_the_same_data_gives_the_same_model(
    lake: Lake, registry: Registry, without_plots: None
) -> None:
    gauges.land(lake, 0, 3)
    first, second = (registry.load(gauges.train(lake, registry)).to_json() for _ in range(2))
    assert first == second
    values = lake.table(EVALUATIONS).scan(
        "SELECT metric, baseline, segment, count(DISTINCT value) AS n, count(*) AS rows FROM evaluations GROUP BY ALL"
    )
    assert {(row["n"], row["rows"]) for row in values.to_pylist()} == {(1, 2)}


def test_a_decision_asks_the_data_that_the_training_read(lake: Lake, registry: Registry, without_plots: None) -> None:
    gauges.land(lake, 0, 3)
    version = gauges.train(lake, registry)
    found = lake.table(EVALUATIONS).scan("SELECT value, n FROM evaluations WHERE metric = 'mae' AND segment = 'all'")
    held = lake.table(gauges.LEVELS).read()
    corrected = held.set_column(2, "level", held["level"].take(list(range(len(held)))[::-1]))
    lake.table(gauges.LEVELS).rebuild(lambda: corrected)
    decision = gauges.decide(lake, registry)
    assert decision is not None
    assert decision.gain is not None
    assert decision.version == version.number
    assert {"value": decision.gain.value, "n": decision.gain.n} in found.to_pylist()
