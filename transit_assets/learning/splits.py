"""Splits forward in time. Nothing whose answer came after the end of a training window is learnt from."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from transit_assets.learning.errors import TooLittleData
from transit_assets.learning.examples import Examples, Window

HOLDOUT_SHARE = 0.3
CALIBRATION_SHARE = 0.2


def within(examples: Examples, window: Window) -> np.ndarray:
    """Mask of the examples that were asked and answered within a window."""
    start, end = window.seconds
    return (examples.origin_at >= start) & (examples.target_at < end)


def holdout(span: Window, *, gap: timedelta = timedelta(), share: float = HOLDOUT_SHARE) -> tuple[Window, Window]:
    """The earlier part of a span to train on and the last `share` of it to judge on.

    `gap` covers the publication delay of the feed: what was published later than the training window's end
    would not have been there. (The horizon needs none: `within` looks at the answer's instant.)
    """
    cut = span.end - (span.end - span.start) * share
    return Window(span.start, cut - gap), Window(cut, span.end)


def rolling_origin(
    span: Window, folds: int, *, test: timedelta, gap: timedelta = timedelta()
) -> Iterator[tuple[Window, Window]]:
    """The last `folds` windows of length `test`, each with everything before it to train on, oldest first.

    Raises TooLittleData where the span is too short for that.
    """
    for fold in range(folds, 0, -1):
        start = span.end - test * fold
        if start - gap <= span.start:
            raise TooLittleData(f"{folds} folds of {test} do not fit into {span}")
        yield Window(span.start, start - gap), Window(start, start + test)


def span_of(examples: Examples) -> Window:
    """From the first question to just after the last answer. Raises TooLittleData where there are none."""
    if not len(examples):
        raise TooLittleData("there is nothing to learn from: no question has an answer yet")
    return Window(_instant(examples.origin_at.min()), _instant(examples.target_at.max() + 1))


def tail(examples: Examples, share: float = CALIBRATION_SHARE) -> tuple[np.ndarray, np.ndarray]:
    """Masks of an earlier part and of the last `share` of the time, for calibration; no answer crosses."""
    early, late = holdout(span_of(examples), share=share)
    return within(examples, early), within(examples, late)


def _instant(seconds: int) -> datetime:
    from datetime import UTC

    return datetime.fromtimestamp(int(seconds), UTC)
