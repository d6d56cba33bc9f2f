"""An estimator that is also told what is typical: of categories, and of the neighbourhood of a place.

In training each day is told what other days say. Told its own answers, trees would trust them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from transit_assets.learning.categories import Lookup, keys
from transit_assets.learning.examples import Examples

_FOLDS = 5  # of the days that are learnt from
_DAY = 86_400
_PAIR = "&"  # between the two columns of a category


@dataclass
class Neighbourhood:
    """The mean rest around each cell of a map, by normal weights of several widths, drawn towards 0 where little is.

    `cells` were seen, `counts` times, with `sums` (m, k) of rests; cells of `size` metres are numbered from
    (`west`, `south`), `across` to a row. What is kept is what was seen: weighting is done when it is first asked.
    """

    size: float
    widths: Sequence[float]
    weight: float
    west: float
    south: float
    across: int
    up: int
    cells: np.ndarray
    counts: np.ndarray
    sums: np.ndarray
    _maps: np.ndarray | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(
        cls, x: np.ndarray, y: np.ndarray, rest: np.ndarray, size: float, widths: Sequence[float], weight: float
    ) -> "Neighbourhood":
        known = np.isfinite(x) & np.isfinite(y)
        x, y, rest = x[known].astype(np.float64), y[known].astype(np.float64), rest[known]
        west, south, across, up = 0.0, 0.0, 0, 0
        if len(x):
            west, south = size * np.floor(x.min() / size), size * np.floor(y.min() / size)
            across, up = (int((edge - start) // size) + 1 for edge, start in ((x.max(), west), (y.max(), south)))
        number = ((y - south) // size).astype(np.int64) * across + ((x - west) // size).astype(np.int64)
        cells, position, counts = np.unique(number, return_inverse=True, return_counts=True)
        sums = np.stack([np.bincount(position, one, len(cells)) for one in rest.T], axis=1)
        return cls(size, widths, weight, float(west), float(south), across, up, cells, counts, np.round(sums, 3))

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """(n, widths * k) what is typical around each place; 0 outside of what was seen, NaN where it is unknown."""
        maps = self._drawn()
        known = np.isfinite(x) & np.isfinite(y)
        column = np.where(known, (x - self.west) // self.size, -1).astype(np.int64)
        row = np.where(known, (y - self.south) // self.size, -1).astype(np.int64)
        inside = (column >= 0) & (column < self.across) & (row >= 0) & (row < self.up)
        found = np.zeros((len(x), maps.shape[0]))
        found[inside] = maps[:, row[inside], column[inside]].T
        found[~known] = np.nan
        return found

    def _drawn(self) -> np.ndarray:
        if self._maps is None:
            from scipy.ndimage import gaussian_filter

            def laid_out(figures: np.ndarray) -> np.ndarray:
                sheet = np.zeros(self.up * self.across)
                sheet[self.cells] = figures
                return sheet.reshape(self.up, self.across)

            maps = []
            for width in self.widths:
                cells = width / self.size
                peak = 2 * np.pi * cells**2  # so that what is at the place itself counts once
                seen = peak * gaussian_filter(laid_out(self.counts), cells, mode="constant")
                for one in self.sums.T:
                    rest = peak * gaussian_filter(laid_out(one), cells, mode="constant")
                    maps.append((rest / (seen + self.weight)).astype(np.float32))
            self._maps = np.stack(maps)
        return self._maps

    def state(self) -> dict[str, Any]:
        return {
            "west": self.west,
            "south": self.south,
            "across": self.across,
            "up": self.up,
            "cells": self.cells.tolist(),
            "counts": self.counts.tolist(),
            "sums": self.sums.tolist(),
        }


@dataclass
class Told:
    """Its member `estimator`, told besides its features what is typical of their categories and of their place.

    What is typical is of the answers, or of other targets (`of`), or of whether the answer is one of `classes`. Where
    there is a member `base`, the first of them is taken less what that says, which is told too. `categories` are
    columns, or two joined by `&`, each with its weight: one that was seen less often counts less than what is typical
    of all. `place` names two columns in metres. Columns in `dropped` are only for being looked up.
    """

    members: dict[str, Any]
    categories: dict[str, float]
    place: list[str] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    size: float = 200.0
    weight: float = 4.0
    of: list[str] = field(default_factory=list)
    classes: list[float] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    lookups: dict[str, Any] = field(default_factory=dict)
    around: dict[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "told"
    _known: "tuple[dict[str, Lookup], Neighbourhood | None] | None" = field(default=None, repr=False, compare=False)

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        signal = self._signal(examples, y)
        if "base" in self.members:
            self.members["base"].fit(examples, signal[:, 0])
            signal[:, 0] -= self.members["base"].predict(examples)
        rest = np.nan_to_num(signal - np.nanmean(signal, axis=0))  # what is not known is as the mean
        fold = examples.origin_at // _DAY % _FOLDS
        self._known = self._learnt(examples, rest)
        told = self._typical(examples, self._known)
        for one in np.unique(fold):
            rows = fold == one
            if not rows.all():
                told[rows] = self._typical(examples.take(rows), self._learnt(examples.take(~rows), rest[~rows]))
        self.lookups = {name: one.state() for name, one in self._known[0].items()}
        self.around = {} if self._known[1] is None else self._known[1].state()
        self.members["estimator"].fit(self._also(examples, told), y)

    def predict(self, examples: Examples) -> np.ndarray:
        if self._known is None:
            self._known = self._loaded()
        found: np.ndarray = self.members["estimator"].predict(
            self._also(examples, self._typical(examples, self._known))
        )
        return found

    def contributions(self, examples: Examples) -> tuple[tuple[str, ...], np.ndarray]:
        """Names of the features and of what is told, and (n, k) what each of them adds to what comes out."""
        if self._known is None:
            self._known = self._loaded()
        told = self._also(examples, self._typical(examples, self._known))
        found: tuple[tuple[str, ...], np.ndarray] = self.members["estimator"].contributions(told)
        return found

    def _signal(self, examples: Examples, y: np.ndarray) -> np.ndarray:
        if self.classes:
            return (y[:, None] == np.array(self.classes)).astype(np.float64)
        return np.stack([examples.targets[name] for name in self.of] or [y], axis=1).astype(np.float64)

    def _learnt(self, examples: Examples, rest: np.ndarray) -> "tuple[dict[str, Lookup], Neighbourhood | None]":
        known = {
            name: Lookup.means(keys(examples, name.split(_PAIR)), rest, weight)
            for name, weight in sorted(self.categories.items())  # as JSON gives them back
        }
        if not self.place:
            return known, None
        x, y = (examples.column(name) for name in self.place)
        return known, Neighbourhood.of(x, y, rest, self.size, self.widths, self.weight)

    def _typical(self, examples: Examples, known: "tuple[dict[str, Lookup], Neighbourhood | None]") -> np.ndarray:
        lookups, around = known
        columns = [lookup.of(keys(examples, name.split(_PAIR))) for name, lookup in lookups.items()]
        if around is not None:
            columns.append(around.at(*(examples.column(name) for name in self.place)))
        if "base" in self.members:
            columns.append(self.members["base"].predict(examples)[:, None])
        return np.concatenate(columns, axis=1, dtype=np.float32)

    def _also(self, examples: Examples, told: np.ndarray) -> Examples:
        names = tuple(name for name in examples.names if name not in self.dropped)
        kept = [examples.names.index(name) for name in names]
        features = np.concatenate([examples.features[:, kept], told], axis=1, dtype=np.float32)
        return replace(examples, names=(*names, *self.told_names()), features=features)

    def told_names(self) -> tuple[str, ...]:
        """Names of the columns that are told, in their order."""
        ends = [f"_{one:g}" for one in self.classes] or [f"_{name}" for name in self.of] or [""]
        found = [f"typical_{name.replace(_PAIR, '_and_')}{end}" for name in sorted(self.categories) for end in ends]
        if self.place:
            found += [f"around_{width:g}_m{end}" for width in self.widths for end in ends]
        return (*found, *(("base",) if "base" in self.members else ()))

    def _loaded(self) -> "tuple[dict[str, Lookup], Neighbourhood | None]":
        known = {name: Lookup.load(state) for name, state in sorted(self.lookups.items())}
        if not self.around:
            return known, None
        state: dict[str, Any] = dict(self.around)
        for name in ("cells", "counts", "sums"):
            state[name] = np.array(state[name])
        return known, Neighbourhood(self.size, self.widths, self.weight, **state)

    def state(self) -> dict[str, Any]:
        return {
            "members": self.members,
            "categories": self.categories,
            "place": self.place,
            "widths": self.widths,
            "size": self.size,
            "weight": self.weight,
            "of": self.of,
            "classes": self.classes,
            "dropped": self.dropped,
            "lookups": self.lookups,
            "around": self.around,
        }
