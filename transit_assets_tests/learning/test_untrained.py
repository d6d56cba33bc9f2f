"""Estimators that learn nothing, and when one that learns takes their place."""

from typing import Any

import numpy as np

from transit_assets.learning import kinds
from transit_assets.learning.estimators import Boosted
from transit_assets.learning.examples import Examples
from transit_assets.learning.untrained import Consensus, Proven

TREES: dict[str, Any] = {"num_leaves": 7, "min_data_in_leaf": 20, "learning_rate": 0.2}


def of(columns: dict[str, list[float]]) -> Examples:
    count = len(next(iter(columns.values())))
    at = np.arange(count, dtype=np.int64)
    features = np.array(list(columns.values()), np.float32).T
    return Examples(tuple(columns), features, at, at, at + 1, np.zeros(count, np.int16), 60)


def test_the_median_is_of_what_is_known_and_the_fallback_of_what_is_not() -> None:
    nan = float("nan")
    asked = of({"a": [1, 1, nan, nan], "b": [4, nan, nan, nan], "c": [3, 2, nan, nan], "d": [9, 9, 9, nan]})
    found = Consensus(["a", "b", "c"], ["d"], otherwise=7.0).predict(asked)
    np.testing.assert_array_equal(found, [3, 1.5, 9, 7])


def test_a_step_rounds_to_whole_ones_and_no_column_is_the_number_itself() -> None:
    asked = of({"a": [1.4, 1.6]})
    np.testing.assert_array_equal(Consensus(["a"], step=1.0).predict(asked), [1, 2])
    np.testing.assert_array_equal(Consensus([]).predict(asked), [0, 0])


def days(count: int, *, is_learnable: bool) -> tuple[Examples, np.ndarray]:
    """Questions of some days, fifty on each; the answer is off by what a column tells, or by chance."""
    generator = np.random.default_rng(1)
    n = 50 * count
    said, told, noise = generator.normal(10, 2, n), generator.integers(0, 2, n), generator.normal(0, 1, n)
    at = np.sort(generator.integers(0, count * 86_400, n))
    at[[0, -1]] = 0, count * 86_400 - 1
    features = np.stack([said, told], axis=1).astype(np.float32)
    asked = Examples(
        ("said", "told"), features, at // 3600, at, at + 60, np.zeros(n, np.int16), 60, days=np.arange(n) // 5
    )
    return asked, said + (3.0 * told if is_learnable else 0.0) + 0.3 * noise


def proven() -> Proven:
    return Proven({"untrained": Consensus(["said"]), "trained": Boosted("regression_l1", "said", 40, dict(TREES))}, 14)


def test_trees_are_chosen_where_weeks_show_that_they_are_better() -> None:
    asked, y = days(20, is_learnable=True)
    estimator = proven()
    estimator.fit(asked, y)
    assert estimator.chosen == "trained"
    assert np.abs(estimator.predict(asked) - y).mean() < 0.5 * np.abs(Consensus(["said"]).predict(asked) - y).mean()
    stored = kinds.load(kinds.stored(estimator))
    np.testing.assert_array_equal(stored.predict(asked), estimator.predict(asked))
    assert kinds.parameters(estimator)["chosen"] == "trained"


def test_trees_are_not_chosen_where_they_are_no_better_or_days_are_few() -> None:
    for asked, y in (days(20, is_learnable=False), days(3, is_learnable=True)):
        estimator = proven()
        estimator.fit(asked, y)
        assert estimator.chosen == "untrained"
        np.testing.assert_array_equal(estimator.predict(asked), asked.column("said"))
