"""Estimators: baselines and models alike. Each fits on examples, predicts, and is stored as plain JSON.

A stored model runs no code when it is loaded: trees are LightGBM's own text, everything else numbers (see `kinds`).
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from scipy.special import expit, logit

from transit_assets.learning.errors import ModelUnreadable
from transit_assets.learning.examples import Examples
from transit_assets.learning.trees import THREADS, grow

if TYPE_CHECKING:
    import lightgbm


_FAR = 30.0  # units: what is further off, as the spike of a counter, counts as so much


class Estimator(Protocol):
    """Learns one target, `y` of shape (n,), and gives its expectation (or median) or its probability."""

    kind: ClassVar[str]

    def fit(self, examples: Examples, y: np.ndarray) -> None: ...

    def predict(self, examples: Examples) -> np.ndarray: ...

    def state(self) -> dict[str, Any]: ...


@dataclass
class Persistence:
    """What holds now holds then. With `equals`, the question is whether the column then has that value: 0 or 1."""

    column: str
    equals: float | None = None
    kind: ClassVar[str] = "persistence"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        """There is nothing to learn."""

    def predict(self, examples: Examples) -> np.ndarray:
        now = examples.column(self.column).astype(np.float64)
        return now if self.equals is None else (now == self.equals).astype(np.float64)

    def state(self) -> dict[str, Any]:
        return {"column": self.column, "equals": self.equals}


@dataclass
class CountTable:
    """The mean answer for each horizon and each value of one column (whole numbers, `last` and above as one).

    Where the column is unknown it is the mean of those examples.
    """

    column: str
    last: int = 60
    table: dict[str, list[float]] = field(default_factory=dict)
    kind: ClassVar[str] = "count_table"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        cells = self._cells(examples)
        for horizon in np.unique(examples.horizon_minutes):
            mask = examples.horizon_minutes == horizon
            counts = np.bincount(cells[mask], minlength=self.last + 2)
            sums = np.bincount(cells[mask], y[mask], minlength=self.last + 2)
            # A cell counts as if it had one more example, of the overall mean.
            self.table[str(int(horizon))] = ((sums + y[mask].mean()) / (counts + 1)).tolist()

    def predict(self, examples: Examples) -> np.ndarray:
        cells, found = self._cells(examples), np.empty(len(examples))
        known = {int(horizon): np.array(values) for horizon, values in self.table.items()}
        for horizon in np.unique(examples.horizon_minutes):
            mask = examples.horizon_minutes == horizon
            found[mask] = known[_nearest(known, horizon)][cells[mask]]
        return found

    def _cells(self, examples: Examples) -> np.ndarray:
        column = examples.column(self.column)
        cells = np.where(np.isnan(column), self.last + 1, np.clip(column, 0, self.last))
        return cells.astype(np.int64)

    def state(self) -> dict[str, Any]:
        return {"column": self.column, "last": self.last, "table": self.table}


@dataclass
class Climatology:
    """The mean answer of each entity at each hour of the day, drawn towards the hour's where little was seen."""

    weight: float = 20.0
    hours: list[float] = field(default_factory=list)
    entities: dict[str, float] = field(default_factory=dict)
    cells: dict[str, float] = field(default_factory=dict)
    kind: ClassVar[str] = "climatology"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        hour = _hour(examples)
        overall = float(y.mean())
        counts, sums = np.bincount(hour, minlength=24), np.bincount(hour, y, minlength=24)
        self.hours = ((sums + self.weight * overall) / (counts + self.weight)).tolist()
        self.entities = self._drawn(examples.entity, y - np.array(self.hours)[hour])
        cell = examples.entity.astype(np.int64) * 24 + hour
        self.cells = self._drawn(cell, y - self._without_cells(examples, hour))

    def _drawn(self, key: np.ndarray, rest: np.ndarray) -> dict[str, float]:
        """The mean rest of each key, drawn towards 0 as if it had been seen `weight` times more."""
        keys, position = np.unique(key, return_inverse=True)
        means = np.bincount(position, rest) / (np.bincount(position) + self.weight)
        return {str(int(key)): float(mean) for key, mean in zip(keys, means, strict=True)}

    def _without_cells(self, examples: Examples, hour: np.ndarray) -> np.ndarray:
        return np.array(self.hours)[hour] + _looked_up(self.entities, examples.entity)

    def predict(self, examples: Examples) -> np.ndarray:
        hour = _hour(examples)
        cell = examples.entity.astype(np.int64) * 24 + hour
        return self._without_cells(examples, hour) + _looked_up(self.cells, cell)

    def state(self) -> dict[str, Any]:
        return {"weight": self.weight, "hours": self.hours, "entities": self.entities, "cells": self.cells}


@dataclass
class LogisticRegression:
    """scikit-learn's logistic regression on standardised features; an unknown feature counts as its mean."""

    mean: list[float] = field(default_factory=list)
    scale: list[float] = field(default_factory=list)
    coefficients: list[float] = field(default_factory=list)
    intercept: float = 0.0
    kind: ClassVar[str] = "logistic_regression"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        from sklearn.linear_model import LogisticRegression as Fit

        known = np.isfinite(examples.features)
        counts = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, examples.features, 0).sum(axis=0, dtype=np.float64) / counts
        spread = np.where(known, (examples.features - mean) ** 2, 0).sum(axis=0, dtype=np.float64) / counts
        self.mean, self.scale = mean.tolist(), np.where(spread > 0, np.sqrt(spread), 1.0).tolist()
        if len(np.unique(y)) < 2:  # nothing ever happened: the base rate, without a fit
            self.coefficients, self.intercept = [0.0] * len(self.mean), float(logit(np.clip(y.mean(), 1e-6, 1 - 1e-6)))
            return
        fitted = Fit(max_iter=300).fit(self._standardised(examples), y)
        self.coefficients, self.intercept = fitted.coef_[0].tolist(), float(fitted.intercept_[0])

    def _standardised(self, examples: Examples) -> np.ndarray:
        return np.nan_to_num((examples.features - np.array(self.mean)) / np.array(self.scale))

    def predict(self, examples: Examples) -> np.ndarray:
        return expit(self._standardised(examples) @ np.array(self.coefficients) + self.intercept)

    def state(self) -> dict[str, Any]:
        return {
            "mean": self.mean,
            "scale": self.scale,
            "coefficients": self.coefficients,
            "intercept": self.intercept,
        }


@dataclass
class Boosted:
    """LightGBM's gradient-boosted trees.

    With `change_of` they learn the change of that column, with `scale` in units of that one; what comes out is then
    never below 0.
    """

    objective: str
    change_of: str | None = None
    rounds: int = 300
    parameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    scale: str | None = None
    text: str = ""
    kind: ClassVar[str] = "boosted"
    _booster: "lightgbm.Booster | None" = field(default=None, repr=False, compare=False)

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        base, unit = self._base_and_unit(examples)
        change = (y - base) / unit
        if self.scale is not None:
            change = np.clip(change, -_FAR, _FAR)
        parameters = self.parameters | {"objective": self.objective, "seed": self.seed}
        self.text = grow(examples.features, change, examples.names, rounds=self.rounds, parameters=parameters)
        self._booster = None

    def predict(self, examples: Examples) -> np.ndarray:
        found = np.asarray(self._trees().predict(examples.features, num_threads=1 if len(examples) < 1000 else THREADS))
        if self.change_of is None and self.scale is None:
            return found
        base, unit = self._base_and_unit(examples)
        return np.maximum(base + found * unit, 0.0)

    def contributions(self, examples: Examples) -> tuple[tuple[str, ...], np.ndarray]:
        """Names of the features, and (n, k) what each of them adds to what comes out (Shapley values)."""
        found = np.asarray(self._trees().predict(examples.features, pred_contrib=True))
        return examples.names, found[:, :-1]

    def _base_and_unit(self, examples: Examples) -> tuple[np.ndarray | float, np.ndarray | float]:
        base = 0.0 if self.change_of is None else examples.column(self.change_of)
        return base, 1.0 if self.scale is None else examples.column(self.scale)

    def _trees(self) -> "lightgbm.Booster":
        if self._booster is None:
            import lightgbm

            try:
                self._booster = lightgbm.Booster(model_str=self.text)
            except lightgbm.basic.LightGBMError as error:
                raise ModelUnreadable(f"LightGBM cannot read its trees: {error}") from error
        return self._booster

    def state(self) -> dict[str, Any]:
        return {
            "objective": self.objective,
            "change_of": self.change_of,
            "rounds": self.rounds,
            "parameters": self.parameters,
            "seed": self.seed,
            "scale": self.scale,
            "text": self.text,
        }


def _nearest(known: dict[int, np.ndarray], horizon: int) -> int:
    return min(known, key=lambda one: abs(one - int(horizon)))


def _looked_up(table: dict[str, float], keys: np.ndarray) -> np.ndarray:
    different, position = np.unique(keys, return_inverse=True)
    return np.array([table.get(str(int(key)), 0.0) for key in different])[position]


def _hour(examples: Examples) -> np.ndarray:
    return (examples.column("minute_of_day") // 60).astype(np.int64)
