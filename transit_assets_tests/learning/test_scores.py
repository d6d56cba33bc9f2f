"""Scores say what scikit-learn says, and a difference is as sure as its blocks allow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from transit_assets.learning.scores import Draws, Scored, compare, compare_auc, compare_levels, compare_pairs


def everything(n: int) -> np.ndarray:
    return np.arange(n)


def both(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Events and two forecasts of them, of which the first is better; rounded, so that there are ties."""
    generator = np.random.default_rng(seed)
    truth = generator.uniform(0, 0.5, n)
    y = (generator.random(n) < truth).astype(float)
    blurred = np.clip(truth + generator.normal(0, 0.2, n), 0, 1)
    return y, np.round(truth, 2), np.round(blurred, 2)


@pytest.mark.parametrize("metric", ["brier", "log_loss", "mae", "rmse", "auc"])
def test_a_metric_is_that_of_scikit_learn(metric: str) -> None:
    y, first, second = both(3000)
    first, second = np.clip(first, 0.01, 0.99), np.clip(second, 0.01, 0.99)
    theirs = {
        "brier": metrics.brier_score_loss,
        "log_loss": metrics.log_loss,
        "mae": metrics.mean_absolute_error,
        "rmse": metrics.root_mean_squared_error,
        "auc": metrics.roc_auc_score,
    }[metric]
    draws, rows = Draws(everything(3000), seed=1), everything(3000)
    if metric == "auc":
        found = compare_auc(y, first, second, draws, rows)
        assert found is not None
        assert found.improvement == pytest.approx(theirs(y, first) - theirs(y, second))
    else:
        found = compare(metric, Scored(first).losses(metric, y), Scored(second).losses(metric, y), draws, rows)
        assert found.improvement == pytest.approx(1 - theirs(y, first) / theirs(y, second))
    assert (found.value, found.baseline_value) == (pytest.approx(theirs(y, first)), pytest.approx(theirs(y, second)))
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < found.improvement < found.ci_high


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=40))
def test_the_weighted_area_under_the_curve_counts_ties_by_half(rows: list[tuple[bool, int, int]]) -> None:
    from transit_assets.learning.scores import _AreaUnderCurve

    y, score, weight = (np.array(column, float) for column in zip(*rows, strict=True))
    found = _AreaUnderCurve(y, score).of(weight)
    if weight[y > 0].sum() and weight[y == 0].sum():
        assert found == pytest.approx(metrics.roc_auc_score(y, score, sample_weight=weight))
    else:
        assert np.isnan(found)


def test_there_is_no_curve_without_both_classes() -> None:
    draws = Draws(everything(10), seed=1)
    assert compare_auc(np.zeros(10), everything(10), everything(10), draws, everything(10)) is None


def test_the_bounds_hold_a_known_gain_in_about_95_of_100_samples() -> None:
    """Errors of 0.8 against 1.0 are a gain of 20 %: blocks of ten that share half of their noise."""
    held = 0
    for sample in range(200):
        generator = np.random.default_rng(sample)
        block = np.repeat(everything(150), 10)
        shared = generator.exponential(0.5, 150)[block]
        model, baseline = (size * (shared + generator.exponential(0.5, 1500)) for size in (0.8, 1.0))
        found = compare("mae", model, baseline, Draws(block, seed=sample), everything(1500))
        assert found.ci_low is not None
        assert found.ci_high is not None
        held += found.ci_low <= 0.2 <= found.ci_high
    assert 0.90 * 200 <= held <= 0.99 * 200


def test_neighbours_that_err_together_make_the_bounds_wider() -> None:
    generator = np.random.default_rng(5)
    block = np.repeat(everything(60), 50)
    model, baseline = (generator.exponential(1, 60)[block] for _ in range(2))
    rows = everything(3000)
    by_block, by_row = (compare("mae", model, baseline, Draws(of, seed=1), rows) for of in (block, rows))
    widths = [one.ci_high - one.ci_low for one in (by_block, by_row)]  # type: ignore[operator]
    assert widths[0] > 4 * widths[1]
    assert by_block.improvement == by_row.improvement


def test_what_two_forecasts_share_cancels_out() -> None:
    generator = np.random.default_rng(6)
    noise = generator.exponential(1, 2000)
    found = compare("mae", 0.9 * noise, noise, Draws(everything(2000), seed=1), everything(2000))
    assert (found.ci_low, found.ci_high) == (pytest.approx(0.1, abs=1e-4), pytest.approx(0.1, abs=1e-4))


def test_a_segment_is_compared_on_its_own_rows() -> None:
    model, baseline = np.array([1.0, 1.0, 9.0, 9.0]), np.array([2.0, 2.0, 9.0, 9.0])
    draws = Draws(everything(4), seed=1)
    found = compare("mae", model, baseline, draws, np.array([0, 1]))
    assert (found.value, found.baseline_value, found.improvement, found.n) == (1, 2, 0.5, 2)


def test_a_baseline_without_error_leaves_no_relative_gain() -> None:
    found = compare("mae", np.ones(5), np.zeros(5), Draws(everything(5), seed=1), everything(5))
    assert (found.value, found.baseline_value, found.improvement, found.ci_low) == (1, 0, None, None)


def test_coverage_is_better_the_nearer_it_is_and_needs_an_interval() -> None:
    y = np.array([1.0, 5.0])
    covered = Scored(y, np.array([0.0, 0.0]), np.array([2.0, 2.0])).losses("coverage", y)
    assert covered.tolist() == [1, 0]
    found = compare("coverage", covered, np.ones(2), Draws(everything(2), seed=1), everything(2))
    assert (found.value, found.improvement) == (0.5, pytest.approx(-0.1))  # .3 off, where all is .2 off
    assert np.isnan(Scored(y).losses("coverage", y)).all()


def test_a_metric_that_is_no_mean_is_refused() -> None:
    with pytest.raises(ValueError, match="auc is no mean"):
        Scored(np.zeros(1)).losses("auc", np.zeros(1))


# Levels -----------------------------------------------------------------------------------------


def levels(n: int, seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Levels 0 to 3, the higher the rarer, and three forecasts of them, each worse than the one before."""
    generator = np.random.default_rng(seed)
    y = generator.choice(4, n, p=[0.7, 0.2, 0.07, 0.03]).astype(float)
    return y, [np.where(generator.random(n) < share, y, generator.integers(0, 4, n)) for share in (0.9, 0.7, 0.5)]


def test_scores_of_levels_are_those_of_scikit_learn() -> None:
    y, said = levels(3000)
    rows = everything(3000)[::2]
    some = [one[rows] for one in said]
    draws = Draws(everything(3000) // 10, seed=1)
    found = compare_levels("macro_f1", y[rows], some, draws, rows, watched=2)
    theirs = [metrics.f1_score(y[rows], one, average="macro") for one in some]
    recalls = [metrics.recall_score(y[rows] >= 2, one >= 2) for one in some]
    accuracies = [metrics.accuracy_score(y[rows], one) for one in some]
    pairs = np.stack([Scored(one).losses("accuracy", y[rows]) for one in some], axis=1)
    for metric, expected, compared in (
        ("macro_f1", theirs, found),
        ("recall", recalls, compare_levels("recall", y[rows], some, draws, rows, watched=2)),
        ("accuracy", accuracies, compare_pairs(pairs, [("accuracy", 0, 1), ("accuracy", 0, 2)], draws, rows)),
    ):
        assert len(compared) == 2
        for one, other in zip(compared, expected[1:], strict=True):
            assert (one.value, one.baseline_value) == (pytest.approx(expected[0]), pytest.approx(other)), metric
            assert one.improvement == pytest.approx(expected[0] - other)
            assert one.ci_low is not None
            assert one.ci_high is not None
            assert 0 < one.ci_low < one.improvement < one.ci_high
            assert one.n == 1500


def test_macro_f1_is_over_the_levels_that_came_true() -> None:
    y, said = np.array([0.0, 0, 1, 1]), np.array([0.0, 0, 1, 3])
    [found] = compare_levels("macro_f1", y, [said, y], Draws(everything(4), seed=1), everything(4), watched=2)
    assert found.value == pytest.approx(metrics.f1_score(y, said, labels=[0, 1], average="macro"))
    assert found.baseline_value == 1


def test_there_is_no_recall_where_there_was_nothing_to_find() -> None:
    y, said = levels(100)
    low = np.minimum(y, 1)
    assert compare_levels("recall", low, said, Draws(everything(100), seed=1), everything(100), watched=2) == []


def test_the_bounds_of_recall_come_from_the_blocks_that_hold_an_event() -> None:
    """Two events in a hundred blocks: a replicate that drew neither tells nothing."""
    y = np.zeros(100)
    y[[3, 70]] = 2
    said = [y.copy(), np.zeros(100)]
    [found] = compare_levels("recall", y, said, Draws(everything(100), seed=1), everything(100), watched=2)
    assert (found.value, found.baseline_value, found.ci_low, found.ci_high) == (1, 0, 1, 1)


def test_many_pairs_at_once_are_what_each_is_alone() -> None:
    generator = np.random.default_rng(2)
    losses = generator.exponential(1, (600, 3))
    losses[:, 2] = 0
    draws, rows = Draws(everything(600) // 6, seed=1), everything(600)[100:400]
    pairs = [(metric, 0, other) for metric in ("mae", "rmse", "coverage", "mase") for other in (1, 2)]
    found = compare_pairs(losses[rows], pairs, draws, rows)
    for one, (metric, ours, theirs) in zip(found, pairs, strict=True):
        alone = compare(metric, losses[:, ours], losses[:, theirs], draws, rows)
        for name, value in vars(alone).items():
            assert vars(one)[name] == (value if value is None else pytest.approx(value, abs=1e-5)), (metric, name)
    assert found[1].improvement is None
    assert found[1].ci_low is None
