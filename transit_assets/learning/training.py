"""Training: fit, judge on the holdout beside the baselines, register as challenger; then decide.

Two steps, so that each can be repeated: `train` leaves a challenger that holds everything the decision needs
(windows, data versions, its best baseline); `decide` promotes or refuses it.
"""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from transit_assets.lake import Lake, TableVersion
from transit_assets.learning import promotion, reports
from transit_assets.learning.domain import Domain, Versions, said
from transit_assets.learning.errors import TooLittleData
from transit_assets.learning.evaluation import UNREGISTERED, Judged, best_baseline, evaluations, judge, write
from transit_assets.learning.examples import Examples, Window
from transit_assets.learning.fitting import Fitted, fit, fit_baselines
from transit_assets.learning.model import Model
from transit_assets.learning.promotion import BASELINE, CHALLENGER, CHAMPION, Decision
from transit_assets.learning.registry import CHALLENGER as CHALLENGER_ALIAS
from transit_assets.learning.registry import Registry, Version
from transit_assets.learning.schema import DECISIONS, EVALUATIONS
from transit_assets.learning.splits import holdout, within

MINIMUM_SPAN = timedelta(hours=12)
BASELINE_DOCUMENT = "model/baseline.json"
RETRAIN_DAYS = 7
DRIFT_LIMIT = 0.25


@dataclass(frozen=True)
class Lesson:
    """Everything one training of a domain's models learns from: read once, from pinned versions."""

    domain: Domain
    versions: Versions
    train: Window
    test: Window
    examples: Examples

    @property
    def learning(self) -> Examples:
        return self.examples.take(within(self.examples, self.train))

    @property
    def holdout(self) -> Examples:
        return self.examples.take(within(self.examples, self.test))


def lesson(lake: Lake, domain: Domain, *, days: int, at_most: int, gap: timedelta = timedelta()) -> Lesson:
    """Read what the last so many days teach, the last 30 % of the time held out. Raises TooLittleData."""
    versions = domain.versions(lake)
    span = domain.span(lake, days)
    if span is None or span.end - span.start < MINIMUM_SPAN:
        held = "no data" if span is None else str(span)
        raise TooLittleData(f"{domain.name}: {held}; training needs at least {MINIMUM_SPAN}")
    train, test = holdout(span, gap=gap)
    return Lesson(domain, versions, train, test, domain.examples(lake, span, versions, at_most))


def train(lake: Lake, registry: Registry, model: Model, taught: Lesson, *, seed: int) -> Version:
    """Fit a model and its baselines, write its evaluation, and register it as challenger.

    Where the lower bound of its gain over the best baseline is not above zero, that baseline is registered instead.
    """
    learning = taught.learning
    fitted, baselines = fit(model, learning, seed), fit_baselines(model, learning)
    judged = judge(model, taught.holdout, {CHALLENGER: fitted, **baselines})
    best = best_baseline(judged, list(baselines))
    gain, _ = promotion.conditions(judged, fitted, best)
    if not (gain.ci_low or 0.0) > 0:
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
    card = reports.card(model, fitted, taught.train, taught.test, found, best, said(taught.versions))
    version = registry.register(
        fitted,
        domain=model.domain,
        parameters={
            "estimator": fitted.estimator.kind,
            "seed": seed,
            "examples": len(taught.learning),
            "features": len(fitted.features),
            "best_baseline": best,
            **{
                name: value
                for name, value in fitted.estimator.state().items()
                if isinstance(value, int | str) and name != "text"
            },
        },
        metrics={
            f"{row['metric']}_{row['horizon_minutes']}{suffix}": row[column]
            for row in overall
            if row["baseline"] == best
            for suffix, column in (("", "value"), (f"_{best}", "baseline_value"))
        },
        tags=_tags(taught, best) | {"mlflow.note.content": card},
        files={
            BASELINE_DOCUMENT: baselines[best].to_json(),
            "card.md": card,
            **reports.plots(judged, CHALLENGER, best, found),
        },
        description=card,
    )
    write(lake, [row | {"version": version.number} for row in found])
    return version


def _tags(taught: Lesson, best: str) -> dict[str, str]:
    """What a decision needs to ask the same questions again, of the same data."""
    return {
        "transit.code": importlib.metadata.version("transit-assets"),
        "transit.best_baseline": best,
        "transit.train": f"{taught.train.start.isoformat()}/{taught.train.end.isoformat()}",
        "transit.test": f"{taught.test.start.isoformat()}/{taught.test.end.isoformat()}",
        "transit.data": said(taught.versions),
        **{f"transit.source.{name}": f"{one.table_id}@{one.version}" for name, one in taught.versions.items()},
    }


def decide(lake: Lake, registry: Registry, domain: Domain, model: Model, *, at_most: int) -> Decision | None:
    """Judge the challenger against the champion on the challenger's own holdout, and promote it or not.

    None where nothing waits for a decision. One decision of a model at a time; one that was cut short after the
    champion had changed is put on record.
    """
    with registry.lock(model.name):
        champion = registry.settle(model.name)
        if champion and not champion.decided:
            return _recovered(lake, registry, model, champion)
        challenger = registry.aliased(model.name, CHALLENGER_ALIAS)
        if challenger is None or challenger.decided:
            return None
        tags = registry.run_tags(challenger)
        train, test = _window(tags["transit.train"]), _window(tags["transit.test"])
        asked = domain.examples(lake, Window(train.start, test.end), _versions(tags), at_most)
        ours = registry.load(challenger)
        forecasters = {CHALLENGER: ours, BASELINE: baseline_of(registry, challenger)}
        if champion:
            forecasters[CHAMPION] = registry.load(champion)
        judged = judge(model, asked.take(within(asked, test)), forecasters)
        decision = _decided(model, judged, ours, challenger, champion, train, test, tags)
        if decision.outcome == "promoted":
            registry.promote(challenger)
        registry.add_file(challenger, "decision.html", reports.decision_page(decision, judged))
        promotion.record(lake, decision)
        registry.mark_decided(challenger, decision.outcome)
    return decision


def _recovered(lake: Lake, registry: Registry, model: Model, champion: Version) -> Decision:
    """The decision of a promotion that was killed between the switch and its record."""
    tags = registry.run_tags(champion)
    decision = Decision(
        model=model.name,
        domain=model.domain,
        outcome="promoted",
        version=champion.number,
        estimator=champion.estimator,
        champion=champion.number,
        compared_with=f"champion {champion.replaced}" if champion.replaced else tags["transit.best_baseline"],
        metric=model.headline,
        reason="its promotion was interrupted after the switch, and put on record by the next run",
        train=_window(tags["transit.train"]),
        test=_window(tags["transit.test"]),
        data_version=tags["transit.data"],
    )
    promotion.record(lake, decision)
    registry.mark_decided(champion, decision.outcome)
    return decision


def _decided(
    model: Model,
    judged: Judged,
    ours: Fitted,
    challenger: Version,
    champion: Version | None,
    train: Window,
    test: Window,
    tags: Mapping[str, str],
) -> Decision:
    against = CHAMPION if champion else BASELINE
    gain, checked = promotion.conditions(judged, ours, against)
    best = tags["transit.best_baseline"]
    # A baseline that stands in for a model beats nothing when it is the first: it is served because nothing beats it.
    needed = checked if champion or not ours.is_baseline else checked[1:]
    broken = [one for one in needed if not one.has_passed]
    if broken:
        reason = "; ".join(f"not so: {one.name} ({one.found})" for one in broken)
    elif ours.is_baseline and not champion:
        reason = f"no model beat the best baseline: {best} is served, under its own name"
    else:
        reason = f"every condition holds; {checked[0].found}"
    return Decision(
        model=model.name,
        domain=model.domain,
        outcome="refused" if broken else "promoted",
        version=challenger.number,
        estimator=challenger.estimator,
        champion=(champion.number if champion else "none") if broken else challenger.number,
        compared_with=f"champion {champion.number}" if champion else best,
        metric=model.headline,
        reason=reason,
        gain=gain,
        train=train,
        test=test,
        data_version=tags["transit.data"],
        conditions=checked,
    )


def baseline_of(registry: Registry, version: Version) -> Fitted:
    """The best baseline at the time when a version was trained, fitted on the same examples."""
    return Fitted.from_json(registry.read(version, BASELINE_DOCUMENT).decode())


def evaluate(lake: Lake, domain: Domain, train: Window, test: Window, *, seed: int, at_most: int) -> list[dict]:
    """Evaluate every model of a domain on any two windows, and write the rows. Registers nothing.

    Raises TooLittleData where a window holds too few examples.
    """
    versions = domain.versions(lake)
    whole = Window(min(train.start, test.start), max(train.end, test.end))
    examples = domain.examples(lake, whole, versions, at_most)
    learning, asked = examples.take(within(examples, train)), examples.take(within(examples, test))
    rows = []
    for model in domain.models:
        baselines = fit_baselines(model, learning)
        judged = judge(model, asked, {CHALLENGER: fit(model, learning, seed), **baselines})
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


def is_due(lake: Lake, domain: Domain, model: Model, *, days: int) -> str | None:
    """Why a model should be trained now; None where there is no reason, or too little data.

    The first time, then whenever a week of data came after the last holdout, or a day of it where features drifted.
    """
    span = domain.span(lake, days)
    if span is None or span.end - span.start < MINIMUM_SPAN:
        return None
    last = promotion.latest(lake, model.name, "promoted"), promotion.latest(lake, model.name, "refused")
    judged = [one for one in last if one]
    if not judged:
        return "it was never trained"
    new = span.end - max(one["test_to"] for one in judged)
    if new >= timedelta(days=RETRAIN_DAYS):
        return f"{new.days} days of new data"
    from transit_assets.learning.watching import drifted

    moved = drifted(lake, domain, model, DRIFT_LIMIT)
    return f"its features drifted: {', '.join(moved)}" if moved and new >= timedelta(days=1) else None


def is_undecided(lake: Lake, model: Model) -> bool:
    """Whether a version was evaluated and no decision about it is on record, as after a run that was killed."""
    with lake.engine() as connection:
        lake.register(connection, [EVALUATIONS, DECISIONS])
        found = connection.execute(
            "SELECT (SELECT max(version::INTEGER) FROM models.evaluations WHERE model = $1 AND version <> $2)"
            " > (SELECT coalesce(max(version::INTEGER), 0) FROM models.decisions WHERE model = $1)",
            [model.name, UNREGISTERED],
        ).fetchone()
    return bool(found and found[0])


def _window(text: str) -> Window:
    start, end = text.split("/")
    return Window(datetime.fromisoformat(start), datetime.fromisoformat(end))


def _versions(tags: Mapping[str, str]) -> dict[str, TableVersion]:
    prefix = "transit.source."
    found = {}
    for name, text in tags.items():
        if name.startswith(prefix):
            table_id, version = text.rsplit("@", 1)
            found[name.removeprefix(prefix)] = TableVersion(table_id, int(version))
    return found
