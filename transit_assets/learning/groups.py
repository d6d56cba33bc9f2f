"""Simple estimators of groups: a median, a mean by several columns, a line over one column."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from transit_assets.learning.categories import Lookup, keys
from transit_assets.learning.examples import Examples

_ROUNDS = 30  # of reweighting, after which a line of least absolute errors moves by less than 0.1 s in 300
_NEAREST = 5.0  # units: an error below it weighs no more


@dataclass
class GroupMedian:
    """The median answer of each value of a column; of all where it was never seen, or where no column is named."""

    column: str | None = None
    overall: float = 0.0
    groups: dict[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "group_median"
    _known: Lookup | None = field(default=None, repr=False, compare=False)

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        self.overall, self._known = float(np.median(y)), None
        if self.column is not None:
            key = keys(examples, [self.column])
            numbers, position = np.unique(key, return_inverse=True)
            order = np.argsort(position, kind="stable")
            ends = np.searchsorted(position[order], np.arange(len(numbers)), side="right")
            medians = [float(np.median(part)) for part in np.split(y[order], ends[:-1])]
            self.groups = Lookup(numbers, np.array(medians)[:, None]).state()

    def predict(self, examples: Examples) -> np.ndarray:
        if self.column is None:
            return np.full(len(examples), self.overall)
        if self._known is None:
            self._known = Lookup.load(self.groups)
        return self._known.of(keys(examples, [self.column]), self.overall)[:, 0]

    def state(self) -> dict[str, Any]:
        return {"column": self.column, "overall": self.overall, "groups": self.groups}


@dataclass
class GroupMean:
    """The mean answer by one column, then by that and the next, each drawn to the one before where little was seen.

    Without columns it is the mean of all. With `classes` answers are their numbers, 0 and on, and it gives their
    shares (n, classes).
    """

    columns: list[str] = field(default_factory=list)
    weight: float = 20.0
    classes: int = 0
    overall: list[float] = field(default_factory=list)
    levels: list[dict[str, Any]] = field(default_factory=list)
    kind: ClassVar[str] = "group_mean"
    _known: list[Lookup] | None = field(default=None, repr=False, compare=False)

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        told = np.eye(self.classes)[y.astype(np.int64)] if self.classes else y[:, None]
        mean = told.mean(axis=0)
        rest, known = told - mean, []
        for count in range(1, len(self.columns) + 1):
            key = keys(examples, self.columns[:count])
            known.append(Lookup.means(key, rest, self.weight))
            rest = rest - known[-1].of(key)
        self.overall, self.levels, self._known = mean.tolist(), [one.state() for one in known], None

    def predict(self, examples: Examples) -> np.ndarray:
        if self._known is None:
            self._known = [Lookup.load(one) for one in self.levels]
        found = np.tile(np.array(self.overall), (len(examples), 1))
        for count, known in enumerate(self._known, 1):
            found += known.of(keys(examples, self.columns[:count]))
        return np.clip(found, 0.0, 1.0) if self.classes else found[:, 0]

    def state(self) -> dict[str, Any]:
        return {
            "columns": self.columns,
            "weight": self.weight,
            "classes": self.classes,
            "overall": self.overall,
            "levels": self.levels,
        }


@dataclass
class LineOver:
    """A straight line over one column, by least absolute errors; with `is_probability` logistic regression on it.

    Where the column is unknown it is the median answer, or the rate of all.
    """

    column: str
    is_probability: bool = False
    intercept: float = 0.0
    slope: float = 0.0
    otherwise: float = 0.0
    kind: ClassVar[str] = "line_over"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        x = examples.column(self.column).astype(np.float64)
        known = np.isfinite(x)
        self.otherwise = float(y.mean() if self.is_probability else np.median(y))
        x, y = x[known], y[known]
        self.intercept, self.slope = self.otherwise, 0.0
        if len(np.unique(x)) < 2:
            self.intercept = float(np.log(self._odds(self.otherwise))) if self.is_probability else self.otherwise
        elif self.is_probability:
            self._logistic(x, y)
        else:
            self._absolute(x, y)

    @staticmethod
    def _odds(share: float) -> float:
        inside = min(max(share, 1e-6), 1 - 1e-6)
        return inside / (1 - inside)

    def _logistic(self, x: np.ndarray, y: np.ndarray) -> None:
        if len(np.unique(y)) < 2:
            self.intercept = float(np.log(self._odds(float(y.mean()))))
            return
        from sklearn.linear_model import LogisticRegression

        spread = float(x.std())
        fitted = LogisticRegression(C=1e6).fit(x[:, None] / spread, y)
        self.intercept, self.slope = float(fitted.intercept_[0]), float(fitted.coef_[0, 0]) / spread

    def _absolute(self, x: np.ndarray, y: np.ndarray) -> None:
        both, weight = np.stack([np.ones(len(x)), x], axis=1), np.ones(len(x))
        for _ in range(_ROUNDS):
            root = np.sqrt(weight)
            line = np.linalg.lstsq(both * root[:, None], y * root, rcond=None)[0]
            weight = 1 / np.maximum(np.abs(y - both @ line), _NEAREST)
        self.intercept, self.slope = (float(one) for one in line)

    def predict(self, examples: Examples) -> np.ndarray:
        x = examples.column(self.column).astype(np.float64)
        line = self.intercept + self.slope * x
        return np.where(np.isfinite(x), expit(line) if self.is_probability else line, self.otherwise)

    def state(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "is_probability": self.is_probability,
            "intercept": self.intercept,
            "slope": self.slope,
            "otherwise": self.otherwise,
        }
