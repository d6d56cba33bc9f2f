"""Estimators made of others: a mean of several, one for each horizon, levels and odds from a quantity, classes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from transit_assets.learning.estimators import Estimator
from transit_assets.learning.examples import Examples


@dataclass
class Mean:
    """The mean of what its members say: they err differently."""

    members: dict[str, Estimator]
    kind: ClassVar[str] = "mean"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        for member in self.members.values():
            member.fit(examples, y)

    def predict(self, examples: Examples) -> np.ndarray:
        return np.mean([member.predict(examples) for member in self.members.values()], axis=0)

    def state(self) -> dict[str, Any]:
        return {"members": self.members}


@dataclass
class PerHorizon:
    """One member for each horizon, or for several: `60`, or `120 180`. It learns from and answers its own questions."""

    members: dict[str, Estimator]
    kind: ClassVar[str] = "per_horizon"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        for member, rows in self._parts(examples):
            member.fit(examples.take(rows), y[rows])

    def predict(self, examples: Examples) -> np.ndarray:
        found = np.full(len(examples), np.nan)
        for member, rows in self._parts(examples):
            found[rows] = member.predict(examples.take(rows))
        return found

    def _parts(self, examples: Examples) -> Iterator[tuple[Estimator, np.ndarray]]:
        for horizons, member in self.members.items():
            rows = np.flatnonzero(np.isin(examples.horizon_minutes, [int(one) for one in horizons.split()]))
            if len(rows):
                yield member, rows

    def state(self) -> dict[str, Any]:
        return {"members": self.members}


@dataclass
class Levels:
    """Levels 0, 1, … by bands of a quantity that its one member forecasts; `edges` are the bands' own.

    A median is drawn to the middle, and misses the rare high levels. So up to `held_minutes` ahead what is above the
    edge `watched` (an index) by the column `now` counts as above it, and what is not only where both the forecast and
    the column `second` say so: as many high levels are found as by what is now, and some more.
    """

    of: str
    edges: list[float]
    members: dict[str, Estimator]
    watched: int | None = None
    now: str = ""
    second: str = ""
    held_minutes: int = 0
    kind: ClassVar[str] = "levels"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        quantity = examples.targets[self.of]
        known = np.isfinite(quantity)
        self.members["quantity"].fit(examples.take(known), quantity[known])

    def predict(self, examples: Examples) -> np.ndarray:
        forecast = self.members["quantity"].predict(examples)
        found = np.searchsorted(self.edges, forecast, side="right").astype(np.float64)
        if self.watched is None:
            return found
        edge = self.edges[self.watched]
        both = (forecast >= edge) & (examples.column(self.second) >= edge)
        held = np.where(
            (examples.column(self.now) >= edge) | both,
            np.maximum(found, self.watched + 1),
            np.minimum(found, self.watched),
        )
        return np.where(examples.horizon_minutes <= self.held_minutes, held, found)

    def state(self) -> dict[str, Any]:
        return {
            "of": self.of,
            "edges": self.edges,
            "members": self.members,
            "watched": self.watched,
            "now": self.now,
            "second": self.second,
            "held_minutes": self.held_minutes,
        }


@dataclass
class Within:
    """The probability that a quantity, which its member forecasts, is at most `limit`: a logistic step `scale` wide."""

    of: str
    limit: float
    scale: float
    members: dict[str, Estimator]
    kind: ClassVar[str] = "within"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        self.members["quantity"].fit(examples, examples.targets[self.of])

    def predict(self, examples: Examples) -> np.ndarray:
        return expit((self.limit - self.members["quantity"].predict(examples)) / self.scale)

    def state(self) -> dict[str, Any]:
        return {"of": self.of, "limit": self.limit, "scale": self.scale, "members": self.members}


@dataclass
class Classes:
    """(n, k) shares of the classes `values`, whose places, 0 and on, its member learns."""

    values: list[float]
    members: dict[str, Estimator]
    kind: ClassVar[str] = "classes"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        self.members["estimator"].fit(examples, np.searchsorted(self.values, y).astype(np.float64))

    def predict(self, examples: Examples) -> np.ndarray:
        return self.members["estimator"].predict(examples)

    def state(self) -> dict[str, Any]:
        return {"values": self.values, "members": self.members}
