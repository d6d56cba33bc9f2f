"""One estimator of every kind, on questions that are made up."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from transit_assets.learning.ensembles import Classes, Levels, Mean, PerHorizon, Within
from transit_assets.learning.estimators import (
    Climatology,
    CountTable,
    Estimator,
    LogisticRegression,
    Persistence,
)
from transit_assets.learning.examples import Examples
from transit_assets.learning.groups import GroupMean, GroupMedian, LineOver
from transit_assets.learning.profiles import HourOfWeekMedian, LastWeek, ProfileChange, Ridge, UsualWeek
from transit_assets.learning.typical import Told
from transit_assets.learning.untrained import Consensus, Proven
from transit_assets_tests.learning.made import EDGES, NAMES, boosted, made

TRAIN, TEST = made(3000), made(800, seed=1)
MAKERS: dict[str, Callable[[], Estimator]] = {
    "persistence": partial(Persistence, "count"),
    "persistence of a state": partial(Persistence, "count", 0.0),
    "count_table": partial(CountTable, "count"),
    "climatology": Climatology,
    "logistic_regression": LogisticRegression,
    "boosted": partial(boosted, "binary"),
    "boosted change": partial(boosted, "regression_l1", change_of="count"),
    "boosted change in units": lambda: replace(boosted("regression_l1", change_of="count"), scale="lead_minutes"),
    "last_week change": partial(LastWeek, "count"),
    "hour_of_week_median change": HourOfWeekMedian,
    "profile_change": partial(ProfileChange, column="count"),
    "ridge change": lambda: ridge(),
    "mean change": lambda: Mean({"ridge": ridge(), "trees": boosted("regression_l1", change_of="count")}),
    "per_horizon change": lambda: PerHorizon({"60": ridge(), "20 30": HourOfWeekMedian()}),
    "usual_week change": lambda: usual_week(boosted("regression_l1", change_of="usual")),
    "levels": lambda: watching(),
    "group_median change": partial(GroupMedian, "count"),
    "group_median of all change": GroupMedian,
    "group_mean change": lambda: GroupMean(["count", "hour_of_week"]),
    "group_mean": GroupMean,
    "line_over change": partial(LineOver, "count"),
    "line_over": partial(LineOver, "count", True),
    "within": lambda: Within("level", 2.0, 1.0, {"quantity": boosted("regression_l1")}),
    "told change": lambda: told(),
    "consensus change": lambda: Consensus(["count", "hour_of_week"]),
    "proven change": lambda: proven(),
    "classes": lambda: Classes([0.0, 1.0, 2.0, 3.0], {"estimator": GroupMean(["count"], classes=4)}),
    "classes of trees": lambda: Classes([0.0, 1.0, 2.0, 3.0], {"estimator": told_classes()}),
    "levels of a mean": lambda: levels(Mean({"ridge": ridge(), "now": Persistence("count")})),
}


def ridge() -> Ridge:
    return Ridge(["count", "hour_of_week"], "count", "lead_minutes")


def usual_week(estimator: Estimator) -> UsualWeek:
    members = {"week": HourOfWeekMedian(weight=1.0), "estimator": estimator}
    return UsualWeek(members, "count", "lead_minutes", "minute_of_day")


def told() -> Told:
    members = {"base": LineOver("count"), "estimator": boosted("regression_l1")}
    categories = {"hour_of_week": 5.0, "count&hour_of_week": 5.0}
    place = {"place": ["count", "minute_of_day"], "widths": [2.0, 5.0], "size": 2.0}
    return Told(members, categories, **place, dropped=["hour_of_week"])  # type: ignore[arg-type]


def proven() -> Proven:
    return Proven({"untrained": Consensus(["count"]), "trained": boosted("regression_l1")}, least_days=1)


def told_classes() -> Told:
    trees = boosted("multiclass")
    trees.parameters = trees.parameters | {"num_class": 4}
    return Told({"estimator": trees}, {"count": 5.0}, classes=[0.0, 1.0])


def levels(quantity: Estimator, **watched: object) -> Levels:
    return Levels("level", list(EDGES), {"quantity": quantity}, **watched)  # type: ignore[arg-type]


def watching() -> Levels:
    return levels(ridge(), watched=2, now="count", second="count", held_minutes=30)


def fitted(name: str) -> Estimator:
    estimator = MAKERS[name]()
    target = "band" if "levels" in name or "classes" in name else "level" if "change" in name else "rare"
    estimator.fit(TRAIN, TRAIN.targets[target])
    return estimator


def with_column(examples: Examples, name: str, values: object) -> Examples:
    features = examples.features.copy()
    features[:, NAMES.index(name)] = values
    return replace(examples, features=features)
