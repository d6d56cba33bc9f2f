"""The models of the rail on the recorded day, beside every baseline, and the reference figures of the project."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transit_assets.lake import Lake
from transit_assets.learning import watching
from transit_assets.learning.evaluation import judge
from transit_assets.learning.examples import Examples, Window
from transit_assets.learning.fitting import Fitted, fit, fit_baselines
from transit_assets.learning.splits import within
from transit_assets.learning.training import enough, evaluate
from transit_assets.learning.untrained import Proven
from transit_assets.rail.features import NAMES, Rides
from transit_assets.rail.history import PLACE_OF, History
from transit_assets.rail.learning import DOMAIN, entity_of, ride_of
from transit_assets.rail.model import DELAY, MODELS, TRAVEL_TIME, answers, examples, exceeding, exceeding_interval
from transit_assets_tests.rail.recorded import DAY, WHOLE, made, noon, paris, recorded

pytestmark = pytest.mark.timeout(180)

NORD, PLAINE = "87271007", "87164798"
TRAVEL, LATE = MODELS
BASELINES = ("theoretical", "mean_last_five", "median_last_five", "operator_forecast")
STARTS = ("16:00", "17:00", "17:30", "18:00", "18:30", "19:00", "19:30", "20:00")


@pytest.fixture(scope="module")
def lake(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return recorded(Lake.at(tmp_path_factory.mktemp("rail") / "lake"), recordings)


@pytest.fixture(scope="module")
def asked(lake: Lake) -> Examples:
    """Every question of the recorded day."""
    return DOMAIN.examples(lake, WHOLE, DOMAIN.versions(lake), 1_000_000)


@pytest.fixture(scope="module")
def fitted(asked: Examples) -> Callable[[str], Fitted]:
    """The travel time as fitted on what came before an instant."""
    return lambda clock: fit(TRAVEL, since(asked, "00:00", clock), 7)


def since(asked: Examples, start: str, end: str = "24:00") -> Examples:
    return asked.take(within(asked, Window(paris(start), paris(end))))


def errors(asked: Examples, fitted: Fitted) -> dict[str, float]:
    """Mean absolute errors of the travel time, of the model and its baselines; these learn nothing."""
    judged = judge(TRAVEL, asked, {"model": fitted, **fit_baselines(TRAVEL, asked)})
    return {name: float(judged.losses(name).mean()) for name in judged.forecasts}


def test_the_baselines_have_the_errors_of_the_reference_on_all_7962_questions(
    asked: Examples, fitted: Callable[[str], Fitted]
) -> None:
    questions, truth = TRAVEL.questions(asked)
    found = errors(asked, fitted("16:00"))
    assert len(truth) == 7_962
    assert [round(found[name], 2) for name in BASELINES] == [1.21, 1.07, 1.02, 1.11]
    assert round(found["model"], 3) == 0.965
    said = fitted("16:00").predict(questions).value
    assert float((np.abs(said - truth) <= 1).mean()) >= 0.80


@pytest.mark.parametrize("start", STARTS)
def test_from_each_hour_to_midnight_it_gains_12_percent_over_theory_and_3_over_the_mean_of_the_last_five(
    asked: Examples, fitted: Callable[[str], Fitted], start: str
) -> None:
    found = errors(since(asked, start), fitted(start))
    assert found["model"] <= 0.88 * found["theoretical"]
    assert found["model"] <= 0.97 * found["mean_last_five"]
    assert found["model"] < min(found[name] for name in BASELINES)


def test_a_delay_downstream_is_told_better_than_by_any_baseline(asked: Examples) -> None:
    learnt, judged = since(asked, "00:00", "18:30"), since(asked, "18:30")
    forecasts = judge(LATE, judged, {"model": fit(LATE, learnt, 7), **fit_baselines(LATE, learnt)})
    found = {name: float(forecasts.losses(name).mean()) for name in forecasts.forecasts}
    assert found["model"] < 0.9 * min(found[name] for name in BASELINES)


def test_one_day_proves_no_trained_model(fitted: Callable[[str], Fitted]) -> None:
    estimator = Fitted.from_json(fitted("16:00").to_json()).estimator
    assert isinstance(estimator, Proven)
    assert estimator.chosen == "untrained"


def test_intervals_hold_what_they_say(asked: Examples, fitted: Callable[[str], Fitted]) -> None:
    questions, truth = TRAVEL.questions(since(asked, "17:00"))
    said = fitted("17:00").predict(questions)
    assert said.low is not None
    assert said.high is not None
    assert 0.7 <= float(((said.low <= truth) & (truth <= said.high)).mean()) <= 0.9


def test_the_recorded_day_is_evaluated_from_instant_to_instant_beside_every_named_baseline(lake: Lake) -> None:
    rows = evaluate(
        lake,
        DOMAIN,
        Window(paris("00:00"), paris("17:00")),
        Window(paris("17:00"), paris("24:00")),
        seed=7,
        at_most=1_000_000,
    )
    assert len(enough(lake, DOMAIN, days=60)) == 1
    whole = [row for row in rows if row["segment"] == "all" and row["metric"] == "mae"]
    assert {(row["model"], row["baseline"]) for row in whole} == {
        (model.name, name) for model in MODELS for name in BASELINES
    }
    assert {row["horizon_minutes"] for row in rows} == {None}
    assert all(row["ci_low"] > 0 for row in whole if row["model"] == "rail_travel_time")


def test_a_train_is_one_block(asked: Examples) -> None:
    assert asked.days is not None
    assert len(np.unique(asked.block)) <= 248


def test_of_more_questions_than_wanted_an_even_share_is_drawn(lake: Lake) -> None:
    history = History.read(lake, WHOLE)
    assert len(examples(history, WHOLE, at_most=500)) == 500


def test_a_train_that_is_early_is_not_late() -> None:
    history = made([("E1", NORD, 0), ("E1", PLAINE, 3)], scheduled=[("E1", NORD, 0), ("E1", PLAINE, 4)])
    start, end = (np.array([PLACE_OF[one]]) for one in (NORD, PLAINE))
    rides = Rides(np.array([0]), start, end, np.array([int(noon(0))]), np.array([noon(0)]))
    assert {name: float(found[0]) for name, found in answers(history, rides).items()} == {TRAVEL_TIME: 3, DELAY: 0}


def test_the_probability_of_a_long_ride_falls_with_the_share_and_beats_its_rate(
    asked: Examples, fitted: Callable[[str], Fitted]
) -> None:
    questions, truth = TRAVEL.questions(since(asked, "17:00"))
    said = {share: exceeding(fitted("17:00"), questions, share) for share in (0.2, 0.5)}
    theory = questions.column("theoretical").astype(np.float64)
    for share, probability in said.items():
        came = truth > theory * (1 + share)
        assert ((probability >= 0) & (probability <= 1)).all()
        assert float(((probability - came) ** 2).mean()) < float(came.var())
    assert (said[0.5] <= said[0.2]).all()


def test_a_tenth_of_the_answers_lies_beyond_each_end_of_the_interval() -> None:
    value, low, high = np.array([10.0, 10, 10]), np.array([8.0, 8, 8]), np.array([14.0, 14, 14])
    found = exceeding_interval(value, low, high, np.array([10.0, 14.0, 8.0]))
    np.testing.assert_allclose(found, [0.5, 0.1, 0.9], atol=1e-9)
    sure = exceeding_interval(np.array([10.0]), None, None, np.array([12.0]))
    assert sure[0] < 1e-4


def test_what_runs_now_is_asked_about_and_meets_its_truth(
    lake: Lake, recordings: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    now = recorded(Lake.at(tmp_path_factory.mktemp("now") / "lake"), recordings, until=paris("18:00"))
    live = DOMAIN.live(now)
    assert live is not None
    assert live.asked.names == NAMES
    assert paris("17:50") < live.asked_at < paris("18:00")
    pairs = {entity[-17:] for entity in live.entities}
    assert {f"{NORD}>{PLAINE}", f"{PLAINE}>{NORD}"} <= pairs
    assert len(set(live.entities)) == len(live.entities) == len(live.asked)
    assert not set(live.silent) & pairs
    unanswered = DOMAIN.answers(now, TRAVEL_TIME, live.entities, live.asked.target_at)
    answered = DOMAIN.answers(lake, TRAVEL_TIME, live.entities, live.asked.target_at)
    assert np.isfinite(unanswered).sum() == 0
    assert np.isfinite(answered).mean() > 0.5


def test_an_empty_lake_has_nothing_to_ask(lake: Lake, tmp_path: Path) -> None:
    empty = Lake.at(tmp_path / "lake")
    assert DOMAIN.live(empty) is None
    assert watching.say_silent(empty, DOMAIN) == 0
    assert len(History.read(empty, WHOLE)) == 0


def test_a_ride_is_named_by_its_train_and_its_stations() -> None:
    journey = "SNCF:VehicleJourney::147347:LOC"
    name = entity_of((DAY, journey), PLACE_OF[NORD], PLACE_OF[PLAINE])
    assert name == f"2022-06-24/{journey}/{NORD}>{PLAINE}"
    assert ride_of(name) == (DAY, journey, PLACE_OF[NORD], PLACE_OF[PLAINE])
