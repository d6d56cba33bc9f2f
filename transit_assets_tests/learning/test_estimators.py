"""Estimators: each does what its name says, and says the same after the way through JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transit_assets.learning.errors import ModelUnreadable
from transit_assets.learning.estimators import (
    Boosted,
    Climatology,
    CountTable,
    LogisticRegression,
    Persistence,
)
from transit_assets.learning.examples import Examples
from transit_assets.learning.kinds import KINDS, load, parameters, stored
from transit_assets.learning.profiles import USUAL, HourOfWeekMedian, ProfileChange, Ridge, UsualWeek
from transit_assets_tests.learning.every_kind import (
    MAKERS,
    TEST,
    TRAIN,
    fitted,
    ridge,
    usual_week,
    with_column,
)
from transit_assets_tests.learning.made import boosted


def test_every_kind_is_tested() -> None:
    assert {MAKERS[name]().kind for name in MAKERS} == set(KINDS)


@pytest.mark.parametrize("name", MAKERS)
def test_a_stored_estimator_says_what_it_said_before(name: str) -> None:
    estimator = fitted(name)
    again = load(json.loads(json.dumps(stored(estimator))))
    np.testing.assert_array_equal(again.predict(TEST), estimator.predict(TEST))
    assert json.dumps(stored(again)) == json.dumps(stored(estimator))


@pytest.mark.parametrize("name", MAKERS)
def test_fitted_twice_on_the_same_examples_an_estimator_is_the_same(name: str) -> None:
    assert stored(fitted(name)) == stored(fitted(name))


def test_parameters_are_what_was_chosen_of_an_estimator_and_of_its_members() -> None:
    chosen = parameters(fitted("usual_week change"))
    assert (chosen["level"], chosen["week.weight"], chosen["estimator.rounds"]) == ("lead_minutes", 1.0, 40)
    assert chosen["estimator.learning_rate"] == 0.1
    assert not any("tree" in str(value) for value in chosen.values())


@pytest.mark.parametrize("name", MAKERS)
def test_no_question_has_no_answer(name: str) -> None:
    assert fitted(name).predict(TEST.take(np.zeros(len(TEST), bool))).shape[0] == 0


def test_another_seed_draws_other_trees() -> None:
    first, second = boosted("binary", 1), boosted("binary", 2)
    for one in (first, second):
        one.fit(TRAIN, TRAIN.targets["rare"])
    assert first.text != second.text


@pytest.mark.parametrize("name", MAKERS)
def test_one_question_is_answered_as_it_is_among_many(name: str) -> None:
    estimator = fitted(name)
    many = estimator.predict(TEST)
    single = [estimator.predict(TEST.take(np.array([row])))[0] for row in range(20)]
    np.testing.assert_allclose(single, many[:20], rtol=1e-12)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "pickle", "state": {}},
        {"kind": "persistence", "state": {"colour": "red"}},
        {"kind": "persistence", "state": None},
        {"kind": ["persistence"], "state": {}},
        [],
    ],
)
def test_what_is_no_stored_estimator_is_refused(document: object) -> None:
    with pytest.raises(ModelUnreadable, match="not of a known kind"):
        load(document)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "tree\nversion=v4\n", "not trees at all"])
def test_trees_that_lightgbm_cannot_read_are_refused(text: str) -> None:
    damaged = load({"kind": "boosted", "state": {"objective": "binary", "text": text}})
    with pytest.raises(ModelUnreadable, match="LightGBM cannot read"):
        damaged.predict(TEST)


def test_persistence_repeats_what_holds() -> None:
    np.testing.assert_array_equal(Persistence("count").predict(TEST), TEST.column("count"))
    is_none = Persistence("count", 0.0).predict(TEST)
    np.testing.assert_array_equal(is_none, TEST.column("count") == 0)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 20), st.sampled_from([30, 60]))
def test_a_count_table_is_the_mean_of_the_answers_of_its_cell(count: int, horizon: int) -> None:
    table = CountTable("count", last=10)
    table.fit(TRAIN, TRAIN.targets["rare"])
    asked = replace(
        with_column(TEST, "count", count).take(np.array([0])), horizon_minutes=np.array([horizon], np.int16)
    )
    of_horizon = TRAIN.horizon_minutes == horizon
    cell = of_horizon & (np.minimum(TRAIN.column("count"), 10) == min(count, 10))
    mean = TRAIN.targets["rare"][of_horizon].mean()
    expected = (TRAIN.targets["rare"][cell].sum() + mean) / (cell.sum() + 1)
    assert table.predict(asked)[0] == pytest.approx(expected)


def test_a_count_that_is_unknown_is_no_count_of_zero() -> None:
    table = CountTable("count")
    table.fit(TRAIN, TRAIN.targets["rare"])
    unknown = table.predict(with_column(TEST, "count", np.nan))
    for horizon in (30, 60):
        mean = TRAIN.targets["rare"][TRAIN.horizon_minutes == horizon].mean()
        np.testing.assert_allclose(unknown[TEST.horizon_minutes == horizon], mean)


def test_a_horizon_that_was_never_learnt_is_answered_by_the_nearest() -> None:
    table = CountTable("count")
    table.fit(TRAIN, TRAIN.targets["rare"])
    some = TEST.take(TEST.horizon_minutes == 60)
    np.testing.assert_array_equal(
        table.predict(replace(some, horizon_minutes=np.full(len(some), 55))), table.predict(some)
    )


def test_climatology_knows_entities_and_hours_and_the_mean_of_those_it_never_met() -> None:
    answers = (TRAIN.entity == 1001) * 10.0 + (TRAIN.column("minute_of_day") < 60) * 3.0
    means = Climatology(weight=1.0)
    means.fit(TRAIN, answers)
    at_noon = with_column(TEST, "minute_of_day", 720)
    assert means.predict(at_noon.take(TEST.entity == 1001)).mean() == pytest.approx(10, abs=1)
    assert means.predict(at_noon.take(TEST.entity == 1002)).mean() == pytest.approx(0, abs=1)
    stranger = replace(at_noon, entity=np.full(len(at_noon), 9))
    assert means.predict(stranger).mean() == pytest.approx(means.hours[12])


def test_a_logistic_regression_counts_what_is_unknown_as_the_mean() -> None:
    regression = LogisticRegression()
    regression.fit(TRAIN, TRAIN.targets["rare"])
    unknown = regression.predict(with_column(TEST, "count", np.nan))
    np.testing.assert_allclose(unknown, regression.predict(with_column(TEST, "count", regression.mean[0])), rtol=1e-5)
    assert regression.coefficients[0] < 0  # more now, rarer then


@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_a_logistic_regression_of_what_always_happens_gives_the_base_rate(answer: float) -> None:
    regression = LogisticRegression()
    regression.fit(TRAIN, np.full(len(TRAIN), answer))
    np.testing.assert_allclose(regression.predict(TEST), answer, atol=1e-5)


def test_trees_that_learn_a_change_never_go_below_zero() -> None:
    trees = fitted("boosted change")
    falling = trees.predict(with_column(TEST, "count", 0))
    assert falling.min() >= 0
    assert isinstance(trees, Boosted)
    assert np.isnan(trees.predict(with_column(TEST, "count", np.nan))).all()  # unknown now, unknown then


# The week ---------------------------------------------------------------------------------------


def test_a_median_of_the_hour_of_the_week_is_that_of_its_cell() -> None:
    median = HourOfWeekMedian()
    median.fit(TRAIN, TRAIN.targets["level"])
    hour, answers = TRAIN.column("hour_of_week"), TRAIN.targets["level"]
    for row in range(50):
        one = TEST.take(np.array([row]))
        mine = TRAIN.entity == one.entity[0]
        cell = answers[mine & (hour == one.column("hour_of_week")[0])]
        expected = np.median(cell) if len(cell) else np.median(answers[mine])
        assert median.predict(one)[0] == pytest.approx(expected)
    stranger = replace(TEST, entity=np.full(len(TEST), 9))
    cell = answers[hour == TEST.column("hour_of_week")[0]]
    assert median.predict(stranger)[0] == pytest.approx(np.median(cell))


def test_a_profile_adds_what_it_changes_since_the_newest_known_hour() -> None:
    answers = TRAIN.column("hour_of_week").astype(np.float64) * 2  # the same of every entity
    profile = ProfileChange(column="count")
    profile.fit(replace(TRAIN, entity=np.zeros(len(TRAIN), np.int64)), answers)
    asked = replace(with_column(TEST, "count", 50), entity=np.zeros(len(TEST), np.int64))
    seen = np.unique(TRAIN.column("hour_of_week"))
    is_seen = np.isin(TEST.column("hour_of_week"), seen) & np.isin(TEST.column("hour_of_week_known"), seen)
    change = 2 * (TEST.column("hour_of_week") - TEST.column("hour_of_week_known"))
    np.testing.assert_allclose(profile.predict(asked)[is_seen], 50 + change[is_seen])
    assert is_seen.sum() > 500
    assert profile.predict(with_column(asked, "hour_of_week_known", 40)).min() >= 0


def test_a_profile_changes_from_the_hour_of_the_last_figure_where_that_is_an_older_one() -> None:
    entity, answers = np.zeros(len(TRAIN), np.int64), TRAIN.column("hour_of_week").astype(np.float64) * 2
    profile = ProfileChange(column="count", silent="minute_of_day")
    profile.fit(replace(TRAIN, entity=entity), answers)
    known = int(np.unique(TRAIN.column("hour_of_week"))[5])
    asked = replace(with_column(TEST, "count", 500), entity=np.zeros(len(TEST), np.int64))
    late = with_column(with_column(asked, "hour_of_week_known", known + 3), "minute_of_day", 3)
    fresh = with_column(with_column(asked, "hour_of_week_known", known), "minute_of_day", 0)
    np.testing.assert_array_equal(profile.predict(late), profile.predict(fresh))


class Listening(Persistence):
    """Remembers what it is told in training, and says what it is told later."""

    def fit(self, examples: Examples, y: np.ndarray) -> None:
        self.told = examples.column(self.column)


def one_hour(days: np.ndarray, entity: np.ndarray) -> Examples:
    """Questions about one hour of the week, each answered on a day, of entities at a level of 2."""
    asked = TRAIN.take(np.arange(len(days)))
    for column, value in (("hour_of_week", 5), ("lead_minutes", 2), ("minute_of_day", 0)):
        asked = with_column(asked, column, value)
    return replace(asked, entity=entity, target_at=days * 86_400)


def test_in_training_a_day_is_told_what_the_other_days_say() -> None:
    days = np.arange(400) % 4
    answers, asked = np.where(days == 0, 1000.0, 10.0), one_hour(days, np.ones(400, np.int64))
    listening = Listening("usual_median")
    told = usual_week(listening)
    told.fit(asked, answers)
    assert (listening.told == 5).all()  # in units of the level; of four days three say so, and the first not its own
    of_two = asked.take(days < 2)
    told.fit(of_two, answers[days < 2])
    np.testing.assert_array_equal(listening.told, np.where(days[days < 2] == 0, 5, 500))


def test_a_day_alone_is_told_nothing_but_the_last_figure() -> None:
    listening = Listening("usual_median")
    asked = one_hour(np.full(100, 700), np.ones(100, np.int64))
    usual_week(listening).fit(asked, np.full(100, 3.0))
    assert np.isnan(listening.told).all()
    listening.column = USUAL
    usual_week(listening).fit(asked, np.full(100, 3.0))
    np.testing.assert_array_equal(listening.told, asked.column("count"))


def test_an_entity_never_seen_has_the_week_of_all_at_its_own_level() -> None:
    days, entity = np.arange(400) % 9, np.arange(400) % 5
    answers = 6.0 + TRAIN.take(np.arange(400)).column("count") * 0
    told = usual_week(Listening("usual_median"))
    told.fit(one_hour(days, entity), answers)
    stranger = with_column(one_hour(days[:50], np.full(50, 99)), "lead_minutes", 200)
    np.testing.assert_allclose(told.predict(stranger), 3)  # of a level of 200, where the others had 6 at a level of 2
    in_figures = UsualWeek(told.members | {"estimator": Persistence(USUAL)}, told.column, told.level, told.silent)
    known = with_column(stranger, "hour_of_week_known", 5)  # the same hour: nothing changes since
    np.testing.assert_allclose(in_figures.predict(known), known.column("count"), rtol=1e-6)


def test_what_was_hardly_seen_is_drawn_to_all() -> None:
    answers = np.where(np.arange(100) == 0, 8.0, 2.0)
    asked = one_hour(np.arange(100) % 9, np.where(np.arange(100) == 0, 7, 1))
    week = HourOfWeekMedian(weight=3.0)
    week.fit(asked, answers)
    assert week.at(asked.take(np.array([0])), np.array([5]))[0] == pytest.approx((8 + 3 * 2) / 4)


def test_a_ridge_learns_a_change_in_units_and_counts_what_is_unknown_as_the_mean() -> None:
    answers = TRAIN.column("count") + TRAIN.column("lead_minutes") * (0.1 * TRAIN.column("count") + 1.0)
    one = Ridge(["count"], "count", "lead_minutes")
    one.fit(TRAIN, answers.astype(np.float64))
    expected = TEST.column("count") + TEST.column("lead_minutes") * (0.1 * TEST.column("count") + 1.0)
    assert np.abs(one.predict(TEST) - expected).mean() < 0.01 * expected.mean()
    two = Ridge(["minute_of_day"], "count", "lead_minutes")
    two.fit(TRAIN, TRAIN.targets["level"])
    unknown = two.predict(with_column(TEST, "minute_of_day", np.nan))
    np.testing.assert_allclose(unknown, two.predict(with_column(TEST, "minute_of_day", two.mean[0])), rtol=1e-4)
    assert fitted("ridge change").predict(with_column(TEST, "count", 0)).min() >= 0


def test_a_spike_does_not_tilt_a_ridge() -> None:
    spiked = TRAIN.targets["level"].copy()
    spiked[::500] = 1e7
    calm, shaken = ridge(), ridge()
    calm.fit(TRAIN, TRAIN.targets["level"])
    shaken.fit(TRAIN, spiked)
    assert np.abs(calm.predict(TEST) - shaken.predict(TEST)).max() < 10  # a mean would move by 20,000
