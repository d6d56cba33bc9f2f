"""Made-up examples with a known law, and models of them, for the tests of the protocol."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pytest

from transit_assets.learning.ensembles import Classes, Levels
from transit_assets.learning.estimators import Boosted, Climatology, CountTable, Estimator, Persistence
from transit_assets.learning.examples import Examples, Segmentation, Window
from transit_assets.learning.groups import GroupMean
from transit_assets.learning.model import Kind, Model

START = datetime(2026, 3, 2, tzinfo=UTC)
SECONDS = int(START.timestamp())
NAMES = ("count", "minute_of_day", "lead_minutes", "hour_of_week", "hour_of_week_known")
EDGES = (2.0, 5.0, 9.0)  # of the levels 0 to 3
HOUR = 3600


def window(first_hour: float, last_hour: float) -> Window:
    return Window(START + timedelta(hours=first_hour), START + timedelta(hours=last_hour))


def made(n: int = 4000, *, hours: int = 48, seed: int = 0) -> Examples:
    """Questions of 20 entities spread over some hours; `level` is the count then, `rare` whether it is below 2.

    `band` is the number of the band of `EDGES` that it lies in.
    The count drifts down by one an hour: a model can see that, what holds now cannot.
    """
    generator = np.random.default_rng(seed)
    at = SECONDS + np.sort(generator.integers(0, hours * HOUR, n))
    horizon = generator.choice([30, 60], n).astype(np.int16)
    count = generator.integers(0, 15, n)
    level = np.maximum(count - horizon / 60 - 1 + generator.normal(0, 1, n), 0)
    entity = generator.integers(1001, 1021, n)
    hours = ((at + horizon.astype(np.int64) * 60) // HOUR + 72) % 168, (at // HOUR + 71) % 168  # 1970: a Thursday
    features = np.stack([count, at % 86_400 // 60, horizon, *hours], axis=1).astype(np.float32)
    return Examples(
        names=NAMES,
        features=features,
        entity=entity,
        origin_at=at,
        target_at=at + horizon.astype(np.int64) * 60,
        horizon_minutes=horizon,
        block_seconds=3 * HOUR,
        targets={
            "level": level,
            "rare": (level < 2).astype(np.float64),
            "band": np.searchsorted(EDGES, level, side="right").astype(np.float64),
        },
        segments={"half": Segmentation(("odd", "even"), (entity % 2 == 0).astype(np.int64))},
    )


def boosted(objective: str, seed: int = 0, change_of: str | None = None) -> Boosted:
    parameters = {"num_leaves": 7, "min_data_in_leaf": 20, "learning_rate": 0.1, "bagging_fraction": 0.7}
    return Boosted(objective, change_of, 40, parameters | {"bagging_freq": 1}, seed)


def banded(quantity: Estimator, **watched: Any) -> Levels:
    return Levels("level", list(EDGES), {"quantity": quantity}, **watched)


def shares(*columns: str) -> Classes:
    return Classes(list(CLASSES), {"estimator": GroupMean(list(columns), classes=len(CLASSES))})


CLASSES = (0.0, 1.0, 2.0, 3.0)
TARGETS = {"quantity": "level", "probability": "rare", "level": "band", "classes": "band"}


def model(kind: Kind = "quantity", **other: Any) -> Model:
    """`test_level`, a quantity, `test_rare`, a probability, or `test_band`, a level or classes."""
    baselines: Mapping[str, Any] = {
        "persistence": partial(Persistence, "count", 0.0 if kind == "probability" else None),
        "climatology": Climatology,
        "count_table": partial(CountTable, "count"),
    }
    if kind == "level":
        baselines = {name: lambda make=make: banded(make()) for name, make in baselines.items()}

    if kind == "classes":
        columns = {"persistence": ["count"], "climatology": ["minute_of_day"], "count_table": ["count", "lead_minutes"]}
        baselines = {name: partial(shares, *some) for name, some in columns.items()}

    def estimator(seed: int) -> Estimator:
        if kind == "probability":
            return boosted("binary", seed)
        if kind == "classes":
            trees = boosted("multiclass", seed)
            trees.parameters = trees.parameters | {"num_class": len(CLASSES)}
            return Classes(list(CLASSES), {"estimator": trees})
        quantity = boosted("regression_l1", seed, "count")
        return (
            banded(quantity, watched=1, now="count", second="count", held_minutes=30) if kind == "level" else quantity
        )

    fixed: dict[str, Any] = {
        "name": f"test_{TARGETS[kind]}",
        "domain": "test",
        "target": TARGETS[kind],
        "kind": kind,
        "unit": "bikes",
        "description": "Made up.",
        "horizons": (30, 60),
        "estimator": estimator,
        "baselines": baselines,
        "sources": ("interim.test__daily",),
        "intended_use": "Tests.",
        "limits": "Made up.",
        "data_licence": "none",
        "watched_level": 2 if kind == "level" else 0,
        "classes": CLASSES if kind == "classes" else (),
    }
    return Model(**(fixed | other))


@contextmanager
def fewer_rounds(most: int) -> Iterator[None]:
    """Fewer trees that learn faster, where hundreds of slow ones would prove no more."""
    fit_all = Boosted.fit

    def fit_few(self: Boosted, examples: Examples, y: np.ndarray) -> None:
        rate = self.parameters.get("learning_rate", 0.1) * max(self.rounds / most, 1.0)
        self.parameters = self.parameters | {"learning_rate": min(rate, 0.12)}
        self.rounds = min(self.rounds, most)
        fit_all(self, examples, y)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Boosted, "fit", fit_few)
        yield
