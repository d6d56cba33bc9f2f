"""Features of the rail: what is known, when it is asked, of a train's way from one station to another one.

One function for a batch and for one request. A question is asked at an instant: it knows passings up to then, what
was announced up to then, and the timetable. A passing counts as known in its own minute, as in the project's reference
figures: polls tell it a minute later.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from transit_assets.context.calendar.days import calendar_of_days
from transit_assets.context.local_time import local_seconds
from transit_assets.rail.history import History, call_of, heading_of, hops, pair_of
from transit_assets.settings import PARIS

LAST = 5
"""So many trains before are looked at."""

CONDITIONS = ("hour", "weekday", "is_public_holiday", "origin", "destination", "direction", "hops")
"""They tell when and where is asked, and not what is."""

_TIMES = (
    "theoretical",
    "operator_forecast",
    "mean_last_five",
    "median_last_five",
    "summed_hops",
    "agreed",
    "last",
    "range_last_five",
    "minutes_since_last",
    "unrest",
)
_DELAYS = (
    "late_now",
    "late_before",
    "late_at_origin",
    "late_by_ride",
    "operator_late",
    "mean_last_five_late",
    "median_last_five_late",
    "last_late",
    "late_of_train_before",
    "headway",
)
NAMES = (*CONDITIONS, *_TIMES, *_DELAYS)
"""Features, in the order of the columns of `features`. Times are minutes.

`agreed` is the median of the operator's forecast (the theoretical time where it says none), the median of the last
five and the sum of the hops; `late_by_ride` is how late the train would be after so long. That, and what is late of
the operator and of the last five, is 0 for trains that are early, like the delay that is forecast.
"""

_DAY, _HOUR, _MINUTE, _WEEK = 86_400, 3600, 60.0, 7
_HOP = 2.5  # minutes that a hop takes, about
_AT_ONCE = 100_000  # questions whose hops are looked up at once: 50 MB


@dataclass(frozen=True)
class Rides:
    """n questions: trains of a history from `origin` to `destination` (places), asked at `at` (seconds UTC).

    `departs` is when the train leaves the origin, as was known then.
    """

    train: np.ndarray
    origin: np.ndarray
    destination: np.ndarray
    at: np.ndarray
    departs: np.ndarray

    def __len__(self) -> int:
        return len(self.train)

    def take(self, which: np.ndarray | slice) -> "Rides":
        """Some of the questions: a mask, positions or a slice."""
        return Rides(*(one[which] for one in (self.train, self.origin, self.destination, self.at, self.departs)))


def features(history: History, rides: Rides) -> np.ndarray:
    """(n, len(NAMES)) float32: what was known of each ride when it was asked about; NaN where unknown."""
    matrix = np.full((len(rides), len(NAMES)), np.nan, np.float32)
    for start in range(0, len(rides), _AT_ONCE):
        part = rides.take(slice(start, start + _AT_ONCE))
        times = _times(history, part)
        columns = [*_conditions(history, part), *times, *_delays(history, part, times[_TIMES.index("agreed")])]
        matrix[start : start + _AT_ONCE] = np.stack(columns, axis=1)
    return matrix


def five_before(history: History, rides: Rides) -> np.ndarray:
    """(n, 5) minutes that the last trains took that had arrived when it was asked, newest first; NaN of fewer."""
    pair = pair_of(rides.origin, rides.destination)
    return history.times.last(pair, rides.at, LAST) / _MINUTE


def _conditions(history: History, rides: Rides) -> list[np.ndarray]:
    local = local_seconds(rides.at, PARIS.key)
    day = local // _DAY
    first, last = (date(1970, 1, 1) + timedelta(days=int(edge)) for edge in (day.min(), day.max()))
    holiday = calendar_of_days(first, last).is_public_holiday[day - day.min()]
    return [
        local % _DAY / _HOUR,
        (day + 3) % _WEEK,  # 1970-01-01 was a Thursday; Monday is 0
        holiday.astype(np.float64),
        rides.origin.astype(np.float64),
        rides.destination.astype(np.float64),
        history.direction[rides.train].astype(np.float64),
        hops_of(rides),
    ]


def hops_of(rides: Rides) -> np.ndarray:
    """(n,) how many hops lie between the two stations of each ride."""
    return (hops()[pair_of(rides.origin, rides.destination)] >= 0).sum(axis=1).astype(np.float64)


def _times(history: History, rides: Rides) -> list[np.ndarray]:
    pair = pair_of(rides.origin, rides.destination)
    theoretical = history.aimed_seconds(rides.train, rides.origin, rides.destination) / _MINUTE
    operator = (_announced(history, rides) - rides.departs) / _MINUTE
    five = five_before(history, rides)
    mean, median, summed = mean_of(five), _median_of(five), summed_hops(history, rides)
    opinions = np.stack([np.where(np.isfinite(operator), operator, theoretical), median, summed], axis=1)
    agreed = _median_of(opinions)
    return [
        theoretical,
        operator,
        mean,
        median,
        summed,
        agreed,
        five[:, 0],
        _range_of(five),
        history.times.age(pair, rides.at) / _MINUTE,
        np.sqrt(np.maximum(np.where(np.isfinite(theoretical), theoretical, _HOP * hops_of(rides)), 1.0)),
    ]


def summed_hops(history: History, rides: Rides) -> np.ndarray:
    """(n,) minutes: of each hop on the way the mean of the last five trains, in all; NaN where a hop has none."""
    way = hops()[pair_of(rides.origin, rides.destination)]
    found = np.where(way[:, 0] >= 0, 0.0, np.nan)
    for step in way[:, : max(int((way >= 0).sum(axis=1).max(initial=0)), 1)].T:
        is_hop = step >= 0
        recent = history.times.last(step[is_hop], rides.at[is_hop], LAST)
        found[is_hop] += mean_of(recent) / _MINUTE
    return found


def _delays(history: History, rides: Rides, agreed: np.ndarray) -> list[np.ndarray]:
    of_train, of_place = history.delays
    direction = history.direction[rides.train]
    own = of_train.last(rides.train, rides.at, 2)
    aimed = {
        name: history.aimed(rides.train, place, rides.at)
        for name, place in (("origin", rides.origin), ("destination", rides.destination))
    }
    at_destination = of_place.last(heading_of(rides.destination, direction), rides.at, LAST)
    five = np.maximum(at_destination, 0.0)
    here = heading_of(rides.origin, direction)
    before = np.minimum(rides.at, rides.departs - 1)
    headway = rides.departs - history.passings.last(here, before, 1)[:, 0]
    seconds = [
        own[:, 0],
        own[:, 1],
        rides.departs - aimed["origin"],
        np.maximum(rides.departs + agreed * _MINUTE - aimed["destination"], 0.0),
        np.maximum(_announced(history, rides) - aimed["destination"], 0.0),
        mean_of(five),
        _median_of(five),
        at_destination[:, 0],
        of_place.last(here, before, 1)[:, 0],
        headway,
    ]
    return [one / _MINUTE for one in seconds]


def _announced(history: History, rides: Rides) -> np.ndarray:
    """When the operator said, last before it was asked, that the train reaches the destination."""
    return history.said.last(call_of(rides.train, rides.destination), rides.at, 1)[:, 0]


def mean_of(values: np.ndarray) -> np.ndarray:
    """(n,) the mean of what is known in each row, NaN where nothing is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0.0).sum(axis=1) / np.where(known.any(axis=1), known.sum(axis=1), np.nan)


def _median_of(values: np.ndarray) -> np.ndarray:
    return _of_known(values, np.nanmedian)


def _range_of(values: np.ndarray) -> np.ndarray:
    return _of_known(values, lambda one, axis: np.nanmax(one, axis=axis) - np.nanmin(one, axis=axis))


def _of_known(values: np.ndarray, figure: Callable[..., np.ndarray]) -> np.ndarray:
    found, known = np.full(len(values), np.nan), np.isfinite(values).any(axis=1)
    if known.any():
        found[known] = figure(values[known], axis=1)
    return found
