"""Why a model is trained: at first, after enough new data, for other features; and what is no reason, or too little."""

from dataclasses import replace
from datetime import timedelta

import pytest

from transit_assets.lake import Lake
from transit_assets.learning.domain import Domain
from transit_assets.learning.errors import TooLittleData
from transit_assets.learning.examples import Window
from transit_assets.learning.registry import Registry
from transit_assets.learning.training import enough, is_due, lesson
from transit_assets_tests.learning import gauges
from transit_assets_tests.learning.test_story import NAME


def why(lake: Lake, registry: Registry, domain: Domain | None = None) -> str | None:
    """Why the model of the gauges is due."""
    asked = domain or gauges.domain()
    return is_due(lake, registry, asked, asked.models[0], enough(lake, asked, days=60))


def test_a_model_is_due_at_first_and_then_after_a_week_of_data(lake: Lake, registry: Registry) -> None:
    with pytest.raises(TooLittleData, match=r"^gauges: no data; training needs at least 12:00:00$"):
        why(lake, registry)
    gauges.land(lake, 0, 2)
    assert why(lake, registry) == "it was never trained"
    gauges.judged(lake, NAME, gauges.FIRST + timedelta(days=2))
    assert why(lake, registry) is None
    gauges.land(lake, 2, 6)
    assert why(lake, registry) is None
    gauges.land(lake, 8, 2)
    assert why(lake, registry) == "7 days of new data"


def test_days_without_data_are_no_reason(lake: Lake, registry: Registry) -> None:
    gauges.land(lake, 0, 2)
    gauges.judged(lake, NAME, gauges.FIRST + timedelta(days=2))
    gauges.land(lake, 30, 3)  # after an outage of four weeks
    assert why(lake, registry) is None
    gauges.land(lake, 40, 5)  # eight days, less the quarter of an hour after the last reading of each stretch
    assert why(lake, registry) == "7 days of new data"


def test_hours_that_lie_far_apart_are_too_little(lake: Lake, registry: Registry) -> None:
    held = Window(gauges.FIRST, gauges.FIRST + timedelta(hours=5))
    later = Window(held.start + timedelta(days=9), held.end + timedelta(days=9))
    said = "gauges: 2026-03-01T00:00Z to 2026-03-10T05:00Z, 10:00:00 of it observed; training needs at least 12:00:00"
    with pytest.raises(TooLittleData, match=f"^{said}$"):
        why(lake, registry, replace(gauges.domain(), stretches=lambda *_: [held, later]))


def test_a_lesson_on_both_sides_of_a_gap_holds_out_the_last_days_that_hold_data(lake: Lake) -> None:
    gauges.land(lake, 0, 8)
    gauges.land(lake, 200, 2)
    taught = lesson(lake, gauges.domain(), days=60, at_most=gauges.AT_MOST)
    cut = gauges.FIRST + timedelta(days=7)
    assert abs(taught.test.start - cut) < timedelta(minutes=30)
    assert len(taught.holdout) / len(taught.examples) == pytest.approx(0.3, abs=0.01)


def test_a_champion_of_other_features_is_a_reason_once(
    lake: Lake, registry: Registry, monkeypatch: pytest.MonkeyPatch, without_plots: None
) -> None:
    gauges.land(lake, 0, 3)
    assert gauges.trained(lake, registry).champion == "1"
    assert why(lake, registry) is None
    monkeypatch.setattr(gauges, "NAMES", ("level", "trend", "minute_of_day"))
    assert why(lake, registry) == "its champion was fitted on other features than those of today"
    version = gauges.train(lake, registry)
    registry.mark_decided(version, "refused")
    assert why(lake, registry) is None  # it was tried, and the same data would say the same
    gauges.land(lake, 3, 1)
    assert why(lake, registry) == "its champion was fitted on other features than those of today"
