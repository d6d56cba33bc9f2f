"""Models of the road: flow, occupancy and level of an arc in the hours ahead."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from transit_assets.learning.ensembles import Levels, Mean, PerHorizon
from transit_assets.learning.estimators import Boosted, Estimator, Persistence
from transit_assets.learning.examples import Examples, Segmentation, Window
from transit_assets.learning.model import Kind, Model
from transit_assets.learning.profiles import USUAL, HourOfWeekMedian, LastWeek, ProfileChange, Ridge, UsualWeek
from transit_assets.road.features import NAMES, History, features
from transit_assets.road.schema import COUNTS_HOURLY, LEVEL_BANDS
from transit_assets.road.schema import MODELS as DESCRIPTIONS

HORIZONS = (60, 120, 180, 240, 300, 360)
CONGESTED = 2
"""The level from which traffic is congested: occupancy of 30 % and more."""

_HOUR = 3600
_PEAK_HOURS = (7, 8, 9, 16, 17, 18, 19)
_TREES: dict[str, Any] = {
    "num_leaves": 31,
    "min_data_in_leaf": 30,
    "min_data_in_bin": 30,  # a leaf holds no fewer; finer bins cost time and told nothing more
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
}
_WEIGHT = 3.0
"""Of how many answers the week of all arcs counts for beside an arc's own."""

_RIDGE = (
    "carried",
    "error",
    "level",
    "change",
    *(f"{hours}_hours_before" for hours in (1, 2, 3)),
    *(f"{days}_days_before" for days in (0, 1)),
    "0_weeks_before",
    "daily_change",
    "weekly_change",
    "profile",
    "profile_next",
    "deviation",
    "deviation_1_hour_before",
    "deviation_24_hours",
    "mean_24_hours",
)


def examples(history: History, window: Window, *, at_most: int, seed: int = 0) -> Examples:
    """Every arc at every full hour of a window, for each horizon, where it counted lately and the answer is known.

    Of more than `at_most` an even share is drawn.
    """
    start, end = window.seconds
    hours = np.arange(-(-start // _HOUR), end // _HOUR) * _HOUR
    arcs, per_arc = len(history.arcs), len(hours) * len(HORIZONS)
    generator = np.random.default_rng(seed)
    drawn = _drawn(arcs * per_arc, at_most / max(_known_share(history, window), 0.01), generator)
    arc, rest = np.divmod(drawn, max(per_arc, 1))
    horizon = np.array(HORIZONS, np.int16)[rest % len(HORIZONS)]
    at = hours[rest // len(HORIZONS)] if per_arc else np.empty(0, np.int64)
    kept = (at + horizon.astype(np.int64) * 60 <= end) & _may_be_asked(history, arc, at)
    truth = outcomes(history, arc, history.target(at, horizon // 60))
    kept &= np.isfinite(truth["flow"]) | np.isfinite(truth["occupancy"])
    chosen = np.flatnonzero(kept)
    if len(chosen) > at_most:
        chosen = np.sort(generator.choice(chosen, at_most, replace=False))
    asked = questions(history, arc[chosen], at[chosen], horizon[chosen])
    answers = {name: values[chosen] for name, values in truth.items()}
    # A figure that was not known lately is nothing that a forecast, or any baseline, could start from.
    for name, of in (("flow", "flow"), ("occupancy", "occupancy"), ("level", "occupancy")):
        answers[name] = np.where(np.isfinite(asked.column(f"{of}_last")), answers[name], np.nan)
    return replace(asked, targets=answers, segments=_segments(history, arc[chosen], asked))


def _drawn(count: int, about: float, generator: np.random.Generator) -> np.ndarray:
    """Positions, in order, of somewhat more than about so many of `count` questions; all where that is most of them.

    Drawn one by one: of 3,000 arcs and a year there are 160 million, a mask of which would take a gigabyte.
    """
    share = 1.1 * about / max(count, 1)
    if share > 0.5:
        return np.arange(count)
    # So many draws with replacement leave that share of different ones.
    return np.unique(generator.integers(0, count, int(-count * np.log1p(-share))))


def _known_share(history: History, window: Window) -> float:
    """The share of the arcs' hours in a window in which something was measured."""
    start, end = (edge // _HOUR - history.first_hour for edge in window.seconds)
    hours = slice(max(start, 0), max(end, 0))
    known = np.isfinite(history.flow[:, hours]) | np.isfinite(history.occupancy[:, hours])
    return float(known.mean()) if known.size else 0.0


def _may_be_asked(history: History, arc: np.ndarray, at: np.ndarray) -> np.ndarray:
    known = history.known(at)
    return np.any([np.isfinite(grid.at(grid.last, arc, known)) for grid in history.grids.values()], axis=0)


def outcomes(history: History, arc: np.ndarray, hour: np.ndarray) -> dict[str, np.ndarray]:
    """What was measured of each target at arcs and hours (positions in the history); NaN where nothing was."""
    flow, occupancy = (grid.at(grid.values, arc, hour).astype(np.float64) for grid in history.grids.values())
    level = np.searchsorted(LEVEL_BANDS, np.nan_to_num(occupancy), side="right").astype(np.float64)
    return {"flow": flow, "occupancy": occupancy, "level": np.where(np.isfinite(occupancy), level, np.nan)}


def questions(history: History, arc: np.ndarray, at: np.ndarray, horizon: np.ndarray) -> Examples:
    """Questions about arcs (indices) at instants (seconds UTC), so many minutes ahead; without answers."""
    return Examples(
        names=NAMES,
        features=features(history, arc, at, (horizon // 60).astype(np.int64)),
        entity=history.entity[arc],
        origin_at=at,
        target_at=at + horizon.astype(np.int64) * 60,
        horizon_minutes=horizon,
        block_seconds=24 * _HOUR,
    )


def _segments(history: History, arc: np.ndarray, asked: Examples) -> dict[str, Segmentation]:
    hour, weekday = asked.column("hour"), asked.column("weekday")
    is_peak = np.isin(hour, _PEAK_HOURS) & (weekday < 5) & (asked.column("is_public_holiday") == 0)
    return {
        "hours": Segmentation(("off_peak", "peak"), is_peak.astype(np.int64)),
        "arc": Segmentation(history.arcs, arc),
    }


def _boosted(seed: int, rounds: int, rate: float, change_of: str | None, scale: str) -> Estimator:
    return Boosted("regression_l1", change_of, rounds, _TREES | {"learning_rate": rate}, seed, scale)


def _blend(measure: str, seed: int) -> Estimator:
    """One hour ahead a mean of trees that learn the figure, its change, and its distance from the usual week's.

    They err differently: on recorded windows their mean is 1 to 2 % better than the best of them. Further ahead one
    kind of trees knows by the lead which hour is asked about.
    """
    level = f"{measure}_level"
    ahead = Mean(
        {
            "figure": _boosted(seed, 500, 0.03, None, level),
            "change": _boosted(seed + 1, 500, 0.03, f"{measure}_last", level),
            "residual": _boosted(seed + 2, 500, 0.03, USUAL, f"{measure}_error"),
        }
    )
    further = _boosted(seed + 3, 200, 0.06, USUAL, f"{measure}_error")
    by_horizon = PerHorizon({str(HORIZONS[0]): ahead, " ".join(str(one) for one in HORIZONS[1:]): further})
    week = HourOfWeekMedian(weight=_WEIGHT)
    members = {"week": week, "estimator": by_horizon}
    return UsualWeek(members, f"{measure}_last", level, f"{measure}_hours_silent")


def _baselines(measure: str) -> dict[str, Callable[[], Estimator]]:
    return {
        "persistence": partial(Persistence, f"{measure}_last"),
        "last_week": partial(LastWeek, f"{measure}_last_week"),
        "hour_of_week_median": HourOfWeekMedian,
        "profile_change": partial(ProfileChange, column=f"{measure}_last", silent=f"{measure}_hours_silent"),
        "ridge": partial(_ridge, measure),
    }


def _ridge(measure: str) -> Estimator:
    columns = [f"{measure}_{name}" for name in _RIDGE]
    return PerHorizon({str(one): Ridge(columns, f"{measure}_carried", f"{measure}_error") for one in HORIZONS})


def _level(seed: int) -> Estimator:
    return _held(_blend("occupancy", seed))


def _held(quantity: Estimator) -> Levels:
    """Bands of occupancy in which congestion holds for an hour."""
    return Levels(
        "occupancy",
        list(LEVEL_BANDS),
        {"quantity": quantity},
        watched=CONGESTED - 1,
        now="occupancy_last",
        second="occupancy_carried",
        held_minutes=HORIZONS[0],
    )


def _held_baseline(baseline: Callable[[], Estimator]) -> Estimator:
    return _held(baseline())


def _banded(baseline: Callable[[], Estimator]) -> Estimator:
    return Levels("occupancy", list(LEVEL_BANDS), {"quantity": baseline()})


def _model(
    target: str,
    kind: Kind,
    unit: str,
    estimator: Callable[[int], Estimator],
    baselines: Mapping[str, Callable[[], Estimator]],
    **more: Any,
) -> Model:
    return Model(
        name=f"road_{target}",
        domain="road",
        target=target,
        kind=kind,
        unit=unit,
        description=DESCRIPTIONS[f"road_{target}"],
        horizons=HORIZONS,
        estimator=estimator,
        baselines=baselines,
        sources=(COUNTS_HOURLY.relation,),
        intended_use="To tell a driver or an operator what to expect of one axis in the hours ahead.",
        limits="Knows no weather, works or events. Says nothing of an arc whose counter has been silent for more than "
        "six hours.",
        data_licence="Ville de Paris open data, ODbL 1.0",
        **more,
    )


FLOW, OCCUPANCY = (
    _model(
        measure,
        "quantity",
        unit,
        partial(_blend, measure),
        _baselines(measure),
        interval_unit=f"{measure}_unrest",
        scaled_by="last_week",
    )
    for measure, unit in (("flow", "veh/h"), ("occupancy", "percentage points"))
)
LEVEL = _model(
    "level",
    "level",
    "levels",
    _level,
    # Ridge keeps what is congested as the trees do: else it would be the better one, and find less of the congestion.
    {
        name: partial(_held_baseline if name == "ridge" else _banded, make)
        for name, make in _baselines("occupancy").items()
    },
    watched_level=CONGESTED,
)
MODELS = (FLOW, OCCUPANCY, LEVEL)
