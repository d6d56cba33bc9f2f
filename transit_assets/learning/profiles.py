"""Estimators that know the week: the same hour last week, the hour-of-week median, what it changes; ridge;
and one that tells another estimator what the usual week says.

They look at two columns of a domain: `hour_of_week` (0 is Monday midnight, local) of what is asked about, and
`hour_of_week_known` of the newest hour that was known.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from transit_assets.learning.estimators import Persistence
from transit_assets.learning.examples import Examples

_WEEK = 168
_FOLDS = 8  # of the days that are learnt from: each is told what the other seven eighths say; a week has no eight days


@dataclass
class LastWeek(Persistence):
    """What held in the same hour a week before: a column that says so."""

    kind: ClassVar[str] = "last_week"


@dataclass
class HourOfWeekMedian:
    """The median answer of each entity in each hour of the week; of all entities where one was never seen.

    With a `weight` a median is drawn towards that of all entities, as if that had been seen so many times more.
    """

    weight: float = 0.0
    entities: dict[str, list[float]] = field(default_factory=dict)
    overall: list[float] = field(default_factory=list)
    kind: ClassVar[str] = "hour_of_week_median"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        hour = examples.column("hour_of_week").astype(np.int64)
        self.overall, self.entities = _medians(hour, y, float(np.median(y))).tolist(), {}
        entities, position = np.unique(examples.entity, return_inverse=True)
        order = np.argsort(position, kind="stable")
        ends = np.searchsorted(position[order], np.arange(len(entities)), side="right")
        for entity, rows in zip(entities, np.split(order, ends[:-1]), strict=True):
            medians = _medians(hour[rows], y[rows], float(np.median(y[rows])))
            seen = np.bincount(hour[rows], minlength=_WEEK)
            if self.weight:
                medians = (seen * medians + self.weight * np.array(self.overall)) / (seen + self.weight)
            self.entities[str(int(entity))] = medians.tolist()

    def predict(self, examples: Examples) -> np.ndarray:
        return self.at(examples, examples.column("hour_of_week").astype(np.int64))

    def at(self, examples: Examples, hour: np.ndarray) -> np.ndarray:
        """The medians of some hours of the week, one for each question."""
        entities, position = np.unique(examples.entity, return_inverse=True)
        table = np.array([self.entities.get(str(int(entity)), self.overall) for entity in entities])
        return table.reshape(-1, _WEEK)[position, hour]

    def state(self) -> dict[str, Any]:
        return {"weight": self.weight, "entities": self.entities, "overall": self.overall}


@dataclass
class ProfileChange(HourOfWeekMedian):
    """The last value plus what the hour-of-week median changes from its hour to the one asked about.

    The column `silent`, where there is one, says how many hours the last value is older than the newest known hour.
    """

    column: str = ""
    silent: str = ""
    kind: ClassVar[str] = "profile_change"

    def predict(self, examples: Examples) -> np.ndarray:
        change = self.at(examples, examples.column("hour_of_week").astype(np.int64))
        change -= self.at(examples, _hour_of_the_last(examples, self.silent))
        return np.maximum(examples.column(self.column) + change, 0.0)

    def state(self) -> dict[str, Any]:
        return super().state() | {"column": self.column, "silent": self.silent}


USUAL = "usual"
_COLUMNS = (USUAL, "usual_of_level", "usual_median", "usual_change", "usual_deviation")


@dataclass
class UsualWeek:
    """An estimator that is also told what the usual week says: the medians of all the weeks that were learnt from.

    Its members are `week` and `estimator`. Medians are of answers in units of the column `level`, so that the week of
    all serves an entity that was never seen. Five columns are added: `usual`, the figure of `column` plus what the
    usual week changes since; and in units of `level` that, the median of the hour asked about, the change, and how far
    the figure is from its own hour's median. The column `silent` says how many hours older than the newest known hour
    the figure is. In training each day is told what the others say: told its own answers, trees would trust them.
    """

    members: dict[str, Any]
    column: str
    level: str
    silent: str
    kind: ClassVar[str] = "usual_week"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        share = y / examples.column(self.level)
        narrow = examples.only(["hour_of_week", "hour_of_week_known", self.column, self.level, self.silent])
        told = np.full((len(examples), len(_COLUMNS)), np.nan, np.float32)
        told[:, 0] = examples.column(self.column)  # of one day alone no other says more
        fold = narrow.target_at // 86_400 % _FOLDS
        for one in np.unique(fold):
            rows = fold == one
            if not rows.all():
                others = HourOfWeekMedian(weight=self.members["week"].weight)
                others.fit(narrow.take(~rows), share[~rows])
                told[rows] = self._told(others, narrow.take(rows))
        self.members["week"].fit(narrow, share)
        self.members["estimator"].fit(examples.also(_COLUMNS, told), y)

    def predict(self, examples: Examples) -> np.ndarray:
        told = self._told(self.members["week"], examples)
        found: np.ndarray = self.members["estimator"].predict(examples.also(_COLUMNS, told))
        return found

    def _told(self, week: HourOfWeekMedian, examples: Examples) -> np.ndarray:
        last, level = examples.column(self.column) / examples.column(self.level), examples.column(self.level)
        then = week.at(examples, examples.column("hour_of_week").astype(np.int64))
        change = then - week.at(examples, _hour_of_the_last(examples, self.silent))
        usual = np.maximum(last + change, 0.0)
        return np.stack([usual * level, usual, then, change, last - then + change], axis=1)

    def state(self) -> dict[str, Any]:
        return {"members": self.members, "column": self.column, "level": self.level, "silent": self.silent}


def _hour_of_the_last(examples: Examples, silent: str) -> np.ndarray:
    """The hour of the week of the last figure, so many hours before the newest known one as the column says."""
    known = examples.column("hour_of_week_known").astype(np.int64)
    return (known - (np.nan_to_num(examples.column(silent)).astype(np.int64) if silent else 0)) % _WEEK


@dataclass
class Ridge:
    """scikit-learn's ridge on some standardised columns and the hour.

    It learns the change of `change_of`, in units of `scale`. An unknown column counts as its mean; answers beyond
    eight units count as eight, so that a spike does not tilt it.
    """

    columns: list[str]
    change_of: str
    scale: str
    mean: list[float] = field(default_factory=list)
    spread: list[float] = field(default_factory=list)
    coefficients: list[float] = field(default_factory=list)
    intercept: float = 0.0
    kind: ClassVar[str] = "ridge"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        from sklearn.linear_model import Ridge as Fit

        chosen = self._chosen(examples)
        known = np.isfinite(chosen)
        counts = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, chosen, 0).sum(axis=0) / counts
        spread = np.sqrt(np.where(known, (chosen - mean) ** 2, 0).sum(axis=0) / counts)
        self.mean, self.spread = mean.tolist(), np.where(spread > 0, spread, 1.0).tolist()
        change = (y - examples.column(self.change_of)) / examples.column(self.scale)
        fitted = Fit(alpha=30.0).fit(self._matrix(examples), np.clip(change, -8, 8))
        self.coefficients, self.intercept = fitted.coef_.tolist(), float(fitted.intercept_)

    def _chosen(self, examples: Examples) -> np.ndarray:
        return np.stack([examples.column(name) for name in self.columns], axis=1).astype(np.float64)

    def _matrix(self, examples: Examples) -> np.ndarray:
        standard = np.nan_to_num((self._chosen(examples) - np.array(self.mean)) / np.array(self.spread))
        hour = examples.column("hour_of_week").astype(np.int64) % 24
        return np.concatenate([np.clip(standard, -8, 8), np.eye(24)[hour]], axis=1)

    def predict(self, examples: Examples) -> np.ndarray:
        change = self._matrix(examples) @ np.array(self.coefficients) + self.intercept
        return np.maximum(examples.column(self.change_of) + examples.column(self.scale) * change, 0.0)

    def state(self) -> dict[str, Any]:
        return {
            "columns": self.columns,
            "change_of": self.change_of,
            "scale": self.scale,
            "mean": self.mean,
            "spread": self.spread,
            "coefficients": self.coefficients,
            "intercept": self.intercept,
        }


def _medians(hour: np.ndarray, y: np.ndarray, otherwise: float) -> np.ndarray:
    """(168,) the median of each hour of the week; where there is none, another figure."""
    order = np.lexsort((y, hour))
    starts = np.searchsorted(hour[order], np.arange(_WEEK))
    counts = np.searchsorted(hour[order], np.arange(_WEEK), side="right") - starts
    ordered = np.append(y[order], otherwise)
    low, high = starts + np.maximum(counts - 1, 0) // 2, starts + counts // 2
    return np.where(counts > 0, (ordered[np.minimum(low, len(y))] + ordered[np.minimum(high, len(y))]) / 2, otherwise)
