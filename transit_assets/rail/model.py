"""Models of the rail: what the next train from A to B will take, and how late a train will be downstream."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from transit_assets.learning.estimators import Boosted, Estimator
from transit_assets.learning.examples import Examples, Segmentation, Window
from transit_assets.learning.fitting import Fitted
from transit_assets.learning.model import Model
from transit_assets.learning.untrained import Consensus, Proven
from transit_assets.rail.features import LAST, NAMES, Rides, features, five_before
from transit_assets.rail.history import History, pair_of
from transit_assets.rail.schema import MODELS as DESCRIPTIONS
from transit_assets.rail.schema import PREDICTED_CALLS, SCHEDULED_CALLS, STOP_EVENTS

TRAVEL_TIME, DELAY = "travel_time", "delay"
LEAST_DAYS = 14
"""Days of questions from which on a trained model may take the place of the untrained one."""

_MINUTE, _DAY = 60.0, 86_400
_TO_A_TENTH = np.log(5)  # from a half, in powers of e
_LEAST_WIDTH = 0.3  # minutes to the end of an interval: announced times are of whole minutes
_PEAK_HOURS = (7, 8, 9, 16, 17, 18, 19)
_FAR_HOPS = (3, 8)
_TREES: dict[str, Any] = {
    "num_leaves": 31,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 20.0,
    "learning_rate": 0.06,
}
_ROUNDS = 200


def rides_of(history: History) -> Rides:
    """Every train from every station that it passed to every later one, asked about in the minute when it left."""
    train, origin, destination = history.rides
    left = history.passed[train, origin]
    order = np.lexsort((destination, origin, train, left))
    return Rides(train, origin, destination, left.astype(np.int64), left).take(order)


def examples(history: History, window: Window, *, at_most: int, seed: int = 0) -> Examples:
    """Every ride of a window with its answers; of more than `at_most` an even share is drawn.

    A travel time is asked where five trains had arrived before and the theoretical time is known, a delay where it
    is known when the train is to be at the destination, and something says how long it may take.
    """
    rides = rides_of(history)
    start, end = window.seconds
    arrived = history.passed[rides.train, rides.destination]
    rides = rides.take((rides.at >= start) & (arrived < end))
    truth = answers(history, rides)
    theoretical = history.aimed_seconds(rides.train, rides.origin, rides.destination)
    is_asked = np.isfinite(theoretical) & np.isfinite(five_before(history, rides)[:, LAST - 1])
    truth[TRAVEL_TIME] = np.where(is_asked, truth[TRAVEL_TIME], np.nan)
    chosen = np.flatnonzero(np.isfinite(truth[TRAVEL_TIME]) | np.isfinite(truth[DELAY]))
    if len(chosen) > at_most:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, at_most, replace=False))
    rides = rides.take(chosen)
    asked = questions(history, rides)
    delay = np.where(np.isfinite(asked.column("late_by_ride")), truth[DELAY][chosen], np.nan)
    return replace(
        asked,
        target_at=history.passed[rides.train, rides.destination].astype(np.int64),
        targets={TRAVEL_TIME: truth[TRAVEL_TIME][chosen], DELAY: delay},
        segments=_segments(asked),
    )


def answers(history: History, rides: Rides) -> dict[str, np.ndarray]:
    """What became of rides, in minutes: NaN where the train was not seen at both stations, or had no time to be there.

    A train that is early has a delay of 0.
    """
    left, arrived = history.passed[rides.train, rides.origin], history.passed[rides.train, rides.destination]
    late = arrived - history.aimed(rides.train, rides.destination, rides.at)
    return {TRAVEL_TIME: (arrived - left) / _MINUTE, DELAY: np.maximum(late, 0.0) / _MINUTE}


def questions(history: History, rides: Rides) -> Examples:
    """Questions about rides, without answers. Those of one train are a block: they err together."""
    known = features(history, rides)
    lasts = np.nan_to_num(known[:, NAMES.index("theoretical")].astype(np.float64)) * _MINUTE
    return Examples(
        names=NAMES,
        features=known,
        entity=pair_of(rides.origin, rides.destination),
        origin_at=rides.at,
        target_at=(rides.departs + lasts).astype(np.int64),
        horizon_minutes=np.zeros(len(rides), np.int16),
        block_seconds=_DAY,
        days=rides.train.astype(np.int64),
    )


def _segments(asked: Examples) -> dict[str, Segmentation]:
    is_peak = np.isin(asked.column("hour").astype(np.int64), _PEAK_HOURS) & (asked.column("weekday") < 5)
    is_peak &= asked.column("is_public_holiday") == 0
    north = asked.column("origin") > asked.column("destination")
    far = np.searchsorted(_FAR_HOPS, asked.column("hops"), side="right")
    return {
        "hours": Segmentation(("off_peak", "peak"), is_peak.astype(np.int64)),
        "direction": Segmentation(("south", "north"), north.astype(np.int64)),
        "way": Segmentation(("short", "middle", "long"), far),
    }


def exceeding(fitted: Fitted, asked: Examples, share: float) -> np.ndarray:
    """(n,) probabilities that rides take longer than their theoretical time by more than a share of it.

    By what a fitted model of the travel time forecasts, and its interval (see `exceeding_interval`).
    """
    said = fitted.predict(asked)
    limit = asked.column("theoretical").astype(np.float64) * (1 + share)
    return exceeding_interval(said.value, said.low, said.high, limit)


def exceeding_interval(
    value: np.ndarray, low: np.ndarray | None, high: np.ndarray | None, limit: np.ndarray
) -> np.ndarray:
    """(n,) probabilities that an answer lies above a limit, NaN where the limit is.

    The forecast is taken for the median, and each end of its 80 % interval for a tenth of the answers beyond it; on
    either side errors fall off exponentially: on the recorded day that is nearer to what came true, by the Brier score
    and the log loss at every share, than a normal distribution, whose tails are too thin. Without an interval all is
    sure but for the rounding of announced times.
    """
    down = 0.0 if low is None else value - low
    up = 0.0 if high is None else high - value
    above = limit - value
    beyond = np.exp(-_TO_A_TENTH * np.abs(above) / np.maximum(np.where(above > 0, up, down), _LEAST_WIDTH)) / 2
    return np.where(above > 0, beyond, 1 - beyond) + above * 0  # NaN stays NaN


def _opinion(column: str, fallback: list[str]) -> Callable[[], Estimator]:
    return partial(Consensus, [column], fallback)


_NO_FIVE = ["theoretical"]
_LATE_OTHERWISE = ["late_now", "late_at_origin"]  # where nothing else is said, it stays as late as it is
_BASELINES: Mapping[str, Mapping[str, Callable[[], Estimator]]] = {
    TRAVEL_TIME: {
        "theoretical": _opinion("theoretical", []),
        "mean_last_five": _opinion("mean_last_five", _NO_FIVE),
        "median_last_five": _opinion("median_last_five", _NO_FIVE),
        "operator_forecast": _opinion("operator_forecast", _NO_FIVE),
    },
    DELAY: {
        "theoretical": partial(Consensus, []),
        "mean_last_five": _opinion("mean_last_five_late", []),
        "median_last_five": _opinion("median_last_five_late", []),
        "operator_forecast": _opinion("operator_late", []),
    },
}


def _proven(untrained: Estimator, change_of: str, seed: int) -> Estimator:
    """Trees on top of what is agreed without training, where months have shown that they are better."""
    trees = Boosted("regression_l1", change_of, _ROUNDS, dict(_TREES), seed)
    return Proven({"untrained": untrained, "trained": trees}, LEAST_DAYS)


def _travel_time(seed: int) -> Estimator:
    return _proven(Consensus(["agreed"], ["theoretical"], step=1.0), "agreed", seed)


def _delay(seed: int) -> Estimator:
    return _proven(Consensus(["late_by_ride"], ["operator_late"]), "late_by_ride", seed)


_LIMITS = (
    "Learnt from passings as they were last announced, to the minute, which flatters the operator's own forecast. "
    "Rides are asked about when the train leaves; one that is still to come is less certain. Trees are only chosen "
    f"(`chosen` among the parameters) with {LEAST_DAYS} days of questions or more, on which they were better: one "
    "recorded day cannot show it, and there the untrained agreement is used, which is judged like any other model. "
)


def _model(target: str, estimator: Callable[[int], Estimator], intended_use: str, limits: str) -> Model:
    return Model(
        name=f"rail_{target}",
        domain="rail",
        target=target,
        kind="quantity",
        unit="min",
        description=DESCRIPTIONS[f"rail_{target}"],
        horizons=(),
        estimator=estimator,
        baselines=_BASELINES[target],
        sources=(STOP_EVENTS.relation, PREDICTED_CALLS.relation, SCHEDULED_CALLS.relation),
        intended_use=intended_use,
        limits=_LIMITS + limits,
        data_licence="SNCF open data (ODbL); Île-de-France Mobilités (Licence Mobilités)",
        interval_unit="unrest",
    )


MODELS = (
    _model(
        TRAVEL_TIME,
        _travel_time,
        "To tell a traveller what the next train from one station to another will take, and when to warn.",
        "Nothing is learnt of a train that was not seen at both stations, or that took more than two hours.",
    ),
    _model(
        DELAY,
        _delay,
        "To tell a traveller or an operator how late a train will be at a station downstream.",
        "A train that is early counts as in time. Where no schedule names the train, the timetable is what was "
        "announced of it an hour ahead.",
    ),
)
