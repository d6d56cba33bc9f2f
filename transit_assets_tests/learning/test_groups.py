"""What is learnt of groups: typical answers told by other days, bounds that follow the truth, warnings, classes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from transit_assets.learning.bounds import Bounds
from transit_assets.learning.categories import Lookup, keys, number_of
from transit_assets.learning.evaluation import evaluations, judge
from transit_assets.learning.examples import Examples, Segmentation
from transit_assets.learning.fitting import Fitted, fit, fit_baselines
from transit_assets.learning.groups import GroupMean, GroupMedian, LineOver
from transit_assets.learning.model import Bound, Model, Risk
from transit_assets.learning.promotion import LIMITS, Limits, _segments
from transit_assets.learning.risks import rows
from transit_assets.learning.scores import Comparison, Scored
from transit_assets.learning.typical import Neighbourhood, Told
from transit_assets_tests.learning.made import boosted, made, model, window

DAY = 86_400


def grouped(n: int = 6000, *, days: int = 40, groups: int = 10, seed: int = 0) -> Examples:
    """Questions of some groups whose errors differ in size: `group` is its number, the answer 50 and noise of it."""
    generator = np.random.default_rng(seed)
    at = np.sort(generator.integers(0, days * DAY, n))
    group = generator.integers(0, groups, n)
    level = 50 + generator.normal(0, 2.0 + group, n)
    features = np.stack([group, generator.uniform(0, 1, n)], axis=1).astype(np.float32)
    return Examples(
        names=("group", "noise"),
        features=features,
        entity=group,
        origin_at=at,
        target_at=at,
        horizon_minutes=np.zeros(n, np.int16),
        block_seconds=DAY,
        targets={"level": np.maximum(level, 0)},
        segments={"group": Segmentation(tuple(str(one) for one in range(groups)), group)},
        days=at // DAY,
    )


def bounded(**other: object) -> Model:
    """A model of `grouped` without horizons, with an upper bound and warnings."""
    risk = Risk(
        margin=8.0,
        warned=0.2,
        column="group",
        reasons={"who": ("group",), "chance": ("noise",)},
        estimator=lambda seed: boosted("binary", seed),
        segment="group",
    )
    fixed: dict[str, object] = {
        "horizons": (),
        "estimator": lambda seed: boosted("regression_l1", seed),
        "baselines": {"global_median": GroupMedian, "line": lambda: LineOver("noise")},
        "bound": Bound(0.9, "group"),
        "risk": risk,
    }
    return model(**(fixed | other))  # type: ignore[arg-type]


# Categories and what is typical of them ---------------------------------------------------------


def test_a_number_is_the_names_own_and_fits_a_feature() -> None:
    numbers = [number_of(name) for name in ("Soho", "Battersea", "Paddington")]
    assert numbers == [number_of(name) for name in ("Soho", "Battersea", "Paddington")]
    assert [float(np.float32(one)) for one in numbers] == numbers
    assert len(set(numbers)) == 3
    assert np.isnan(number_of(None))


def test_two_columns_are_one_category_and_an_unknown_one_is_another() -> None:
    asked = grouped(50)
    unknown = replace(asked, features=np.full_like(asked.features, np.nan))
    assert len(np.unique(keys(asked, ["group", "group"]))) == len(np.unique(asked.column("group")))
    assert not set(keys(unknown, ["group"]).tolist()) & set(keys(asked, ["group"]).tolist())


def test_a_category_seen_seldom_is_drawn_to_nothing() -> None:
    lookup = Lookup.means(np.array([1, 1, 1, 2]), np.array([[4.0], [4.0], [4.0], [4.0]]), weight=1.0)
    np.testing.assert_allclose(lookup.of(np.array([1, 2, 3]))[:, 0], [3.0, 2.0, 0.0])


def test_in_training_no_day_is_told_its_own_answers() -> None:
    """Answers that are noise by day: told their own, trees would learn them by heart."""
    asked = grouped(2000, groups=2000)
    noise = np.random.default_rng(1).normal(0, 1, len(asked))
    seen: dict[str, np.ndarray] = {}

    class Spy(GroupMedian):
        def fit(self, examples: Examples, y: np.ndarray) -> None:
            seen["told"] = examples.column("typical_group").astype(np.float64)
            super().fit(examples, y)

    Told({"estimator": Spy()}, {"group": 0.0}).fit(asked, noise)
    assert abs(np.corrcoef(seen["told"], noise)[0, 1]) < 0.1


def test_the_neighbourhood_of_a_place_is_the_mean_around_it() -> None:
    x, y = np.repeat([0.0, 5000.0], 500), np.zeros(1000)
    rest = np.where(x < 1, 10.0, -10.0)[:, None]
    around = Neighbourhood.of(x, y, rest, 200.0, [200.0, 500.0], 4.0)
    found = around.at(np.array([0.0, 5000.0, 2500.0, 90_000.0, np.nan]), np.zeros(5))
    np.testing.assert_allclose(found[:2, 0], [10.0, -10.0], rtol=0.02)
    assert abs(found[2, 0]) < 0.1
    assert (found[3] == 0).all()
    assert np.isnan(found[4]).all()


def test_a_mean_of_two_columns_is_drawn_to_that_of_the_first() -> None:
    asked = grouped(4000)
    mean = GroupMean(["group", "noise"], weight=20.0)
    mean.fit(asked, asked.column("group").astype(np.float64))
    np.testing.assert_allclose(mean.predict(asked), asked.column("group"), atol=0.3)


def test_a_line_is_not_tilted_by_a_spike() -> None:
    asked = grouped(1000)
    x = asked.column("noise").astype(np.float64)
    y = 3 + 2 * x
    y[:20] = 1e6
    line = LineOver("noise")
    line.fit(asked, y)
    assert (line.intercept, line.slope) == (pytest.approx(3, abs=0.2), pytest.approx(2, abs=0.2))


# Bounds -----------------------------------------------------------------------------------------


def test_a_bound_is_nearer_to_its_share_in_every_group_than_one_for_all() -> None:
    one, learnt, asked = bounded(), grouped(12_000), grouped(12_000, seed=1)
    fitted = fit(one, learnt, 0)
    said = fitted.predict(asked)
    assert said.low is None
    assert said.high is not None
    assert fitted.bound is not None
    below, below_one = asked.targets["level"] <= said.high, asked.targets["level"] <= said.value + fitted.bound.overall
    assert below.mean() == pytest.approx(0.9, abs=0.02)
    for group in (0, 8, 9):  # those that err the least and the most
        mine = asked.entity == group
        assert abs(below[mine].mean() - 0.9) < abs(below_one[mine].mean() - 0.9)


def test_a_bound_follows_a_group_that_has_changed_and_knows_no_answer_of_its_own_day() -> None:
    bounds, learnt = Bounds("group", 0.9), grouped(6000)
    bounds.learn(learnt, learnt.targets["level"] - 50)
    asked = grouped(6000, seed=1)
    errors = asked.targets["level"] - 50 + 40.0
    offset = bounds.walk(asked, errors, asked.block)
    late = asked.block >= 30
    assert (errors <= offset)[late].mean() == pytest.approx(0.9, abs=0.04)
    assert (errors <= bounds.of(asked)).mean() < 0.2  # what was learnt stays as it is
    day = asked.block == 20
    other = np.where(asked.block >= 20, -errors, errors)
    np.testing.assert_array_equal(bounds.walk(asked, other, asked.block)[day], offset[day])


def test_without_horizons_rows_have_none_and_coverage_is_of_the_bound() -> None:
    one, learnt, asked = bounded(), grouped(8000), grouped(8000, seed=1)
    judged = judge(one, asked, {"challenger": fit(one, learnt, 0), **fit_baselines(one, learnt)})
    made_rows = evaluations(
        judged,
        "challenger",
        list(one.baselines),
        version="1",
        train=window(0, 1),
        test=window(1, 2),
        data_version="t@1",
    )
    assert {row["horizon_minutes"] for row in made_rows} == {None}
    coverage = [row["value"] for row in made_rows if row["metric"] == "coverage"]
    assert len(coverage) == 2 * (1 + 10)
    assert all(abs(one - 0.9) < 0.05 for one in coverage)
    assert len(np.unique(asked.block)) == 40  # a day of all groups


def test_stored_and_loaded_bounds_and_warnings_are_the_same() -> None:
    fitted = fit(bounded(), grouped(4000), 0)
    again = Fitted.from_json(fitted.to_json())
    asked = grouped(300, seed=2)
    assert again.risk is not None
    assert fitted.risk is not None
    np.testing.assert_array_equal(again.predict(asked).high, fitted.predict(asked).high)  # type: ignore[arg-type]
    np.testing.assert_array_equal(again.risk.predict(asked), fitted.risk.predict(asked))


def test_a_model_stored_before_there_were_bounds_can_be_read() -> None:
    document = json.loads(fit(model(), made(), 0).to_json())
    for name in ("bound", "risk", "classes", "class_weights"):
        del document[name]
    again = Fitted.from_json(json.dumps(document))
    assert again.bound is None
    assert again.interval


# Warnings ---------------------------------------------------------------------------------------


def test_warnings_find_the_groups_that_err_the_most() -> None:
    one, learnt, asked = bounded(), grouped(12_000), grouped(12_000, seed=1)
    fitted = fit(one, learnt, 0)
    assert fitted.risk is not None
    said = fitted.risk.predict(asked)
    assert said[asked.entity == 9].mean() > 0.15 > 0.05 > said[asked.entity == 1].mean()
    judged = judge(one, asked, {"challenger": fitted})
    found = {row["segment"]: row for row in rows(judged, "challenger", fitted.risk, {})}
    overall = found["all"]
    assert overall["precision"] > 1.5 * overall["base_rate"]
    assert overall["mean_probability"] == pytest.approx(overall["base_rate"], abs=0.02)
    assert 0.1 < overall["warned"] < 0.3
    assert set(found) == {"all", *(f"group={one}" for one in range(10))}
    assert found["group=0"]["recall"] in (None, 0.0)
    assert set(fitted.risk.why(asked.take(asked.entity == 9))) == {"who"} or "who" in fitted.risk.why(asked)


# Classes ----------------------------------------------------------------------------------------


def test_classes_are_shares_and_the_one_that_is_said_is_by_its_weight() -> None:
    plain, balanced = model("classes"), model("classes", balance=1.0)
    learnt, asked = made(), made(seed=1)
    shares = fit(plain, learnt, 0).predict(asked)
    assert shares.shares is not None
    np.testing.assert_allclose(shares.shares.sum(axis=1), 1)
    np.testing.assert_array_equal(shares.value, shares.shares.argmax(axis=1))
    others = fit(balanced, learnt, 0).predict(asked)
    rare = np.bincount(learnt.targets["band"].astype(np.int64)).argmin()
    assert (others.value == rare).sum() > (shares.value == rare).sum()


def test_log_loss_of_classes_is_that_of_the_class_that_came_true() -> None:
    said = Scored(np.array([1.0, 2.0]), shares=np.array([[0.5, 0.5], [0.1, 0.9]]), classes=(1.0, 2.0))
    np.testing.assert_allclose(said.losses("log_loss", np.array([1.0, 1.0])), -np.log([0.5, 0.1]))


# Guards -----------------------------------------------------------------------------------------


def compared(gain: float, high: float, n: int) -> Comparison:
    return Comparison(1.0, 1.0, gain, gain - 0.01, high, n)


@pytest.mark.parametrize(("high", "has_passed"), [(0.10, True), (-0.04, True), (-0.06, False)])
def test_a_small_segment_is_guarded_where_it_is_sure_to_lose(high: float, has_passed: bool) -> None:
    found = {"all": compared(0.1, 0.2, 1000), "borough=Camden": compared(-0.3, high, 40)}
    assert _segments(found, LIMITS, 0.02).has_passed is has_passed
    assert _segments(found, LIMITS).has_passed  # of a model that guards no small ones
    assert _segments(found, Limits(), 0.05).has_passed  # smaller still


def test_a_model_knows_its_own_features_and_segments() -> None:
    one = bounded(features=("group",), segments={"who": "group"})
    asked, _ = one.questions(grouped(100))
    assert asked.names == ("group",)
    assert set(asked.segments) == {"who"}
