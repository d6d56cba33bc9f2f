"""A one-sided upper bound: how far above a forecast the answer may lie, for each group, kept true as answers arrive.

Group-conformal: the quantile of the errors of each group on what the estimator had not seen, drawn towards that of
all groups where a group was seen seldom. Each day's answers then move the offsets of their groups: up where too many
lay above, down where too few did, so that a share of `nominal` is kept below in the long run whatever changes.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from transit_assets.learning.categories import Lookup, keys
from transit_assets.learning.examples import Examples

WEIGHT = 200.0
"""As if each group had been seen so many times more, with the quantile of all."""

STEP = 0.4
"""Of the mean error: by how much an answer above the bound moves it up. On March 2017 of January and February the
bounds of 97 of 100 stations covered 85 to 95 %; with 0.15 those of 84, and with none of 76."""


@dataclass
class Bounds:
    """Offsets of groups, by the number in `column`, that `nominal` of the answers lie below."""

    column: str
    nominal: float
    overall: float = 0.0
    step: float = 0.0
    groups: dict[str, float] = field(default_factory=dict)

    def learn(self, examples: Examples, errors: np.ndarray) -> None:
        """From errors (answer less forecast) on what the forecaster had not seen."""
        # As split conformal has it, the answer to come counts among the errors.
        share = min(self.nominal + 1 / (len(errors) + 1), 1.0)
        self.overall, self.step = float(np.quantile(errors, share)), STEP * float(np.abs(errors).mean())
        key = keys(examples, [self.column])
        numbers, position, counts = np.unique(key, return_inverse=True, return_counts=True)
        for one, (number, count) in enumerate(zip(numbers, counts, strict=True)):
            own = float(np.quantile(errors[position == one], self.nominal))
            self.groups[str(int(number))] = (count * own + WEIGHT * self.overall) / (count + WEIGHT)

    def of(self, examples: Examples) -> np.ndarray:
        """(n,) the offset of each question, as it was when training ended."""
        key = keys(examples, [self.column])
        if len(key) == 1:
            return np.array([self.groups.get(str(int(key[0])), self.overall)])
        return self._table().of(key, self.overall)[:, 0]

    def _table(self) -> Lookup:
        numbers = np.array([int(one) for one in self.groups], np.int64)
        figures = np.array(list(self.groups.values()))
        order = np.argsort(numbers)
        return Lookup(numbers[order], figures[order][:, None])

    def walk(self, examples: Examples, errors: np.ndarray, day: np.ndarray) -> np.ndarray:
        """(n,) the offset of each question when it was asked, the answers of all days before it being known.

        What was learnt stays as it is: this is a replay.
        """
        numbers, position = np.unique(keys(examples, [self.column]), return_inverse=True)
        offset = self._table().of(numbers, self.overall)[:, 0]
        found = np.empty(len(errors))
        for one in np.unique(day):
            rows = np.flatnonzero(day == one)
            found[rows] = offset[position[rows]]
            above = (errors[rows] > found[rows]) - (1 - self.nominal)
            offset += self.step * np.bincount(position[rows], above, len(numbers))
        return found

    def state(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "nominal": self.nominal,
            "overall": self.overall,
            "step": self.step,
            "groups": self.groups,
        }
