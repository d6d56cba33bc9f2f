"""Categories: columns of whole numbers that stand for names, what was learnt of each, and how a name gets its number.

A number is the name's own, the same in every lake and at every time, so that nothing has to be kept to tell it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

from transit_assets.learning.examples import Examples

_BITS = 24  # float32, in which features are kept, holds whole numbers up to here
_SHIFT = 1 << 25


def number_of(name: str | None) -> float:
    """The number of a name, NaN of none. Two of 700 names share one in one lake of seventy: they count as alike."""
    return float("nan") if name is None else float(crc32(name.encode()) & ((1 << _BITS) - 1))


def keys(examples: Examples, columns: Sequence[str]) -> np.ndarray:
    """(n,) one whole number for what one or two columns hold together; an unknown one is a category of its own."""
    found = np.zeros(len(examples), np.int64)
    for name in columns:
        found = found * _SHIFT + np.nan_to_num(examples.column(name), nan=-1.0).astype(np.int64) + 1
    return found


@dataclass
class Lookup:
    """What was learnt of each category: its number, ascending, and (m, k) figures."""

    numbers: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    figures: np.ndarray = field(default_factory=lambda: np.empty((0, 1)))

    @classmethod
    def means(cls, key: np.ndarray, rest: np.ndarray, weight: float) -> "Lookup":
        """The mean rest (n, k) of each category, drawn towards 0 as if it had been seen `weight` times more."""
        numbers, position, counts = np.unique(key, return_inverse=True, return_counts=True)
        sums = np.stack([np.bincount(position, one, len(numbers)) for one in rest.T], axis=1)
        return cls(numbers, np.round(sums / (counts[:, None] + weight), 5))  # as it is stored

    def of(self, key: np.ndarray, otherwise: float = 0.0) -> np.ndarray:
        """(n, k) the figures of each category, another number where it was never seen."""
        if not len(self.numbers):
            return np.full((len(key), self.figures.shape[1]), otherwise)
        place = np.minimum(np.searchsorted(self.numbers, key), len(self.numbers) - 1)
        return np.where((self.numbers[place] == key)[:, None], self.figures[place], otherwise)

    def state(self) -> dict[str, Any]:
        return {"numbers": self.numbers.tolist(), "figures": self.figures.tolist()}

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Lookup":
        figures = np.array(state["figures"], np.float64)
        return cls(np.array(state["numbers"], np.int64), figures.reshape(len(state["numbers"]), -1))
