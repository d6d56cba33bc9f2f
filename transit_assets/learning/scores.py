"""Scores of forecasts, and how sure a difference between two is: a paired bootstrap over blocks.

Blocks are drawn, not rows, because neighbours in time err together. Drawing is by Poisson weights, the same for
both forecasts of a pair, so that what they share cancels out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

REPLICATES = 400
CONFIDENCE = 0.95
_AUC_REPLICATES = 100
_CHUNK = 50  # replicates at once: 50 x 100,000 blocks of float32 are 20 MB
_LOG_FLOOR = 1e-6

SMALLER_IS_BETTER = {"brier", "log_loss", "mae", "rmse", "mase"}


@dataclass(frozen=True)
class Scored:
    """One forecast of a number of examples, ready to be scored: values, and an interval where there is one."""

    value: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    def losses(self, metric: str, y: np.ndarray) -> np.ndarray:
        """(n,) losses whose mean is the metric (its square for `rmse`)."""
        if metric in ("brier", "rmse"):
            return (self.value - y) ** 2
        if metric == "log_loss":
            p = np.clip(self.value, _LOG_FLOOR, 1 - _LOG_FLOOR)
            return -(y * np.log(p) + (1 - y) * np.log1p(-p))
        if metric == "mae":
            return np.abs(self.value - y)
        if metric == "accuracy":
            return (self.value == y).astype(np.float64)
        if metric == "coverage":
            if self.low is None or self.high is None:
                return np.full(len(y), np.nan)
            return ((self.low <= y) & (y <= self.high)).astype(np.float64)
        raise ValueError(f"{metric} is no mean over rows")


@dataclass(frozen=True)
class Comparison:
    """A metric of a model and of what it is compared with, and the bounds of the improvement.

    `improvement` is the relative gain for errors, else the difference; positive is better.
    """

    value: float
    baseline_value: float
    improvement: float | None
    ci_low: float | None
    ci_high: float | None
    n: int


class Draws:
    """Poisson(1) weights of blocks, (replicates, blocks), made once and used by every comparison of a window."""

    def __init__(self, block: np.ndarray, seed: int, replicates: int = REPLICATES) -> None:
        self.blocks, self.of_row = np.unique(block, return_inverse=True)
        generator = np.random.default_rng(seed)
        self._weights = np.concatenate(
            [
                generator.poisson(1.0, (min(_CHUNK, replicates - start), len(self.blocks))).astype(np.uint8)
                for start in range(0, replicates, _CHUNK)
            ]
        )

    def weights_of(self, rows: np.ndarray, replicates: int) -> Iterator[np.ndarray]:
        """The weight of each row, one replicate after the other."""
        return (weights[self.of_row[rows]] for weights in self._weights[:replicates])

    def sums(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """(replicates, k) weighted sums of (n, k) columns over some rows."""
        blocks, position = np.unique(self.of_row[rows], return_inverse=True)
        totals = np.stack([np.bincount(position, column, len(blocks)) for column in columns[rows].T], axis=1)
        return np.concatenate(
            [
                self._weights[start : start + _CHUNK, blocks].astype(np.float32) @ totals.astype(np.float32)
                for start in range(0, len(self._weights), _CHUNK)
            ]
        ).astype(np.float64)


def compare(metric: str, model: np.ndarray, baseline: np.ndarray, draws: Draws, rows: np.ndarray) -> Comparison:
    """Compare two arrays of losses (`Scored.losses`) on some rows (positions)."""
    columns = np.stack([model, baseline, np.ones(len(model))], axis=1)
    value, other = _metric(metric, *columns[rows].mean(axis=0)[:2, None])
    sums = draws.sums(rows, columns)
    drawn = sums[:, 2] > 0
    resampled = _improvement(metric, *_metric(metric, *(sums[drawn, :2] / sums[drawn, 2:]).T))
    return _compared(value[0], other[0], _improvement(metric, value, other)[0], resampled, len(rows))


def compare_auc(
    y: np.ndarray, model: np.ndarray, baseline: np.ndarray, draws: Draws, rows: np.ndarray
) -> Comparison | None:
    """Compare the areas under two ROC curves on some rows, to which y and scores belong; None without both classes."""
    if not 0 < y.sum() < len(y):
        return None
    both = [_AreaUnderCurve(y, score) for score in (model, baseline)]
    value, other = (one.of(np.ones(len(y))) for one in both)
    resampled = np.array([both[0].of(one) - both[1].of(one) for one in draws.weights_of(rows, _AUC_REPLICATES)])
    return _compared(value, other, value - other, resampled, len(y))


def compare_levels(
    metric: str, y: np.ndarray, model: np.ndarray, baseline: np.ndarray, draws: Draws, rows: np.ndarray, watched: int
) -> Comparison | None:
    """Compare `macro_f1`, or `recall` of the levels from `watched` on, on some rows; None where there is no such level.

    `y`, `model` and `baseline` are levels of all rows of the draws.
    """
    levels = np.unique(y[rows]) if metric == "macro_f1" else np.array([watched])
    if metric == "recall" and not (y[rows] >= watched).any():
        return None

    def parts(said: np.ndarray) -> np.ndarray:
        """(n, 2k) what each level's share is made of: what was told rightly, and out of how much."""
        if metric == "recall":
            is_event = y >= watched
            return np.stack([is_event & (said >= watched), is_event], axis=1).astype(np.float64)
        right = [2.0 * ((said == level) & (y == level)) for level in levels]
        all_ = [(said == level).astype(np.float64) + (y == level) for level in levels]
        return np.stack([*right, *all_], axis=1)

    def shares(sums: np.ndarray) -> np.ndarray:
        half = sums.shape[1] // 2
        with np.errstate(divide="ignore", invalid="ignore"):
            found = sums[:, :half] / sums[:, half:]
        drawn = np.isfinite(found)
        return np.where(drawn, found, 0).sum(axis=1) / np.where(drawn.any(axis=1), drawn.sum(axis=1), np.nan)

    columns = [parts(said) for said in (model, baseline)]
    value, other = (shares(one[rows].sum(axis=0)[None])[0] for one in columns)
    resampled = [shares(draws.sums(rows, one)) for one in columns]
    return _compared(value, other, value - other, resampled[0] - resampled[1], len(rows))


class _AreaUnderCurve:
    """Weighted area under the ROC curve of one score, with half a count for ties."""

    def __init__(self, y: np.ndarray, score: np.ndarray) -> None:
        self._order = np.argsort(score, kind="stable")
        ordered = score[self._order]
        self._starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
        self._is_event = y[self._order] > 0

    def of(self, weights: np.ndarray) -> float:
        weight = weights[self._order].astype(np.float64)
        events = np.add.reduceat(weight * self._is_event, self._starts)
        others = np.add.reduceat(weight * ~self._is_event, self._starts)
        below = np.cumsum(others) - others / 2
        pairs = events.sum() * others.sum()
        return float((events * below).sum() / pairs) if pairs else float("nan")


def _metric(metric: str, *losses: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.sqrt(loss) if metric == "rmse" else loss for loss in losses)


def _improvement(metric: str, value: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    if metric not in SMALLER_IS_BETTER:
        return value - baseline
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(baseline > 0, 1 - value / baseline, np.nan)


def _compared(value: float, other: float, improvement: float, resampled: np.ndarray, n: int) -> Comparison:
    known = resampled[np.isfinite(resampled)]
    tails = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tails, 1 - tails]) if len(known) else (None, None)
    return Comparison(
        value=float(value),
        baseline_value=float(other),
        improvement=float(improvement) if np.isfinite(improvement) else None,
        ci_low=None if low is None else float(low),
        ci_high=None if high is None else float(high),
        n=n,
    )
