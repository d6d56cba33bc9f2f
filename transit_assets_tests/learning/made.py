"""Made-up examples with a known law, and models of them, for the tests of the protocol."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np

from transit_assets.learning.estimators import Boosted, Climatology, CountTable, Estimator, Persistence
from transit_assets.learning.examples import Examples, Segmentation, Window
from transit_assets.learning.model import Kind, Model

START = datetime(2026, 3, 2, tzinfo=UTC)
SECONDS = int(START.timestamp())
NAMES = ("count", "minute_of_day", "lead_minutes")
HOUR = 3600


def window(first_hour: float, last_hour: float) -> Window:
    return Window(START + timedelta(hours=first_hour), START + timedelta(hours=last_hour))


def made(n: int = 4000, *, hours: int = 48, seed: int = 0) -> Examples:
    """Questions of 20 entities spread over some hours; `level` is the count then, `rare` whether it is below 2.

    The count drifts down by one an hour: a model can see that, what holds now cannot.
    """
    generator = np.random.default_rng(seed)
    at = SECONDS + np.sort(generator.integers(0, hours * HOUR, n))
    horizon = generator.choice([30, 60], n).astype(np.int16)
    count = generator.integers(0, 15, n)
    level = np.maximum(count - horizon / 60 - 1 + generator.normal(0, 1, n), 0)
    entity = generator.integers(1001, 1021, n)
    features = np.stack([count, at % 86_400 // 60, horizon], axis=1).astype(np.float32)
    return Examples(
        names=NAMES,
        features=features,
        entity=entity,
        origin_at=at,
        target_at=at + horizon.astype(np.int64) * 60,
        horizon_minutes=horizon,
        block=entity * 1000 + (at - SECONDS) // (3 * HOUR),
        targets={"level": level, "rare": (level < 2).astype(np.float64)},
        segments={"half": Segmentation(("odd", "even"), (entity % 2 == 0).astype(np.int64))},
    )


def boosted(objective: str, seed: int = 0, change_of: str | None = None) -> Boosted:
    parameters = {"num_leaves": 7, "min_data_in_leaf": 20, "learning_rate": 0.1, "bagging_fraction": 0.7}
    return Boosted(objective, change_of, 40, parameters | {"bagging_freq": 1}, seed)


def model(kind: Kind = "quantity", **other: Any) -> Model:
    """`test_level`, a quantity, or `test_rare`, a probability."""
    is_quantity = kind == "quantity"
    baselines: Mapping[str, Any] = {
        "persistence": partial(Persistence, "count", None if is_quantity else 0.0),
        "climatology": Climatology,
        "count_table": partial(CountTable, "count"),
    }

    def estimator(seed: int) -> Estimator:
        return boosted("regression_l1" if is_quantity else "binary", seed, "count" if is_quantity else None)

    fixed: dict[str, Any] = {
        "name": "test_level" if is_quantity else "test_rare",
        "domain": "test",
        "target": "level" if is_quantity else "rare",
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
    }
    return Model(**(fixed | other))
