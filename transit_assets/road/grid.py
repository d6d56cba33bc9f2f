"""A grid of arcs and hours of one measure, with what follows from it for every hour: level, profile, errors.

Everything at an hour is made of that hour and of earlier ones, so a look-up at a known hour gives nothing away. A
profile alone is of the same hour in the weeks before, and may be looked up for an hour that is still to come.
"""

from collections.abc import Callable
from functools import cache, cached_property

import numpy as np

NOTHING = -1
"""The position of an hour that there is not: a look-up there gives NaN."""

PROFILE_WEEKS = 8
_WEEK = 7 * 24
_LEVEL_HOURS = 28 * 24
_UNREST_HOURS = 4 * 24
_LEAST = 48  # hours; a mean of fewer says little of four weeks
_ARCS_AT_ONCE = 64  # 64 arcs x 3 years x 8 weeks of float32 are 54 MB


class Grid:
    """(arcs, hours + 1) float32 figures; the last column stands for hours that there are not, and is NaN."""

    def __init__(self, values: np.ndarray, days_back: Callable[[int], np.ndarray], stale_hours: int) -> None:
        self.hours = values.shape[1]
        self.values = _padded(values)
        self._stale_hours = stale_hours
        self._days_back = cache(lambda days: np.append(days_back(days), NOTHING))
        self._means: dict[tuple[str, int], np.ndarray] = {}
        self._errors: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def at(self, grid: np.ndarray, arc: np.ndarray, hour: np.ndarray) -> np.ndarray:
        """Values of a grid at arcs and hours (positions); NaN beyond its ends."""
        return grid[arc, np.where((hour >= 0) & (hour < self.hours), hour, NOTHING)]

    def back(self, hour: np.ndarray, days: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the same wall-clock hour days before, and of the hour `steps` before that one."""
        inside = (hour >= 0) & (hour < self.hours)
        place = self._days_back(days)[np.where(inside, hour, NOTHING)]
        return place, np.where(place == NOTHING, NOTHING, place - steps)

    def profiled(self, hour: np.ndarray, steps: int) -> np.ndarray:
        """Positions of the hours whose profile stands for these, `steps` after the newest known one.

        A profile is made of the week before, which is not known yet when the delay is a week: then of that week's.
        """
        weeks = steps // _WEEK
        return self.back(hour, 7 * weeks, steps)[0] if weeks else hour

    @cached_property
    def _since(self) -> np.ndarray:
        """(arcs, hours) how many hours ago the last figure was."""
        position = np.arange(self.hours, dtype=np.int32)
        seen = np.where(np.isfinite(self.values[:, :-1]), position, np.int32(-(10**6)))
        return position - np.maximum.accumulate(seen, axis=1)

    @cached_property
    def last(self) -> np.ndarray:
        """The last figure, where it is not too old to say anything."""
        place = np.arange(self.hours) - np.minimum(self._since, np.arange(self.hours))
        held = np.take_along_axis(self.values, place, axis=1)
        return _padded(np.where(self._since <= self._stale_hours, held, np.nan))

    @cached_property
    def hours_silent(self) -> np.ndarray:
        """Hours since the last figure, at most 999."""
        return _padded(np.minimum(self._since, 999))

    @cached_property
    def level(self) -> np.ndarray:
        """The mean of four weeks."""
        return self.mean(_LEVEL_HOURS)

    @cached_property
    def profile(self) -> np.ndarray:
        """The median of the same wall-clock hour in the eight weeks before."""
        found = np.empty_like(self.values)
        back = [self._days_back(7 * week) for week in range(1, PROFILE_WEEKS + 1)]
        for start in range(0, len(found), _ARCS_AT_ONCE):
            some = slice(start, start + _ARCS_AT_ONCE)
            found[some] = middle(np.stack([self.values[some][:, place] for place in back]))
        found[:, NOTHING] = np.nan
        return found

    @cached_property
    def deviation(self) -> np.ndarray:
        """Figures less their profile."""
        return self.values - self.profile

    def mean(self, hours: int) -> np.ndarray:
        """The mean of so many hours, this one the last; NaN where few are known."""
        return self._mean("values", self.values, hours)

    def deviation_mean(self, hours: int) -> np.ndarray:
        """The mean deviation from the profile over so many hours."""
        return self._mean("deviation", self.deviation, hours)

    def error(self, steps: int) -> np.ndarray:
        """The mean error over four weeks of "as `steps` hours ago, and what the profile changes since"."""
        return self._both_errors(steps)[0]

    def unrest(self, steps: int) -> np.ndarray:
        """The same error over four days: what an interval is measured by, as works change it at once.

        A mean of fourth roots, so that one spike does not widen four days. Over nine other spans and roots 80 %
        intervals of ten recorded windows covered 75 to 83 %, with this one 78 to 80 %.
        """
        return self._both_errors(steps)[1]

    def _both_errors(self, steps: int) -> tuple[np.ndarray, np.ndarray]:
        if steps not in self._errors:
            before = _later(self.last, steps), _later(self.profile, steps)
            errors = np.abs(self.values - (before[0] + self.profile - before[1]))
            # Of one lead at a time: those of six are twelve grids, of 3,000 arcs and three years 340 MB each.
            self._errors = {steps: (_rolling(errors, _LEVEL_HOURS), _rolling(errors**0.25, _UNREST_HOURS) ** 4)}
        return self._errors[steps]

    def _mean(self, name: str, grid: np.ndarray, hours: int) -> np.ndarray:
        if (name, hours) not in self._means:
            self._means[name, hours] = _rolling(grid, hours)
        return self._means[name, hours]


def middle(values: np.ndarray) -> np.ndarray:
    """The median along the first axis of what is known; NaN where nothing is."""
    ordered = np.sort(values, axis=0)  # what is unknown comes last
    count = np.isfinite(ordered).sum(axis=0)
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, len(values) - 1)
    both = [np.take_along_axis(ordered, one[None], axis=0)[0] for one in (low, high)]
    return np.where(count > 0, (both[0] + both[1]) / 2, np.nan).astype(np.float32)


def _padded(values: np.ndarray) -> np.ndarray:
    found = np.full((values.shape[0], values.shape[1] + 1), np.nan, np.float32)
    found[:, :-1] = values
    return found


def _later(grid: np.ndarray, steps: int) -> np.ndarray:
    """The grid as it was so many hours before."""
    found = np.full_like(grid, np.nan)
    if steps < grid.shape[1] - 1:
        found[:, steps:-1] = grid[:, : -1 - steps]
    return found


def _rolling(grid: np.ndarray, hours: int) -> np.ndarray:
    """The mean of so many hours up to each. A few arcs at a time, which stay in the cache: a third of the time."""
    found, least = np.full_like(grid, np.nan), min(_LEAST, hours // 2)
    for start in range(0, len(grid), 16):
        figures = grid[start : start + 16, :-1]
        known = np.isfinite(figures)
        sums = np.cumsum(np.where(known, figures, 0), axis=1, dtype=np.float64)
        counts = np.cumsum(known, axis=1, dtype=np.int32)
        sums[:, hours:], counts[:, hours:] = sums[:, hours:] - sums[:, :-hours], counts[:, hours:] - counts[:, :-hours]
        with np.errstate(divide="ignore", invalid="ignore"):
            found[start : start + 16, :-1] = np.where(counts >= least, sums / counts, np.nan)
    return found
