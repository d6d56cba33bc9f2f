"""The first ten minutes: `transit demo` and what it leaves behind, as a user runs it."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from transit_assets.cli.demo import DOMAINS
from transit_assets.fire.schema import MODELS as FIRE_MODELS
from transit_assets.lake import Lake
from transit_assets.quality.site import model_cards
from transit_assets.settings import settings
from transit_assets.status import status

Demo = tuple[Path, subprocess.CompletedProcess[str]]

NIGHT = "2026-03-29T05:20:00+02:00"  # the hour from 2 to 3 of this day does not exist


def transit(lake: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`transit` in a process of its own, at one instant."""
    wanted = {"LAKE": str(lake), "NOW": NIGHT} | variables
    return subprocess.run(
        [Path(sys.executable).with_name("transit"), *arguments],
        env={name: value for name, value in os.environ.items() if not name.startswith("TRANSIT_")}
        | {f"TRANSIT_{name}": value for name, value in wanted.items()},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A lake filled by the demo, and what the demo said."""
    lake = tmp_path_factory.mktemp("demo") / "lake"
    return lake, transit(lake, "demo", "--days", "2")


@pytest.fixture(scope="module")
def report(demo: Demo) -> dict[str, Any]:
    """What `transit status` says after the demo."""
    return json.loads(transit(demo[0], "status", "--json").stdout)


def rows(lake: Path) -> dict[str, int]:
    return {table.relation: table.rows for table in status(Lake.at(lake), datetime.now(UTC)).tables}


@pytest.mark.timeout(900)  # of the fixture, the demo itself: beside other work it took five minutes
class TestDemo:
    def test_it_ends_well_and_says_that_the_data_is_simulated(self, demo: Demo) -> None:
        _, done = demo
        assert done.returncode == 0, done.stderr
        assert "simulated data" in done.stdout
        assert "0 failed" in done.stdout
        assert "make ui" in done.stdout

    def test_every_layer_is_filled_and_healthy(self, report: dict[str, Any]) -> None:
        assert (report["origin"], report["is_healthy"]) == ("simulated", True)
        assert report["checks_passed"]
        filled = {table["relation"] for table in report["tables"] if table["rows"]}
        assert {
            "interim.bikes__station_status",
            "interim.bikes__stations",
            "interim.bikes__station_latest",
            "processed.bikes__station_hourly",
            "processed.bikes__zone_daily",
            "processed.bikes__station_profile",
            "interim.road__counts_hourly",
            "interim.road__arcs",
            "processed.road__axis_hourly",
            "processed.road__zone_daily",
            "processed.road__axis_profile",
            "processed.road__sensor_health",
            "interim.fire__incidents",
            "interim.fire__mobilisations",
            "interim.fire__stations",
            "processed.fire__station_monthly",
            "processed.fire__stations_often_late",
        } <= filled

    def test_the_road_has_the_running_month_and_the_two_before(self, report: dict[str, Any]) -> None:
        tables = {table["relation"]: table for table in report["tables"]}
        counts = tables["interim.road__counts_hourly"]
        assert (counts["first_partition"], counts["last_partition"], counts["partitions"]) == (
            *("2026-01-01", "2026-03-01"),
            3,
        )

    def test_the_warehouse_is_published(self, demo: Demo) -> None:
        with duckdb.connect(str(demo[0] / "warehouse.duckdb"), read_only=True) as warehouse:
            found = warehouse.execute("SELECT count(*) FROM processed.bikes__station_daily").fetchone()
        assert found == (rows(demo[0])["processed.bikes__station_daily"],)

    def test_each_model_stands_beside_its_best_baseline(self, demo: Demo, report: dict[str, Any]) -> None:
        assert "best baseline" in demo[1].stdout
        found = {(one["model"], one["horizon_minutes"]) for one in report["models"]}
        of_bikes = {("bikes_full", 30), ("bikes_full", 60), ("bikes_empty", 30), ("bikes_empty", 60)}
        of_road = {(f"road_{name}", 60 * hours) for name in ("flow", "occupancy", "level") for hours in range(1, 7)}
        of_fire = {(name, None) for name in FIRE_MODELS}
        assert found == of_bikes | {("bikes_available", 60)} | of_road | of_fire

    def test_models_learn_from_fewer_examples(self, demo: Demo) -> None:
        learnt = {"bikes": "60,000", "road": "15,000", "fire": "15,000"}
        said = "; ".join(f"models of {domain} learnt from {most} examples at most" for domain, most in learnt.items())
        assert f"The {said}. `transit train` takes more." in " ".join(demo[1].stdout.split())  # and no others

    def test_the_registry_that_it_says_to_open_is_there(self, demo: Demo) -> None:
        lake, done = demo
        assert f"mlflow ui --backend-store-uri sqlite:///{lake}/_mlflow/mlflow.db" in done.stdout
        assert (lake / "_mlflow" / "mlflow.db").exists()

    def test_the_site_gets_the_card_of_each_champion(
        self, demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TRANSIT_LAKE", str(demo[0]))
        settings.cache_clear()
        try:
            cards = {path.name: path.read_text() for path in model_cards(Lake.at(demo[0]), tmp_path / "models")}
        finally:
            settings.cache_clear()
        models = ("bikes_available", "bikes_empty", "bikes_full", "road_flow", "road_level", "road_occupancy")
        models += tuple(FIRE_MODELS)
        assert set(cards) == {f"{model}.md" for model in models}
        assert all(f"# {name.removesuffix('.md')}" in card for name, card in cards.items())

    def test_a_day_without_its_second_hour_has_five_hours_until_half_past_five(self, demo: Demo) -> None:
        done = transit(
            demo[0],
            "sql",
            "SELECT list(DISTINCT local_hour ORDER BY local_hour) AS hours"
            " FROM processed.bikes__station_hourly WHERE day = '2026-03-29'",
            "--format",
            "json",
        )
        hours = json.loads(done.stdout)[0]["hours"]
        assert 2 not in hours
        assert {0, 1, 3, 4} <= set(hours) <= {0, 1, 3, 4, 5}

    def test_nothing_is_due_after_it(self, demo: Demo) -> None:
        before = rows(demo[0])
        done = transit(demo[0], "run", *DOMAINS)
        assert done.returncode == 0, done.stderr
        assert "nothing is due" in done.stderr
        assert rows(demo[0]) == before

    def test_it_can_be_run_again_and_changes_no_row_of_a_table(self, demo: Demo) -> None:
        before = {name: count for name, count in rows(demo[0]).items() if not name.startswith(("quality.", "raw."))}
        again = transit(demo[0], "demo", "--days", "2", TRAINING_EXAMPLES="5000")
        assert again.returncode == 0
        assert "learnt from 5,000 examples at most" in again.stdout  # the settings say how many
        after = {name: count for name, count in rows(demo[0]).items() if not name.startswith(("quality.", "raw."))}
        assert after == before

    def test_a_poll_refreshes_the_live_state(self, demo: Demo) -> None:
        done = transit(demo[0], "poll", "--count", "1")
        assert done.returncode == 0, done.stderr
        assert " stations" in done.stderr

    def test_care_changes_no_row(self, demo: Demo) -> None:
        before = rows(demo[0])
        done = transit(demo[0], "maintain", "--retention-hours", "0")
        assert done.returncode == 0, done.stderr
        assert rows(demo[0]) == before

    def test_real_data_is_refused_where_simulated_data_is(self, demo: Demo, recordings: Path) -> None:
        file = recordings / "bikes" / "payloads" / "gbfs_station_status_2025-10-18.json"
        done = transit(demo[0], "import", "bikes", str(file))
        assert done.returncode == 2
        assert "simulated" in done.stderr

    def test_live_feeds_are_refused(self, tmp_path: Path) -> None:
        done = transit(tmp_path, "demo", FEEDS="live")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_ctrl_c_stops_a_run_at_once_and_the_next_run_takes_up_the_rest(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    environment = os.environ | {"TRANSIT_LAKE": str(lake), "TRANSIT_NOW": NIGHT}
    process = subprocess.Popen(
        [Path(sys.executable).with_name("transit"), "run", "bikes", "--steps", "raw,interim"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "raw" in process.stderr.readline()  # the next piece of work has begun
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted: the lake holds what was committed" in rest

    done = transit(lake, "run", "bikes", "--steps", "interim")
    assert done.returncode == 0, done.stderr
    assert rows(lake)["interim.bikes__station_status"] > 0
