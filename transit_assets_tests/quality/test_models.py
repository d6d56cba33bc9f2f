"""What is checked of models in real life: no worse than the baseline beside them, honest, and still of one world."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from transit_assets.lake import Lake
from transit_assets.learning import schema
from transit_assets.quality.evaluate import Evaluation, evaluate
from transit_assets.quality.models import drift_suites, live_suites

LIVE, DRIFT = schema.live_scores("test"), schema.drift("test")
NOW = datetime(2026, 3, 9, tzinfo=UTC)
LAST = date(2026, 3, 8)


def scored(metric: str, value: float, beside: float | None = None, **other: Any) -> dict[str, Any]:
    fixed = {"model": "road_flow", "version": "1", "day": LAST, "horizon_minutes": 60, "baseline": "ridge"}
    counts = {"forecasts": 200, "met": 200}
    return fixed | counts | {"metric": metric, "value": value, "baseline_value": beside} | other


def live_error(lake: Lake, *rows: dict[str, Any]) -> Evaluation:
    lake.table(LIVE).rebuild(lambda: pa.Table.from_pylist(list(rows), schema=LIVE.schema))
    shape, live = live_suites(LIVE)
    [found] = evaluate(lake, shape, [], now=NOW)
    assert found.has_passed
    [found] = evaluate(lake, live, [], now=NOW)
    return found


@pytest.mark.parametrize(("coverage", "has_passed"), [(0.69, False), (0.71, True), (0.89, True), (0.91, False)])
def test_an_interval_covers_seventy_to_ninety_percent(lake: Lake, coverage: float, has_passed: bool) -> None:
    found = live_error(lake, scored("mae", 1.0, 2.0), scored("coverage", coverage))
    assert found.has_passed == has_passed
    assert (f"covers 70 to 90 %: found {coverage}" in found.summary) == (not has_passed)


def test_an_error_above_the_baselines_fails(lake: Lake) -> None:
    assert live_error(lake, scored("mae", 1.9, 2.0)).has_passed
    assert not live_error(lake, scored("mae", 2.1, 2.0)).has_passed


def test_levels_are_checked_by_their_error_and_not_by_a_calibration_of_probabilities(lake: Lake) -> None:
    level = {"model": "road_level"}
    rows = [scored("mae", 0.1, 0.2, **level), scored("accuracy", 0.9, 0.95, **level)]
    assert live_error(lake, *rows, scored("calibration", -0.2, 0.0, **level)).has_passed
    assert not live_error(lake, scored("mae", 0.2, 0.1, **level)).has_passed


def test_a_probability_is_calibrated_within_three_points(lake: Lake) -> None:
    rows = [scored("brier", 0.1, 0.2), scored("mae", 1.0, 2.0, model="road_flow")]
    assert live_error(lake, rows[0], scored("calibration", 0.02, 0.0)).has_passed
    assert not live_error(lake, rows[0], scored("calibration", 0.04, 0.0)).has_passed


def test_days_are_weighed_by_what_met_the_truth_and_a_week_counts(lake: Lake) -> None:
    good, bad = scored("mae", 1.0, 2.0, met=900), scored("mae", 4.0, 2.0, day=LAST - timedelta(days=6))
    assert live_error(lake, good, bad).has_passed
    assert live_error(lake, good, bad | {"day": LAST - timedelta(days=7), "met": 90_000}).has_passed
    assert not live_error(lake, good, bad | {"met": 900}).has_passed


def test_of_few_forecasts_nothing_is_said(lake: Lake) -> None:
    assert live_error(lake, scored("mae", 9.0, 1.0, met=99)).has_passed


def test_a_feature_of_another_population_fails_by_name(lake: Lake) -> None:
    rows = [
        {"model": "road_flow", "version": version, "day": LAST, "feature": feature, "psi": psi, "n": 100}
        for version, feature, psi in (("2", "flow_last", 0.1), ("2", "flow_level", 0.4), ("1", "flow_last", 9.0))
    ]
    lake.table(DRIFT).rebuild(lambda: pa.Table.from_pylist(rows, schema=DRIFT.schema))
    _, stable = drift_suites(DRIFT)
    [found] = evaluate(lake, stable, [], now=NOW)
    assert not found.has_passed
    assert found.failing_rows == 1
    lake.table(DRIFT).rebuild(lambda: pa.Table.from_pylist(rows[:1], schema=DRIFT.schema))
    [found] = evaluate(lake, stable, [], now=NOW)
    assert found.has_passed
