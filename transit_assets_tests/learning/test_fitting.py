"""Fitting: calibrated on what was not learnt from, refused where there is too little, stored as text."""

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from transit_assets.learning.errors import ModelUnreadable, TooLittleData
from transit_assets.learning.estimators import Persistence
from transit_assets.learning.examples import Examples
from transit_assets.learning.fitting import Fitted, fit, fit_baselines, shares
from transit_assets_tests.learning.made import NAMES, made, model

TRAIN, TEST = made(6000), made(3000, seed=9)


@dataclass
class TooSure:
    """Says the true probability with its logit doubled: what Platt's numbers are there for."""

    kind: ClassVar[str] = "too_sure"

    def fit(self, examples: Examples, y: np.ndarray) -> None: ...

    def predict(self, examples: Examples) -> np.ndarray:
        return 1 / (1 + np.exp(-2 * true_logit(examples)))

    def state(self) -> dict[str, Any]:
        return {}


def true_logit(examples: Examples) -> np.ndarray:
    return 1.0 - 0.4 * examples.column("count").astype(np.float64)


def test_a_forecaster_that_is_too_sure_is_calibrated() -> None:
    generator = np.random.default_rng(1)
    happens = generator.random(len(TRAIN)) < 1 / (1 + np.exp(-true_logit(TRAIN)))
    examples = replace(TRAIN, targets={"rare": happens.astype(float)})
    fitted = fit(model("probability", estimator=lambda seed: TooSure()), examples, 0)
    assert fitted.slope == pytest.approx(0.5, abs=0.1)
    expected = 1 / (1 + np.exp(-true_logit(TEST)))
    assert np.abs(fitted.predict(TEST).value - expected).mean() < 0.03


def test_probabilities_are_calibrated_on_other_examples() -> None:
    fitted = fit(model("probability"), TRAIN, 0)
    assert (fitted.slope, fitted.intercept) != (1.0, 0.0)
    value = fitted.predict(TEST).value
    assert ((value >= 0) & (value <= 1)).all()
    assert value.mean() == pytest.approx(TEST.targets["rare"].mean(), abs=0.02)


def test_four_of_five_answers_are_within_their_interval() -> None:
    one = model()
    for fitted in (fit(one, TRAIN, 0), *fit_baselines(one, TRAIN).values()):
        said = fitted.predict(TEST)
        assert said.low is not None
        assert said.high is not None
        assert (said.low <= said.high).all()
        assert said.low.min() >= 0
        for horizon in one.horizons:
            rows = TEST.horizon_minutes == horizon
            inside = (said.low <= TEST.targets["level"]) & (TEST.targets["level"] <= said.high)
            # Split conformal on 600 examples of a horizon; what is cut at zero covers a little more.
            assert 0.75 <= inside[rows].mean() <= 0.90, (fitted.estimator.kind, horizon)


def test_an_interval_ends_nowhere_below_zero() -> None:
    fitted = fit(model(), TRAIN, 0)
    fitted.interval = dict.fromkeys(fitted.interval, (-9.0, -8.0))
    said = fitted.predict(TEST)
    assert said.low is not None
    assert said.high is not None
    assert ((said.low >= 0) & (said.high >= said.low)).all()


def test_too_few_answers_are_refused_with_their_number() -> None:
    few = TRAIN.take(np.arange(199))
    for learn in (lambda: fit(model(), few, 0), lambda: fit_baselines(model(), few)):
        with pytest.raises(TooLittleData, match="test_level: 199 answered examples to learn from, at least 200"):
            learn()
    unanswered = replace(TRAIN, targets={"level": np.full(len(TRAIN), np.nan)})
    with pytest.raises(TooLittleData, match="0 answered examples"):
        fit(model(), unanswered, 0)


def test_too_few_to_calibrate_on_leave_no_interval_and_no_correction() -> None:
    few = TRAIN.take(np.arange(0, 6000, 20))
    assert fit(model(), few, 0).interval == {}
    assert fit(model(), few, 0).predict(TEST).low is None
    fitted = fit(model("probability"), few, 0)
    assert (fitted.slope, fitted.intercept) == (1.0, 0.0)


def test_what_never_happens_is_fitted_all_the_same() -> None:
    never = replace(TRAIN, targets={"rare": np.zeros(len(TRAIN))})
    assert fit(model("probability"), never, 0).predict(TEST).value.max() < 0.01


def test_only_horizons_of_the_model_are_learnt_from() -> None:
    one = model(horizons=(60,))
    alone = fit(one, TRAIN.take(TRAIN.horizon_minutes == 60), 0)
    assert fit(one, TRAIN, 0).to_json() == alone.to_json()


@pytest.mark.parametrize("kind", ["quantity", "probability", "level"])
def test_a_stored_model_says_what_it_said_before(kind: Any) -> None:
    one = model(kind)
    for fitted in (fit(one, TRAIN, 0), *fit_baselines(one, TRAIN).values()):
        again = Fitted.from_json(fitted.to_json())
        assert again.to_json() == fitted.to_json()
        for mine, theirs in zip(vars(again.predict(TEST)).values(), vars(fitted.predict(TEST)).values(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_trained_twice_on_the_same_examples_a_model_is_the_same_text() -> None:
    assert fit(model(), TRAIN, 3).to_json() == fit(model(), TRAIN, 3).to_json()


def test_other_features_are_refused_by_name_and_so_is_another_order() -> None:
    fitted = fit(model(), TRAIN, 0)
    with pytest.raises(ModelUnreadable, match="test_level was fitted on other features: rain"):
        fitted.predict(replace(TEST, names=(*TEST.names, "rain")))
    with pytest.raises(ModelUnreadable, match="their order"):
        fitted.predict(replace(TEST, names=TEST.names[::-1]))


@pytest.mark.parametrize("damage", ["", "{}", "[]", "null", '{"format": 1}', "truncated", "older"])
def test_damaged_text_is_no_model(damage: str) -> None:
    text = fit_baselines(model(), TRAIN)["persistence"].to_json()
    if damage == "truncated":
        damage = text[: len(text) // 2]
    if damage == "older":
        damage = json.dumps(json.loads(text) | {"format": 0})
    with pytest.raises(ModelUnreadable, match=r"damaged|another format"):
        Fitted.from_json(damage)


def test_the_reference_counts_every_example_once_the_unknown_among_them() -> None:
    column = np.array([1.0, 2.0, 2.0, 3.0, np.nan])
    assert shares(column, np.array([2.0, 3.0])).tolist() == [0.2, 0.4, 0.2, 0.2]
    for one in fit(model(), TRAIN, 0).reference.values():
        assert sum(one["shares"]) == pytest.approx(1)
        assert len(one["shares"]) == len(one["edges"]) + 2


# Intervals of many entities ---------------------------------------------------------------------


def spread() -> Examples:
    """Entities whose errors are as large as their number says: 1, 2 and 3 units; of 9 little was seen."""
    generator = np.random.default_rng(3)
    many = made(12_000, hours=400)
    entity = generator.choice([1, 2, 3, 9], len(many), p=[0.33, 0.33, 0.33, 0.01])
    features = many.features.copy()
    features[:, NAMES.index("count")] = 100
    error = generator.normal(0, 1, len(many)) * entity
    return replace(many, entity=entity, features=features, targets={"level": 100 + error})


def now() -> Persistence:
    return Persistence("count")


def test_each_entity_has_its_own_interval_and_one_that_was_hardly_seen_the_common_one() -> None:
    examples = spread()
    fitted = fit(model(estimator=lambda seed: now()), examples, 0)
    assert {name: set(own) for name, own in fitted.own_interval.items()} == {"30": set("123"), "60": set("123")}
    said = fitted.predict(examples)
    assert said.low is not None
    assert said.high is not None
    width = said.high - said.low
    for entity in (1, 2, 3):
        assert width[examples.entity == entity].mean() == pytest.approx(2 * 1.2816 * entity, rel=0.15)
        inside = (said.low <= examples.targets["level"]) & (examples.targets["level"] <= said.high)
        assert inside[examples.entity == entity].mean() == pytest.approx(0.8, abs=0.04)
    common = fitted.interval["60"]
    hardly = (examples.entity == 9) & (examples.horizon_minutes == 60)
    np.testing.assert_allclose(width[hardly], common[1] - common[0])


def test_an_interval_in_units_of_a_column_is_as_wide_as_the_column_says() -> None:
    """Learnt from errors of 1, 2 and 3 units in theirs, one interval fits all."""
    examples = spread()
    features = examples.features.copy()
    features[:, NAMES.index("lead_minutes")] = examples.entity
    examples = replace(examples, features=features)
    fitted = fit(model(estimator=lambda seed: now(), interval_unit="lead_minutes"), examples, 0)
    assert fitted.unit == "lead_minutes"
    for low, high in fitted.interval.values():
        assert (low, high) == (pytest.approx(-1.2816, abs=0.15), pytest.approx(1.2816, abs=0.15))
    said = fitted.predict(examples)
    low, high = fitted.interval["60"]
    hardly = (examples.entity == 9) & (examples.horizon_minutes == 60)
    assert said.low is not None
    assert said.high is not None
    np.testing.assert_allclose((said.high - said.low)[hardly], 9 * (high - low))
    for baseline in fit_baselines(model(interval_unit="lead_minutes"), examples).values():
        assert baseline.unit == "lead_minutes"
        assert baseline.interval


def test_a_level_has_no_interval_and_no_correction() -> None:
    one = model("level")
    for fitted in (fit(one, TRAIN, 0), *fit_baselines(one, TRAIN).values()):
        said = fitted.predict(TEST)
        assert (said.low, said.high, fitted.interval, fitted.slope) == (None, None, {}, 1.0)
        assert set(said.value) <= {0.0, 1.0, 2.0, 3.0}


def test_the_typical_error_of_each_entity_is_kept_with_the_baseline_that_scales() -> None:
    found = fit_baselines(model(scaled_by="persistence"), TRAIN)
    errors = np.abs(TRAIN.targets["level"] - TRAIN.column("count"))
    assert found["climatology"].typical_error == {}
    assert found["persistence"].typical_error == {
        str(entity): pytest.approx(errors[TRAIN.entity == entity].mean()) for entity in range(1001, 1021)
    }


def test_a_baseline_keeps_the_name_under_which_it_is_published() -> None:
    one = model("level", scaled_by=None)
    for name, fitted in fit_baselines(one, TRAIN).items():
        again = Fitted.from_json(fitted.to_json())
        assert (again.baseline, again.called, again.is_baseline) == (name, name, True)
        assert again.estimator.kind == "levels"
    trained = Fitted.from_json(fit(one, TRAIN, 0).to_json())
    assert (trained.baseline, trained.called, trained.is_baseline) == (None, "levels", False)


def test_everything_that_a_fitted_model_knows_comes_back_from_storage() -> None:
    examples = spread()
    for fitted in (
        fit(model(interval_unit="lead_minutes", estimator=lambda seed: now()), examples, 0),
        fit_baselines(model(scaled_by="persistence", interval_unit="lead_minutes"), examples)["persistence"],
    ):
        again = Fitted.from_json(fitted.to_json())
        names = ("interval", "own_interval", "reference", "baseline", "unit", "typical_error", "features")
        assert [vars(again)[name] for name in names] == [vars(fitted)[name] for name in names]
