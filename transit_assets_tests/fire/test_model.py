"""The models of the fire on recorded calls: January to March 2017 to learn from, April to be judged on."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from transit_assets.fire.features import AT_CALL, NAMES, Calls
from transit_assets.fire.learning import DOMAIN
from transit_assets.fire.model import MODELS, PUMPS, questions
from transit_assets.fire.schema import MODELS as NAMED
from transit_assets.fire.schema import UNDERESTIMATES
from transit_assets.fire.surroundings import Surroundings
from transit_assets.lake import Lake
from transit_assets.learning.evaluation import evaluations, judge
from transit_assets.learning.examples import Examples, Window
from transit_assets.learning.fitting import Fitted, fit, fit_baselines
from transit_assets.learning.model import Model
from transit_assets.learning.splits import within
from transit_assets.learning.training import evaluate
from transit_assets.learning.trees import grown_once
from transit_assets_tests.fire.called import london, recorded

pytestmark = pytest.mark.timeout(400)  # the whole recording is learnt from once: 25 s of one core

TRAIN = Window(london("2017-01-01"), london("2017-04-01"))
TEST = Window(london("2017-04-01"), london("2017-05-01"))
TIMES = {"global_median", "station_ground_median", "station_ground_hour_mean", "straight_distance"}
RATES = {"prior", "station_ground_hour_mean", "straight_distance"}
SHARES = {"prior", "station_ground_hour_mean"}
BOTH = ("call", "mobilisation")


@pytest.fixture(scope="module")
def lake(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The recorded calls of January to April 2017."""
    return recorded(Lake.at(tmp_path_factory.mktemp("fire") / "lake"), recordings)


@pytest.fixture(scope="module")
def rows(lake: Lake) -> list[dict]:
    with grown_once():
        return evaluate(lake, DOMAIN, TRAIN, TEST, seed=7, at_most=1_000_000)


@pytest.fixture(scope="module")
def april(lake: Lake) -> Examples:
    return DOMAIN.examples(lake, TEST, DOMAIN.versions(lake), 1_000_000)


def found(rows: list[dict], model: str, metric: str, segment: str = "all") -> Mapping[str, dict]:
    """Rows by baseline."""
    asked = (f"fire_{model}", metric, segment)
    return {row["baseline"]: row for row in rows if (row["model"], row["metric"], row["segment"]) == asked}


def value(rows: list[dict], model: str, metric: str, segment: str = "all") -> float:
    return float(next(iter(found(rows, model, metric, segment).values()))["value"])


# What is asked of them --------------------------------------------------------------------------


def test_attendance_is_told_within_its_target(rows: list[dict]) -> None:
    assert value(rows, "attendance_at_call", "mae") <= 77.5
    assert value(rows, "attendance_at_mobilisation", "mae") <= 66.5
    assert value(rows, "attendance_at_call", "rmse") <= 121
    assert value(rows, "attendance_at_mobilisation", "rmse") <= 108
    assert {row["n"] for row in found(rows, "attendance_at_call", "mae").values()} == {8248}


def test_arrival_within_360_seconds_is_told_apart(rows: list[dict]) -> None:
    assert value(rows, "within_360_at_call", "auc") >= 0.753
    assert value(rows, "within_360_at_mobilisation", "auc") >= 0.84


def test_pumps_are_told_without_a_leak(rows: list[dict]) -> None:
    assert value(rows, "pumps", "log_loss") <= 0.80
    assert value(rows, "pumps", "macro_f1") >= 0.31
    assert value(rows, "pumps", "accuracy") < 0.75  # with the stop code it would be near 0.80


@pytest.mark.parametrize("moment", BOTH)
def test_nine_of_ten_answers_lie_below_the_bound_at_nearly_every_station(rows: list[dict], moment: str) -> None:
    assert 0.88 <= value(rows, f"attendance_at_{moment}", "coverage") <= 0.93
    shares = [
        row["value"]
        for row in rows
        if row["model"] == f"fire_attendance_at_{moment}"
        and row["metric"] == "coverage"
        and row["baseline"] == "global_median"
        and row["segment"].startswith("station=")
        and row["n"] >= 50
    ]
    assert len(shares) > 70
    assert np.mean(np.abs(np.array(shares) - 0.9) <= 0.05) >= 0.9


@pytest.mark.parametrize("moment", BOTH)
def test_every_model_is_surely_better_than_every_baseline(rows: list[dict], moment: str) -> None:
    for model, metric in ((f"attendance_at_{moment}", "mae"), (f"within_360_at_{moment}", "brier")):
        for baseline, row in found(rows, model, metric).items():
            assert row["ci_low"] > 0.02, baseline
    for baseline, row in found(rows, "pumps", "log_loss").items():
        assert row["ci_low"] > 0.1, baseline


@pytest.mark.parametrize("moment", BOTH)
def test_warnings_are_more_often_right_and_find_more_than_the_list_of_stations(
    lake: Lake, rows: list[dict], moment: str
) -> None:
    held = lake.table(UNDERESTIMATES).read().to_pylist()
    mine = {row["segment"]: row for row in held if row["model"] == f"fire_attendance_at_{moment}"}
    overall = mine["all"]
    assert overall["precision"] > 1.3 * overall["base_rate"]
    assert overall["precision"] > overall["rule_precision"]
    assert overall["recall"] > overall["rule_recall"]
    assert overall["mean_probability"] == pytest.approx(overall["base_rate"], abs=0.02)
    assert 0.1 < overall["warned"] < 0.35
    assert sum(name.startswith("station=") for name in mine) > 70
    assert {row["version"] for row in held} == {"unregistered"}


# The rows ---------------------------------------------------------------------------------------


def test_the_rows_have_the_names_of_the_contract_and_no_horizon(rows: list[dict]) -> None:
    assert {row["model"] for row in rows} == set(NAMED) == {model.name for model in MODELS}
    assert {row["horizon_minutes"] for row in rows} == {None}
    metrics = {"attendance": {"mae", "rmse", "coverage"}, "within": {"brier", "log_loss", "auc"}}
    for model in MODELS:
        of = model.name.split("_")[1]
        mine = [row for row in rows if row["model"] == model.name and row["segment"] == "all"]
        assert {row["metric"] for row in mine} == metrics.get(of, {"log_loss", "accuracy", "macro_f1"})
        assert {row["baseline"] for row in mine} == {"attendance": TIMES, "within": RATES}.get(of, SHARES)
    keys = [(row["model"], row["segment"], row["metric"], row["baseline"]) for row in rows]
    assert len(keys) == len(set(keys))


def test_boroughs_hours_and_stations_are_segments(rows: list[dict]) -> None:
    names = {row["segment"].split("=")[0] for row in rows}
    assert names == {"all", "borough", "hours", "station"}
    assert {row["segment"] for row in rows if row["segment"].startswith("hours=")} == {
        f"hours={one}" for one in ("night", "morning_peak", "day", "evening_peak", "evening")
    }


def test_blocks_of_the_bootstrap_are_days(april: Examples) -> None:
    assert len(np.unique(april.block)) == 30


# Served -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(lake: Lake) -> Examples:
    window = Window(london("2017-03-01"), london("2017-03-15"))
    return DOMAIN.examples(lake, window, DOMAIN.versions(lake), 1_000_000)


@pytest.fixture(scope="module")
def taught(few: Examples) -> dict[str, Fitted]:
    """Every model, of a fortnight."""
    with grown_once():
        return {model.name: fit(model, few, 7) for model in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_stored_model_answers_one_call_as_it_does_among_many(
    model: Model, taught: dict[str, Fitted], april: Examples
) -> None:
    fitted = taught[model.name]
    again = Fitted.from_json(fitted.to_json())
    asked = model.known(april).take(np.arange(40))
    many = fitted.predict(asked)
    assert again.to_json() == fitted.to_json()
    for row in (0, 39):
        one = again.predict(asked.take(np.array([row])))
        np.testing.assert_allclose(one.value, many.value[[row]], rtol=1e-9)
        for said, among in ((one.high, many.high), (one.shares, many.shares)):
            assert (said is None) == (among is None)
            if said is not None and among is not None:
                np.testing.assert_allclose(said, among[[row]], rtol=1e-9)
    if many.shares is not None:
        assert set(many.value) <= set(PUMPS)
        np.testing.assert_allclose(many.shares.sum(axis=1), 1)
    if again.risk is not None and fitted.risk is not None:
        np.testing.assert_array_equal(again.risk.predict(asked), fitted.risk.predict(asked))
        assert set(again.risk.why(asked)) <= {"station", "place", "case"}
        assert list(again.risk.listed) == list(fitted.risk.listed)
        assert many.low is None
        assert many.high is not None
        assert (many.high >= many.value).all()


def test_a_single_call_is_answered_from_what_is_said_of_it(lake: Lake, taught: dict[str, Fitted]) -> None:
    around = Surroundings.read(lake, TEST)
    call = Calls.one(
        london("2017-04-03T08:30"),
        easting_m=530_000,
        northing_m=180_000,
        station_ground="Soho",
        property_category="Dwelling",
    )
    for model in MODELS:
        asked = model.known(questions(call, around))
        assert asked.names == (NAMES if model.name.endswith("mobilisation") else AT_CALL)
        assert np.isfinite(taught[model.name].predict(asked).value).all()


def test_limits_say_what_the_station_is(rows: list[dict]) -> None:
    for model in MODELS:
        assert ("partly an outcome" in model.limits) == model.name.endswith("mobilisation")


def test_a_window_can_be_judged_in_parts(april: Examples, few: Examples, taught: dict[str, Fitted]) -> None:
    model = MODELS[0]
    half = april.take(within(april, Window(london("2017-04-10"), london("2017-04-20"))))
    judged = judge(model, half, {"model": taught[model.name], **fit_baselines(model, few)})
    made = evaluations(judged, "model", list(TIMES), version="1", train=TRAIN, test=TEST, data_version="t@1")
    assert {row["n"] for row in made if row["segment"] == "all"} == {len(judged.answers)}
