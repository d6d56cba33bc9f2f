"""When training is asked for: once for each reason, whether it arises or was there when the sensor was switched on."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from transit_assets.automation import models, retraining
from transit_assets.automation.resources import RegistryResource
from transit_assets.automation.retraining import NEEDS_TRAINING
from transit_assets.lake import Lake
from transit_assets_tests.bikes.reports import MONDAY, describe, fill, polled
from transit_assets_tests.learning import gauges

DUE: set[str] = set()
BROKEN: set[str] = set()
NAMES = ("full", "empty")


@dg.multi_asset(
    specs=[
        dg.AssetSpec(["models", "bikes", f"{name}_challenger"], automation_condition=NEEDS_TRAINING) for name in NAMES
    ],
    can_subset=True,
)
def train(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    for key in sorted(context.selected_asset_keys):
        if BROKEN:
            raise dg.Failure("no")
        yield dg.MaterializeResult(asset_key=key)


DEFINITIONS = dg.Definitions(assets=[train])


class Ticks:
    """Evaluations one after the other; what is requested is run, as the daemon would."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._cursor = None

    def next(self) -> set[str]:
        found = dg.evaluate_automation_conditions(DEFINITIONS, self._instance, cursor=self._cursor)
        self._cursor = found.cursor
        keys = [dg.AssetKey(["models", "bikes", f"{name}_challenger"]) for name in NAMES]
        requested = [key for key in keys if found.get_num_requested(key)]
        if requested:
            job = DEFINITIONS.resolve_implicit_global_asset_job_def()
            job.execute_in_process(instance=self._instance, asset_selection=requested, raise_on_error=False)
        return {key.path[-1].removesuffix("_challenger") for key in requested}


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ticks]:
    DUE.clear()
    BROKEN.clear()
    monkeypatch.setattr(retraining, "_is_due", lambda key: key.path[-1].removesuffix("_challenger") in DUE)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticks(instance)


def test_nothing_is_trained_without_a_reason(ticks: Ticks) -> None:
    assert [ticks.next() for _ in range(3)] == [set(), set(), set()]


def test_a_reason_that_was_there_before_the_sensor_was_switched_on_is_enough(ticks: Ticks) -> None:
    DUE.add("full")
    assert [ticks.next() for _ in range(3)] == [{"full"}, set(), set()]


def test_each_model_is_trained_once_for_each_reason_of_its_own(ticks: Ticks) -> None:
    assert ticks.next() == set()
    DUE.add("full")
    assert [ticks.next() for _ in range(2)] == [{"full"}, set()]
    DUE.add("empty")
    assert [ticks.next() for _ in range(2)] == [{"empty"}, set()]
    DUE.clear()  # a training judges it, and the reason is gone until the next week is there
    assert ticks.next() == set()
    DUE.add("full")
    assert [ticks.next() for _ in range(2)] == [{"full"}, set()]


def test_a_training_that_failed_is_not_repeated_for_the_same_reason(ticks: Ticks) -> None:
    DUE.add("full")
    BROKEN.add("full")
    assert [ticks.next() for _ in range(3)] == [{"full"}, set(), set()]


# What is a reason ------------------------------------------------------------------------------


def test_the_condition_asks_the_lake_of_the_settings(city: Lake) -> None:
    key = models.asset_key("bikes", "bikes_full", models.CHALLENGER)
    assert retraining._is_due(key) is False
    fill(city, polled(1, days=0.6))
    describe(city, *({"station_code": str(code)} for code in range(1001, 1005)))
    assert retraining._is_due(key) is True
    gauges.judged(city, "bikes_full", MONDAY + timedelta(days=1))
    assert retraining._is_due(key) is False
    assert models.due(city, "bikes") == models.Due(("bikes_empty", "bikes_available"), ())
    assert not Path(city.location.root, "_mlflow").exists()  # to look makes no store


def test_the_registry_is_named_by_the_settings_and_never_by_the_configuration() -> None:
    assert RegistryResource.model_fields.keys() == set()
