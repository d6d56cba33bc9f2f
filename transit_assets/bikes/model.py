"""Models of bikes: will a station be full or empty in half an hour or an hour, and how many bikes will it hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from transit_assets.bikes.features import NAMES, History, features, nearest_poll
from transit_assets.bikes.schema import MODELS as DESCRIPTIONS
from transit_assets.bikes.schema import STATION_STATUS, STATIONS
from transit_assets.context.local_time import local_seconds
from transit_assets.learning.estimators import (
    Boosted,
    Climatology,
    CountTable,
    Estimator,
    LogisticRegression,
    Persistence,
)
from transit_assets.learning.examples import Examples, Segmentation, Window
from transit_assets.learning.model import Kind, Model
from transit_assets.settings import PARIS

HORIZONS = (30, 60)
STEP_SECONDS = 300
TOLERANCE_SECONDS = 450
"""An answer is what the poll nearest to the horizon says, within seven and a half minutes; the lead is a feature."""

_BLOCK_SECONDS = 3 * 3600
_PEAK_HOURS = (7, 8, 9, 16, 17, 18, 19)
_SIZES = ("small", "medium", "large", "unknown")
_TREES: dict[str, Any] = {
    "learning_rate": 0.05,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
}


def examples(history: History, window: Window, *, at_most: int, seed: int = 0) -> Examples:
    """Every open station at every poll of a window, for each horizon, with its answers where they are known.

    A closed station has no answer, and is not asked about. Of more than `at_most` questions an even share is drawn.
    """
    asked_at = origins(history, window, STEP_SECONDS)
    drawn = _drawn(len(asked_at) * len(HORIZONS), at_most, seed)
    which, origin = np.divmod(drawn, max(len(asked_at), 1))
    horizon = np.array(HORIZONS, np.int16)[which]
    station, at = asked_at.take(origin)
    then, answer = _answers(history, station, at, horizon)
    kept = (then > at) & (then < window.seconds[1]) & (answer >= 0) & history.is_open[answer]
    station, at, horizon, then, answer = (one[kept] for one in (station, at, horizon, then, answer))
    asked = questions(history, station, at, then, horizon)
    return replace(asked, targets=outcomes(history, answer), segments=_segments(history, station, at))


@dataclass(frozen=True)
class Origins:
    """Stations and instants to ask about, of which not all need to be made: of 13 million, a million is drawn.

    A report is asked about at as many polls in a row as `upto` grows by, from the poll at position `first` on.
    """

    station: np.ndarray
    polls: np.ndarray
    first: np.ndarray
    upto: np.ndarray

    def __len__(self) -> int:
        return int(self.upto[-1]) if len(self.upto) else 0

    def take(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Station and instant of the origins at some positions."""
        report = self.upto.searchsorted(positions, side="right")
        before = np.where(report > 0, self.upto[report - 1], 0)
        return self.station[report], self.polls[self.first[report] + positions - before]


def origins(history: History, window: Window, step_seconds: int) -> Origins:
    """Stations and instants to ask about: every open station at every poll of a window.

    In an hour of more polls than steps of `step_seconds` they are thinned to the first of each step. Where two
    reports of a station hold at once, the one that became known later is the one asked about.
    """
    start, end = window.seconds
    polls = history.polls[(history.polls >= start) & (history.polls < end)]
    _, of_hour, in_hour = np.unique(polls // 3600, return_inverse=True, return_counts=True)
    is_first = np.diff(polls // step_seconds, prepend=-1) > 0
    polls = polls[is_first | (in_hour[of_hour] <= 3600 / step_seconds)]
    first = polls.searchsorted(history.known_at, side="left")
    last = polls.searchsorted(history.held_until, side="right")
    is_followed = history.station[:-1] == history.station[1:]
    np.minimum(last[:-1], first[1:], out=last[:-1], where=is_followed)
    counts = np.where(history.is_open, np.maximum(last - first, 0), 0)
    return Origins(history.station, polls, first, np.cumsum(counts))


def _drawn(count: int, at_most: int, seed: int) -> np.ndarray:
    """Positions of the questions to ask: what is known of all of them would take gigabytes and minutes."""
    if count <= at_most:
        return np.arange(count)
    return np.flatnonzero(np.random.default_rng(seed).random(count) < at_most / count)[:at_most]


def _answers(
    history: History, station: np.ndarray, at: np.ndarray, horizon: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The polls nearest to the horizon, and the positions of the reports that held then."""
    then = nearest_poll(history, at + horizon.astype(np.int64) * 60, TOLERANCE_SECONDS)
    return then, history.state(station, then)


def outcomes(history: History, answer: np.ndarray) -> dict[str, np.ndarray]:
    """What reports (positions in the history) say of each target; NaN where a count is unknown."""
    bikes, docks = history.counts[answer + 1, :2].T.astype(np.float64)
    return {
        "full": np.where(np.isnan(docks), np.nan, docks == 0),
        "empty": np.where(np.isnan(bikes), np.nan, bikes == 0),
        "available": bikes,
    }


def questions(history: History, station: np.ndarray, at: np.ndarray, then: np.ndarray, horizon: np.ndarray) -> Examples:
    """Questions about stations (indices into the history's codes) from `at` about `then`, in seconds UTC.

    Without answers there is nothing to judge, and no segment to judge it by.
    """
    return Examples(
        names=NAMES,
        features=features(history, station, at, then),
        entity=history.entity[station],
        origin_at=at,
        target_at=then,
        horizon_minutes=horizon,
        block_seconds=_BLOCK_SECONDS,
    )


def _segments(history: History, station: np.ndarray, at: np.ndarray) -> dict[str, Segmentation]:
    local = local_seconds(at, PARIS.key)
    is_peak = np.isin(local % 86_400 // 3600, _PEAK_HOURS) & ((local // 86_400 + 3) % 7 < 5)
    zones = sorted(set(history.zones))
    zone_of = np.array([zones.index(zone) for zone in history.zones])
    last = history.last_known(station, at)
    capacity = history.counts[last + 1, 2]
    size = np.where(np.isnan(capacity), 3, np.digitize(capacity, (21, 36)))
    return {
        "hours": Segmentation(("off_peak", "peak"), is_peak.astype(np.int64)),
        "size": Segmentation(_SIZES, size.astype(np.int64)),
        "zone": Segmentation(tuple(zones), zone_of[station]),
    }


def _boosted(
    objective: str, seed: int, leaves: int, rounds: int, smallest: int, change_of: str | None = None
) -> Estimator:
    parameters = _TREES | {"num_leaves": leaves, "min_data_in_leaf": smallest}
    return Boosted(objective, change_of, rounds, parameters, seed)


def _probability(target: str, column: str) -> Model:
    return _model(
        target,
        "probability",
        "probability",
        HORIZONS,
        partial(_boosted, "binary", leaves=15, rounds=200, smallest=300),
        {
            "persistence": partial(Persistence, column, 0.0),
            "climatology": Climatology,
            "count_table": partial(CountTable, column),
            "logistic_regression": LogisticRegression,
        },
    )


def _model(
    target: str,
    kind: Kind,
    unit: str,
    horizons: tuple[int, ...],
    estimator: Callable[[int], Estimator],
    baselines: Mapping[str, Callable[[], Estimator]],
) -> Model:
    return Model(
        name=f"bikes_{target}",
        domain="bikes",
        target=target,
        kind=kind,
        unit=unit,
        description=DESCRIPTIONS[f"bikes_{target}"],
        horizons=horizons,
        estimator=estimator,
        baselines=baselines,
        sources=(STATION_STATUS.relation, STATIONS.relation),
        intended_use="To tell a rider or a dispatcher what to expect at one station within the hour.",
        limits="Knows no weather, no events and no trucks. Says nothing of a closed station, of one that has not "
        "reported for a quarter of an hour, or of leads outside 20 to 70 minutes.",
        data_licence="Vélib' Métropole open data, Licence Ouverte 2.0",
    )


FULL = _probability("full", "docks_free")
EMPTY = _probability("empty", "bikes")
AVAILABLE = _model(
    "available",
    "quantity",
    "bikes",
    (60,),
    partial(_boosted, "regression_l1", leaves=31, rounds=300, smallest=200, change_of="bikes"),
    {
        "persistence": partial(Persistence, "bikes"),
        "climatology": Climatology,
        "count_table": partial(CountTable, "bikes"),
    },
)
MODELS = (FULL, EMPTY, AVAILABLE)
