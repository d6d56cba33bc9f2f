"""Scores of forecasts, and how sure a difference between two is: a paired bootstrap over blocks.

Blocks are drawn, not rows, because neighbours in time err together. Drawing is by Poisson weights, the same for
both forecasts of a pair, so that what they share cancels out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

REPLICATES = 400
CONFIDENCE = 0.95
_AUC_REPLICATES = 100
_CHUNK = 50  # replicates at once
_WEIGHTS_AT_ONCE = 5_000_000  # of float32: 20 MB
_LOG_FLOOR = 1e-6

INTERVAL = 0.8
"""What an interval is to cover: a coverage is better the nearer it is."""

SMALLER_IS_BETTER = {"brier", "log_loss", "mae", "rmse", "mase"}


@dataclass(frozen=True)
class Scored:
    """One forecast of a number of examples, ready to be scored: values, and an interval where there is one.

    A bound is an interval without a lower end. Of classes there are (n, k) `shares` of the `classes`, ascending.
    """

    value: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    shares: np.ndarray | None = None
    classes: Sequence[float] = ()

    def losses(self, metric: str, y: np.ndarray) -> np.ndarray:
        """(n,) losses whose mean is the metric (its square for `rmse`)."""
        if metric in ("brier", "rmse"):
            return (self.value - y) ** 2
        if metric == "log_loss" and self.shares is not None:
            place = np.searchsorted(np.array(self.classes), y)
            return -np.log(np.maximum(self.shares[np.arange(len(y)), place], _LOG_FLOOR))
        if metric == "log_loss":
            p = np.clip(self.value, _LOG_FLOOR, 1 - _LOG_FLOOR)
            return -(y * np.log(p) + (1 - y) * np.log1p(-p))
        if metric == "mae":
            return np.abs(self.value - y)
        if metric == "accuracy":
            return (self.value == y).astype(np.float64)
        if metric == "coverage":
            if self.high is None:
                return np.full(len(y), np.nan)
            is_above = True if self.low is None else self.low <= y
            return (is_above & (y <= self.high)).astype(np.float64)
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
        """(replicates, k) weighted sums of (n, k) columns, which belong to n rows."""
        blocks, position = np.unique(self.of_row[rows], return_inverse=True)
        totals = np.stack([np.bincount(position, column, len(blocks)) for column in columns.T], axis=1)
        at_once = max(1, _WEIGHTS_AT_ONCE // len(blocks))
        return np.concatenate(
            [
                self._weights[start : start + at_once, blocks].astype(np.float32) @ totals.astype(np.float32)
                for start in range(0, len(self._weights), at_once)
            ]
        ).astype(np.float64)


def compare(metric: str, model: np.ndarray, baseline: np.ndarray, draws: Draws, rows: np.ndarray) -> Comparison:
    """Compare two arrays of losses (`Scored.losses`) on some rows (positions)."""
    return compare_pairs(np.stack([model[rows], baseline[rows]], axis=1), [(metric, 0, 1)], draws, rows)[0]


def compare_pairs(
    losses: np.ndarray,
    pairs: Sequence[tuple[str, int, int]],
    draws: Draws,
    rows: np.ndarray,
    nominal: float = INTERVAL,
) -> list[Comparison]:
    """Compare columns of (n, k) losses, of n rows: pairs of a metric, the model's column and the baseline's.

    A coverage is the better the nearer it is to `nominal`. All at once: one by
    one, 300 arcs at 6 horizons took minutes.
    """
    metrics, ours, theirs = (list(one) for one in zip(*pairs, strict=True))
    sums = draws.sums(rows, np.concatenate([losses, np.ones((len(rows), 1))], axis=1))
    drawn = sums[:, -1] > 0
    means = np.concatenate([losses.mean(axis=0)[None], sums[drawn, :-1] / sums[drawn, -1:]])
    is_root = np.array([metric == "rmse" for metric in metrics])
    value, other = (np.where(is_root, np.sqrt(means[:, which]), means[:, which]) for which in (ours, theirs))
    is_error = np.array([metric in SMALLER_IS_BETTER for metric in metrics])
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.where(other > 0, 1 - value / other, np.nan)
    nearer = np.abs(other - nominal) - np.abs(value - nominal)
    is_coverage = np.array([metric == "coverage" for metric in metrics])
    improvement = np.where(is_error, gain, np.where(is_coverage, nearer, value - other))
    return _compared(value[0], other[0], improvement[0], improvement[1:], len(rows))


def compare_auc(
    y: np.ndarray, model: np.ndarray, baseline: np.ndarray, draws: Draws, rows: np.ndarray
) -> Comparison | None:
    """Compare the areas under two ROC curves on some rows, to which y and scores belong; None without both classes."""
    if not 0 < y.sum() < len(y):
        return None
    both = [_AreaUnderCurve(y, score) for score in (model, baseline)]
    value, other = (one.of(np.ones(len(y))) for one in both)
    resampled = np.array([both[0].of(one) - both[1].of(one) for one in draws.weights_of(rows, _AUC_REPLICATES)])
    ours, theirs = np.array([value]), np.array([other])
    return _compared(ours, theirs, ours - theirs, resampled[:, None], len(y))[0]


def compare_levels(
    metric: str, y: np.ndarray, said: Sequence[np.ndarray], draws: Draws, rows: np.ndarray, watched: int
) -> list[Comparison]:
    """Compare `macro_f1`, or `recall` of the levels from `watched` on, of the first forecast with that of each other.

    `y` and each forecast are the levels of n rows. Macro-F1 is the mean over the levels that came true. Empty where
    recall has no level to find.
    """
    levels = np.unique(y) if metric == "macro_f1" else np.array([watched])
    if metric == "recall" and not (y >= watched).any():
        return []

    def parts(one: np.ndarray) -> np.ndarray:
        """(n, 2k) what each level's share is made of: what was told rightly, and out of how much."""
        if metric == "recall":
            is_event = y >= watched
            return np.stack([is_event & (one >= watched), is_event], axis=1).astype(np.float64)
        right = [2.0 * ((one == level) & (y == level)) for level in levels]
        all_ = [(one == level).astype(np.float64) + (y == level) for level in levels]
        return np.stack([*right, *all_], axis=1)

    def shares(sums: np.ndarray) -> np.ndarray:
        half = sums.shape[1] // 2
        with np.errstate(divide="ignore", invalid="ignore"):
            found = sums[:, :half] / sums[:, half:]
        drawn = np.isfinite(found)
        return np.where(drawn, found, 0).sum(axis=1) / np.where(drawn.any(axis=1), drawn.sum(axis=1), np.nan)

    columns = np.concatenate([parts(one) for one in said], axis=1)
    sums = np.concatenate([columns.sum(axis=0)[None], draws.sums(rows, columns)])
    values = np.stack([shares(one) for one in np.split(sums, len(said), axis=1)], axis=1)
    improvement = values[:, :1] - values[:, 1:]
    ours = np.full(len(said) - 1, values[0, 0])
    return _compared(ours, values[0, 1:], improvement[0], improvement[1:], len(rows))


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


def _compared(
    value: np.ndarray, other: np.ndarray, improvement: np.ndarray, resampled: np.ndarray, n: int
) -> list[Comparison]:
    """Of (k,) values and (replicates, k) improvements drawn."""
    low, high = _bounds(resampled)
    return [
        Comparison(
            value=float(value[one]),
            baseline_value=float(other[one]),
            improvement=_finite(improvement[one]),
            ci_low=_finite(low[one]),
            ci_high=_finite(high[one]),
            n=n,
        )
        for one in range(len(value))
    ]


def _bounds(resampled: np.ndarray) -> np.ndarray:
    """(2, k) bounds of each column, of what is finite in it; NaN where nothing is."""
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    known = np.isfinite(resampled)
    if known.all() and len(resampled):
        return np.quantile(resampled, tails, axis=0)
    columns = [column[which] for column, which in zip(resampled.T, known.T, strict=True)]
    return np.array([np.quantile(one, tails) if len(one) else (np.nan, np.nan) for one in columns]).T


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
