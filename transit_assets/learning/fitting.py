"""Fitting: one estimator with its calibration, which is learnt on the last part of the training window.

Probabilities get Platt's two numbers; quantities get the offsets of an 80 % interval for each horizon (split
conformal: quantiles of the errors on examples that the estimator had not seen), or an upper bound (see `bounds`).
"""

import json
import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit, logit

from transit_assets.learning import kinds, risks
from transit_assets.learning.bounds import Bounds
from transit_assets.learning.errors import ModelUnreadable, TooLittleData
from transit_assets.learning.estimators import Estimator
from transit_assets.learning.examples import Examples
from transit_assets.learning.model import Kind, Model, Risk
from transit_assets.learning.risks import Risks
from transit_assets.learning.scores import INTERVAL
from transit_assets.learning.splits import tail

# Arrays: of one question, to make them of numbers takes as long as to use them.
_LOWEST, _HIGHEST = np.array([1e-6]), np.array([1 - 1e-6])
_FORMAT = 2
_MINIMUM = 200  # examples; below it neither trees nor an interval mean anything
_CALIBRATED = ("probability", "quantity")
_QUANTILES = 20  # bins of the reference distribution that drift is measured against


@dataclass(frozen=True)
class Forecast:
    """(n,) values, with an 80 % interval (`low`, `high`) or an upper bound (`high`) where they are of a quantity.

    Of classes there are (n, k) `shares`, and the value is the class that is said.
    """

    value: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    shares: np.ndarray | None = None


@dataclass
class Fitted:
    """An estimator that is ready to forecast: it knows its features, its calibration and what it learnt from.

    `interval` has the offsets for each horizon, `own_interval` those of each entity that was seen often enough.
    `baseline` is the name under which it is published where it is one. `unit` names the column in whose units the
    interval's offsets are. `typical_error` has the mean error of each entity on what it learnt from, where another
    model's error is measured by it. Of `classes` the one is said whose share is the largest by its weight.
    """

    name: str
    kind: Kind
    features: tuple[str, ...]
    estimator: Estimator
    slope: float = 1.0
    intercept: float = 0.0
    interval: dict[str, tuple[float, float]] = field(default_factory=dict)
    own_interval: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    reference: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    baseline: str | None = None
    unit: str | None = None
    typical_error: dict[str, float] = field(default_factory=dict)
    bound: Bounds | None = None
    risk: Risks | None = None
    classes: tuple[float, ...] = ()
    class_weights: tuple[float, ...] = ()

    @property
    def is_baseline(self) -> bool:
        return self.baseline is not None

    @property
    def called(self) -> str:
        """The name of the baseline, or the kind of estimator."""
        return self.baseline or self.estimator.kind

    @cached_property
    def _platt(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array([self.slope]), np.array([self.intercept])

    def predict(self, examples: Examples) -> Forecast:
        """Forecast for each example. Raises ModelUnreadable where the features are not those it was fitted on."""
        if examples.names != self.features:
            missing = sorted(set(self.features) ^ set(examples.names)) or ["their order"]
            raise ModelUnreadable(f"{self.name} was fitted on other features: {', '.join(missing)}")
        value = self.estimator.predict(examples)
        if self.kind == "classes":
            return self._of_classes(value)
        if self.kind == "probability":
            if (self.slope, self.intercept) != (1.0, 0.0):
                slope, intercept = self._platt
                return Forecast(expit(slope * logit(_inside(value)) + intercept))
            return Forecast(np.clip(value, 0.0, 1.0))
        if self.bound is not None:
            return Forecast(value, None, np.maximum(value + self.bound.of(examples), 0.0))
        if not self.interval:
            return Forecast(value)
        low, high = self._offsets(examples)
        if self.unit is not None:
            unit = examples.column(self.unit)
            low, high = low * unit, high * unit
        return Forecast(value, np.maximum(value + low, 0.0), np.maximum(value + high, 0.0))

    def _of_classes(self, said: np.ndarray) -> Forecast:
        shares = np.maximum(said, _LOWEST)
        shares = shares / shares.sum(axis=1, keepdims=True)
        value = np.array(self.classes)[(shares * np.array(self.class_weights)).argmax(axis=1)]
        return Forecast(value, shares=shares)

    def _offsets(self, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
        pairs = np.empty((len(examples), 2))
        known = [int(one) for one in self.interval]
        for horizon in np.unique(examples.horizon_minutes):
            rows = examples.horizon_minutes == horizon
            nearest = str(min(known, key=lambda one: abs(one - int(horizon))))
            own, shared = self.own_interval.get(nearest, {}), self.interval[nearest]
            entities, position = np.unique(examples.entity[rows], return_inverse=True)
            pairs[rows] = np.array([own.get(str(int(entity)), shared) for entity in entities])[position]
        return pairs[:, 0], pairs[:, 1]

    def to_json(self) -> str:
        document = {
            "format": _FORMAT,
            "name": self.name,
            "kind": self.kind,
            "features": self.features,
            "estimator": kinds.stored(self.estimator),
            "slope": self.slope,
            "intercept": self.intercept,
            "interval": self.interval,
            "own_interval": self.own_interval,
            "reference": self.reference,
            "baseline": self.baseline,
            "unit": self.unit,
            "typical_error": self.typical_error,
            "bound": self.bound and self.bound.state(),
            "risk": self.risk and self.risk.state(),
            "classes": self.classes,
            "class_weights": self.class_weights,
        }
        return json.dumps(document, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Fitted":
        """Raises ModelUnreadable where the text is damaged or of another format."""
        try:
            document: dict[str, Any] = json.loads(text)
            if document.pop("format") != _FORMAT:
                raise ModelUnreadable("a stored model is of another format: train it again")
            document["estimator"] = kinds.load(document["estimator"])
            document["features"] = tuple(sys.intern(name) for name in document["features"])  # compared at each request
            document["interval"] = _pairs(document["interval"])
            document["own_interval"] = {name: _pairs(own) for name, own in document["own_interval"].items()}
            document["bound"] = document.get("bound") and Bounds(**document["bound"])
            document["risk"] = document.get("risk") and Risks.load(document["risk"])
            for name in ("classes", "class_weights"):
                document[name] = tuple(document.get(name, ()))
            return cls(**document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelUnreadable(f"a stored model is damaged: {error}") from error


def fit(model: Model, examples: Examples, seed: int) -> Fitted:
    """Fit the model's estimator with its calibration. Raises TooLittleData."""
    asked, answers = _enough(model, examples)
    early, late = tail(asked)
    fitted = Fitted(model.name, model.kind, asked.names, model.estimator(seed), reference=_reference(asked))
    fitted.unit = model.interval_unit
    _set_classes(fitted, model, answers)
    rehearsal = None
    if model.kind in _CALIBRATED and early.sum() >= _MINIMUM and late.sum() >= _MINIMUM:
        rehearsal = model.estimator(seed)
        rehearsal.fit(asked.take(early), answers[early])
        _calibrate(fitted, model, asked.take(late), answers[late], rehearsal)
    fitted.estimator.fit(asked, answers)
    if model.risk is not None:
        fitted.risk = risks.learn(model.risk, seed, asked, answers, fitted.estimator.predict(asked))
        if rehearsal is not None:
            _calibrate_risk(fitted.risk, model.risk, seed, asked, answers, rehearsal)
    return fitted


def _calibrate_risk(
    found: Risks, risk: Risk, seed: int, asked: Examples, answers: np.ndarray, rehearsal: Estimator
) -> None:
    early, late = tail(asked)
    value = rehearsal.predict(asked)
    rehearsed = risks.learn(risk, seed, asked.take(early), answers[early], value[early])
    is_under = answers[late] > value[late] + risk.margin
    risks.calibrate(found, rehearsed, asked.take(late), is_under, risk.warned)


def _set_classes(fitted: Fitted, model: Model, answers: np.ndarray) -> None:
    """The classes there are, and the weights by which one is said: what is rare would hardly ever be the likeliest."""
    fitted.classes = model.classes
    seen = [(answers == one).mean() for one in model.classes]
    fitted.class_weights = tuple(float(max(share, 1e-3)) ** -model.balance for share in seen)


def fit_baselines(model: Model, examples: Examples) -> dict[str, Fitted]:
    """Fit every baseline on the same examples. A quantity gets its interval, a probability stays as it is."""
    asked, answers = _enough(model, examples)
    early, late = tail(asked)
    reference = _reference(asked)
    found = {}
    for name, make in model.baselines.items():
        fitted = Fitted(model.name, model.kind, asked.names, make(), reference=reference, baseline=name)
        fitted.unit = model.interval_unit
        _set_classes(fitted, model, answers)
        if model.kind == "quantity" and early.sum() >= _MINIMUM and late.sum() >= _MINIMUM:
            rehearsal = make()
            rehearsal.fit(asked.take(early), answers[early])
            _calibrate(fitted, model, asked.take(late), answers[late], rehearsal)
        fitted.estimator.fit(asked, answers)
        if name == model.scaled_by:
            fitted.typical_error = _typical_error(asked, np.abs(answers - fitted.estimator.predict(asked)))
        found[name] = fitted
    return found


def _typical_error(examples: Examples, errors: np.ndarray) -> dict[str, float]:
    entities, position = np.unique(examples.entity, return_inverse=True)
    means = np.bincount(position, errors) / np.bincount(position)
    return {str(int(entity)): float(mean) for entity, mean in zip(entities, means, strict=True)}


def _enough(model: Model, examples: Examples) -> tuple[Examples, np.ndarray]:
    asked, answers = model.questions(examples)
    if len(asked) < _MINIMUM:
        raise TooLittleData(f"{model.name}: {len(asked)} answered examples to learn from, at least {_MINIMUM} needed")
    return asked, answers


def _calibrate(fitted: Fitted, model: Model, late: Examples, answers: np.ndarray, rehearsal: Estimator) -> None:
    value = rehearsal.predict(late)
    if model.bound is not None:
        fitted.bound = Bounds(model.bound.column, model.bound.nominal)
        fitted.bound.learn(late, answers - value)
    elif fitted.kind == "quantity":
        errors = (answers - value) / (1.0 if fitted.unit is None else late.column(fitted.unit))
        for horizon in np.unique(late.horizon_minutes):
            rows = np.flatnonzero(late.horizon_minutes == horizon)
            fitted.interval[str(int(horizon))] = _interval(errors[rows])
            entities, position, counts = np.unique(late.entity[rows], return_inverse=True, return_counts=True)
            fitted.own_interval[str(int(horizon))] = {
                str(int(entities[one])): _interval(errors[rows[position == one]])
                for one in np.flatnonzero(counts >= _MINIMUM)
            }
    elif 0 < answers.sum() < len(answers):
        from sklearn.linear_model import LogisticRegression

        platt = LogisticRegression(C=1e6).fit(logit(_inside(value))[:, None], answers)
        fitted.slope, fitted.intercept = float(platt.coef_[0, 0]), float(platt.intercept_[0])


def _inside(probability: np.ndarray) -> np.ndarray:
    """A probability that has a finite logit."""
    return np.minimum(np.maximum(probability, _LOWEST), _HIGHEST)


def _interval(errors: np.ndarray) -> tuple[float, float]:
    # As split conformal has it, the answer to come counts among the errors: with few of them the interval is wider.
    outside = max((1 - INTERVAL) / 2 - 1 / (len(errors) + 1), 0.0)
    low, high = np.quantile(errors, [outside, 1 - outside])
    return float(low), float(high)


def _pairs(document: dict[str, Any]) -> dict[str, tuple[float, float]]:
    return {name: (low, high) for name, (low, high) in document.items()}


def _reference(examples: Examples) -> dict[str, dict[str, list[float]]]:
    """For each feature the edges of its bins and the share of the training examples in each; the last is unknown."""
    return {
        name: {"edges": edges.tolist(), "shares": shares(column, edges).tolist()}
        for name, column in zip(examples.names, examples.features.T, strict=True)
        for edges in [_edges(column)]
    }


def _edges(column: np.ndarray) -> np.ndarray:
    known = column[np.isfinite(column)]
    if not len(known):
        return np.empty(0)
    return np.unique(np.quantile(known[:: max(1, len(known) // 100_000)], np.linspace(0, 1, _QUANTILES + 1)[1:-1]))


def shares(column: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Share of values in each bin between edges, and of unknown ones as the last."""
    known = np.isfinite(column)
    counts = np.bincount(np.searchsorted(edges, column[known], side="right"), minlength=len(edges) + 1)
    return np.append(counts, (~known).sum()) / max(len(column), 1)
