"""Two promotions at once leave one champion; two first users of a store make it once."""

from collections.abc import Callable
from itertools import pairwise
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from transit_assets.lake import Lake
from transit_assets.learning.registry import Registry
from transit_assets_tests.learning import gauges
from transit_assets_tests.learning.test_kill import CONTEXT, _all_is_in_order, _without_plots
from transit_assets_tests.learning.test_story import NAME, aliases, decisions


def _at_once(work: Callable[..., Any], root: str, folder: Path, given: list[Any]) -> list[Any]:
    """`work` in one process for each argument, started by one barrier; what each returned or raised."""
    barrier = CONTEXT.Barrier(len(given))
    pipes = [CONTEXT.Pipe(duplex=False) for _ in given]
    processes = [
        CONTEXT.Process(target=_report, args=(theirs, work, root, str(folder), barrier, one))
        for (_, theirs), one in zip(pipes, given, strict=True)
    ]
    for process in processes:
        process.start()
    results = []
    for (ours, _), process in zip(pipes, processes, strict=True):
        assert ours.poll(200), "a process did not answer"
        results.append(ours.recv())
        process.join(30)
    return results


def _report(pipe: Connection, work: Callable[..., Any], root: str, folder: str, barrier: Barrier, given: Any) -> None:
    try:
        lake = Lake.at(root)
        pipe.send(work(lake, gauges.store(lake, Path(folder)), barrier, given))
    except Exception as error:  # noqa: BLE001 the test looks at it
        pipe.send(f"{type(error).__name__}: {error}")


def _train_and_decide(lake: Lake, registry: Registry, barrier: Barrier, rounds: int) -> str:
    _without_plots()
    registry.champion(NAME)
    barrier.wait()
    gauges.train(lake, registry, rounds)
    barrier.wait()
    gauges.decide(lake, registry)
    return "done"


def test_two_promotions_at_once_leave_one_champion(
    lake: Lake, registry: Registry, mlflow_folder: Path, without_plots: None
) -> None:
    gauges.land(lake, 0, 3)
    gauges.trained(lake, registry, 5)
    assert _at_once(_train_and_decide, lake.location.root, mlflow_folder, [30, 60]) == ["done"] * 2
    _all_is_in_order(lake, registry)
    outcomes = [(row["version"], row["compared_with"], row["champion"]) for row in decisions(lake)]
    assert [version for version, _, _ in outcomes] == ["1", "2", "3"]
    for (_, _, served), (_, against, _) in pairwise(outcomes):
        assert against == f"champion {served}"  # each was compared with what was served just before
    assert aliases(registry)["previous"] in ("1", "2")


def _use(lake: Lake, registry: Registry, barrier: Barrier, rounds: int) -> str:
    _without_plots()
    barrier.wait()
    gauges.train(lake, registry, rounds)
    gauges.decide(lake, registry)
    return "done"


def test_two_first_users_of_a_store_make_it_once(lake: Lake, tmp_path: Path) -> None:
    gauges.land(lake, 0, 2)
    assert _at_once(_use, lake.location.root, tmp_path, [5, 60]) == ["done"] * 2
    registry = gauges.store(lake, tmp_path)
    gauges.decide(lake, registry)
    _all_is_in_order(lake, registry)
    assert (
        len(MlflowClient(registry.uri, registry.uri).search_experiments(filter_string="name = 'transit-gauges'")) == 1
    )
