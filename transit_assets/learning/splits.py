"""Splits forward in time. Nothing whose answer came after the end of a training window is learnt from.

Time is what was observed: days without data, between two archives or in an outage, are no part of any share.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np

from transit_assets.learning.errors import TooLittleData
from transit_assets.learning.examples import Examples, Window

HOLDOUT_SHARE = 0.3
CALIBRATION_SHARE = 0.2
_PAUSE = timedelta(days=1)  # the recordings of September 2025 pause for 21 and for 17 hours


def within(examples: Examples, window: Window) -> np.ndarray:
    """Mask of the examples that were asked and answered within a window."""
    start, end = window.seconds
    return (examples.origin_at >= start) & (examples.target_at < end)


def joined(stretches: Iterable[Window]) -> list[Window]:
    """Stretches of observed time, oldest first, those as one that follow each other within a day."""
    found: list[Window] = []
    for one in sorted(stretches, key=lambda stretch: stretch.start):
        if found and one.start - found[-1].end <= _PAUSE:
            found[-1] = Window(found[-1].start, max(found[-1].end, one.end))
        else:
            found.append(one)
    return found


def observed(stretches: Sequence[Window], since: datetime | None = None) -> timedelta:
    """How much time was observed in all, or since an instant. Stretches as `joined` gives them."""
    lengths = (one.end - (one.start if since is None else max(one.start, since)) for one in stretches)
    return sum((max(length, timedelta()) for length in lengths), timedelta())


def spanned(stretches: Sequence[Window]) -> Window:
    """From the first to the last instant of stretches, with all gaps between them."""
    return Window(stretches[0].start, stretches[-1].end)


def holdout(
    stretches: Sequence[Window], *, gap: timedelta = timedelta(), share: float = HOLDOUT_SHARE
) -> tuple[Window, Window]:
    """The earlier part of what was observed to train on and the last `share` of it to judge on.

    Stretches as `joined` gives them. `gap` covers the publication delay of the feed: what was published later than
    the training window's end would not have been there. (The horizon needs none: `within` looks at the answer's
    instant.)
    """
    span, left = spanned(stretches), observed(stretches) * share
    for stretch in reversed(stretches):
        cut = stretch.end - left
        if cut >= stretch.start:
            break
        left -= stretch.end - stretch.start
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


def tail(examples: Examples, share: float = CALIBRATION_SHARE) -> tuple[np.ndarray, np.ndarray]:
    """Masks of an earlier part and of the last `share` of the instants asked at, for calibration; no answer crosses."""
    instants = np.unique(examples.origin_at)
    cut = instants[int(len(instants) * (1 - share))]
    return examples.target_at < cut, examples.origin_at >= cut
