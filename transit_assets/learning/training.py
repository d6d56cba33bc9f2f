"""Training: fit, judge on the holdout beside the baselines, register as challenger.

A step of its own, so that it can be repeated: `train` leaves a challenger that holds everything the decision needs
(windows, data versions, its evaluation, its best baseline); `decide` (in `deciding`) promotes or refuses it.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import transit_assets
from transit_assets.lake import UTC_INSTANT, Lake
from transit_assets.learning import kinds, promotion, reports, risks
from transit_assets.learning.domain import Domain, Versions, said
from transit_assets.learning.errors import TooLittleData
from transit_assets.learning.evaluation import (
    UNREGISTERED,
    Judged,
    best_baseline,
    evaluations,
    judge,
    merge,
    write,
)
from transit_assets.learning.examples import Examples, Window
from transit_assets.learning.fitting import Fitted, fit, fit_baselines
from transit_assets.learning.model import Model
from transit_assets.learning.registry import Registry, Version
from transit_assets.learning.roles import CHALLENGER
from transit_assets.learning.schema import DRIFT_LIMIT, EVALUATIONS
from transit_assets.learning.splits import holdout, joined, observed, spanned, within

MINIMUM_SPAN = timedelta(hours=12)
BASELINE_DOCUMENT = "model/baseline.json"
EVALUATION_DOCUMENT = "evaluation.json"
_INSTANTS = tuple(column.name for column in EVALUATIONS.columns if column.type == UTC_INSTANT)
RETRAIN_DAYS = 7


@dataclass(frozen=True)
class Lesson:
    """Everything one training of a domain's models learns from: read once, from pinned versions."""

    domain: Domain
    versions: Versions
    train: Window
    test: Window
    examples: Examples
    origin: str | None

    @property
    def data(self) -> str:
        """Which versions of what, and that it is simulated where it is."""
        return said(self.versions) + (" (SIMULATED data)" if self.origin == "simulated" else "")

    @cached_property
    def learning(self) -> Examples:
        return self.examples.take(within(self.examples, self.train))

    @cached_property
    def holdout(self) -> Examples:
        return self.examples.take(within(self.examples, self.test))


def enough(lake: Lake, domain: Domain, *, days: int) -> list[Window]:
    """The stretches of the last so many days that hold data. Raises TooLittleData where they are too short in all."""
    found = joined(domain.stretches(lake, days))
    if observed(found) < MINIMUM_SPAN:
        held = f"{spanned(found)}" if found else "no data"
        gaps = f", {observed(found)} of it observed" if len(found) > 1 else ""
        raise TooLittleData(f"{domain.name}: {held}{gaps}; training needs at least {MINIMUM_SPAN}")
    return found


def lesson(lake: Lake, domain: Domain, *, days: int, at_most: int) -> Lesson:
    """Read what the last so many days of data teach, the last 30 % of their time held out. Raises TooLittleData."""
    versions = domain.versions(lake)
    stretches = enough(lake, domain, days=days)
    train, test = holdout(stretches, gap=domain.publication_delay)
    examples = domain.examples(lake, spanned(stretches), versions, at_most)
    return Lesson(domain, versions, train, test, examples, lake.landing.origin())


def train(lake: Lake, registry: Registry, model: Model, taught: Lesson, *, seed: int) -> Version:
    """Fit a model and its baselines, write its evaluation, and register it as challenger.

    Where the lower bound of its gain over the best baseline is not above zero, or it is worse on a large segment by
    more than it may be, that baseline is registered instead.
    """
    learning = taught.learning
    fitted, baselines = fit(model, learning, seed), fit_baselines(model, learning)
    judged = judge(model, taught.holdout, {CHALLENGER: fitted, **baselines})
    best = best_baseline(judged, list(baselines))
    if not promotion.is_better(judged, best):
        fitted = baselines[best]
        judged = judge(model, taught.holdout, {CHALLENGER: fitted, **baselines})
    return _registered(lake, registry, model, taught, fitted, judged, baselines, best, seed)


def _registered(
    lake: Lake,
    registry: Registry,
    model: Model,
    taught: Lesson,
    fitted: Fitted,
    judged: Judged,
    baselines: Mapping[str, Fitted],
    best: str,
    seed: int,
) -> Version:
    found = evaluations(
        judged,
        CHALLENGER,
        list(baselines),
        version="0",
        train=taught.train,
        test=taught.test,
        data_version=said(taught.versions),
    )
    overall = [row for row in found if row["segment"] == "all"]
    card = reports.card(judged, CHALLENGER, fitted, taught.train, taught.test, found, best, taught.data)
    version = registry.register(
        fitted,
        domain=model.domain,
        parameters={
            "estimator": fitted.called,
            "seed": seed,
            "examples": len(taught.learning),
            "features": len(fitted.features),
            "best_baseline": best,
            **kinds.parameters(fitted.estimator),
        },
        metrics={
            _named(row) + suffix: row[column]
            for row in overall
            if row["baseline"] == best
            for suffix, column in (("", "value"), (f"_{best}", "baseline_value"))
        },
        tags=_tags(taught, best) | {"mlflow.note.content": card},
        files={
            BASELINE_DOCUMENT: baselines[best].to_json(),
            EVALUATION_DOCUMENT: json.dumps(found, default=datetime.isoformat),
            "card.md": card,
            **reports.plots(judged, CHALLENGER, best, found),
        },
        description=card,
    )
    write_evaluation(lake, registry, version)
    _judge_warnings(lake, taught, judged, fitted, version.number)
    return version


def _named(row: Mapping[str, Any]) -> str:
    """`mae_60`, or `mae` where there is no horizon."""
    return str(row["metric"]) + ("" if row["horizon_minutes"] is None else f"_{row['horizon_minutes']}")


def _judge_warnings(lake: Lake, taught: "Lesson", judged: Judged, fitted: Fitted, version: str) -> None:
    """Write how right the warnings of a model are that has any, on the window that it was judged on."""
    if fitted.risk is None or taught.domain.underestimates is None:
        return
    fixed = {
        "model": judged.model.name,
        "version": version,
        "train_from": taught.train.start,
        "train_to": taught.train.end,
        "test_from": taught.test.start,
        "test_to": taught.test.end,
        "data_version": said(taught.versions),
        "evaluated_at": datetime.now(UTC),
    }
    merge(lake, taught.domain.underestimates, risks.rows(judged, CHALLENGER, fitted.risk, fixed))


def write_evaluation(lake: Lake, registry: Registry, version: Version) -> None:
    """Put the evaluation that is stored with a version into `models.evaluations`, where it is not there yet."""
    rows = json.loads(registry.document(version, EVALUATION_DOCUMENT))
    for row in rows:
        row["version"] = version.number
        for name in _INSTANTS:
            row[name] = datetime.fromisoformat(row[name])
    held = lake.table(EVALUATIONS).scan(
        "SELECT count(*) AS n FROM evaluations WHERE model = ? AND version = ? AND evaluated_at >= ?",
        [version.model, version.number, min((row["evaluated_at"] for row in rows), default=None)],
    )
    if held["n"][0].as_py() < len(rows):
        write(lake, rows)


@cache
def _code_version() -> str:
    """The version of the package and a hash of its sources, which tells two commits of one version apart."""
    found = hashlib.sha256()
    for path in sorted(Path(transit_assets.__file__).parent.rglob("*.py")):
        found.update(path.read_bytes())
    return f"{importlib.metadata.version('transit-assets')}+{found.hexdigest()[:12]}"


def _tags(taught: Lesson, best: str) -> dict[str, str]:
    """What a decision needs to ask the same questions again, of the same data."""
    return {
        "transit.code": _code_version(),
        "transit.best_baseline": best,
        "transit.train": f"{taught.train.start.isoformat()}/{taught.train.end.isoformat()}",
        "transit.test": f"{taught.test.start.isoformat()}/{taught.test.end.isoformat()}",
        "transit.data": taught.data,
        **{f"transit.source.{name}": f"{one.table_id}@{one.version}" for name, one in taught.versions.items()},
    }


def baseline_of(registry: Registry, version: Version) -> Fitted:
    """The best baseline at the time when a version was trained, fitted on the same examples."""
    return registry.load(version, BASELINE_DOCUMENT)


def evaluate(lake: Lake, domain: Domain, train: Window, test: Window, *, seed: int, at_most: int) -> list[dict]:
    """Evaluate every model of a domain on any two windows, and write the rows. Registers nothing.

    Of each window at most so many examples are drawn. What was published only after the test window began is not
    learnt from. Raises TooLittleData where a window holds too few examples.
    """
    versions = domain.versions(lake)
    train = Window(train.start, min(train.end, test.start - domain.publication_delay))
    learning, asked = (
        examples.take(within(examples, window))
        for window in (train, test)
        for examples in [domain.examples(lake, window, versions, at_most)]
    )
    taught = Lesson(domain, versions, train, test, asked, lake.landing.origin())
    rows = []
    for model in domain.models:
        baselines, fitted = fit_baselines(model, learning), fit(model, learning, seed)
        judged = judge(model, asked, {CHALLENGER: fitted, **baselines})
        _judge_warnings(lake, taught, judged, fitted, UNREGISTERED)
        rows += evaluations(
            judged,
            CHALLENGER,
            list(baselines),
            version=UNREGISTERED,
            train=train,
            test=test,
            data_version=said(versions),
        )
    write(lake, rows)
    return rows


def is_due(lake: Lake, registry: Registry, domain: Domain, model: Model, stretches: Sequence[Window]) -> str | None:
    """Why a model should be trained now, of the stretches that `enough` found; None where there is no reason.

    The first time; when the champion's features are no longer those of the code; then whenever a week of data came
    after the last holdout, or a day of it where features drifted. A day without data is not one of them.
    """
    last = promotion.latest(lake, model.name, "promoted"), promotion.latest(lake, model.name, "refused")
    judged = [one for one in last if one and one["test_to"]]  # an alias moved by hand was judged on nothing
    if not judged:
        return "it was never trained"
    new = observed(stretches, max(one["test_to"] for one in judged))
    if new >= timedelta(days=RETRAIN_DAYS):
        return f"{new.days} days of new data"
    champion, newest = registry.champion(model.name), registry.newest(model.name)
    # Where a version of today's features was refused already, or gone back from, it takes new data to try again.
    is_news = _is_of_other_features(newest, model, domain) or new >= timedelta(days=1)
    if is_news and _is_of_other_features(champion, model, domain):
        return "its champion was fitted on other features than those of today"
    from transit_assets.learning.watching import drifted

    moved = drifted(lake, domain, model, DRIFT_LIMIT)
    return f"its features drifted: {', '.join(moved)}" if moved and new >= timedelta(days=1) else None


def _is_of_other_features(version: Version | None, model: Model, domain: Domain) -> bool:
    features = domain.features if model.features is None else model.features
    return version is not None and version.features is not None and version.features != features
