"""Splits go forward in time, and no answer crosses from what is judged on into what is learnt from."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transit_assets.learning.errors import TooLittleData
from transit_assets.learning.examples import Window
from transit_assets.learning.splits import holdout, rolling_origin, span_of, tail, within
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
    train, test = holdout(span, gap=timedelta(minutes=gap), share=share)
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
    assert fold == holdout(window(0, 40), share=0.3)


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


def test_the_span_of_examples_ends_after_their_last_answer() -> None:
    span = span_of(EXAMPLES)
    assert within(EXAMPLES, span).all()
    shorter = Window(span.start, span.end - timedelta(seconds=1))
    assert not within(EXAMPLES, shorter).all()
    with pytest.raises(TooLittleData, match="nothing to learn from"):
        span_of(EXAMPLES.take(np.zeros(len(EXAMPLES), bool)))
