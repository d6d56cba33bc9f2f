"""Models of the fire: how long the first pump takes, whether it is there within 360 s, how many pumps attend.

A model knows what was known at its moment and nothing else (`features.MOMENTS`). One that is asked:

    around = Surroundings.read(lake, window)                       # once
    call = Calls.one(called_at, easting_m=…, northing_m=…, station_ground=…, station=…)
    asked = questions(call, around)
    said = fitted.predict(model.known(asked))                      # .value, .high (the 0.9 bound), .shares
    fitted.risk.predict(model.known(asked)) >= fitted.risk.threshold
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from transit_assets.fire.features import AT_CALL, CATEGORIES, NAMES, Calls, features
from transit_assets.fire.schema import INCIDENTS, STATIONS, TARGET_SECONDS
from transit_assets.fire.schema import MODELS as DESCRIPTIONS
from transit_assets.fire.surroundings import Surroundings
from transit_assets.learning.ensembles import Classes, Mean, Within
from transit_assets.learning.estimators import Boosted, Estimator
from transit_assets.learning.examples import Examples, Segmentation
from transit_assets.learning.groups import GroupMean, GroupMedian, LineOver
from transit_assets.learning.model import Bound, Kind, Model, Risk
from transit_assets.learning.typical import Told

WITHIN_SECONDS = TARGET_SECONDS[0]
UNDERESTIMATE_SECONDS = 120
MOST_PUMPS = 5
PUMPS = tuple(float(count) for count in range(1, MOST_PUMPS + 1))

# From hours of the day to parts of it, as brigade and traffic know them.
_HOURS = {"night": (0, 6), "morning_peak": (6, 10), "day": (10, 16), "evening_peak": (16, 20), "evening": (20, 24)}
_TREES: dict[str, Any] = {
    "num_leaves": 31,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 20.0,
    "max_bin": 127,
}
_FEW_LEAVES = _TREES | {"num_leaves": 15}
_WIDTHS = [200.0, 500.0, 1200.0]
_PLACE = ["easting_m", "northing_m"]
# Each with how often it must have been seen to count half: a cell is small and seen seldom, and the same road.
_CATEGORIES = dict.fromkeys(CATEGORIES, 20.0)
_CATEGORIES_SENT = _CATEGORIES | {"station": 20.0, "station_ground&station": 20.0, "station&cell": 4.0}
_CATEGORIES_PUMPS = _CATEGORIES | {"property_type&station_ground": 20.0, "property_type&part_of_day": 20.0}
_ONLY_LOOKED_UP = [*CATEGORIES, "station", "cell", "part_of_day", "whole_hour"]

_REASONS = {
    "station": (
        "station",
        "ground",
        "is_own_station",
        "nearest",
        "second",
        "third",
        "fourth",
        "typical_station",
        "base",
    ),
    "place": (
        "easting",
        "northing",
        "around",
        "typical_ward",
        "typical_borough",
        "typical_postcode",
    ),
    "case": (
        "hour",
        "weekday",
        "is_public",
        "is_school",
        "temperature",
        "precipitation",
        "snow",
        "wind",
        "visibility",
        "congestion",
        "typical_property",
    ),
}
"""What may raise the risk of an underestimate: which station comes from how far, where it is, what and when it is."""


def _told(estimator: Estimator, *, at_call: bool, of: Sequence[str] = ()) -> Estimator:
    """Trees that know what is typical of the call's categories and place, beyond what its distance says."""
    distance, categories = ("ground", _CATEGORIES) if at_call else ("station", _CATEGORIES_SENT)
    return Told(
        {"base": LineOver(f"{distance}_distance_m"), "estimator": estimator},
        dict(categories),
        place=list(_PLACE),
        widths=list(_WIDTHS),
        of=list(of),
        dropped=list(_ONLY_LOOKED_UP),
    )


def _median(seed: int) -> Boosted:
    return Boosted("regression_l1", None, 400, _TREES | {"learning_rate": 0.03}, seed)


def _attendance(at_call: bool, seed: int) -> Estimator:
    """At the call the mean of trees and of more random ones, which once the station is known tell no more."""
    if not at_call:
        return _told(_median(seed), at_call=at_call)
    random = Boosted("regression_l1", None, 400, _TREES | {"learning_rate": 0.06, "extra_trees": True}, seed)
    return _told(Mean({"trees": _median(seed), "random": random}), at_call=at_call)


def _risk(at_call: bool, seed: int) -> Estimator:
    trees = Boosted("binary", None, 150, _FEW_LEAVES | {"learning_rate": 0.04}, seed)
    return _told(trees, at_call=at_call, of=["attendance"])


def _within(at_call: bool, seed: int) -> Estimator:
    """The mean of trees that learn whether, of more random ones, and of a step over those that learn when.

    They err differently: on three windows of January to March 2017 their area under the curve is by .001 to .004
    larger than that of the best of them.
    """
    odds = Boosted("binary", None, 250, _FEW_LEAVES | {"learning_rate": 0.03}, seed)
    random = Boosted("binary", None, 300, _FEW_LEAVES | {"learning_rate": 0.06, "extra_trees": True}, seed)
    time = Within("attendance", WITHIN_SECONDS + 15.0, 40.0, {"quantity": _median(seed)})
    told = ["attendance", "within_360", "own_station"]
    return _told(Mean({"odds": odds, "random": random, "time": time}), at_call=at_call, of=told)


def _pumps(seed: int) -> Estimator:
    parameters = _FEW_LEAVES | {"learning_rate": 0.04, "num_class": MOST_PUMPS}
    told = Told(
        {"estimator": Boosted("multiclass", None, 180, parameters, seed)},
        dict(_CATEGORIES_PUMPS),
        place=list(_PLACE),
        widths=list(_WIDTHS),
        classes=[0.0, 1.0, 2.0],
        dropped=list(_ONLY_LOOKED_UP),
    )
    return Classes(list(PUMPS), {"estimator": told})


_GROUND_AND_HOUR = ["station_ground", "whole_hour"]


def _times(at_call: bool) -> dict[str, Callable[[], Estimator]]:
    return {
        "global_median": GroupMedian,
        "station_ground_median": partial(GroupMedian, "station_ground"),
        "station_ground_hour_mean": partial(GroupMean, _GROUND_AND_HOUR),
        "straight_distance": partial(LineOver, _distance(at_call)),
    }


def _rates(at_call: bool) -> dict[str, Callable[[], Estimator]]:
    return {
        "prior": GroupMean,
        "station_ground_hour_mean": partial(GroupMean, _GROUND_AND_HOUR),
        "straight_distance": partial(LineOver, _distance(at_call), True),
    }


def _shares(columns: list[str]) -> Estimator:
    return Classes(list(PUMPS), {"estimator": GroupMean(columns, classes=MOST_PUMPS)})


def _distance(at_call: bool) -> str:
    return "ground_distance_m" if at_call else "station_distance_m"


def questions(calls: Calls, around: Surroundings) -> Examples:
    """One question for each call, asked when it was taken; without answers."""
    station = features(calls, around)
    return Examples(
        names=NAMES,
        features=station,
        entity=np.nan_to_num(station[:, NAMES.index("station_ground")], nan=-1.0).astype(np.int64),
        origin_at=calls.at,
        target_at=calls.at,
        horizon_minutes=np.zeros(len(calls), np.int16),
        block_seconds=86_400,
        days=calls.day,
    )


def examples(calls: Calls, outcomes: pa.Table, around: Surroundings) -> Examples:
    """Questions with what became of the calls (rows of `features.OUTCOME_COLUMNS`), and the groups they are in."""
    asked = questions(calls, around)
    is_own = asked.column("is_own_station").astype(np.float64)
    return replace(asked, targets=answers(outcomes) | {"own_station": is_own}, segments=_segments(calls))


def answers(outcomes: pa.Table) -> dict[str, np.ndarray]:
    """What became of calls: NaN where no vehicle was timed, or none is known to have attended."""
    seconds, pumps = (
        outcomes[name].cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
        for name in ("first_pump_attendance_seconds", "pumps_attending")
    )
    return {
        "attendance": seconds,
        "within_360": np.where(np.isfinite(seconds), (seconds <= WITHIN_SECONDS).astype(np.float64), np.nan),
        "pumps": np.where(pumps >= 1, np.minimum(pumps, MOST_PUMPS), np.nan),
    }


def _segments(calls: Calls) -> dict[str, Segmentation]:
    hour = calls.local % 86_400 // 3600
    starts = np.array([first for first, _ in _HOURS.values()])
    return {
        "borough": _segmentation(calls.names["borough"]),
        "hours": Segmentation(tuple(_HOURS), np.searchsorted(starts, hour, side="right") - 1),
        "ground": _segmentation(calls.names["station_ground"]),
        "station": _segmentation(calls.station),
    }


def _segmentation(names: np.ndarray) -> Segmentation:
    said = [name or "unknown" for name in names.tolist()]
    values = sorted(set(said))
    place = {value: number for number, value in enumerate(values)}
    return Segmentation(tuple(values), np.array([place[one] for one in said], np.int64))


def _model(
    name: str,
    target: str,
    kind: Kind,
    unit: str,
    at_call: bool,
    estimator: Callable[[int], Estimator],
    baselines: Mapping[str, Callable[[], Estimator]],
    **more: Any,
) -> Model:
    limits = "Of a call it knows what the file says of its place: at the call that is what the caller says. "
    if not at_call:
        limits += (
            "The station is that of the first pump to arrive, which on calls with several pumps (42 of 100) is partly "
            "an outcome: figures for the station that is sent first will be somewhat worse. "
        )
    return Model(
        name=name,
        domain="fire",
        target=target,
        kind=kind,
        unit=unit,
        description=DESCRIPTIONS[name],
        horizons=(),
        estimator=estimator,
        baselines=baselines,
        sources=(INCIDENTS.relation, STATIONS.relation),
        intended_use="To tell a caller or a planner what to expect; not to decide whom to send.",
        limits=limits + "It knows of no other call, nor who is out: the files land months later. Times are cut at "
        "1,200 s by the provider, and calls that nobody was timed on are left out.",
        data_licence="London Fire Brigade, Open Government Licence v3.0",
        features=AT_CALL if at_call else NAMES,
        segments={"borough": "borough", "hours": "hours", "station": "ground" if at_call else "station"},
        guarded=0.02,
        **more,
    )


def _attendance_model(at_call: bool) -> Model:
    column = "station_ground" if at_call else "station"
    return _model(
        f"fire_attendance_at_{'call' if at_call else 'mobilisation'}",
        "attendance",
        "quantity",
        "s",
        at_call,
        partial(_attendance, at_call),
        _times(at_call),
        bound=Bound(0.9, column),
        risk=Risk(
            margin=UNDERESTIMATE_SECONDS,
            warned=0.2,
            column=column,
            reasons=_REASONS,
            estimator=partial(_risk, at_call),
            segment="station",
        ),
    )


def _within_model(at_call: bool) -> Model:
    return _model(
        f"fire_within_360_at_{'call' if at_call else 'mobilisation'}",
        "within_360",
        "probability",
        "probability",
        at_call,
        partial(_within, at_call),
        _rates(at_call),
    )


PUMPS_MODEL = _model(
    "fire_pumps",
    "pumps",
    "classes",
    "pumps",
    True,
    _pumps,
    {"prior": partial(_shares, []), "station_ground_hour_mean": partial(_shares, _GROUND_AND_HOUR)},
    classes=PUMPS,
    balance=0.3,
)
MODELS = (
    _attendance_model(True),
    _attendance_model(False),
    _within_model(True),
    _within_model(False),
    PUMPS_MODEL,
)
