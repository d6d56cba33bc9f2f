"""Estimators that learn nothing, and the choice between one of them and one that learns."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from transit_assets.learning.examples import Examples
from transit_assets.learning.scores import Draws, compare
from transit_assets.learning.splits import tail

if TYPE_CHECKING:
    from transit_assets.learning.estimators import Estimator

_SEED = 20_260_102  # of the bootstrap
_DAY = 86_400


@dataclass
class Consensus:
    """The median of the columns that are known; where none is, the first of `fallback` that is, else `otherwise`.

    With a `step` it is rounded to whole ones, as are the answers where they are announced in whole minutes.
    """

    columns: list[str]
    fallback: list[str] = field(default_factory=list)
    step: float = 0.0
    otherwise: float = 0.0
    kind: ClassVar[str] = "consensus"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        """There is nothing to learn."""

    def predict(self, examples: Examples) -> np.ndarray:
        found = np.full(len(examples), np.nan)
        if self.columns:
            found = _median_of_known(np.stack([examples.column(name) for name in self.columns], axis=1))
        for name in self.fallback:
            found = np.where(np.isfinite(found), found, examples.column(name))
        found = np.where(np.isfinite(found), found, self.otherwise)
        return np.round(found / self.step) * self.step if self.step else found

    def state(self) -> dict[str, Any]:
        return {
            "columns": self.columns,
            "fallback": self.fallback,
            "step": self.step,
            "otherwise": self.otherwise,
        }


def _median_of_known(values: np.ndarray) -> np.ndarray:
    """(n,) the median of what is known in each row of (n, k), NaN where nothing is."""
    ordered = np.sort(values.astype(np.float64), axis=1)  # NaN come last
    known = np.isfinite(ordered).sum(axis=1)
    rows = np.arange(len(ordered))
    low, high = (ordered[rows, np.maximum(place, 0)] for place in ((known - 1) // 2, known // 2 - (known == 0)))
    return np.where(known > 0, (low + high) / 2, np.nan)


@dataclass
class Proven:
    """Its member `trained` where that was shown to be better than its member `untrained`, else the latter.

    Shown: there are `least_days` days of questions, and on the last fifth of the instants, after learning from those
    before them, the lower bound of its gain in the mean absolute error (bootstrap over blocks) is above zero.
    """

    members: "dict[str, Estimator]"
    least_days: int = 14
    chosen: str = "untrained"
    kind: ClassVar[str] = "proven"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        self.members["untrained"].fit(examples, y)
        self.chosen = "trained" if self._is_shown(examples, y) else "untrained"
        if self.chosen == "trained":
            self.members["trained"].fit(examples, y)

    def _is_shown(self, examples: Examples, y: np.ndarray) -> bool:
        if len(np.unique(examples.origin_at // _DAY)) < self.least_days:
            return False
        early, late = tail(examples)
        if not early.any() or not late.any():
            return False
        losses = {}
        for name in ("trained", "untrained"):
            rehearsal = deepcopy(self.members[name])
            rehearsal.fit(examples.take(early), y[early])
            losses[name] = np.abs(rehearsal.predict(examples.take(late)) - y[late])
        draws = Draws(examples.block[late], _SEED)
        gain = compare("mae", losses["trained"], losses["untrained"], draws, np.arange(late.sum()))
        return (gain.ci_low or 0.0) > 0

    def predict(self, examples: Examples) -> np.ndarray:
        return self.members[self.chosen].predict(examples)

    def state(self) -> dict[str, Any]:
        return {"members": self.members, "least_days": self.least_days, "chosen": self.chosen}
