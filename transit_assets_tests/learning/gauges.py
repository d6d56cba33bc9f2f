"""A domain of its own for the tests of learning: twelve gauges, read every 15 minutes, asked about in an hour.

In an hour a high gauge will be low (`swing`), or about what it is (`walk`): then nothing beats the reading itself.
Small enough that a training takes a tenth of a second.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from transit_assets.lake import UTC_INSTANT, Column, Lake, Table
from transit_assets.learning import promotion
from transit_assets.learning.deciding import decide as decide_model
from transit_assets.learning.domain import Domain, Live, Versions
from transit_assets.learning.estimators import Boosted, Climatology, Persistence
from transit_assets.learning.examples import Examples, Segmentation, Window
from transit_assets.learning.model import Model
from transit_assets.learning.promotion import Decision
from transit_assets.learning.registry import Registry, Version
from transit_assets.learning.training import lesson
from transit_assets.learning.training import train as train_model

GAUGES, STEP, AHEAD = 12, 900, 3600
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("level", "change", "minute_of_day")
AT_MOST, SEED = 100_000, 7

LEVELS = Table(
    layer="interim",
    domain="gauges",
    name="levels",
    description="One reading of one gauge.",
    key=("gauge", "at"),
    columns=(
        Column("gauge", pa.int64(), "Number of the gauge.", is_nullable=False),
        Column("at", UTC_INSTANT, "When it was read.", is_nullable=False),
        Column("level", pa.float64(), "What it read.", is_nullable=False),
    ),
)


def land(lake: Lake, first: int, days: int, kind: Literal["swing", "walk", "still"] = "swing") -> None:
    """Append the readings of some days, counted from the first one."""
    random = np.random.default_rng([first, days])
    times = FIRST.timestamp() + first * 86_400 + np.arange(days * 86_400 // STEP) * STEP
    level = np.empty((GAUGES, len(times)))
    lead = AHEAD // STEP
    level[:, :lead] = random.uniform(20, 80, (GAUGES, lead))
    share, noise = (-0.9, 6.0) if kind == "swing" else (1.0, 2.0)
    for step in range(lead, len(times)):
        level[:, step] = np.abs(50 + share * (level[:, step - lead] - 50) + random.normal(0, noise, GAUGES))
    if kind == "still":
        level[:] = np.arange(GAUGES)[:, None]
    rows = {
        "gauge": np.repeat(np.arange(GAUGES), len(times)),
        "at": pa.array(np.tile(times * 1_000_000, GAUGES).astype(np.int64)).cast(pa.timestamp("us", tz="UTC")),
        "level": level.ravel(),
    }
    lake.table(LEVELS).append(pa.table(rows))


def _readings(lake: Lake, version: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Instants (t,), and levels (GAUGES, t)."""
    found = lake.table(LEVELS).scan(
        'SELECT epoch("at")::BIGINT AS seconds, level FROM levels ORDER BY gauge, "at"', version=version
    )
    seconds, level = found["seconds"].to_numpy(), found["level"].to_numpy()
    return seconds[: len(seconds) // GAUGES], level.reshape(GAUGES, -1)


def _stretches(lake: Lake, days: int) -> list[Window]:
    """From the first to the last reading of each of the last so many days that hold any."""
    if not lake.table(LEVELS).exists():
        return []
    times, _ = _readings(lake, None)
    edges = [times[times // 86_400 == day][[0, -1]].tolist() for day in np.unique(times // 86_400)[-days:]]
    return [Window(datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last + 1, UTC)) for first, last in edges]


def _asked(times: np.ndarray, level: np.ndarray, columns: np.ndarray) -> Examples:
    """Questions of every gauge at some readings, each of which has one before it."""
    now, before = level[:, columns].ravel(), level[:, columns - 1].ravel()
    at = np.tile(times[columns], GAUGES)
    minute = at % 86_400 // 60
    gauge = np.repeat(np.arange(GAUGES), len(columns))
    return Examples(
        names=NAMES,
        features=np.stack([now, now - before, minute], axis=1).astype(np.float32),
        entity=gauge,
        origin_at=at,
        target_at=at + AHEAD,
        horizon_minutes=np.full(len(at), AHEAD // 60, np.int16),
        block_seconds=10_800,
        segments={"half": Segmentation(("first", "second"), (gauge * 2 // GAUGES).astype(np.int64))},
    )


def _examples(lake: Lake, window: Window, versions: Versions, at_most: int) -> Examples:
    times, level = _readings(lake, versions[LEVELS.relation].version if versions else None)
    start, end = window.seconds
    lead = AHEAD // STEP
    columns = np.flatnonzero((times >= start) & (times + AHEAD < end))
    columns = columns[(columns > 0) & (columns + lead < len(times))]
    columns = columns[times[columns + lead] - times[columns] == AHEAD]  # no answer comes from beyond a gap
    asked = _asked(times, level, columns)
    return replace(asked, targets={"level": level[:, columns + lead].ravel()})


def _live(lake: Lake) -> Live | None:
    times, level = _readings(lake, None)
    asked = _asked(times, level, np.array([len(times) - 1]))
    return Live(asked, [str(gauge) for gauge in range(GAUGES)], datetime.fromtimestamp(int(times[-1]), UTC))


def _answers(lake: Lake, target: str, entities: Sequence[str], instants: np.ndarray) -> np.ndarray:
    times, level = _readings(lake, None)
    known = {int(at): column for column, at in enumerate(times)}
    columns = [known.get(int(at), -1) for at in instants]
    return np.array([level[int(one), at] if at >= 0 else np.nan for one, at in zip(entities, columns, strict=True)])


def model(rounds: int = 40) -> Model:
    """The one model, as good as its trees are many: 5 are hardly better than the best baseline."""
    return Model(
        name="gauges_level",
        domain="gauges",
        target="level",
        kind="quantity",
        unit="metres",
        description="The level of a gauge in an hour.",
        horizons=(AHEAD // 60,),
        estimator=partial(_trees, rounds),
        baselines={"persistence": partial(Persistence, "level"), "climatology": Climatology},
        sources=(LEVELS.relation,),
        intended_use="Tests.",
        limits="None.",
        data_licence="None.",
    )


def _trees(rounds: int, seed: int) -> Boosted:
    parameters = {"learning_rate": 0.2, "num_leaves": 7, "min_data_in_leaf": 20, "bagging_fraction": 0.8}
    return Boosted("regression_l1", "level", rounds, parameters | {"bagging_freq": 1}, seed)


def _versions(lake: Lake) -> Versions:
    return {LEVELS.relation: lake.table(LEVELS).state()}


def domain(*models: Model) -> Domain:
    return Domain(
        name="gauges",
        models=models or (model(),),
        conditions=("minute_of_day",),
        features=NAMES,
        stretches=_stretches,
        versions=_versions,
        examples=_examples,
        live=_live,
        answers=_answers,
    )


def store(lake: Lake, folder: Path) -> Registry:
    """The registry in the store that `mlflow_folder` made."""
    return Registry(f"sqlite:///{folder}/mlflow.db", lake.location.uri("_mlflow/artifacts"), lake.lock_path)


def train(lake: Lake, registry: Registry, rounds: int = 40) -> Version:
    one = model(rounds)
    taught = lesson(lake, domain(one), days=60, at_most=AT_MOST)
    return train_model(lake, registry, one, taught, seed=SEED)


def decide(lake: Lake, registry: Registry) -> Decision | None:
    return decide_model(lake, registry, domain(), model(), at_most=AT_MOST)


def trained(lake: Lake, registry: Registry, rounds: int = 40) -> Decision:
    """Train a challenger and decide about it."""
    train(lake, registry, rounds)
    decision = decide(lake, registry)
    assert decision is not None
    return decision


def judged(lake: Lake, name: str, until: datetime) -> None:
    """Put a refusal on record whose holdout ended at an instant."""
    decision = Decision(
        model=name,
        domain="gauges",
        outcome="refused",
        version="1",
        estimator="boosted",
        champion="none",
        compared_with="persistence",
        metric="mae",
        reason="a test",
        train=Window(until - timedelta(days=2), until - timedelta(days=1)),
        test=Window(until - timedelta(days=1), until),
    )
    promotion.record(lake, decision)
