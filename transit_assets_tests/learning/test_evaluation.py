"""Evaluations: rows as the contract has them, one for each key, replaced when a window is evaluated again."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from transit_assets.lake import Lake
from transit_assets.learning import evaluation
from transit_assets.learning.errors import TooLittleData
from transit_assets.learning.evaluation import best_baseline, evaluations, judge, segments, write
from transit_assets.learning.examples import Examples, Segmentation
from transit_assets.learning.fitting import fit, fit_baselines
from transit_assets.learning.model import Model
from transit_assets.learning.schema import EVALUATIONS
from transit_assets.learning.training import evaluate
from transit_assets_tests.learning import gauges
from transit_assets_tests.learning.made import made, model, window

KEY = ("domain", "model", "version", "horizon_minutes", "segment", "metric", "baseline", "test_from", "test_to")
REST = ("value", "baseline_value", "improvement", "ci_low", "ci_high", "n", "train_from", "train_to")
QUANTITY = model()
JUDGED = judge(
    QUANTITY, made(1500, seed=1), {"challenger": fit(QUANTITY, made(), 0), **fit_baselines(QUANTITY, made())}
)


def rows_of(version: str = "1") -> list[dict]:
    train, test = window(0, 24), window(24, 48)
    named = list(QUANTITY.baselines)
    return evaluations(JUDGED, "challenger", named, version=version, train=train, test=test, data_version="t@1")


def test_the_table_is_that_of_the_contract() -> None:
    assert EVALUATIONS.relation == "models.evaluations"
    assert EVALUATIONS.key == KEY
    assert set(EVALUATIONS.column_names) == {*KEY, *REST, "data_version", "evaluated_at"}
    assert all(set(row) == set(EVALUATIONS.column_names) for row in rows_of())


def test_there_is_a_row_for_each_horizon_segment_metric_and_baseline() -> None:
    found = {(row["horizon_minutes"], row["segment"], row["metric"], row["baseline"]) for row in rows_of()}
    assert found == {
        (horizon, segment, metric, baseline)
        for horizon in (30, 60)
        for segment in ("all", "half=odd", "half=even")
        for metric in ("mae", "rmse", "coverage")
        for baseline in ("persistence", "climatology", "count_table")
    }
    assert len(found) == len(rows_of())


def test_a_row_says_what_can_be_computed_by_hand() -> None:
    (row,) = [
        row
        for row in rows_of()
        if (row["segment"], row["metric"], row["baseline"], row["horizon_minutes"])
        == ("half=odd", "mae", "persistence", 60)
    ]
    asked = (JUDGED.asked.horizon_minutes == 60) & (JUDGED.asked.entity % 2 == 1)
    errors = np.abs(JUDGED.asked.column("count") - JUDGED.answers)[asked]
    assert (row["n"], row["baseline_value"]) == (asked.sum(), pytest.approx(errors.mean()))
    assert row["improvement"] == pytest.approx(1 - row["value"] / row["baseline_value"])
    assert 0 < row["ci_low"] < row["improvement"] < row["ci_high"]


def test_a_segment_of_a_few_questions_has_no_row() -> None:
    few = replace(JUDGED, asked=JUDGED.asked.take(np.arange(40)), answers=JUDGED.answers[:40])
    some = judge(QUANTITY, few.asked, {"challenger": fit(QUANTITY, made(), 0), **fit_baselines(QUANTITY, made())})
    found = evaluations(
        some, "challenger", ["persistence"], version="1", train=window(0, 1), test=window(1, 2), data_version=""
    )
    assert {row["segment"] for row in found} == {"all"}


def test_the_best_baseline_has_the_smallest_error() -> None:
    errors = {name: JUDGED.losses(name).mean() for name in QUANTITY.baselines}
    assert best_baseline(JUDGED, list(errors)) == min(errors, key=lambda name: errors[name])


def test_a_window_without_questions_is_refused() -> None:
    with pytest.raises(TooLittleData, match="test_level: the test window holds no question with an answer"):
        judge(QUANTITY, made().take(np.zeros(4000, bool)), {})


def test_a_row_of_the_same_key_is_replaced_and_others_stay(lake: Lake) -> None:
    write(lake, [])
    assert not lake.table(EVALUATIONS).exists()
    write(lake, rows_of("1"))
    write(lake, [row | {"value": 7.0, "evaluated_at": datetime(2026, 4, 1, tzinfo=UTC)} for row in rows_of("1")[:3]])
    write(lake, rows_of("2"))
    held = lake.table(EVALUATIONS).read().to_pylist()
    assert len(held) == 2 * len(rows_of())
    assert sum(row["value"] == 7.0 for row in held) == 3
    assert {row["version"] for row in held} == {"1", "2"}
    keys = {tuple(row[name] for name in KEY) for row in held}
    assert len(keys) == len(held)


def test_a_model_without_horizons_has_one_row_for_each_key(lake: Lake) -> None:
    row = rows_of()[0] | {"horizon_minutes": None}
    write(lake, [row])
    write(lake, [row | {"value": 7.0}])
    assert lake.table(EVALUATIONS).read()["value"].to_pylist() == [7.0]


def test_any_two_windows_are_evaluated_and_nothing_is_registered(lake: Lake) -> None:
    gauges.land(lake, 0, 4)
    domain = gauges.domain()
    span = domain.span(lake, 60)
    assert span is not None
    middle = span.start + (span.end - span.start) / 2
    train, test = replace(span, end=middle), replace(span, start=middle)
    first = evaluate(lake, domain, train, test, seed=1, at_most=100_000)
    again = evaluate(lake, domain, train, test, seed=1, at_most=100_000)
    held = lake.table(EVALUATIONS).read().to_pylist()
    assert len(held) == len(first)
    assert {row["version"] for row in held} == {"unregistered"}
    assert {(row["train_from"], row["train_to"], row["test_from"], row["test_to"]) for row in held} == {
        (train.start, train.end, test.start, test.end)
    }
    figures = [[row[name] for name in ("value", "baseline_value", "ci_low", "n")] for row in (*first, *again)]
    assert figures[: len(first)] == figures[len(first) :]
    assert held[0]["data_version"] == "interim.gauges__levels@1"


def test_what_comes_after_the_windows_changes_no_figure(lake: Lake) -> None:
    gauges.land(lake, 0, 3)
    domain = gauges.domain()
    span = domain.span(lake, 60)
    assert span is not None
    middle = span.start + (span.end - span.start) / 2
    train, test = replace(span, end=middle), replace(span, start=middle)
    before = evaluate(lake, domain, train, test, seed=1, at_most=100_000)
    gauges.land(lake, 3, 1)
    after = evaluate(lake, domain, train, test, seed=1, at_most=100_000)
    assert [row["value"] for row in before] == [row["value"] for row in after]


# Levels and MASE --------------------------------------------------------------------------------


def evaluated(one: Model, asked: Examples, learnt: Examples) -> list[dict]:
    judged = judge(one, asked, {"challenger": fit(one, learnt, 0), **fit_baselines(one, learnt)})
    named, train, test = list(one.baselines), window(0, 24), window(24, 48)
    return evaluations(judged, "challenger", named, version="1", train=train, test=test, data_version="t@1")


def test_levels_are_judged_by_their_own_metrics_beside_every_baseline() -> None:
    found = evaluated(model("level"), made(1500, seed=1), made())
    assert {(row["horizon_minutes"], row["segment"], row["metric"], row["baseline"]) for row in found} == {
        (horizon, segment, metric, baseline)
        for horizon in (30, 60)
        for segment in ("all", "half=odd", "half=even")
        for metric in ("mae", "accuracy", "macro_f1", "recall")
        for baseline in ("persistence", "climatology", "count_table")
    }
    for row in found:
        if (row["segment"], row["metric"], row["baseline"]) == ("all", "mae", "persistence"):
            assert row["ci_low"] > 0, row
        if row["metric"] != "mae":
            assert row["improvement"] == pytest.approx(row["value"] - row["baseline_value"])


def test_mase_is_the_error_in_units_of_a_baselines_own_in_training() -> None:
    """Of each entity its own; of one that was not there the mean of all."""
    learnt, asked = made(), made(1500, seed=1)
    learnt = learnt.take(learnt.entity != 1001)
    scaled = model(scaled_by="climatology")
    rows = {
        (row["baseline"], row["metric"]): row
        for row in evaluated(scaled, asked, learnt)
        if (row["segment"], row["horizon_minutes"]) == ("all", 60)
    }
    baseline = fit_baselines(scaled, learnt)["climatology"]
    errors = np.abs(learnt.targets["level"] - baseline.estimator.predict(learnt))
    means = {entity: errors[learnt.entity == entity].mean() for entity in np.unique(learnt.entity)}
    mine = asked.take(asked.horizon_minutes == 60)
    scale = np.array([means.get(entity, np.mean(list(means.values()))) for entity in mine.entity])
    expected = (np.abs(mine.targets["level"] - mine.column("count")) / scale).mean()
    assert rows["persistence", "mase"]["baseline_value"] == pytest.approx(expected)
    assert {metric for _, metric in rows} == {"mae", "rmse", "coverage", "mase"}
    assert rows["persistence", "mase"]["value"] < rows["persistence", "mase"]["baseline_value"]


def test_of_very_many_segments_the_shortest_horizon_alone_is_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = made(3000, seed=1)
    arcs = Segmentation(tuple(str(entity) for entity in range(1001, 1021)), asked.entity - 1001)
    asked = replace(asked, segments=asked.segments | {"arc": arcs})
    monkeypatch.setattr(evaluation, "_MANY", 19)
    found = {(row["segment"].split("=")[0], row["horizon_minutes"]) for row in evaluated(QUANTITY, asked, made())}
    assert found == {("all", 30), ("all", 60), ("half", 30), ("half", 60), ("arc", 30)}
    monkeypatch.setattr(evaluation, "_MANY", 20)
    found = {(row["segment"].split("=")[0], row["horizon_minutes"]) for row in evaluated(QUANTITY, asked, made())}
    assert ("arc", 60) in found


def test_segments_hold_the_masked_questions_that_are_of_their_value() -> None:
    asked = made(500, seed=1)
    arcs = Segmentation(("none", *(str(entity) for entity in range(1001, 1021)), "last"), asked.entity - 1000)
    asked = replace(asked, segments=asked.segments | {"arc": arcs})
    mask = asked.horizon_minutes == 60
    found = dict(segments(asked, mask))
    np.testing.assert_array_equal(found.pop("all"), np.flatnonzero(mask))
    np.testing.assert_array_equal(found.pop("half=even"), np.flatnonzero(mask & (asked.entity % 2 == 0)))
    found.pop("half=odd")
    for entity in range(1001, 1021):
        rows = np.flatnonzero(mask & (asked.entity == entity))
        np.testing.assert_array_equal(found.pop(f"arc={entity}", rows[:0]), rows if len(rows) >= 30 else rows[:0])
    assert not found
