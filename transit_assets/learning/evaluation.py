"""Evaluation: a fitted model beside its baselines on a test window, as rows of `models.evaluations`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from transit_assets.lake import Lake
from transit_assets.learning.errors import TooLittleData
from transit_assets.learning.examples import Examples, Window
from transit_assets.learning.fitting import Fitted
from transit_assets.learning.model import Model
from transit_assets.learning.schema import EVALUATIONS
from transit_assets.learning.scores import Draws, Scored, compare, compare_auc, compare_levels

UNREGISTERED = "unregistered"
_SEED = 20_260_101  # of the bootstrap: the same draws for every model on one window
_SMALLEST_SEGMENT = 30


@dataclass(frozen=True)
class Judged:
    """What several forecasters said of one test window, and what came true.

    `typical_error` is what MASE measures the error of each answer by, where the model has that metric.
    """

    model: Model
    asked: Examples
    answers: np.ndarray
    forecasts: Mapping[str, Scored]
    draws: Draws
    typical_error: np.ndarray | None = None

    def losses(self, name: str, metric: str | None = None) -> np.ndarray:
        """(n,) losses of one forecaster; by the metric that decides, unless another is named."""
        if metric == "mase":
            if self.typical_error is None:
                return np.full(len(self.answers), np.nan)
            return self.forecasts[name].losses("mae", self.answers) / self.typical_error
        return self.forecasts[name].losses(metric or self.model.headline, self.answers)


def judge(model: Model, examples: Examples, forecasters: Mapping[str, Fitted]) -> Judged:
    """Let every forecaster answer the same questions. Raises TooLittleData where there are none."""
    asked, answers = model.questions(examples)
    if not len(asked):
        raise TooLittleData(f"{model.name}: the test window holds no question with an answer")
    forecasts = {}
    for name, fitted in forecasters.items():
        said = fitted.predict(asked)
        forecasts[name] = Scored(said.value, said.low, said.high)
    scale = forecasters.get(model.scaled_by or "")
    return Judged(
        model, asked, answers, forecasts, Draws(asked.block, _SEED), None if scale is None else _typical(scale, asked)
    )


def _typical(fitted: Fitted, asked: Examples) -> np.ndarray:
    """The error of a baseline in training, of each question's entity; of all where it was not there."""
    known = fitted.typical_error
    overall = float(np.mean(list(known.values()))) if known else np.nan
    entities, position = np.unique(asked.entity, return_inverse=True)
    return np.array([known.get(str(int(entity)), overall) or overall for entity in entities])[position]


def evaluations(
    judged: Judged,
    subject: str,
    baselines: Sequence[str],
    *,
    version: str,
    train: Window,
    test: Window,
    data_version: str,
) -> list[dict[str, Any]]:
    """One row for each horizon, segment, metric and baseline; `subject` names the forecaster that is evaluated."""
    model, fixed = (
        judged.model,
        {
            "domain": judged.model.domain,
            "model": judged.model.name,
            "version": version,
            "train_from": train.start,
            "train_to": train.end,
            "test_from": test.start,
            "test_to": test.end,
            "data_version": data_version,
            "evaluated_at": datetime.now(UTC),
        },
    )
    rows = []
    for metric in model.metrics:
        for baseline in baselines:
            for horizon in model.horizons:
                for segment, found in _compared(judged, subject, baseline, metric, horizon):
                    rows.append(
                        fixed
                        | {"horizon_minutes": horizon, "segment": segment, "metric": metric, "baseline": baseline}
                        | found
                    )
    return rows


def _compared(judged: Judged, subject: str, baseline: str, metric: str, horizon: int) -> list[tuple[str, dict]]:
    mask = judged.asked.horizon_minutes == horizon
    if not mask.any():
        return []
    if metric in ("macro_f1", "recall"):
        return list(_compared_levels(judged, subject, baseline, metric, mask))
    if metric == "auc":  # a resampled curve costs a sort of everything: once for all, not for each segment
        rows = np.flatnonzero(mask)
        found = compare_auc(
            judged.answers[rows],
            judged.forecasts[subject].value[rows],
            judged.forecasts[baseline].value[rows],
            judged.draws,
            rows,
        )
        return [("all", vars(found))] if found else []
    ours, theirs = judged.losses(subject, metric), judged.losses(baseline, metric)
    if np.isnan(ours).any() or np.isnan(theirs).any():  # no interval was learnt: too little to calibrate on
        return []
    return [
        (segment, vars(compare(metric, ours, theirs, judged.draws, rows)))
        for segment, rows in segments(judged.asked, mask)
    ]


def _compared_levels(
    judged: Judged, subject: str, baseline: str, metric: str, mask: np.ndarray
) -> Iterator[tuple[str, dict]]:
    ours, theirs = judged.forecasts[subject].value, judged.forecasts[baseline].value
    for segment, rows in segments(judged.asked, mask):
        found = compare_levels(metric, judged.answers, ours, theirs, judged.draws, rows, judged.model.watched_level)
        if found:
            yield segment, vars(found)


def segments(asked: Examples, mask: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """`all` and every `name=value` that holds at least 30 of the masked questions, with their positions."""
    found = [("all", np.flatnonzero(mask))]
    for name, one in asked.segments.items():
        for code, value in enumerate(one.values):
            rows = np.flatnonzero(mask & (one.codes == code))
            if len(rows) >= _SMALLEST_SEGMENT:
                found.append((f"{name}={value}", rows))
    return found


def best_baseline(judged: Judged, baselines: Sequence[str]) -> str:
    """The baseline with the smallest error in the metric that decides; the first named of equals."""
    return min(baselines, key=lambda name: float(judged.losses(name).mean()))


def write(lake: Lake, rows: Sequence[dict[str, Any]]) -> None:
    """Put rows into `models.evaluations`; a row of the same key is replaced."""
    if not rows:
        return
    fresh = pa.Table.from_pylist(list(rows), schema=EVALUATIONS.schema)
    target = lake.table(EVALUATIONS)

    def merged() -> pa.Table:
        key = ", ".join(f'"{name}"' for name in EVALUATIONS.key)
        with lake.engine() as connection:
            connection.register("fresh", fresh)
            connection.execute(f"CREATE TEMP VIEW held AS {target.snapshot().sql}")
            return connection.execute(
                f"SELECT * EXCLUDE (is_fresh) FROM (SELECT *, 0 AS is_fresh FROM held"
                f" UNION ALL BY NAME SELECT *, 1 AS is_fresh FROM fresh)"
                f" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY is_fresh DESC) = 1 ORDER BY {key}"
            ).to_arrow_table()

    target.rebuild(merged)
