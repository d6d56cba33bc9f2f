"""How the fire learns from a lake: training, decision, forecasts of what landed last, the truth about them, drift."""

from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import pytest

from transit_assets.fire.learning import DOMAIN, LIVE_DAYS
from transit_assets.fire.schema import DRIFT, FORECASTS, INCIDENTS, LIVE_SCORES, MODEL_TABLES, UNDERESTIMATES
from transit_assets.lake import Lake
from transit_assets.learning import reports, watching
from transit_assets.learning.deciding import decide
from transit_assets.learning.estimators import Boosted
from transit_assets.learning.examples import Examples, Window
from transit_assets.learning.promotion import Decision
from transit_assets.learning.registry import Registry
from transit_assets.learning.schema import EVALUATIONS
from transit_assets.learning.standing import standings
from transit_assets.learning.training import enough, is_due, lesson, train
from transit_assets_tests.fire.called import london, recorded
from transit_assets_tests.learning.gauges import store

pytestmark = pytest.mark.timeout(300)

_ASKED = ("fire_attendance_at_call", "fire_pumps")
FEW = replace(DOMAIN, models=tuple(one for one in DOMAIN.models if one.name in _ASKED))


@pytest.fixture(scope="module")
def lake(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return recorded(Lake.at(tmp_path_factory.mktemp("fire") / "lake"), recordings)


@pytest.fixture(scope="module")
def registry(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return store(lake, tmp_path_factory.mktemp("mlflow"))


@pytest.fixture(scope="module")
def decisions(lake: Lake, registry: Registry) -> dict[str, Decision | None]:
    """Both models trained on what landed, with a tenth of the trees, and decided about."""
    fit_all = Boosted.fit

    def fit_few(self: Boosted, examples: Examples, y: np.ndarray) -> None:
        self.rounds = min(self.rounds, 40)
        self.parameters = self.parameters | {"learning_rate": 0.12}
        fit_all(self, examples, y)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Boosted, "fit", fit_few)
        patch.setattr(reports, "plots", lambda *_: {})
        patch.setattr(reports, "calibration_plot", lambda *_: b"")
        taught = lesson(lake, FEW, days=1000, at_most=1_000_000)
        for model in FEW.models:
            train(lake, registry, model, taught, seed=7)
        return {model.name: decide(lake, registry, FEW, model, at_most=1_000_000) for model in FEW.models}


def test_models_of_what_landed_are_promoted(decisions: dict[str, Decision | None], lake: Lake) -> None:
    for name in _ASKED:
        decision = decisions[name]
        assert decision is not None
        assert decision.outcome == "promoted", decision.reason
        names = [one.name for one in decision.conditions]
        assert "no large segment is worse by more than 5%" in names
        guard = decision.conditions[names.index("no large segment is worse by more than 5%")]
        assert "none surely" in guard.found
    held = lake.table(EVALUATIONS).read()
    assert set(held["horizon_minutes"].to_pylist()) == {None}


def test_status_shows_one_line_for_each_model(decisions: dict, lake: Lake) -> None:
    found = {one.model: one for one in standings(lake)}
    assert set(found) == set(_ASKED)
    assert {name: one.metric for name, one in found.items()} == dict(zip(_ASKED, ("mae", "log_loss"), strict=True))
    assert all(one.horizon_minutes is None for one in found.values())
    assert found["fire_attendance_at_call"].baseline == "straight_distance"


def test_warnings_of_a_version_are_judged(decisions: dict, lake: Lake) -> None:
    rows = lake.table(UNDERESTIMATES).read().to_pylist()
    assert {(row["model"], row["version"]) for row in rows} == {("fire_attendance_at_call", "1")}


def test_what_landed_last_is_asked_as_if_it_came_in_now_and_meets_its_truth(
    decisions: dict, lake: Lake, registry: Registry
) -> None:
    live = DOMAIN.live(lake)
    assert live is not None
    days = {int(one) // 86_400 for one in live.asked.origin_at}
    assert LIVE_DAYS <= len(days) <= LIVE_DAYS + 2
    decision = decisions["fire_attendance_at_call"]
    assert decision is not None
    assert decision.train is not None
    assert live.asked.origin_at.min() >= decision.train.end.timestamp()  # it did not learn from them
    assert watching.forecast(lake, registry, FEW) == 2 * len(live.asked)
    assert watching.forecast(lake, registry, FEW) == 0  # asked twice, kept once
    made = lake.table(FORECASTS).read().to_pylist()
    assert len({row["entity"] for row in made}) == len(live.asked)
    bounded = [row for row in made if row["model"] == "fire_attendance_at_call"]
    assert all(row["low"] is None and row["high"] >= row["value"] for row in bounded)
    watching.meet_the_truth(lake, FEW)
    scores = lake.table(LIVE_SCORES).read().to_pylist()
    metrics = {(row["model"], row["metric"]) for row in scores}
    assert metrics == {
        ("fire_attendance_at_call", "mae"),
        ("fire_attendance_at_call", "calibration"),
        ("fire_attendance_at_call", "coverage"),
        ("fire_pumps", "accuracy"),
        ("fire_pumps", "calibration"),
    }
    assert len({row["day"] for row in scores}) >= LIVE_DAYS
    assert sum(row["met"] for row in scores if row["metric"] == "mae") > 0.9 * len(live.asked)


def test_drift_is_measured_on_four_weeks(decisions: dict, lake: Lake, registry: Registry) -> None:
    domain = replace(FEW, drift_days=14)  # four weeks are more than a fifth of what was learnt from
    assert watching.measure_drift(lake, registry, domain) > 0
    rows = lake.table(DRIFT).read().to_pylist()
    assert {row["model"] for row in rows} == set(_ASKED)
    assert not {row["feature"] for row in rows} & set(FEW.conditions)
    assert max(row["psi"] for row in rows) < 0.25


def test_training_is_due_when_weeks_landed_and_not_before(decisions: dict, lake: Lake, registry: Registry) -> None:
    stretches = enough(lake, FEW, days=1000)
    model = FEW.models[0]
    assert is_due(lake, registry, FEW, model, stretches) is None
    later = [*stretches[:-1], Window(stretches[-1].start, stretches[-1].end + timedelta(days=31))]
    assert is_due(lake, registry, FEW, model, later) == "31 days of new data"


def test_a_month_of_london_is_learnt_from_whole(lake: Lake) -> None:
    april = Window(london("2017-04-01"), london("2017-05-01"))
    found = DOMAIN.examples(lake, april, DOMAIN.versions(lake), 1_000_000)
    held = lake.table(INCIDENTS).scan(
        "SELECT count(*) AS n FROM incidents WHERE month = DATE '2017-04-01'", partitions=["2017-04-01"]
    )
    assert len(found) == held["n"][0].as_py()
    assert np.isfinite(found.targets["attendance"]).sum() == 8248
    assert len(DOMAIN.examples(lake, april, DOMAIN.versions(lake), 1000)) == 1000


def test_days_are_stretches_of_london_until_the_last_call(lake: Lake) -> None:
    stretches = DOMAIN.stretches(lake, 40)
    assert len(stretches) == 40
    assert stretches[0].start == london("2017-03-22")
    assert stretches[4].end - stretches[4].start == timedelta(hours=23)  # clocks went forward on the 26th
    assert stretches[-1].end.astimezone(UTC) < london("2017-05-01")


def test_a_lake_without_calls_has_nothing_to_ask(tmp_path: Path) -> None:
    empty = Lake.at(tmp_path / "lake")
    assert DOMAIN.live(empty) is None
    assert DOMAIN.stretches(empty, 10) == []
    assert DOMAIN.span(empty, 10) is None


def test_the_tables_of_the_watch_are_those_of_every_domain() -> None:
    assert [table.name for table in MODEL_TABLES] == ["forecasts", "no_forecasts", "live_scores", "drift"]
    assert UNDERESTIMATES.relation == "models.fire__underestimates"
