"""Cases that an operator meets once a year: nothing to gain, aliases moved by hand, damage, older data later."""

from dataclasses import replace

import numpy as np
import pytest

from transit_assets.lake import Lake
from transit_assets.learning import schema, watching
from transit_assets.learning.deciding import _unseen
from transit_assets.learning.errors import ModelUnreadable
from transit_assets.learning.evaluation import judge
from transit_assets.learning.examples import Window
from transit_assets.learning.fitting import fit, fit_baselines
from transit_assets.learning.promotion import conditions, roll_back
from transit_assets.learning.registry import Registry
from transit_assets.learning.roles import BASELINE, CHALLENGER, CHAMPION
from transit_assets.learning.training import enough, is_due
from transit_assets_tests.learning import gauges
from transit_assets_tests.learning.made import made, model

pytestmark = pytest.mark.usefixtures("without_plots")

NAME = "gauges_level"


def test_where_a_baseline_makes_no_error_it_is_served_and_nothing_breaks(lake: Lake, registry: Registry) -> None:
    gauges.land(lake, 0, 3, "still")
    first = gauges.trained(lake, registry)
    assert (first.outcome, first.estimator) == ("promoted", "persistence")
    second = gauges.trained(lake, registry)
    assert (second.outcome, second.champion) == ("refused", "1")


def test_a_champion_chosen_by_hand_in_mlflow_leaves_training_as_it_was(lake: Lake, registry: Registry) -> None:
    gauges.land(lake, 0, 3)
    gauges.train(lake, registry)
    registry._client.set_registered_model_alias(NAME, CHAMPION, "1")
    gauges.decide(lake, registry)
    stretches = enough(lake, gauges.domain(), days=60)
    assert is_due(lake, registry, gauges.domain(), gauges.model(), stretches) == "it was never trained"


def test_a_damaged_version_is_not_gone_back_to(lake: Lake, registry: Registry) -> None:
    gauges.land(lake, 0, 3)
    gauges.trained(lake, registry, rounds=8)
    gauges.land(lake, 3, 2)
    assert gauges.trained(lake, registry, rounds=60).champion == "2"
    registry.add_file(registry.version(NAME, "1"), "model/model.json", "{}")
    with pytest.raises(ModelUnreadable, match="gauges_level 1"):
        roll_back(lake, registry, NAME, "gauges", "mae")
    champion = registry.champion(NAME)
    assert champion is not None
    assert champion.number == "2"


def test_a_horizon_that_gets_much_worse_is_seen_beside_one_that_gets_better() -> None:
    examples, two = made(6000), replace(model(), horizons=(30, 60))
    mixed = replace(examples, horizon_minutes=np.where(np.arange(len(examples)) % 4, 60, 30).astype(np.int16))
    fitted, beside = fit(two, mixed, 0), next(iter(fit_baselines(two, mixed).values()))
    judged = judge(two, mixed, {CHALLENGER: fitted, BASELINE: beside})
    value = judged.forecasts[CHALLENGER].value
    spoilt = replace(judged.forecasts[CHALLENGER], value=np.where(mixed.horizon_minutes == 30, value + 1000, value))
    _, found = conditions(replace(judged, forecasts={**judged.forecasts, CHALLENGER: spoilt}), fitted, BASELINE)
    assert not found[1].has_passed
    assert "horizon=30" in found[1].found


def test_a_champion_is_judged_on_what_it_did_not_learn_from() -> None:
    at = gauges.FIRST
    test = Window(at, at.replace(day=9))
    tags = {"transit.train": f"{at.replace(month=1).isoformat()}/{at.replace(day=5).isoformat()}"}
    assert _unseen(tags, test) == Window(at.replace(day=5), at.replace(day=9))


def test_days_that_met_their_truth_stay_in_the_live_scores(lake: Lake, registry: Registry) -> None:
    gauges.land(lake, 0, 3)
    gauges.trained(lake, registry)
    for day in range(3, 8):
        watching.forecast(lake, registry, gauges.domain())
        gauges.land(lake, day, 1)
        watching.meet_the_truth(lake, gauges.domain())
    days = lake.table(schema.live_scores("gauges")).read()["day"].to_pylist()
    assert len(set(days)) == 5
