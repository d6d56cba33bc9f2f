"""`transit train`, `evaluate`, `rollback`: what they answer, and wrong use in one line with exit code 2."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from transit_assets.lake import Lake
from transit_assets.learning import evaluation, reports
from transit_assets.learning.schema import EVALUATIONS
from transit_assets.settings import LONDON
from transit_assets_tests.bikes.reports import describe, fill, polled
from transit_assets_tests.cli.conftest import Transit
from transit_assets_tests.learning.made import made, model, window

TRAIN = ("--train-from", "2025-09-08", "--train-to", "2025-09-09T12:00Z")
TEST = ("--test-from", "2025-09-09T12:00Z", "--test-to", "2025-09-10")
WINDOWS = (*TRAIN, *TEST)


@pytest.fixture
def two_days(lake: Lake) -> Lake:
    """Four stations polled every five minutes on 8 and 9 September 2025."""
    fill(lake, polled(1, days=2, every=300))
    describe(lake, *({"station_code": str(code), "capacity": 20} for code in range(1001, 1005)))
    return lake


# Wrong use -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "bikes_nothing"], "there is no model bikes_nothing; there are bikes_full, bikes_empty, bikes_avail"),
        (["train"], "bikes: no data; training needs at least 12:00:00"),
        (["rollback", "full"], "there is no model full; there are bikes_full"),
        (["rollback", "bikes_full"], "bikes_full has no previous version to go back to"),
        (["evaluate", "trams", *WINDOWS], "there is no domain trams that learns; there is bikes, road, fire, rail"),
        (["evaluate", "weather", *WINDOWS], "there is no domain weather that learns; there is bikes, road"),
        (["evaluate", "road", *WINDOWS], "road_flow: 0 answered examples to learn from, at least 200 needed"),
        (["evaluate", "bikes", *WINDOWS], "bikes_full: 0 answered examples to learn from, at least 200 needed"),
        (
            ["evaluate", "bikes", *TRAIN, "--test-from", "2025-09-09T11:59Z", "--test-to", "2025-09-10"],
            "the test window starts before the training window ends",
        ),
        (
            ["evaluate", "bikes", "--train-from", "2025-09-09", "--train-to", "2025-09-09", *TEST],
            "--train-from 2025-09-09T00:00:00+00:00 is not before --train-to 2025-09-09T00:00:00+00:00",
        ),
        (
            ["evaluate", "bikes", *TRAIN, "--test-from", "2025-09-11", "--test-to", "2025-09-10"],
            "--test-from 2025-09-11T00:00:00+00:00 is not before --test-to",
        ),
        (
            ["evaluate", "bikes", "--train-from", "yesterday", *WINDOWS[2:]],
            "--train-from yesterday: must be a day (2025-09-13) or an instant (2025-09-13T21:58Z)",
        ),
        (
            ["evaluate", "bikes", "--train-from", "0001-01-01T00:00+10:00", *WINDOWS[2:]],
            "--train-from 0001-01-01T00:00+10:00: must lie in the years 1970 to 2100",
        ),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, list) else "",
)
def test_wrong_use_is_told_in_one_line(transit: Transit, arguments: list[str], says: str) -> None:
    result = transit(*arguments)
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert says in line
    assert "Traceback" not in result.output
    assert result.stdout == ""


@pytest.mark.parametrize(
    "arguments", [["train"], ["train", "bikes_full"], ["rollback", "bikes_full"], ["evaluate", "bikes", *WINDOWS]]
)
def test_what_is_refused_on_an_empty_lake_leaves_nothing_there(
    transit: Transit, lake: Lake, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    assert transit(*arguments).exit_code == 2
    assert list(Path(lake.location.root).rglob("*")) == []


def test_a_window_without_questions_is_named(transit: Transit, two_days: Lake) -> None:
    result = transit("evaluate", "bikes", *TRAIN, "--test-from", "2026-01-01", "--test-to", "2026-01-02")
    assert result.exit_code == 2
    assert "bikes_full: the test window holds no question with an answer" in result.stderr


def test_a_morning_is_too_short_to_train_on(transit: Transit, lake: Lake) -> None:
    fill(lake, polled(1, days=0.4))
    result = transit("train")
    assert result.exit_code == 2
    assert "error: bikes: 2025-09-08T00:00Z to 2025-09-08T09:30Z; training needs at least 12:00:00" in result.stderr


@pytest.mark.parametrize("folds", ["0", "some"])
def test_folds_are_a_number_from_one_on(transit: Transit, folds: str) -> None:
    assert transit("evaluate", "bikes", *WINDOWS, "--folds", folds).exit_code == 2


# What they answer ------------------------------------------------------------------------------


def test_an_evaluation_is_printed_in_every_format_and_kept(transit: Transit, two_days: Lake) -> None:
    result = transit("evaluate", "bikes", *WINDOWS, "--format", "json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert {row["model"] for row in rows} == {"bikes_full", "bikes_empty", "bikes_available"}
    assert list(rows[0]) == list(EVALUATIONS.column_names)
    assert rows[0]["train_to"] == rows[0]["test_from"] == "2025-09-09T12:00:00+00:00"
    held = two_days.table(EVALUATIONS).read()
    assert held.num_rows == len(rows)
    again = transit("evaluate", "bikes", *WINDOWS, "--format", "csv")
    printed = list(csv.DictReader(io.StringIO(again.stdout)))
    assert [float(row["value"]) for row in printed] == pytest.approx([row["value"] for row in rows])
    assert two_days.table(EVALUATIONS).read().num_rows == len(rows)


def test_an_instant_without_a_zone_is_utc_and_any_zone_may_be_named(transit: Transit, two_days: Lake) -> None:
    windows = ("--train-from", "2025-09-08T02:00+02:00", "--train-to", "2025-09-09T12:00", *TEST)
    rows = json.loads(transit("evaluate", "bikes", *windows, "--format", "json").stdout)
    assert rows[0]["train_from"] == "2025-09-08T00:00:00+00:00"
    assert rows[0]["train_to"] == "2025-09-09T12:00:00+00:00"


def test_each_fold_learns_from_all_that_came_before_it(transit: Transit, two_days: Lake) -> None:
    rows = json.loads(transit("evaluate", "bikes", *WINDOWS, "--folds", "2", "--format", "json").stdout)
    assert {tuple(row[name][5:16] for name in ("train_from", "train_to", "test_from", "test_to")) for row in rows} == {
        ("09-08T00:00", "09-09T12:00", "09-09T12:00", "09-09T18:00"),
        ("09-08T00:00", "09-09T18:00", "09-09T18:00", "09-10T00:00"),
    }


def test_a_training_is_decided_about_and_shown_by_status(
    transit: Transit, two_days: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "plots", lambda *_: {})
    result = transit("train", "bikes_available")
    assert result.exit_code == 0, result.output
    (said,) = [line for line in result.stderr.splitlines() if line.startswith("bikes_available 1 (")]
    assert " promoted: " in said
    report = json.loads(transit("status", "--json").stdout)
    (standing,) = report["models"]
    assert (standing["model"], standing["champion"], standing["horizon_minutes"]) == ("bikes_available", "1", 60)
    assert standing["metric"] == "mae"
    assert standing["value"] <= standing["baseline_value"]
    assert "bikes_available" in transit("status").stdout
    back = transit("rollback", "bikes_available")
    assert (back.exit_code, "no previous version" in back.stderr) == (2, True)


def test_status_has_models_where_none_was_trained(transit: Transit, lake: Lake) -> None:
    assert json.loads(transit("status", "--json").stdout)["models"] == []
    one = model()
    found = evaluation.judge(one, made(500), {"a": _Constant(), "b": _Constant()})  # type: ignore[dict-item]
    rows = evaluation.evaluations(
        found, "a", ["b"], version="unregistered", train=window(0, 1), test=window(1, 2), data_version="t@1"
    )
    evaluation.write(lake, rows)
    assert json.loads(transit("status", "--json").stdout)["models"] == []  # an evaluation on demand serves nothing


class _Constant:
    bound = None

    def predict(self, examples: object) -> object:
        from transit_assets.learning.fitting import Forecast

        return Forecast(np.ones(len(examples)))  # type: ignore[arg-type]


def test_days_are_in_the_zone_of_the_domain() -> None:
    from transit_assets.cli.learn import _instant

    assert _instant("--test-to", "2025-09-10", UTC) == datetime(2025, 9, 10, tzinfo=UTC)
    assert _instant("--test-to", "2025-09-10", LONDON) == datetime(2025, 9, 9, 23, tzinfo=UTC)
