"""Estimators: each does what its name says, and says the same after the way through JSON."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transit_assets.learning.errors import ModelUnreadable
from transit_assets.learning.estimators import (
    Boosted,
    Climatology,
    CountTable,
    Estimator,
    LogisticRegression,
    Persistence,
)
from transit_assets.learning.examples import Examples
from transit_assets.learning.kinds import KINDS, load, stored
from transit_assets_tests.learning.made import NAMES, boosted, made

TRAIN, TEST = made(3000), made(800, seed=1)
MAKERS: dict[str, Callable[[], Estimator]] = {
    "persistence": partial(Persistence, "count"),
    "persistence of a state": partial(Persistence, "count", 0.0),
    "count_table": partial(CountTable, "count"),
    "climatology": Climatology,
    "logistic_regression": LogisticRegression,
    "boosted": partial(boosted, "binary"),
    "boosted change": partial(boosted, "regression_l1", change_of="count"),
}


def fitted(name: str) -> Estimator:
    estimator = MAKERS[name]()
    estimator.fit(TRAIN, TRAIN.targets["level" if "change" in name else "rare"])
    return estimator


def with_column(examples: Examples, name: str, values: object) -> Examples:
    features = examples.features.copy()
    features[:, NAMES.index(name)] = values
    return replace(examples, features=features)


def test_every_kind_is_tested() -> None:
    assert {MAKERS[name]().kind for name in MAKERS} == set(KINDS)


@pytest.mark.parametrize("name", MAKERS)
def test_a_stored_estimator_says_what_it_said_before(name: str) -> None:
    estimator = fitted(name)
    again = load(json.loads(json.dumps(stored(estimator))))
    np.testing.assert_array_equal(again.predict(TEST), estimator.predict(TEST))
    assert json.dumps(stored(again)) == json.dumps(stored(estimator))


@pytest.mark.parametrize("name", MAKERS)
def test_fitted_twice_on_the_same_examples_an_estimator_is_the_same(name: str) -> None:
    assert stored(fitted(name)) == stored(fitted(name))


def test_another_seed_draws_other_trees() -> None:
    first, second = boosted("binary", 1), boosted("binary", 2)
    for one in (first, second):
        one.fit(TRAIN, TRAIN.targets["rare"])
    assert first.text != second.text


@pytest.mark.parametrize("name", MAKERS)
def test_one_question_is_answered_as_it_is_among_many(name: str) -> None:
    estimator = fitted(name)
    many = estimator.predict(TEST)
    single = [float(estimator.predict(TEST.take(np.array([row])))[0]) for row in range(20)]
    np.testing.assert_allclose(single, many[:20], rtol=1e-12)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "pickle", "state": {}},
        {"kind": "persistence", "state": {"colour": "red"}},
        {"kind": "persistence", "state": None},
        {"kind": ["persistence"], "state": {}},
        [],
    ],
)
def test_what_is_no_stored_estimator_is_refused(document: object) -> None:
    with pytest.raises(ModelUnreadable, match="not of a known kind"):
        load(document)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "tree\nversion=v4\n", "not trees at all"])
def test_trees_that_lightgbm_cannot_read_are_refused(text: str) -> None:
    damaged = load({"kind": "boosted", "state": {"objective": "binary", "text": text}})
    with pytest.raises(ModelUnreadable, match="LightGBM cannot read"):
        damaged.predict(TEST)


def test_persistence_repeats_what_holds() -> None:
    np.testing.assert_array_equal(Persistence("count").predict(TEST), TEST.column("count"))
    is_none = Persistence("count", 0.0).predict(TEST)
    np.testing.assert_array_equal(is_none, TEST.column("count") == 0)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 20), st.sampled_from([30, 60]))
def test_a_count_table_is_the_mean_of_the_answers_of_its_cell(count: int, horizon: int) -> None:
    table = CountTable("count", last=10)
    table.fit(TRAIN, TRAIN.targets["rare"])
    asked = replace(
        with_column(TEST, "count", count).take(np.array([0])), horizon_minutes=np.array([horizon], np.int16)
    )
    of_horizon = TRAIN.horizon_minutes == horizon
    cell = of_horizon & (np.minimum(TRAIN.column("count"), 10) == min(count, 10))
    mean = TRAIN.targets["rare"][of_horizon].mean()
    expected = (TRAIN.targets["rare"][cell].sum() + mean) / (cell.sum() + 1)
    assert table.predict(asked)[0] == pytest.approx(expected)


def test_a_count_that_is_unknown_is_no_count_of_zero() -> None:
    table = CountTable("count")
    table.fit(TRAIN, TRAIN.targets["rare"])
    unknown = table.predict(with_column(TEST, "count", np.nan))
    for horizon in (30, 60):
        mean = TRAIN.targets["rare"][TRAIN.horizon_minutes == horizon].mean()
        np.testing.assert_allclose(unknown[TEST.horizon_minutes == horizon], mean)


def test_a_horizon_that_was_never_learnt_is_answered_by_the_nearest() -> None:
    table = CountTable("count")
    table.fit(TRAIN, TRAIN.targets["rare"])
    some = TEST.take(TEST.horizon_minutes == 60)
    np.testing.assert_array_equal(
        table.predict(replace(some, horizon_minutes=np.full(len(some), 55))), table.predict(some)
    )


def test_climatology_knows_entities_and_hours_and_the_mean_of_those_it_never_met() -> None:
    answers = (TRAIN.entity == 1001) * 10.0 + (TRAIN.column("minute_of_day") < 60) * 3.0
    means = Climatology(weight=1.0)
    means.fit(TRAIN, answers)
    at_noon = with_column(TEST, "minute_of_day", 720)
    assert means.predict(at_noon.take(TEST.entity == 1001)).mean() == pytest.approx(10, abs=1)
    assert means.predict(at_noon.take(TEST.entity == 1002)).mean() == pytest.approx(0, abs=1)
    stranger = replace(at_noon, entity=np.full(len(at_noon), 9))
    assert means.predict(stranger).mean() == pytest.approx(means.hours[12])


def test_a_logistic_regression_counts_what_is_unknown_as_the_mean() -> None:
    regression = LogisticRegression()
    regression.fit(TRAIN, TRAIN.targets["rare"])
    unknown = regression.predict(with_column(TEST, "count", np.nan))
    np.testing.assert_allclose(unknown, regression.predict(with_column(TEST, "count", regression.mean[0])), rtol=1e-5)
    assert regression.coefficients[0] < 0  # more now, rarer then


@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_a_logistic_regression_of_what_always_happens_gives_the_base_rate(answer: float) -> None:
    regression = LogisticRegression()
    regression.fit(TRAIN, np.full(len(TRAIN), answer))
    np.testing.assert_allclose(regression.predict(TEST), answer, atol=1e-5)


def test_trees_that_learn_a_change_never_go_below_zero() -> None:
    trees = fitted("boosted change")
    falling = trees.predict(with_column(TEST, "count", 0))
    assert falling.min() >= 0
    assert isinstance(trees, Boosted)
    assert np.isnan(trees.predict(with_column(TEST, "count", np.nan))).all()  # unknown now, unknown then
