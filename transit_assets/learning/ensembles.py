"""Estimators made of others: a mean of several, one for each horizon, and levels cut from a forecast of a quantity."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from transit_assets.learning.estimators import Estimator
from transit_assets.learning.examples import Examples
from transit_assets.learning.splits import tail

_CUTS = np.linspace(0.7, 1.0, 151)  # shares of a band's edge at which it may be cut
_MARGIN = 0.01  # of the share that is found: another month is not quite like the one that a cut was chosen on
_LEAST = 200  # examples to choose cuts on


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

    With a `watched` edge (an index), the columns `beside` count there as much as the forecast, and the mean of all is
    cut where, on the last part of what it learns from, levels are told best among the cuts that find at least as large
    a share of what is above the edge as the column `now` does: a median alone is drawn to the middle, and misses the
    rare high levels.
    """

    of: str
    edges: list[float]
    members: dict[str, Estimator]
    watched: int | None = None
    now: str = ""
    beside: list[str] = field(default_factory=list)
    cuts: dict[str, float] = field(default_factory=dict)
    kind: ClassVar[str] = "levels"

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        quantity = examples.targets[self.of]
        known = np.isfinite(quantity)
        examples, quantity = examples.take(known), quantity[known]
        member = self.members["quantity"]
        if self.watched is not None:
            early, late = tail(examples)
            if early.sum() >= _LEAST and late.sum() >= _LEAST:
                member.fit(examples.take(early), quantity[early])
                self._choose(examples.take(late), quantity[late], self.edges[self.watched])
        member.fit(examples, quantity)

    def _choose(self, late: Examples, quantity: np.ndarray, edge: float) -> None:
        now, seen = late.column(self.now), self._seen(late, self.members["quantity"].predict(late))
        for horizon in np.unique(late.horizon_minutes):
            rows = late.horizon_minutes == horizon
            self.cuts[str(int(horizon))] = _cut(edge, seen[rows], quantity[rows] >= edge, now[rows] >= edge)

    def predict(self, examples: Examples) -> np.ndarray:
        forecast = self.members["quantity"].predict(examples)
        found = np.searchsorted(self.edges, forecast, side="right").astype(np.float64)
        if self.watched is None or not self.cuts:
            return found
        edge = self.edges[self.watched]
        cuts = np.array([self.cuts.get(str(int(one)), edge) for one in examples.horizon_minutes])
        is_above = self._seen(examples, forecast) >= cuts
        return np.where(is_above, np.maximum(found, self.watched + 1), np.minimum(found, self.watched))

    def _seen(self, examples: Examples, forecast: np.ndarray) -> np.ndarray:
        return np.mean([forecast, *(examples.column(name) for name in self.beside)], axis=0)

    def state(self) -> dict[str, Any]:
        return {
            "of": self.of,
            "edges": self.edges,
            "members": self.members,
            "watched": self.watched,
            "now": self.now,
            "beside": self.beside,
            "cuts": self.cuts,
        }


def _cut(edge: float, seen: np.ndarray, is_above: np.ndarray, is_now: np.ndarray) -> float:
    """Where to cut to tell what is above an edge; the highest of equally good cuts. The edge where nothing is above."""
    if not is_above.any():
        return edge
    least = is_now[is_above].mean() + _MARGIN
    best, found = np.inf, edge
    for cut in edge * _CUTS:
        told = seen >= cut
        share = told[is_above].mean()
        # What finds too little is worse than all that finds enough.
        wrong = (told != is_above).mean() + (0.0 if share >= least else 1.0 + least - share)
        if wrong <= best:
            best, found = wrong, cut
    return float(found)
