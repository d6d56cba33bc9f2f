"""Watching: forecasts are kept once, met with the truth when it is there, and drift is told from noise."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transit_assets.lake import Lake
from transit_assets.learning import schema
from transit_assets.learning.domain import Domain
from transit_assets.learning.examples import Examples, Window
from transit_assets.learning.fitting import fit, shares
from transit_assets.learning.registry import Registry
from transit_assets.learning.watching import (
    _live_metrics,
    drifted,
    forecast,
    measure_drift,
    meet_the_truth,
    say_silent,
    stability,
)
from transit_assets_tests.learning import gauges
from transit_assets_tests.learning.made import made, model

pytestmark = pytest.mark.usefixtures("without_plots")

NAME = "gauges_level"


@pytest.fixture(scope="module")
def three_days(mlflow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a lake of gauges of three days, and a store with a champion of theirs."""
    folder = tmp_path_factory.mktemp("three days")
    shutil.copy(mlflow_template, folder / "mlflow.db")
    lake = Lake.at(folder / "lake")
    gauges.land(lake, 0, 3)
    gauges.trained(lake, gauges.store(lake, folder))
    return folder


@pytest.fixture
def domain(three_days: Path, tmp_path: Path, registry: Registry) -> Domain:
    """Gauges of three days with a champion: copies, but of the artifacts, which stay where they are."""
    shutil.copytree(three_days, tmp_path, dirs_exist_ok=True)
    return gauges.domain()


def kept(lake: Lake) -> list[dict]:
    return lake.table(schema.forecasts("gauges")).read().to_pylist()


def scores(lake: Lake) -> dict[str, dict]:
    return {row["metric"]: row for row in lake.table(schema.live_scores("gauges")).read().to_pylist()}


def test_without_a_champion_nothing_is_forecast(lake: Lake, registry: Registry) -> None:
    gauges.land(lake, 0, 3)
    assert forecast(lake, registry, gauges.domain()) == 0
    assert meet_the_truth(lake, gauges.domain()) == 0
    assert measure_drift(lake, registry, gauges.domain()) == 0


def test_a_forecast_is_kept_with_its_baseline_and_what_it_was_made_from(
    lake: Lake, registry: Registry, domain: Domain
) -> None:
    assert forecast(lake, registry, domain) == gauges.GAUGES
    rows = kept(lake)
    assert {row["entity"] for row in rows} == {str(gauge) for gauge in range(gauges.GAUGES)}
    for row in rows:
        assert (row["model"], row["version"], row["horizon_minutes"]) == (NAME, "1", 60)
        assert row["data_version"] == "interim.gauges__levels@1"
        assert row["low"] <= row["value"] <= row["high"]
        assert row["target_at"] - row["origin_at"] == row["target_at"].resolution * gauges.AHEAD * 1_000_000
        assert row["day"] == row["origin_at"].date()


def test_asked_twice_about_the_same_data_a_version_is_kept_once(lake: Lake, registry: Registry, domain: Domain) -> None:
    assert [forecast(lake, registry, domain) for _ in range(2)] == [gauges.GAUGES, 0]
    assert len(kept(lake)) == gauges.GAUGES
    gauges.land(lake, 3, 1)
    assert forecast(lake, registry, domain) == gauges.GAUGES


def test_there_is_no_live_error_before_the_truth_has_arrived(lake: Lake, registry: Registry, domain: Domain) -> None:
    forecast(lake, registry, domain)
    assert meet_the_truth(lake, domain) == 0
    assert scores(lake) == {}
    gauges.land(lake, 3, 1)
    assert meet_the_truth(lake, domain) == 3
    found = scores(lake)
    assert set(found) == {"mae", "calibration", "coverage"}
    assert {(row["forecasts"], row["met"]) for row in found.values()} == {(gauges.GAUGES, gauges.GAUGES)}


def test_live_errors_are_those_of_the_forecasts_that_were_kept(lake: Lake, registry: Registry, domain: Domain) -> None:
    forecast(lake, registry, domain)
    gauges.land(lake, 3, 1)
    meet_the_truth(lake, domain)
    rows, found = kept(lake), scores(lake)
    targets = np.array([int(row["target_at"].timestamp()) for row in rows])
    truth = domain.answers(lake, "level", [row["entity"] for row in rows], targets)
    value, beside, low, high = (
        np.array([row[name] for row in rows]) for name in ("value", "baseline_value", "low", "high")
    )
    assert found["mae"]["value"] == pytest.approx(np.abs(value - truth).mean())
    assert found["mae"]["baseline_value"] == pytest.approx(np.abs(beside - truth).mean())
    assert found["calibration"]["value"] == pytest.approx((value - truth).mean())
    assert found["coverage"]["value"] == pytest.approx(((low <= truth) & (truth <= high)).mean())


def test_forecasts_whose_truth_is_not_there_yet_are_counted_and_not_scored(
    lake: Lake, registry: Registry, domain: Domain
) -> None:
    forecast(lake, registry, domain)
    gauges.land(lake, 3, 1)
    answers = domain.answers

    def half(*asked: object) -> np.ndarray:
        found = answers(*asked)  # type: ignore[arg-type]
        found[::2] = np.nan
        return found

    meet_the_truth(lake, replace(domain, answers=half))
    assert {(row["forecasts"], row["met"]) for row in scores(lake).values()} == {(gauges.GAUGES, gauges.GAUGES // 2)}


@pytest.mark.parametrize(("delay_days", "met"), [(0, False), (4, True)])
def test_a_truth_that_is_published_days_late_is_met(
    lake: Lake, registry: Registry, domain: Domain, delay_days: int, met: bool
) -> None:
    late = replace(domain, publication_delay=timedelta(days=delay_days))
    forecast(lake, registry, late)
    first = kept(lake)[0]["day"]
    for day in range(3, 8):
        gauges.land(lake, day, 1)
        forecast(lake, registry, late)
    meet_the_truth(lake, late)
    days = {row["day"] for row in lake.table(schema.live_scores("gauges")).read().to_pylist()}
    assert (first in days) is met


# What nothing is forecast of --------------------------------------------------------------------


def live_of(domain: Domain, **silent: object) -> Domain:
    """The domain with some of its gauges silent."""
    live = domain.live
    return replace(domain, live=lambda lake: replace(live(lake), **silent))  # type: ignore[type-var, arg-type]


def silence(lake: Lake) -> dict[tuple[str, str], str]:
    rows = lake.table(schema.no_forecasts("gauges")).read().to_pylist()
    return {(row["model"], row["entity"]): row["reason"] for row in rows}


def test_what_nothing_is_forecast_of_is_said_anew_each_time(lake: Lake) -> None:
    gauges.land(lake, 0, 3)
    whole = gauges.domain()
    assert say_silent(lake, live_of(whole, silent={"99": "it is dead"}, silent_of={"level": {"3": "no level"}})) == 2
    assert silence(lake) == {(NAME, "3"): "no level", (NAME, "99"): "it is dead"}
    assert say_silent(lake, live_of(whole, silent={"98": "it is dead"}, silent_of={"depth": {"3": "no depth"}})) == 1
    assert silence(lake) == {(NAME, "98"): "it is dead"}
    [row] = lake.table(schema.no_forecasts("gauges")).read().to_pylist()
    live = whole.live(lake)
    assert live is not None
    assert row["asked_at"] == live.asked_at
    assert say_silent(lake, replace(whole, live=lambda lake: None)) == 0
    assert silence(lake) == {}


def test_a_silent_target_is_not_forecast(lake: Lake, registry: Registry, domain: Domain) -> None:
    silent = live_of(domain, silent_of={"level": {"3": "no level"}, "depth": {"4": "no depth"}})
    assert forecast(lake, registry, silent) == gauges.GAUGES - 1
    assert {row["entity"] for row in kept(lake)} == {str(gauge) for gauge in range(gauges.GAUGES)} - {"3"}


# Levels -----------------------------------------------------------------------------------------


def test_of_levels_the_share_that_was_right_is_watched_too() -> None:
    said, truth = np.array([0.0, 1, 2, 2]), np.array([0.0, 1, 1, np.nan])
    column = {"value": said, "baseline_value": np.zeros(4)} | dict.fromkeys(("low", "high"), np.full(4, np.nan))
    found = {name: rest for name, *rest in _live_metrics(model("level"), column, truth, np.arange(3))}
    assert found == {
        "mae": [pytest.approx(1 / 3), pytest.approx(2 / 3)],
        "accuracy": [pytest.approx(2 / 3), pytest.approx(1 / 3)],
        "calibration": [pytest.approx(1 / 3), pytest.approx(-2 / 3)],
    }


# Drift -----------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), st.floats(0, 0.9))
def test_the_same_values_are_perfectly_stable(seed: int, unknown: float) -> None:
    generator = np.random.default_rng(seed)
    column = generator.normal(0, 1, 500)
    column[generator.random(500) < unknown] = np.nan
    edges = np.quantile(np.append(column[np.isfinite(column)], 0.0), [0.25, 0.5, 0.75])
    assert stability(column, {"edges": edges.tolist(), "shares": shares(column, edges).tolist()}) == 0


def test_another_sample_is_alike_and_another_population_is_not() -> None:
    reference = fit(model(), made(), 0).reference["count"]
    other = made(4000, seed=5).column("count")
    assert stability(other, reference) < 0.02
    assert stability(other + 3, reference) > 0.25
    assert stability(np.full(100, np.nan), reference) > 0.25
    assert stability(other * 0, reference) > 0.25


def test_a_column_that_was_always_unknown_has_drifted_once_it_is_known() -> None:
    reference = {"edges": [], "shares": [0.0, 1.0]}
    assert stability(np.full(10, np.nan), reference) == 0
    assert stability(np.ones(10), reference) > 0.25


def test_what_becomes_known_of_a_feature_is_no_drift_and_what_is_lost_is() -> None:
    edges, half = [0.0], np.where(np.arange(1000) % 2, np.nan, np.tile([-1.0, -1.0, 1.0, 1.0], 250))
    reference = {"edges": edges, "shares": shares(half, np.array(edges)).tolist()}
    assert stability(np.tile([-1.0, 1.0], 500), reference) == pytest.approx(0)
    assert stability(np.full(1000, np.nan), reference) > 0.25


def test_a_champion_of_few_days_is_not_told_from_another_population(
    lake: Lake, registry: Registry, domain: Domain
) -> None:
    assert measure_drift(lake, registry, domain) == 0


def last_day(lake: Lake, domain: Domain) -> Window:
    span = domain.span(lake, 2)
    assert span is not None
    return Window(span.end - timedelta(days=1), span.end)


def test_drift_is_measured_once_a_day_and_named(lake: Lake, registry: Registry, domain: Domain) -> None:
    assert measure_drift(lake, registry, domain, least=0) == 2
    assert measure_drift(lake, registry, domain, least=0) == 2
    rows = lake.table(schema.drift("gauges")).read().to_pylist()
    assert sorted(row["feature"] for row in rows) == ["change", "level"]  # the time of day does not drift
    assert {row["n"] for row in rows} == {len(domain.examples(lake, last_day(lake, domain), {}, 10**6))}
    assert drifted(lake, domain, domain.models[0], limit=1e9) == []
    assert drifted(lake, domain, domain.models[0], limit=-1.0) == ["change", "level"]


def test_drift_is_measured_on_the_questions_that_a_model_has_an_answer_to(
    lake: Lake, registry: Registry, domain: Domain
) -> None:
    """A counter of flow alone is no drift of a model of occupancy: training leaves it out, too."""
    whole = domain.examples(lake, last_day(lake, domain), {}, 10**6)

    def half(*_: object) -> Examples:
        odd = whole.entity % 2 == 1
        features = np.where(odd[:, None], whole.features, np.nan)
        return replace(whole, features=features, targets={"level": np.where(odd, whole.targets["level"], np.nan)})

    measure_drift(lake, registry, replace(domain, examples=half), least=0)
    assert drifted(lake, domain, domain.models[0], limit=0.25) == []
    rows = lake.table(schema.drift("gauges")).read().to_pylist()
    assert {row["n"] for row in rows} == {len(whole) // 2}
