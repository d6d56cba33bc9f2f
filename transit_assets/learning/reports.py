"""What people read and look at: the card of a model, its plots, the page of a decision."""

import base64
import html
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from transit_assets.learning.evaluation import Judged, at_horizon, segments
from transit_assets.learning.examples import Window
from transit_assets.learning.fitting import Fitted
from transit_assets.learning.roles import BASELINE, CHALLENGER, CHAMPION
from transit_assets.learning.scores import INTERVAL, SMALLER_IS_BETTER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from transit_assets.learning.promotion import Decision

_OURS, _THEIRS, _LINE = "#0b6e4f", "#c8553d", "#8a8a8a"
_BINS = 10
_COLUMNS, _DPI = 3, 110
_PLACES = (
    "zone=",
    "arc=",
    "station=",
)  # segments of which there are tens or thousands: the card leaves them to the plot
_PLACES_SHOWN = 15


def card(
    judged: Judged,
    subject: str,
    fitted: Fitted,
    train: Window,
    test: Window,
    rows: Sequence[Mapping[str, Any]],
    best: str,
    data: str,
) -> str:
    """The model card of one version, in Markdown. `data` says which versions of what it was made from."""
    model = judged.model
    who = f"the baseline `{fitted.called}` (no model beat it)" if fitted.is_baseline else "LightGBM trees"
    overall = [row for row in rows if row["segment"] == "all"]
    lines = [
        f"# {model.name}",
        "",
        model.description,
        "",
        f"- **Estimator:** {who}, {len(fitted.features)} features; best baseline: `{best}`",
        f"- **Intended use:** {model.intended_use}",
        f"- **Limits:** {model.limits}",
        f"- **Trained on:** {train}",
        f"- **Judged on:** {test}",
        f"- **Data:** {data}; {model.data_licence}",
        f"- **Calibration:** {_calibration(fitted)}",
        "",
        "## Figures on the holdout, beside every baseline",
        "",
        "| horizon | metric | baseline | model | baseline's | gain | 95 % | n |",
        "| ---: | --- | --- | ---: | ---: | ---: | --- | ---: |",
        *(_figure(row) for row in overall),
        "",
        f"## By group: error beside `{best}`, calibration, coverage",
        "",
        f"Calibration is the mean forecast less what came true on average, in {model.unit}; coverage is the share of"
        f" answers {_within(fitted)}.",
        "",
        f"| horizon | segment | {model.headline} | {best}'s | mean forecast | came true | calibration | coverage | n |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *_groups(judged, subject, best),
    ]
    return "\n".join(lines) + "\n"


def _groups(judged: Judged, subject: str, best: str) -> Iterator[str]:
    """One line for each horizon and group, places left to the plot."""
    ours, theirs, answers = judged.losses(subject), judged.losses(best), judged.answers
    said = judged.forecasts[subject]
    covered = said.losses("coverage", answers)
    for horizon in judged.model.spans:
        for name, rows in segments(judged.asked, at_horizon(judged.asked, horizon)):
            if name.startswith(_PLACES) or not len(rows):
                continue
            forecast, truth, share = said.value[rows].mean(), answers[rows].mean(), covered[rows].mean()
            yield (
                f"| {_number(horizon)} | {name} | {ours[rows].mean():.4f} | {theirs[rows].mean():.4f} | {forecast:.4f}"
                f" | {truth:.4f} | {forecast - truth:+.4f} | {'' if np.isnan(share) else f'{share:.1%}'}"
                f" | {len(rows):,} |"
            )


def _calibration(fitted: Fitted) -> str:
    if fitted.bound is not None:
        return (
            f"upper bound, {fitted.bound.nominal:.0%} of the answers below: {fitted.bound.overall:+.1f} of all, "
            f"{len(fitted.bound.groups):,} by `{fitted.bound.column}`; in the figures it moves day by day as answers "
            "arrive" + _warns(fitted)
        )
    if fitted.kind == "classes":
        return "as the trees give it; a class is said by its share, over its share in training to some power"
    if fitted.kind == "quantity":
        found = sorted(fitted.interval.items(), key=lambda one: int(one[0]))
        spans = ", ".join(f"{low:+.1f} to {high:+.1f} at {horizon} min" for horizon, (low, high) in found)
        unit = f" in units of `{fitted.unit}`" if fitted.unit and spans else ""
        own = max((len(one) for one in fitted.own_interval.values()), default=0)
        others = f"; {own:,} that were seen often have their own" if own else ""
        return f"split conformal, {INTERVAL:.0%} interval{unit}: {spans or 'none: too little data'}{others}"
    if fitted.is_baseline:
        return "as the baseline gives it"
    if fitted.kind == "level":
        return _bands(fitted)
    return f"Platt, slope {fitted.slope:.3f}, intercept {fitted.intercept:+.3f}, learnt on the last of the training"


def _warns(fitted: Fitted) -> str:
    if fitted.risk is None:
        return ""
    return (
        f". It warns of an underestimate where the probability of more than {fitted.risk.margin:g} above the forecast "
        f"is at least {fitted.risk.threshold:.3f}"
    )


def _within(fitted: Fitted) -> str:
    return "within the 80 % interval" if fitted.bound is None else f"below the {fitted.bound.nominal:.0%} bound"


def _number(horizon: int | None) -> str:
    return "" if horizon is None else str(horizon)


def _ahead(horizon: int | None) -> str:
    return "" if horizon is None else f"+{horizon} min"


def _bands(fitted: Fitted) -> str:
    """How levels follow from the quantity that is forecast."""
    state = fitted.estimator.state()
    bands = f"bands of {state['of']}, from {', '.join(f'{edge:g}' for edge in state['edges'])} on"
    if state["watched"] is None:
        return bands
    edge = f"{state['edges'][state['watched']]:g}"
    return (
        f"{bands}; up to {state['held_minutes']} min ahead what is at {edge} or more now stays so, and what is not "
        f"gets there only where `{state['second']}` says so too"
    )


def _figure(row: Mapping[str, Any]) -> str:
    low, high = row["ci_low"], row["ci_high"]
    bounds = "" if low is None else f"{low:+.2%} to {high:+.2%}"
    if row["metric"] not in SMALLER_IS_BETTER and low is not None:
        bounds = f"{low:+.4f} to {high:+.4f}"
    return (
        f"| {_number(row['horizon_minutes'])} | {row['metric']} | {row['baseline']} | {row['value']:.5f}"
        f" | {row['baseline_value']:.5f} | {_gain(row)} | {bounds} | {row['n']:,} |"
    )


def _gain(row: Mapping[str, Any]) -> str:
    if row["improvement"] is None:
        return ""
    return f"{row['improvement']:+.2%}" if row["metric"] in SMALLER_IS_BETTER else f"{row['improvement']:+.4f}"


def plots(judged: Judged, subject: str, baseline: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """PNG files by name: calibration, and the gain over the best baseline by segment."""
    found = {"plots/calibration.png": calibration_plot(judged, subject, baseline)}
    gains = [
        row
        for row in rows
        if row["baseline"] == baseline and row["metric"] == judged.model.headline and row["ci_low"] is not None
    ]
    if gains:
        found["plots/gain_by_segment.png"] = _gain_plot(gains, judged.model.name, baseline)
    return found


def calibration_plot(judged: Judged, subject: str, beside: str, label: str | None = None) -> bytes:
    """What was forecast against what came true, in bins with equal numbers of forecasts."""
    figure, axes = _panels(len(judged.model.spans))
    for axis, horizon in zip(axes, judged.model.spans, strict=True):
        mask = at_horizon(judged.asked, horizon)
        top = 0.0
        for name, colour, legend in ((subject, _OURS, judged.model.name), (beside, _THEIRS, label or beside)):
            forecast, truth = _binned(judged.forecasts[name].value[mask], judged.answers[mask])
            axis.plot(forecast, truth, "o-", color=colour, label=legend, markersize=4, linewidth=1.2)
            top = max(top, forecast.max(initial=0.0), truth.max(initial=0.0))
        axis.plot([0, top], [0, top], color=_LINE, linewidth=0.8, linestyle="--")
        axis.set_title(_ahead(horizon))
    figure.supxlabel(f"forecast ({judged.model.unit})", fontsize="medium")
    figure.supylabel("came true (mean)", fontsize="medium")
    axes[0].legend(frameon=False)
    return _png(figure)


def _binned(forecast: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of forecast and truth in bins; ties stay together, so a hard forecast has as many bins as values."""
    edges = np.unique(np.quantile(forecast, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(forecast) else np.empty(0)
    # Rare events crowd the lowest bins: the highest one is cut again.
    if len(forecast):
        edges = np.unique(np.append(edges, np.quantile(forecast, (0.95, 0.98, 0.99))))
    bins = np.searchsorted(edges, forecast, side="right")
    counts = np.bincount(bins, minlength=len(edges) + 1)
    full = counts > 0
    means = [np.bincount(bins, values, len(edges) + 1)[full] / counts[full] for values in (forecast, truth)]
    return means[0], means[1]


def _gain_plot(rows: Sequence[Mapping[str, Any]], model: str, baseline: str) -> bytes:
    horizons = sorted({row["horizon_minutes"] or 0 for row in rows})
    names = [name for name in dict.fromkeys(row["segment"] for row in rows) if not name.startswith(_PLACES)]
    places = [row for row in rows if row["segment"].startswith(_PLACES)]
    furthest = max((row["horizon_minutes"] or 0 for row in places), default=None)
    largest = sorted((row for row in places if (row["horizon_minutes"] or 0) == furthest), key=lambda row: -row["n"])
    names += [row["segment"] for row in largest[:_PLACES_SHOWN]]
    figure, axis = _figure_of(0.32 * len(names) + 1.4)
    for offset, horizon in enumerate(horizons):
        found = {row["segment"]: row for row in rows if (row["horizon_minutes"] or 0) == horizon}
        place = [index + 0.18 * offset for index, name in enumerate(names) if name in found]
        shown = [found[name] for name in names if name in found]
        value = np.array([row["improvement"] for row in shown])
        error = np.abs(np.array([[row["ci_low"], row["ci_high"]] for row in shown]).T - value)
        axis.errorbar(value, place, xerr=error, fmt="o", markersize=4, capsize=2, label=_ahead(horizon or None))
    axis.axvline(0, color=_LINE, linewidth=0.8)
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.xaxis.set_major_formatter(lambda share, _: f"{share:+.0%}")
    axis.set_title(f"{model}: gain over {baseline}, with 95 % bounds")
    axis.legend(frameon=False)
    return _png(figure)


def live_plot(rows: Sequence[Mapping[str, Any]], model: str) -> bytes:
    """The live error of a model and of its baseline, day by day, from rows of `live_scores`."""
    figure, axis = _figure_of(3.6)
    for horizon in sorted({row["horizon_minutes"] for row in rows}):
        shown = sorted((row for row in rows if row["horizon_minutes"] == horizon), key=lambda row: row["day"])
        days = [row["day"] for row in shown]
        axis.plot(days, [row["value"] for row in shown], "o-", label=f"{model} {_ahead(horizon or None)}".strip())
        axis.plot(
            days,
            [row["baseline_value"] for row in shown],
            "s--",
            label=f"{shown[0]['baseline']} {_ahead(horizon or None)}".strip(),
        )
    axis.set_ylabel(rows[0]["metric"] if rows else "")
    axis.set_title(f"{model}: live error")
    axis.legend(frameon=False)
    figure.autofmt_xdate()
    return _png(figure)


def decision_page(decision: "Decision", judged: Judged | None) -> str:
    """A page of its own (HTML, images inside) that says what was decided and shows why, where anything was judged."""
    conditions = "".join(
        f"<tr><td>{'✔' if one.has_passed else '✘'}</td><td>{html.escape(one.name)}</td>"
        f"<td>{html.escape(one.found)}</td></tr>"
        for one in decision.conditions
    )
    shown = "" if judged is None else _calibration_shown(judged, str(decision.compared_with))
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(decision.model)}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}}
td{{padding:.3rem .8rem .3rem 0;vertical-align:top;border-bottom:1px solid #ddd}}img{{max-width:100%}}</style>
<h1>{html.escape(decision.model)}, version {decision.version}: {decision.outcome}</h1>
<p>{html.escape(decision.reason)}</p>
<p>Compared with {html.escape(str(decision.compared_with))} on {html.escape(str(decision.test))},
after training on {html.escape(str(decision.train))}. Served now: version {html.escape(decision.champion)}.
Data: {html.escape(str(decision.data_version))}.</p>
<table>{conditions}</table>
{shown}
</html>
"""


def _calibration_shown(judged: Judged, beside: str) -> str:
    against = next(name for name in (CHAMPION, BASELINE) if name in judged.forecasts)
    picture = data_uri(calibration_plot(judged, CHALLENGER, against, beside))
    return f'<h2>What was forecast, and what came true</h2><img alt="calibration" src="{picture}">'


def data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _figure_of(height: float) -> "tuple[Figure, Any]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, height), layout="constrained", dpi=_DPI)
    return figure, figure.subplots()


def _panels(count: int) -> "tuple[Figure, list[Any]]":
    """Panels in rows of three. Their margins are fixed: to find them by measuring takes as long as to draw."""
    from matplotlib.figure import Figure

    columns, rows = min(count, _COLUMNS), -(-count // _COLUMNS)
    width, height = 3.6 * columns + 0.8, 3.2 * rows + 0.6
    figure = Figure(figsize=(width, height), dpi=_DPI)
    grid = figure.subplots(rows, columns, squeeze=False)
    edges = {"left": 0.9 / width, "right": 1 - 0.15 / width, "bottom": 0.75 / height, "top": 1 - 0.4 / height}
    figure.subplots_adjust(**edges, wspace=0.22, hspace=0.3)
    panels = list(grid.ravel())
    for panel in panels[count:]:
        panel.remove()
    return figure, panels[:count]


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
