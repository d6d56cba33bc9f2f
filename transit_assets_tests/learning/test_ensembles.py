"""Estimators that are made of others: a mean, one for each horizon, levels of a quantity."""

from dataclasses import replace

import numpy as np

from transit_assets.learning.ensembles import Mean
from transit_assets.learning.estimators import (
    Persistence,
)
from transit_assets.learning.kinds import stored
from transit_assets_tests.learning.every_kind import (
    TEST,
    TRAIN,
    fitted,
    levels,
    ridge,
    watching,
)


def test_a_mean_is_the_mean_of_its_members() -> None:
    mean = fitted("mean change")
    assert isinstance(mean, Mean)
    said = [member.predict(TEST) for member in mean.members.values()]
    np.testing.assert_allclose(mean.predict(TEST), (said[0] + said[1]) / 2)


def test_each_horizon_has_the_member_that_learnt_from_it() -> None:
    whole, alone = fitted("per_horizon change"), ridge()
    rows = TRAIN.horizon_minutes == 60
    alone.fit(TRAIN.take(rows), TRAIN.targets["level"][rows])
    asked = TEST.horizon_minutes == 60
    np.testing.assert_array_equal(whole.predict(TEST)[asked], alone.predict(TEST.take(asked)))
    assert np.isfinite(whole.predict(TEST)).all()


def test_levels_are_the_bands_that_a_forecast_lies_in() -> None:
    said = levels(Persistence("count")).predict(TEST)
    count = TEST.column("count")
    for level, (low, high) in enumerate([(0, 2), (2, 5), (5, 9), (9, 99)]):
        assert set(said[(count >= low) & (count < high)]) <= {level}


def test_a_watched_level_is_found_at_least_as_often_as_what_is_now_finds_it() -> None:
    one, plain = watching(), levels(ridge())
    for each in (one, plain):
        each.fit(TRAIN, TRAIN.targets["band"])
    near, now = TEST.horizon_minutes <= 30, TEST.column("count")
    said, without = one.predict(TEST), plain.predict(TEST)
    assert (said[near & (now >= 9)] == 3).all()  # of three edges 9 is the last
    assert (said[near & (now < 9)] <= 2).all()  # `second` is what is now: nothing says that it will rise
    assert (without[near & (now >= 9)] < 3).any()
    both_low = (said < 3) & (without < 3)
    np.testing.assert_array_equal(said[both_low], without[both_low])  # the other edges are as they were


def test_further_ahead_than_it_holds_a_level_is_what_is_forecast() -> None:
    one, plain = watching(), levels(ridge())
    for each in (one, plain):
        each.fit(TRAIN, TRAIN.targets["band"])
    far = TEST.horizon_minutes > 30
    np.testing.assert_array_equal(one.predict(TEST)[far], plain.predict(TEST)[far])


def test_levels_are_learnt_where_the_quantity_is_known() -> None:
    level = TRAIN.targets["level"].copy()
    level[::2] = np.nan
    half = replace(TRAIN, targets=TRAIN.targets | {"level": level})
    first, second = levels(ridge()), levels(ridge())
    first.fit(half, half.targets["band"])
    second.fit(TRAIN.take(np.arange(1, len(TRAIN), 2)), TRAIN.targets["band"][1::2])
    assert stored(first) == stored(second)
