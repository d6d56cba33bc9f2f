"""What happened last: values of groups, in order of the instants from which on they were known."""

from dataclasses import dataclass

import numpy as np

_BITS = 33  # of an instant in seconds since 1970: those until 2242


@dataclass(frozen=True)
class Recent:
    """n values, ordered by group and by the instant (seconds since 1970 UTC) from which on each was known."""

    key: np.ndarray
    at: np.ndarray
    value: np.ndarray

    @classmethod
    def of(cls, group: np.ndarray, at: np.ndarray, value: np.ndarray, *tie: np.ndarray) -> "Recent":
        """From values in any order; of those of one instant the last is that with the larger `tie`."""
        key = _key(group, at)
        order = np.lexsort((*tie, key))
        return cls(key[order], at[order].astype(np.int64), value[order].astype(np.float64))

    def last(self, group: np.ndarray, at: np.ndarray, count: int) -> np.ndarray:
        """(n, count) the last values of each group that were known at each instant, newest first; NaN of fewer."""
        return self._taken(self.value, group, at, count)

    def age(self, group: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(n,) seconds since the newest value of each group was known; NaN where none was."""
        return at - self._taken(self.at, group, at, 1)[:, 0]

    def _taken(self, values: np.ndarray, group: np.ndarray, at: np.ndarray, count: int) -> np.ndarray:
        if not len(self.key):
            return np.full((len(group), count), np.nan)
        newest = np.searchsorted(self.key, _key(group, at), side="right") - 1
        place = newest[:, None] - np.arange(count)
        inside = np.maximum(place, 0)
        is_known = (place >= 0) & (self.key[inside] >> _BITS == np.asarray(group)[:, None])
        return np.where(is_known, values[inside], np.nan)


def _key(group: np.ndarray, at: np.ndarray) -> np.ndarray:
    return (np.asarray(group).astype(np.int64) << _BITS) + np.asarray(at).astype(np.int64)
