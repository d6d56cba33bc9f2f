"""The models of bikes on the recordings: forward in time, beside every baseline, each archive in a lake of its own."""

from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from transit_assets.bikes.learning import DOMAIN
from transit_assets.bikes.schema import STATION_INFORMATION, STATION_STATUS
from transit_assets.bikes.tables import rebuild_stations
from transit_assets.lake import Lake
from transit_assets.learning.examples import Window
from transit_assets.learning.schema import EVALUATIONS
from transit_assets.learning.splits import holdout, joined
from transit_assets.learning.training import evaluate
from transit_assets_tests.learning.made import fewer_rounds
from transit_assets_tests.quality.test_recordings import SNAPSHOTS, landed, load_days

BINS = "archive/velib_15min_weather_2025-09-07_to_16.parquet"
CUTS = {"bins": (BINS, "2025-09-13T21:58+00:00"), "snapshots": (SNAPSHOTS, "2025-09-12T00:19+00:00")}
pytestmark = pytest.mark.timeout(1200)  # both evaluations: 105 s of one core, minutes beside others
PROBABILITIES = [(model, horizon) for model in ("bikes_full", "bikes_empty") for horizon in (30, 60)]


def evaluated(lake: Lake, recordings: Path, name: str) -> list[dict]:
    """Every model trained on an archive up to its cut, and judged on the rest."""
    archive, cut = CUTS[name]
    days = landed(lake, recordings, [archive])
    for table in (STATION_STATUS, STATION_INFORMATION):
        load_days(lake, table, days)
    rebuild_stations(lake)
    span, middle = DOMAIN.span(lake, 30), datetime.fromisoformat(cut)
    assert span is not None
    windows = Window(span.start, middle), Window(middle, span.end)
    # All rounds on the archive of the published figures: of the 70 s that an evaluation takes, they are half.
    with nullcontext() if name == "bins" else fewer_rounds(60):
        return evaluate(lake, DOMAIN, *windows, seed=7, at_most=2_000_000)


@pytest.fixture(scope="module", params=list(CUTS))
def archive(request: pytest.FixtureRequest, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Name, lake and evaluation of one archive."""
    lake = Lake.at(tmp_path_factory.mktemp(request.param) / "lake")
    return {"name": request.param, "lake": lake, "rows": evaluated(lake, recordings, request.param)}


def test_the_holdout_of_a_training_is_the_one_that_was_evaluated(archive: dict) -> None:
    """Pauses of 17 and 21 hours, which both archives have, are time like any other."""
    _, test = holdout(joined(DOMAIN.stretches(archive["lake"], 60)))
    assert abs(test.start - datetime.fromisoformat(CUTS[archive["name"]][1])) < timedelta(minutes=1)


def overall(archive: dict, model: str, metric: str, baseline: str, horizon: int) -> dict:
    (row,) = [
        row
        for row in archive["rows"]
        if (row["model"], row["metric"], row["baseline"], row["horizon_minutes"], row["segment"])
        == (model, metric, baseline, horizon, "all")
    ]
    return row


def test_the_bikes_in_an_hour_are_nearer_than_those_of_now(archive: dict) -> None:
    row = overall(archive, "bikes_available", "mae", "persistence", 60)
    assert row["baseline_value"] == pytest.approx({"bins": 2.29, "snapshots": 2.155}[archive["name"]], abs=0.01)
    assert row["improvement"] >= 0.025
    assert row["ci_low"] > 0


@pytest.mark.parametrize(("model", "horizon"), PROBABILITIES)
def test_a_probability_beats_the_table_by_current_count_and_every_other_baseline(
    archive: dict, model: str, horizon: int
) -> None:
    assert overall(archive, model, "brier", "count_table", horizon)["improvement"] >= 0.025
    for baseline in ("persistence", "climatology", "count_table", "logistic_regression"):
        for metric in ("brier", "log_loss", "auc"):
            assert overall(archive, model, metric, baseline, horizon)["ci_low"] > 0, (metric, baseline)


def test_most_answers_are_within_their_interval(archive: dict) -> None:
    """Of 80 % on data of other days: conformal bounds promise it for days that are alike."""
    row = overall(archive, "bikes_available", "coverage", "persistence", 60)
    assert 0.75 <= row["value"] <= 0.88


def test_forecasts_rank_stations_well(archive: dict) -> None:
    assert overall(archive, "bikes_full", "auc", "count_table", 60)["value"] >= 0.955
    assert overall(archive, "bikes_empty", "auc", "count_table", 60)["value"] >= 0.93


@pytest.mark.parametrize("archive", ["bins"], indirect=True)
def test_the_baselines_are_the_published_ones(archive: dict) -> None:
    """Reference figures of the 15-minute archive, obtained once with other code (its climatology was another)."""
    published = {
        ("bikes_full", 60): (0.0246, 0.0170),
        ("bikes_empty", 60): (0.0226, 0.0163),
        ("bikes_full", 30): (0.0202, 0.0142),
        ("bikes_empty", 30): (0.0190, 0.0143),
    }
    for (model, horizon), figures in published.items():
        for baseline, figure in zip(("persistence", "count_table"), figures, strict=True):
            found = overall(archive, model, "brier", baseline, horizon)["baseline_value"]
            assert found == pytest.approx(figure, rel=0.02), (model, horizon, baseline)


def test_every_segment_is_published_beside_every_baseline(archive: dict) -> None:
    names = {row["segment"].split("=")[0] for row in archive["rows"]}
    assert names == {"all", "hours", "size", "zone"}
    for model in DOMAIN.models:
        mine = [row for row in archive["rows"] if row["model"] == model.name]
        assert {row["baseline"] for row in mine} == set(model.baselines)
        assert {row["metric"] for row in mine} == set(model.metrics)
        assert {row["horizon_minutes"] for row in mine} == set(model.horizons)


def test_the_lake_keeps_what_was_evaluated(archive: dict) -> None:
    held = archive["lake"].table(EVALUATIONS).read()
    assert held.num_rows == len(archive["rows"])
    assert set(held["version"].to_pylist()) == {"unregistered"}
