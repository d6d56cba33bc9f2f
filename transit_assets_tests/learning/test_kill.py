"""`kill -9` between any two steps of a promotion leaves one champion that loads; the next run ends what was begun."""

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from transit_assets.lake import Lake
from transit_assets.learning import promotion, reports, training
from transit_assets.learning.registry import Registry
from transit_assets.learning.schema import DECISIONS, EVALUATIONS
from transit_assets.learning.standing import standings
from transit_assets_tests.learning import gauges
from transit_assets_tests.learning.test_story import NAME, aliases, decisions

# One server has imported MLflow and LightGBM (5 s alone); each child is a fork of it, without threads.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["transit_assets_tests.learning.test_kill", "lightgbm", "duckdb"])

Place = tuple[Any, str, str, Callable[..., bool]]


def _always(*_: Any, **__: Any) -> bool:
    return True


def _sets(key: str) -> Callable[..., bool]:
    """Whether a call (of a tag or an alias) is about one key."""
    return lambda *given, **_: key in given


PLACES: dict[str, Place] = {
    "before anything is registered": (Registry, "register", "before", _always),
    "before the run's files": (MlflowClient, "log_artifacts", "before", _always),
    "after the run was logged": (MlflowClient, "create_model_version", "before", _always),
    "after the version was made": (MlflowClient, "create_model_version", "after", _always),
    "after the challenger's alias": (MlflowClient, "set_registered_model_alias", "after", _sets("challenger")),
    "after the evaluation": (training, "write", "after", _always),
    "before the decision's page": (Registry, "add_file", "before", _always),
    "before the decision is written down": (Registry, "write_down", "before", _always),
    "after it was written down": (Registry, "write_down", "after", _always),
    "after the version knows what it replaces": (
        MlflowClient,
        "set_model_version_tag",
        "after",
        _sets("transit.replaced"),
    ),
    "after the champion's alias": (MlflowClient, "set_registered_model_alias", "after", _sets("champion")),
    "after the previous one's alias": (MlflowClient, "set_registered_model_alias", "after", _sets("previous")),
    "after the challenger's alias has gone": (MlflowClient, "delete_registered_model_alias", "after", _always),
    "before the record": (promotion, "record", "before", _always),
    "after the record": (promotion, "record", "after", _always),
    "after the version is marked": (Registry, "mark_decided", "after", _always),
}
SWITCHED = list(PLACES).index("after the champion's alias")
FIRST = (
    "after the version was made",
    "after the version knows what it replaces",
    "after the champion's alias",
    "before the record",
    "after the record",
)


def _die_at(place: Place) -> None:
    """Let this process kill itself when it comes to a place."""
    owner, name, when, is_it = place
    original = getattr(owner, name)

    def dying(*given: Any, **named: Any) -> Any:
        if not is_it(*given, **named):
            return original(*given, **named)
        if when == "after":
            original(*given, **named)
        return os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, dying)


def _without_plots() -> None:
    reports.plots = lambda *_: {}
    reports.calibration_plot = lambda *_: b""


def _promote_and_die(root: str, folder: str, place: str, rounds: int) -> None:
    _without_plots()
    _die_at(PLACES[place])
    lake = Lake.at(root)
    gauges.trained(lake, gauges.store(lake, Path(folder)), rounds)


def _roll_back_and_die(root: str, folder: str, place: str) -> None:
    _die_at(PLACES[place])
    lake = Lake.at(root)
    promotion.roll_back(lake, gauges.store(lake, Path(folder)), NAME, "gauges", "mae")


def _run_until_killed(work: Callable[..., None], *given: Any) -> None:
    process = CONTEXT.Process(target=work, args=given)
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture(scope="module")
def first_champion(mlflow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a lake of three days and a store whose first champion is a poor one."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(mlflow_template, folder / "mlflow.db")
    lake = Lake.at(folder / "lake")
    gauges.land(lake, 0, 3)
    decision = gauges.trained(lake, gauges.store(lake, folder), 5)
    assert (decision.outcome, decision.estimator) == ("promoted", "boosted")
    return folder


@pytest.fixture
def served(first_champion: Path, tmp_path: Path) -> tuple[Lake, Registry]:
    """A copy of it; the artifacts stay where they are."""
    shutil.copytree(first_champion, tmp_path, dirs_exist_ok=True)
    lake = Lake.at(tmp_path / "lake")
    return lake, gauges.store(lake, tmp_path)


def _champion_answers(lake: Lake, registry: Registry) -> str | None:
    """The number of the champion after it has loaded and answered; None where there is none."""
    champion = registry.champion(NAME)
    if champion is None:
        return None
    live = gauges.domain().live(lake)
    assert live is not None
    assert len(registry.load(champion).predict(live.asked).value) == gauges.GAUGES
    return champion.number


def _all_is_in_order(lake: Lake, registry: Registry) -> None:
    """One decision for each version, each with its evaluation; what is on record is what is so."""
    versions = MlflowClient(registry.uri, registry.uri).search_model_versions(f"name = '{NAME}'")
    numbers = sorted(str(one.version) for one in versions)
    made = [row for row in decisions(lake) if row["outcome"] != "rolled_back"]
    assert sorted(row["version"] for row in made) == numbers
    assert {row["version"]: row["outcome"] for row in made} == {
        str(one.version): one.tags["transit.decided"] for one in versions
    }
    evaluated = lake.table(EVALUATIONS).scan("SELECT version, count(*) AS n FROM evaluations GROUP BY 1 ORDER BY 1")
    assert evaluated["version"].to_pylist() == numbers
    assert len(set(evaluated["n"].to_pylist())) == 1
    champion = _champion_answers(lake, registry)
    assert champion is not None
    assert decisions(lake)[-1]["champion"] == champion
    assert {one.champion for one in standings(lake)} == {champion}
    named = aliases(registry)
    assert named["previous"] == registry.version(NAME, champion).replaced
    assert named["challenger"] != champion
    assert registry.undecided(NAME) == []


@pytest.mark.parametrize("place", FIRST)
def test_a_first_promotion_that_was_killed_is_ended_by_the_next(
    lake: Lake, registry: Registry, mlflow_folder: Path, without_plots: None, place: str
) -> None:
    gauges.land(lake, 0, 2)
    _run_until_killed(_promote_and_die, lake.location.root, str(mlflow_folder), place, 8)
    has_switched = list(PLACES).index(place) >= SWITCHED
    assert _champion_answers(lake, registry) == ("1" if has_switched else None)
    gauges.train(lake, registry, 8)
    gauges.decide(lake, registry)
    _all_is_in_order(lake, registry)
    # The killed version is judged like any other: the same model again is no gain.
    assert registry.champion(NAME).number == "1"  # type: ignore[union-attr]


@pytest.mark.parametrize("place", PLACES)
def test_a_promotion_that_was_killed_leaves_one_champion_and_is_ended_by_the_next_decision(
    served: tuple[Lake, Registry], tmp_path: Path, without_plots: None, place: str
) -> None:
    lake, registry = served
    _run_until_killed(_promote_and_die, lake.location.root, str(tmp_path), place, 60)
    number = list(PLACES).index(place)
    assert _champion_answers(lake, registry) == ("2" if number >= SWITCHED else "1")
    if number < list(PLACES).index("after the version was made"):
        gauges.train(lake, registry, 60)  # nothing is left of the training that was killed
    decision = gauges.decide(lake, registry)
    _all_is_in_order(lake, registry)
    assert aliases(registry) == {"champion": "2", "challenger": None, "previous": "1"}
    [last] = [row for row in decisions(lake) if row["version"] == "2"]
    assert last["compared_with"] == "champion 1"
    assert last["gain_low"] > 0
    assert "gain is above zero" in last["evidence"]
    assert "promoted" in registry.read(registry.version(NAME, "2"), "decision.html").decode()
    if decision is not None:
        assert decision.row() == last | {"decided_at": decision.decided_at}
    assert gauges.decide(lake, registry) is None


@pytest.mark.parametrize("place", ["before the record", "after the record"])
def test_a_refusal_that_was_killed_is_on_record_once(
    served: tuple[Lake, Registry], tmp_path: Path, without_plots: None, place: str
) -> None:
    lake, registry = served
    _run_until_killed(_promote_and_die, lake.location.root, str(tmp_path), place, 5)
    gauges.decide(lake, registry)
    _all_is_in_order(lake, registry)
    assert [row["outcome"] for row in decisions(lake)] == ["promoted", "refused"]


@pytest.mark.parametrize("place", ["after the champion's alias", "before the record", "after the record"])
def test_a_roll_back_that_was_killed_is_put_on_record(
    served: tuple[Lake, Registry], tmp_path: Path, without_plots: None, place: str
) -> None:
    lake, registry = served
    gauges.trained(lake, registry, 60)
    _run_until_killed(_roll_back_and_die, lake.location.root, str(tmp_path), place)
    assert _champion_answers(lake, registry) == "1"
    gauges.decide(lake, registry)
    _all_is_in_order(lake, registry)
    assert [(row["outcome"], row["version"], row["estimator"], row["champion"]) for row in decisions(lake)][2:] == [
        ("rolled_back", "2", "boosted", "1")
    ]


def test_a_registry_that_starts_anew_starts_with_a_first_champion(
    served: tuple[Lake, Registry], mlflow_template: Path, tmp_path: Path, without_plots: None
) -> None:
    lake, _ = served
    (tmp_path / "new").mkdir()
    shutil.copy(mlflow_template, tmp_path / "new" / "mlflow.db")
    fresh = gauges.store(lake, tmp_path / "new")
    decision = gauges.trained(lake, fresh, 5)
    assert (decision.outcome, decision.version) == ("promoted", "1")
    assert lake.table(DECISIONS).read().num_rows == 2
