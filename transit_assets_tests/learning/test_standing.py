"""How champions stand: each at each horizon beside the best of its baselines, by the metric that decides."""

from datetime import timedelta

import pytest

from transit_assets.lake import Lake
from transit_assets.learning import promotion
from transit_assets.learning.evaluation import evaluations, judge, write
from transit_assets.learning.fitting import fit, fit_baselines
from transit_assets.learning.model import Model
from transit_assets.learning.promotion import Decision
from transit_assets.learning.roles import CHALLENGER
from transit_assets.learning.standing import standings
from transit_assets_tests.learning.made import made, model, window


def promoted(lake: Lake, one: Model) -> list[dict]:
    """Put the evaluation of a champion and its promotion on record."""
    learnt, train, test = made(), window(0, 24), window(24, 48)
    judged = judge(one, made(1500, seed=1), {CHALLENGER: fit(one, learnt, 0), **fit_baselines(one, learnt)})
    named = list(one.baselines)
    rows = evaluations(judged, CHALLENGER, named, version="1", train=train, test=test, data_version="t@1")
    write(lake, rows)
    decision = Decision(
        model=one.name,
        domain="test",
        outcome="promoted",
        version="1",
        estimator="boosted",
        champion="1",
        compared_with="persistence",
        metric=one.headline,
        reason="a test",
        train=train,
        test=test,
    )
    promotion.record(lake, decision)
    return rows


def test_quantities_levels_and_probabilities_stand_beside_their_best_baseline(lake: Lake) -> None:
    rows = [
        row
        for one in (model(scaled_by="climatology"), model("level"), model("probability"))
        for row in promoted(lake, one)
    ]
    found = standings(lake)
    assert [(one.model, one.horizon_minutes, one.metric) for one in found] == [
        ("test_band", 30, "mae"),
        ("test_band", 60, "mae"),
        ("test_level", 30, "mae"),
        ("test_level", 60, "mae"),
        ("test_rare", 30, "brier"),
        ("test_rare", 60, "brier"),
    ]
    for one in found:
        beside = {
            row["baseline"]: row["baseline_value"]
            for row in rows
            if (row["model"], row["horizon_minutes"], row["segment"], row["metric"])
            == (one.model, one.horizon_minutes, "all", one.metric)
        }
        assert one.baseline_value == min(beside.values()) == beside[one.baseline]
        assert (one.champion, one.estimator, one.waiting) == ("1", "boosted", None)
        assert one.test_to - one.test_from == timedelta(days=1)
        assert one.improvement == pytest.approx(1 - one.value / one.baseline_value)
