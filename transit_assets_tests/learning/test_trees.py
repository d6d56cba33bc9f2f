"""Trees are grown once within a lesson, for the same data, parameters and seed."""

from collections.abc import Iterator
from typing import Any

import lightgbm
import numpy as np
import pytest

from transit_assets.learning.estimators import Boosted
from transit_assets.learning.trees import grow, grown_once
from transit_assets.road import model as road

Grown = list[dict[str, Any]]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Grown:
    """The parameters of every training of LightGBM's."""
    found: Grown = []
    train = lightgbm.train

    def noted(parameters: dict[str, Any], *rest: Any) -> lightgbm.Booster:
        found.append(parameters)
        return train(parameters, *rest)

    monkeypatch.setattr(lightgbm, "train", noted)
    return found


def grown(features: np.ndarray, answers: np.ndarray, *, names: tuple[str, ...] = ("a", "b"), seed: int = 1) -> str:
    return grow(features, answers, names, rounds=5, parameters={"objective": "regression_l1", "seed": seed})


def data(seed: int) -> tuple[np.ndarray, np.ndarray]:
    features = np.random.default_rng(seed).normal(size=(300, 2)).astype(np.float32)
    return features, features.sum(axis=1, dtype=np.float64)


def test_the_same_trees_are_grown_once(trained: Grown) -> None:
    features, answers = data(91)
    with grown_once():
        first = grown(features, answers)
        assert grown(features.copy(), answers.copy()) == first
    assert len(trained) == 1


def test_other_answers_features_names_or_seeds_grow_other_trees(trained: Grown) -> None:
    features, answers = data(92)
    with grown_once():
        all_ = [
            grown(features, answers),
            grown(features, answers + 1),
            grown(features * 2, answers),
            grown(features, answers, names=("a", "c")),
            grown(features, answers, seed=2),
        ]
    assert len(trained) == len(all_) == len(set(all_))


def test_outside_of_a_lesson_nothing_is_remembered(trained: Grown) -> None:
    features, answers = data(93)
    with grown_once():
        first = grown(features, answers)
    assert grown(features, answers) == grown(features, answers) == first
    assert len(trained) == 3


def test_the_road_s_level_shares_the_trees_of_occupancy() -> None:
    ours, theirs = ({repr(one) for one in _boosted(model.estimator(7))} for model in (road.OCCUPANCY, road.LEVEL))
    assert ours == theirs


def _boosted(estimator: Any) -> Iterator[Boosted]:
    if isinstance(estimator, Boosted):
        yield estimator
    for member in getattr(estimator, "members", {}).values():
        yield from _boosted(member)
