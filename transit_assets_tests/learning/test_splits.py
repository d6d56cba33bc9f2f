"""Splits go forward in time, and no answer crosses from what is judged on into what is learnt from."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transit_assets.learning.errors import TooLittleData
from transit_assets.learning.splits import holdout, joined, observed, rolling_origin, tail, within
from transit_assets_tests.learning.made import made, window

EXAMPLES = made(2000)
HOURS = st.integers(0, 47)


@settings(deadline=None)
@given(HOURS, st.integers(1, 48))
def test_what_is_within_a_window_was_asked_and_answered_there(first: int, length: int) -> None:
    span = window(first, first + length)
    start, end = span.seconds
    mask = within(EXAMPLES, span)
    some = EXAMPLES.take(mask)
    assert ((some.origin_at >= start) & (some.target_at < end)).all()
    rest = EXAMPLES.take(~mask)
    assert ((rest.origin_at < start) | (rest.target_at >= end)).all()


@settings(deadline=None)
@given(st.integers(2, 500), st.integers(0, 10), st.floats(0.05, 0.6))
def test_a_holdout_is_the_end_and_the_gap_before_it_belongs_to_neither(hours: int, gap: int, share: float) -> None:
    span = window(0, hours)
    train, test = holdout([span], gap=timedelta(minutes=gap), share=share)
    assert (train.start, test.end) == (span.start, span.end)
    assert test.start - train.end == timedelta(minutes=gap)
    assert (test.end - test.start) / (span.end - span.start) == pytest.approx(share, abs=1e-6)
    learning, judged = EXAMPLES.take(within(EXAMPLES, train)), EXAMPLES.take(within(EXAMPLES, test))
    if len(learning) and len(judged):
        assert learning.target_at.max() < judged.origin_at.min() - gap * 60 + 1


def test_each_fold_of_a_rolling_origin_learns_from_everything_before_it() -> None:
    folds = list(rolling_origin(window(0, 48), 3, test=timedelta(hours=6), gap=timedelta(hours=1)))
    assert folds == [
        (window(0, 29), window(30, 36)),
        (window(0, 35), window(36, 42)),
        (window(0, 41), window(42, 48)),
    ]


def test_one_fold_is_a_holdout() -> None:
    (fold,) = rolling_origin(window(0, 40), 1, test=timedelta(hours=12))
    assert fold == holdout([window(0, 40)], share=0.3)


@pytest.mark.parametrize("hours", [18, 19])
def test_folds_that_leave_nothing_to_learn_from_are_refused(hours: int) -> None:
    with pytest.raises(TooLittleData, match=r"3 folds of 6:00:00 do not fit into 2026-03-02T00:00Z to"):
        list(rolling_origin(window(0, hours), 3, test=timedelta(hours=6), gap=timedelta(hours=1)))


def test_no_answer_crosses_into_the_examples_that_calibrate() -> None:
    early, late = tail(EXAMPLES)
    assert not (early & late).any()
    assert EXAMPLES.target_at[early].max() < EXAMPLES.origin_at[late].min()
    crossing = EXAMPLES.take(~(early | late))
    assert (crossing.target_at >= EXAMPLES.origin_at[late].min() - 600).all()
    assert late.sum() == pytest.approx(0.2 * len(EXAMPLES), rel=0.2)


def test_examples_on_both_sides_of_a_gap_calibrate_by_what_was_asked() -> None:
    """Half a year in the middle would leave the last fifth of the time to the few hours at its end."""
    late = EXAMPLES.origin_at > np.quantile(EXAMPLES.origin_at, 0.9)
    far = late * 180 * 86_400
    split = replace(EXAMPLES, origin_at=EXAMPLES.origin_at + far, target_at=EXAMPLES.target_at + far)
    assert tail(split)[1].mean() == pytest.approx(0.2, abs=0.01)


def test_a_holdout_is_a_share_of_the_time_that_was_observed() -> None:
    """Two archives with months between them: by the calendar the whole second one would be held out, or none of it."""
    assert holdout([window(0, 90), window(5000, 5010)]) == (window(0, 70), window(70, 5010))
    assert holdout([window(0, 40), window(900, 960)]) == (window(0, 930), window(930, 960))
    assert holdout([window(0, 70), window(900, 930)]) == (window(0, 900), window(900, 930))


def test_the_publication_delay_lies_between_the_windows_in_a_gap_as_well() -> None:
    train, test = holdout([window(0, 70), window(900, 930)], gap=timedelta(hours=1))
    assert (train, test) == (window(0, 899), window(900, 930))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 30)), min_size=1, max_size=8), st.floats(0.05, 0.6))
def test_whatever_the_gaps_the_holdout_holds_its_share(hours: list[tuple[int, int]], share: float) -> None:
    stretches = joined(window(first, first + length) for first, length in hours)
    train, test = holdout(stretches, share=share)
    assert train.end == test.start
    assert observed(stretches, test.start) / observed(stretches) == pytest.approx(share, abs=1e-6)


def test_stretches_are_one_where_no_more_than_a_day_lies_between_them() -> None:
    days = [window(24 * day, 24 * day + 23) for day in range(3)]
    assert joined(reversed(days)) == [window(0, 71)]
    assert joined([window(0, 5), window(30, 31), window(1, 2)]) == [window(0, 5), window(30, 31)]
    assert joined([window(0, 5), window(29, 31)]) == [window(0, 31)]
    assert joined([]) == []
    assert observed(joined(days), days[1].start) == timedelta(hours=47)
    assert observed([], days[1].start) == timedelta()
