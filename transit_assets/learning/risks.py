"""Underestimates: how likely an answer is far above the forecast, when to warn, and why.

The probability is calibrated (Platt) on what the forecaster had not seen; the threshold is kept with the model. A
warning is judged by how often it is right (precision), how many of those there were it found (recall) and how many
there are (base rate), beside a plain rule: a list of groups whose answers are habitually high.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, logit

from transit_assets.learning import kinds
from transit_assets.learning.categories import keys
from transit_assets.learning.estimators import Estimator
from transit_assets.learning.examples import Examples

if TYPE_CHECKING:
    from transit_assets.learning.evaluation import Judged
    from transit_assets.learning.model import Risk

_SEEN = 30  # answers of a group, below which no habit is told


@dataclass
class Risks:
    """The probability that the answer is more than `margin` above the forecast, and from where on it is a warning.

    `listed` are the groups, by the number in `column`, that the plain rule warns of.
    """

    margin: float
    column: str
    reasons: Mapping[str, Sequence[str]]
    estimator: Estimator
    slope: float = 1.0
    intercept: float = 0.0
    threshold: float = 1.0
    listed: Sequence[int] = ()

    def predict(self, examples: Examples) -> np.ndarray:
        """(n,) probabilities."""
        said = np.clip(self.estimator.predict(examples), 1e-6, 1 - 1e-6)
        return expit(self.slope * logit(said) + self.intercept)

    def why(self, examples: Examples) -> list[str]:
        """Of each question the kind of feature that raises its risk the most."""
        names, parts = self.estimator.contributions(examples)  # type: ignore[attr-defined]
        kinds_of = sorted(self.reasons)
        raised = np.zeros((len(examples), len(kinds_of)))
        for place, kind in enumerate(kinds_of):
            mine = [one for one, name in enumerate(names) if name.startswith(tuple(self.reasons[kind]))]
            raised[:, place] = parts[:, mine].sum(axis=1)
        return [kinds_of[one] for one in raised.argmax(axis=1)]

    def is_listed(self, examples: Examples) -> np.ndarray:
        """Mask of the questions that the plain rule warns of."""
        return np.isin(keys(examples, [self.column]), np.array(self.listed, np.int64))

    def state(self) -> dict[str, Any]:
        return {
            "margin": self.margin,
            "column": self.column,
            "reasons": {kind: list(names) for kind, names in self.reasons.items()},
            "estimator": kinds.stored(self.estimator),
            "slope": self.slope,
            "intercept": self.intercept,
            "threshold": self.threshold,
            "listed": list(self.listed),
        }

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> "Risks":
        return cls(**{**state, "estimator": kinds.load(state["estimator"])})


def learn(risk: "Risk", seed: int, examples: Examples, answers: np.ndarray, value: np.ndarray) -> Risks:
    """From forecasts (`value`) of what the forecaster learnt from.

    Forecasts of what was learnt from are nearly as far off as others: the trees of a median learn little by heart.
    (March 2017, of January and February: the same area under the curve as with forecasts from other days.)
    """
    found = Risks(risk.margin, risk.column, risk.reasons, risk.estimator(seed))
    found.estimator.fit(examples, (answers > value + risk.margin).astype(np.float64))
    found.listed = _listed(keys(examples, [risk.column]), answers, risk.warned)
    return found


def calibrate(found: Risks, rehearsed: Risks, late: Examples, is_under: np.ndarray, warned: float) -> None:
    """Set slope, intercept and threshold by what one that was rehearsed on earlier data says of later questions."""
    said = rehearsed.predict(late)
    if 0 < is_under.sum() < len(is_under):
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(C=1e6).fit(logit(said)[:, None], is_under)
        found.slope, found.intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    found.threshold = float(np.quantile(expit(found.slope * logit(said) + found.intercept), 1 - warned))


def _listed(key: np.ndarray, answers: np.ndarray, share: float) -> list[int]:
    """Groups whose median answer is among the highest share of those that were seen often."""
    numbers, position, counts = np.unique(key, return_inverse=True, return_counts=True)
    often = np.flatnonzero(counts >= _SEEN)
    medians = np.array([np.median(answers[position == one]) for one in often])
    if not len(often):
        return []
    return [int(one) for one in numbers[often][medians >= np.quantile(medians, 1 - share)]]


def rows(judged: "Judged", subject: str, found: Risks, fixed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for all questions and for each value of the segment that the model's warnings are judged by."""
    from transit_assets.learning.evaluation import segments

    assert judged.model.risk is not None
    said = found.predict(judged.asked)
    is_under = judged.answers > judged.forecasts[subject].value + found.margin
    is_warned, is_listed = said >= found.threshold, found.is_listed(judged.asked)
    wanted = ("all", f"{judged.model.risk.segment}=")
    made = []
    for segment, some in segments(judged.asked, np.ones(len(said), bool)):
        if segment.startswith(wanted):
            ours = _precision_and_recall(is_warned[some], is_under[some])
            theirs = _precision_and_recall(is_listed[some], is_under[some])
            made.append(
                {
                    **fixed,
                    "segment": segment,
                    "margin_seconds": found.margin,
                    "threshold": found.threshold,
                    "base_rate": float(is_under[some].mean()),
                    "mean_probability": float(said[some].mean()),
                    "warned": float(is_warned[some].mean()),
                    "precision": ours[0],
                    "recall": ours[1],
                    "rule_warned": float(is_listed[some].mean()),
                    "rule_precision": theirs[0],
                    "rule_recall": theirs[1],
                    "n": len(some),
                }
            )
    return made


def _precision_and_recall(is_warned: np.ndarray, is_under: np.ndarray) -> tuple[float | None, float | None]:
    """None where nobody was warned, or nothing was there to find."""
    right = int((is_warned & is_under).sum())
    return (
        right / int(is_warned.sum()) if is_warned.any() else None,
        right / int(is_under.sum()) if is_under.any() else None,
    )
