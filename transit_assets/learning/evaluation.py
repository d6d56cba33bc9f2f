"""Evaluation: a fitted model beside its baselines on a test window, as rows of `models.evaluations`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from transit_assets.lake import Lake, Table
from transit_assets.learning.errors import TooLittleData
from transit_assets.learning.examples import Examples, Window
from transit_assets.learning.fitting import Fitted
from transit_assets.learning.model import Model
from transit_assets.learning.schema import EVALUATIONS
from transit_assets.learning.scores import (
    INTERVAL,
    Comparison,
    Draws,
    Scored,
    compare_auc,
    compare_levels,
    compare_pairs,
)

UNREGISTERED = "unregistered"
_SEED = 20_260_101  # of the bootstrap: the same draws for every model on one window
_SMALLEST_SEGMENT = 30
_OF_LEVELS = ("macro_f1", "recall")
_MANY = 100  # values of a segmentation, as arcs; of more, horizons after the first would be a million rows


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
        high = said.high if fitted.bound is None else _walked(fitted, asked, answers, said.value)
        forecasts[name] = Scored(said.value, said.low, high, said.shares, model.classes)
    scale = forecasters.get(model.scaled_by or "")
    return Judged(
        model, asked, answers, forecasts, Draws(asked.block, _SEED), None if scale is None else _typical(scale, asked)
    )


def _walked(fitted: Fitted, asked: Examples, answers: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Upper bounds as they would have been, each day's answers being known the day after."""
    assert fitted.bound is not None
    day = asked.block if asked.days is not None else asked.origin_at // 86_400
    return np.maximum(value + fitted.bound.walk(asked, answers - value, day), 0.0)


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
    """One row for each horizon, segment, metric and baseline; `subject` names the forecaster that is evaluated.

    Segments of which there are more than a hundred, as arcs, are only evaluated at the shortest horizon.
    """
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
    found = []
    losses = _losses(judged, (subject, *baselines))
    for horizon in model.spans:
        mask = at_horizon(judged.asked, horizon)
        few = None if horizon is None or horizon == min(model.horizons) else _MANY
        if mask.any():
            for segment, rows in segments(judged.asked, mask, few):
                for (metric, baseline), compared in _compared(judged, subject, baselines, losses, segment, rows):
                    key = {"horizon_minutes": horizon, "segment": segment, "metric": metric, "baseline": baseline}
                    found.append(fixed | key | vars(compared))
    order = {name: place for place, name in enumerate((*model.metrics, *baselines))}
    return sorted(found, key=lambda row: (order[row["metric"]], order[row["baseline"]]))


def at_horizon(asked: Examples, horizon: int | None) -> np.ndarray:
    """Mask of the questions of one horizon; all of them where there is none."""
    return np.ones(len(asked), bool) if horizon is None else asked.horizon_minutes == horizon


def _losses(judged: Judged, names: Sequence[str]) -> dict[tuple[str, str], np.ndarray]:
    """(n,) losses by metric and forecaster, of the metrics that are a mean.

    Where no interval was learnt, as there was too little to calibrate on, there is no coverage.
    """
    means = [metric for metric in judged.model.metrics if metric not in (*_OF_LEVELS, "auc")]
    found = {(metric, name): judged.losses(name, metric) for metric in means for name in names}
    return {key: losses for key, losses in found.items() if not np.isnan(losses).any()}


def _compared(
    judged: Judged,
    subject: str,
    baselines: Sequence[str],
    losses: Mapping[tuple[str, str], np.ndarray],
    segment: str,
    rows: np.ndarray,
) -> Iterator[tuple[tuple[str, str], Comparison]]:
    """Each metric beside each baseline, on some of the questions."""
    metrics, place = judged.model.metrics, {key: number for number, key in enumerate(losses)}
    pairs = [(metric, name) for metric, name in losses if name != subject and (metric, subject) in place]
    if pairs:
        columns = [(metric, place[metric, subject], place[metric, name]) for metric, name in pairs]
        of_rows = np.stack([one[rows] for one in losses.values()], axis=1)
        nominal = judged.model.bound.nominal if judged.model.bound else INTERVAL
        yield from zip(pairs, compare_pairs(of_rows, columns, judged.draws, rows, nominal), strict=True)
    y, said = judged.answers[rows], {name: judged.forecasts[name].value[rows] for name in (subject, *baselines)}
    for metric in (one for one in metrics if one in _OF_LEVELS):
        found = compare_levels(metric, y, list(said.values()), judged.draws, rows, judged.model.watched_level)
        yield from zip([(metric, name) for name in baselines], found, strict=False)
    # A resampled curve costs a sort of everything: once for all, not for each segment.
    for baseline in baselines if "auc" in metrics and segment == "all" else ():
        one = compare_auc(y, said[subject], said[baseline], judged.draws, rows)
        if one:
            yield ("auc", baseline), one


def segments(asked: Examples, mask: np.ndarray, at_most: int | None = None) -> list[tuple[str, np.ndarray]]:
    """`all` and every `name=value` that holds at least 30 of the masked questions, with their positions.

    With `at_most`, only names with no more values that do.
    """
    everything = np.flatnonzero(mask)
    found = [("all", everything)]
    for name, one in asked.segments.items():
        codes = one.codes[everything]
        order = np.argsort(codes, kind="stable")
        parts = np.split(everything[order], np.searchsorted(codes[order], np.arange(1, len(one.values))))
        large = [
            (f"{name}={value}", rows)
            for value, rows in zip(one.values, parts, strict=True)
            if len(rows) >= _SMALLEST_SEGMENT
        ]
        found += large if at_most is None or len(large) <= at_most else []
    return found


def best_baseline(judged: Judged, baselines: Sequence[str]) -> str:
    """The baseline with the smallest error in the metric that decides; the first named of equals."""
    return min(baselines, key=lambda name: float(judged.losses(name).mean()))


def write(lake: Lake, rows: Sequence[dict[str, Any]]) -> None:
    """Put rows into `models.evaluations`; a row of the same key is replaced."""
    merge(lake, EVALUATIONS, rows)


def merge(lake: Lake, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Put rows into an unpartitioned table; a row of the same key is replaced."""
    if not rows:
        return
    fresh = pa.Table.from_pylist(list(rows), schema=table.schema)
    target = lake.table(table)

    def merged() -> pa.Table:
        key = ", ".join(f'"{name}"' for name in table.key)
        with lake.engine() as connection:
            connection.register("fresh", fresh)
            connection.execute(f"CREATE TEMP VIEW held AS {target.snapshot().sql}")
            return connection.execute(
                f"SELECT * EXCLUDE (is_fresh) FROM (SELECT *, 0 AS is_fresh FROM held"
                f" UNION ALL BY NAME SELECT *, 1 AS is_fresh FROM fresh)"
                f" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY is_fresh DESC) = 1 ORDER BY {key}"
            ).to_arrow_table()

    target.rebuild(merged)
