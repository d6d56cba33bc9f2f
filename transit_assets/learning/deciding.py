"""Deciding: whether a version that waits becomes the champion, judged again on its own frozen holdout.

What is decided is written down with the version before anything is changed, so that whatever a kill leaves undone
is finished by the next one who decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from transit_assets.lake import Lake, TableVersion
from transit_assets.lake.errors import VersionMissing
from transit_assets.learning import promotion, reports
from transit_assets.learning.domain import Domain
from transit_assets.learning.errors import ModelUnreadable, TooLittleData
from transit_assets.learning.evaluation import Judged, judge
from transit_assets.learning.examples import Window
from transit_assets.learning.fitting import Fitted
from transit_assets.learning.model import Model
from transit_assets.learning.promotion import Condition, Decision
from transit_assets.learning.registry import Registry, Version
from transit_assets.learning.roles import BASELINE, CHALLENGER, CHAMPION
from transit_assets.learning.splits import within
from transit_assets.learning.training import baseline_of, write_evaluation


@dataclass(frozen=True)
class Case:
    """A version that waits, what is served now, and what the version's run says of its windows and its data."""

    model: Model
    challenger: Version
    champion: Version | None
    tags: Mapping[str, str]

    @property
    def windows(self) -> tuple[Window, Window]:
        return _window(self.tags["transit.train"]), _window(self.tags["transit.test"])

    @property
    def best_baseline(self) -> str:
        return self.tags["transit.best_baseline"]


def decide(lake: Lake, registry: Registry, domain: Domain, model: Model, *, at_most: int) -> Decision | None:
    """Judge every version that waits against the champion, oldest first, and promote it or not.

    Returns the last decision, None where nothing waited. One who decides about a model at a time. A promotion that
    was cut short after the champion had changed is put on record first.
    """
    with registry.lock(model.name):
        decision = promotion.settle(lake, registry, model.name, model.domain, model.headline)
        for challenger in registry.undecided(model.name):
            case = Case(model, challenger, registry.champion(model.name), registry.run_tags(challenger))
            decision = _decide(lake, registry, domain, case, at_most)
    return decision


def _decide(lake: Lake, registry: Registry, domain: Domain, case: Case, at_most: int) -> Decision:
    try:
        write_evaluation(lake, registry, case.challenger)
        ours, judged, lost = _judged(lake, registry, domain, case, at_most)
        decision, page = _decided(case, ours, judged, lost), judged
    except (ModelUnreadable, VersionMissing) as error:
        decision, page = _unjudged(case, str(error)), None
    registry.add_file(case.challenger, "decision.html", reports.decision_page(decision, page))
    registry.write_down(case.challenger, decision.to_json())
    if decision.outcome == "promoted":
        registry.promote(case.challenger)
    promotion.record(lake, decision)
    registry.mark_decided(case.challenger, decision.outcome)
    return decision


def _judged(
    lake: Lake, registry: Registry, domain: Domain, case: Case, at_most: int
) -> tuple[Fitted, Judged, str | None]:
    """The challenger beside the champion and the best baseline; and why the champion has no answer, if so."""
    train, test = case.windows
    ours = registry.load(case.challenger)
    forecasters = {CHALLENGER: ours, BASELINE: baseline_of(registry, case.challenger)}
    everything = domain.examples(lake, Window(train.start, test.end), _versions(case.tags), at_most)
    asked = everything.take(within(everything, test))
    if case.champion is None:
        return ours, judge(case.model, asked, forecasters), None
    try:
        champion = registry.load(case.champion)
        unseen = asked.take(within(asked, _unseen(registry.run_tags(case.champion), test)))
        return ours, judge(case.model, unseen, {**forecasters, CHAMPION: champion}), None
    except (ModelUnreadable, TooLittleData) as error:  # of the champion; if the challenger's, it is raised again below
        return ours, judge(case.model, asked, forecasters), str(error)


def _unseen(champion: Mapping[str, str], test: Window) -> Window:
    """The part of the holdout that the champion did not learn from: all of it, unless older data came later."""
    return Window(max(test.start, _window(champion["transit.train"]).end), test.end)


def _decided(case: Case, ours: Fitted, judged: Judged, lost: str | None) -> Decision:
    rival = case.champion if lost is None else None
    gain, checked = promotion.conditions(judged, ours, CHAMPION if rival else BASELINE)
    # A baseline that stands in for a model beats nothing when it is the first: it is served because nothing beats it.
    needed = checked if rival or not ours.is_baseline else checked[1:]
    broken = [one for one in needed if not one.has_passed]
    if broken:
        reason = "; ".join(f"not so: {one.name} ({one.found})" for one in broken)
    elif ours.is_baseline and not rival:
        reason = f"no model beat the best baseline: {case.best_baseline} is served, under its own name"
    else:
        reason = f"every condition holds; {checked[0].found}"
    if lost:
        reason += f"; compared with the best baseline, because the champion has no answer ({lost})"
    return Decision(
        outcome="refused" if broken else "promoted",
        champion=_served(case) if broken else case.challenger.number,
        compared_with=f"champion {rival.number}" if rival else case.best_baseline,
        reason=reason,
        gain=gain,
        conditions=needed,
        **_said(case),
    )


def _unjudged(case: Case, why: str) -> Decision:
    """A version whose document or whose data cannot be read (any more) is refused."""
    condition = Condition("it answers the questions of its holdout", False, why)
    return Decision(
        outcome="refused",
        champion=_served(case),
        compared_with=None,
        reason=f"not so: {condition.name} ({why})",
        conditions=[condition],
        **_said(case),
    )


def _served(case: Case) -> str:
    return case.champion.number if case.champion else "none"


def _said(case: Case) -> dict[str, Any]:
    train, test = case.windows
    return {
        "model": case.model.name,
        "domain": case.model.domain,
        "version": case.challenger.number,
        "estimator": case.challenger.estimator,
        "metric": case.model.headline,
        "train": train,
        "test": test,
        "data_version": case.tags["transit.data"],
    }


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
