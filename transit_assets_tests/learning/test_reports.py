"""Cards, plots and pages: what people read of each kind of model, however many places it knows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from transit_assets.learning import reports
from transit_assets.learning.evaluation import Judged, evaluations, judge
from transit_assets.learning.examples import Segmentation
from transit_assets.learning.fitting import Fitted, fit, fit_baselines
from transit_assets.learning.model import Kind
from transit_assets.learning.promotion import Decision
from transit_assets.learning.reports import card, decision_page, plots
from transit_assets.learning.roles import CHALLENGER
from transit_assets_tests.learning.made import made, model, window

TRAIN = made()
PNG = b"\x89PNG"
WINDOWS = window(0, 24), window(24, 48)


def judged_of(kind: Kind, places: int = 20, **other: Any) -> tuple[Judged, Fitted, list[dict]]:
    """A model judged on questions about some arcs, with its rows."""
    one = model(kind, **other)
    asked = made(places * 80, seed=1)
    arc = np.arange(len(asked)) % places
    arcs = Segmentation(tuple(str(number) for number in range(places)), arc)
    asked = replace(asked, segments=asked.segments | {"arc": arcs})
    fitted = fit(one, TRAIN, 0)
    judged = judge(one, asked, {CHALLENGER: fitted, **fit_baselines(one, TRAIN)})
    rows = evaluations(
        judged, CHALLENGER, list(one.baselines), version="1", train=WINDOWS[0], test=WINDOWS[1], data_version="t@1"
    )
    return judged, fitted, rows


def card_of(judged: Judged, fitted: Fitted, rows: list[dict]) -> str:
    return card(judged, CHALLENGER, fitted, *WINDOWS, rows, "persistence", "t@1")


@pytest.mark.parametrize("kind", get_args(Kind))
def test_each_kind_has_a_card_with_its_metrics_and_plots(kind: Kind) -> None:
    judged, fitted, rows = judged_of(kind)
    text = card_of(judged, fitted, rows)
    for metric in judged.model.metrics:
        assert f"| {metric} | persistence |" in text
    assert "| half=odd |" in text
    said = {
        "probability": "Platt",
        "quantity": "split conformal, 80% interval",
        "level": "bands of level, from 2, 5, 9",
        "classes": "as the trees give it",
    }
    assert f"**Calibration:** {said[kind]}" in text
    assert ("Platt" in text) == (kind == "probability")
    found = plots(judged, CHALLENGER, "persistence", rows)
    assert set(found) == {"plots/calibration.png", "plots/gain_by_segment.png"}
    assert all(picture.startswith(PNG) for picture in found.values())


def test_the_card_of_a_level_says_what_holds_of_the_watched_one() -> None:
    judged, fitted, rows = judged_of("level")
    assert "what is at 5 or more now stays so" in card_of(judged, fitted, rows)
    baseline = fit_baselines(judged.model, TRAIN)["persistence"]
    assert "**Calibration:** as the baseline gives it" in card_of(judged, baseline, rows)


def test_the_card_of_a_quantity_says_in_which_units_its_interval_is_and_who_has_an_own_one() -> None:
    judged, fitted, rows = judged_of("quantity", interval_unit="lead_minutes")
    text = card_of(judged, fitted, rows)
    assert "80% interval in units of `lead_minutes`: " in text
    assert "have their own" not in text
    fitted.own_interval = {"30": {"1": (0.0, 1.0), "2": (0.0, 1.0)}}
    assert "; 2 that were seen often have their own" in card_of(judged, fitted, rows)


def test_horizons_of_the_interval_stand_in_the_order_of_time() -> None:
    judged, fitted, rows = judged_of("quantity")
    fitted.interval = {"120": (0.0, 1.0), "60": (0.0, 1.0)}
    assert "+0.0 to +1.0 at 60 min, +0.0 to +1.0 at 120 min" in card_of(judged, fitted, rows)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_many_arcs_flood_neither_card_nor_plot(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    judged, fitted, rows = judged_of(kind, places=150)
    if kind != "probability":
        arcs = {(row["segment"], row["horizon_minutes"]) for row in rows if row["segment"].startswith("arc=")}
        assert len(arcs) > 100
        assert {horizon for _, horizon in arcs} == {30}  # of more than a hundred the first horizon alone
    assert "arc=" not in card_of(judged, fitted, rows)
    shown: list[Mapping[str, Any]] = []
    figure_of = reports._figure_of

    def watched(height: float) -> Any:
        shown.append({"height": height})
        return figure_of(height)

    monkeypatch.setattr(reports, "_figure_of", watched)
    assert plots(judged, CHALLENGER, "persistence", rows)["plots/gain_by_segment.png"].startswith(PNG)
    assert shown[-1]["height"] == pytest.approx(0.32 * (1 + 2 + 15) + 1.4)  # all, two halves, fifteen arcs


@pytest.mark.parametrize("kind", get_args(Kind))
def test_each_kind_has_a_page_of_its_decision(kind: Kind) -> None:
    judged, _, _ = judged_of(kind)
    forecasts = {**judged.forecasts, "baseline": judged.forecasts["persistence"]}
    decision = Decision(
        model=judged.model.name,
        domain="test",
        outcome="promoted",
        version="1",
        estimator="boosted",
        champion="1",
        compared_with="persistence",
        metric=judged.model.headline,
        reason="a test",
        train=WINDOWS[0],
        test=WINDOWS[1],
    )
    page = decision_page(decision, replace(judged, forecasts=forecasts))
    assert f"<h1>{judged.model.name}, version 1: promoted</h1>" in page
    assert 'alt="calibration" src="data:image/png;base64,' in page
