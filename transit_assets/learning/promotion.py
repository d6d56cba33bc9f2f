"""Promotion: whether a challenger becomes the champion, by conditions that are all written down.

The challenger and the champion answer the same frozen holdout, the one that the challenger was trained before.
Where no model beats the best baseline, training has registered that baseline, and it is judged like any other.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from transit_assets.lake import Lake
from transit_assets.learning.errors import ModelMissing
from transit_assets.learning.evaluation import Judged, segments
from transit_assets.learning.examples import Examples, Window
from transit_assets.learning.fitting import Fitted
from transit_assets.learning.registry import Registry, Version
from transit_assets.learning.roles import CHALLENGER
from transit_assets.learning.schema import DECISIONS
from transit_assets.learning.scores import Comparison, compare


@dataclass(frozen=True)
class Limits:
    """What a challenger must keep. A segment is large from `large_share` of the holdout on."""

    large_share: float = 0.10
    segment_loss: float = 0.05
    latency_ms: float = 50.0
    size_bytes: int = 20 * 2**20


LIMITS = Limits()


@dataclass(frozen=True)
class Condition:
    """One condition of a promotion, whether it holds, and what was found."""

    name: str
    has_passed: bool
    found: str


@dataclass(frozen=True)
class Decision:
    """What became of a version, and why. One row of `models.decisions`."""

    model: str
    domain: str
    outcome: str
    version: str
    estimator: str
    champion: str
    compared_with: str | None
    metric: str
    reason: str
    gain: Comparison | None = None
    train: Window | None = None
    test: Window | None = None
    data_version: str | None = None
    conditions: Sequence[Condition] = ()
    decided_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=datetime.isoformat)

    @classmethod
    def from_json(cls, text: str) -> "Decision":
        document = json.loads(text)
        for name in ("train", "test"):
            span = document[name]
            document[name] = span and Window(*(datetime.fromisoformat(span[edge]) for edge in ("start", "end")))
        document["gain"] = document["gain"] and Comparison(**document["gain"])
        document["conditions"] = [Condition(**one) for one in document["conditions"]]
        document["decided_at"] = datetime.fromisoformat(document["decided_at"])
        return cls(**document)

    def row(self) -> dict[str, Any]:
        gain = self.gain
        return {
            "domain": self.domain,
            "model": self.model,
            "decided_at": self.decided_at,
            "outcome": self.outcome,
            "version": self.version,
            "estimator": self.estimator,
            "champion": self.champion,
            "compared_with": self.compared_with,
            "metric": self.metric,
            "gain": gain and gain.improvement,
            "gain_low": gain and gain.ci_low,
            "gain_high": gain and gain.ci_high,
            "train_from": self.train and self.train.start,
            "train_to": self.train and self.train.end,
            "test_from": self.test and self.test.start,
            "test_to": self.test and self.test.end,
            "n": gain and gain.n,
            "data_version": self.data_version,
            "reason": self.reason,
            "evidence": json.dumps([asdict(one) for one in self.conditions]),
        }


def is_better(judged: Judged, against: str, *, limits: Limits = LIMITS) -> bool:
    """Whether the challenger gains over another forecaster, and on no large segment loses more than it may."""
    by_segment = _by_segment(judged, against)
    metric = judged.model.headline
    is_kept = _segments(by_segment, limits, judged.model.guarded).has_passed
    return _gain(by_segment["all"], metric).has_passed and is_kept


def conditions(
    judged: Judged, challenger: Fitted, against: str, *, limits: Limits = LIMITS
) -> tuple[Comparison, list[Condition]]:
    """Every condition of a promotion, with the gain over `against` (the champion or the best baseline)."""
    by_segment, metric = _by_segment(judged, against), judged.model.headline
    gain = by_segment["all"]
    return gain, [
        _gain(gain, metric),
        _segments(by_segment, limits, judged.model.guarded),
        _schema(challenger, judged.asked),
        _smoke(challenger, judged.asked),
        _latency(challenger, judged.asked, limits),
        _size(challenger, limits),
    ]


def _by_segment(judged: Judged, against: str) -> dict[str, Comparison]:
    """The challenger beside another forecaster in the metric that decides: on all, each segment, each horizon."""
    ours, theirs, metric = judged.losses(CHALLENGER), judged.losses(against), judged.model.headline
    everything = np.ones(len(judged.asked), bool)
    found = {
        name: compare(metric, ours, theirs, judged.draws, rows) for name, rows in segments(judged.asked, everything)
    }
    for horizon in judged.model.horizons:  # of a model without horizons all is one
        rows = np.flatnonzero(judged.asked.horizon_minutes == horizon)
        if len(rows):
            found[f"horizon={horizon}"] = compare(metric, ours, theirs, judged.draws, rows)
    return found


def _gain(gain: Comparison, metric: str) -> Condition:
    low = gain.ci_low if gain.ci_low is not None else float("nan")
    found = f"{metric} {gain.value:.5g} against {gain.baseline_value:.5g}: {_percent(gain.improvement)}"
    return Condition(
        "the lower bound of the gain is above zero",
        low > 0,
        f"{found} (95 % from {_percent(gain.ci_low)} to {_percent(gain.ci_high)}, n = {gain.n:,})",
    )


def _segments(by_segment: dict[str, Comparison], limits: Limits, guarded: float | None = None) -> Condition:
    """Large segments by what was found, smaller ones, from a share `guarded` on, by the best that may be so.

    A small segment loses by chance: of 30 boroughs one always does.
    """
    everything = by_segment["all"].n
    gains = {name: _relative(one) for name, one in by_segment.items() if one.n >= limits.large_share * everything}
    worst = min(gains, key=lambda name: gains[name])
    found = (
        f"{len(gains)} segments with at least {limits.large_share:.0%} of the holdout; the least gain is "
        f"{_percent(gains[worst])} in {worst}"
    )
    lost = []
    if guarded is not None:
        smaller = {name: one for name, one in by_segment.items() if name not in gains and one.n >= guarded * everything}
        lost = [name for name, one in smaller.items() if (one.ci_high or 0.0) < -limits.segment_loss]
        said = f"surely so: {', '.join(sorted(lost))}" if lost else "none surely"
        found += f"; of {len(smaller)} with at least {guarded:.0%} {said}"
    return Condition(
        f"no large segment is worse by more than {limits.segment_loss:.0%}",
        gains[worst] >= -limits.segment_loss and not lost,
        found,
    )


def _relative(one: Comparison) -> float:
    """The gain in a segment; beside an error of 0 there is nothing to gain, and all to lose."""
    if one.improvement is not None:
        return one.improvement
    return 0.0 if one.value <= one.baseline_value else -1.0


def _schema(challenger: Fitted, asked: Examples) -> Condition:
    different = sorted(set(challenger.features) ^ set(asked.names))
    is_same = challenger.features == asked.names
    return Condition("its features are those of today's code", is_same, "the same" if is_same else str(different))


def _smoke(challenger: Fitted, asked: Examples) -> Condition:
    """A small batch gives finite values in range, after the way through storage and back."""
    some = asked.take(_spread(asked, 200))
    value = Fitted.from_json(challenger.to_json()).predict(some).value
    highest = max(challenger.classes, default=0.0)
    upper = {"probability": 1.0, "quantity": np.inf, "level": 3.0, "classes": highest}[challenger.kind]
    bad = int((~np.isfinite(value) | (value < 0) | (value > upper)).sum())
    return Condition("a smoke batch is answered in range", bad == 0, f"{bad} of {len(some)} answers out of range")


def _spread(asked: Examples, count: int) -> np.ndarray:
    """Positions of a few questions from first to last: they are sorted by horizon and entity."""
    return np.unique(np.linspace(0, len(asked) - 1, min(count, len(asked))).astype(np.int64))


def _latency(challenger: Fitted, asked: Examples, limits: Limits) -> Condition:
    """Of each question the fastest of three answers: the model is judged, not what else the machine does."""
    seconds = []
    for row in _spread(asked, 100):
        one = asked.take(np.array([row]))
        tries = []
        for _ in range(3):
            start = time.perf_counter()
            challenger.predict(one)
            tries.append(time.perf_counter() - start)
        seconds.append(min(tries))
    slow = 1000 * float(np.quantile(seconds, 0.99))
    name = f"one question is answered within {limits.latency_ms:g} ms (99 of 100)"
    return Condition(name, slow <= limits.latency_ms, f"{slow:.2f} ms")


def _size(challenger: Fitted, limits: Limits) -> Condition:
    size = len(challenger.to_json())
    return Condition(
        f"it is at most {limits.size_bytes / 2**20:g} MB", size <= limits.size_bytes, f"{size / 2**20:.2f} MB"
    )


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:+.2%}"


def record(lake: Lake, decision: Decision) -> None:
    """Append a decision to `models.decisions`."""
    lake.table(DECISIONS).append(pa.Table.from_pylist([decision.row()], schema=DECISIONS.schema))


def latest(lake: Lake, model: str, outcome: str | None = None) -> dict[str, Any] | None:
    """The latest decision about a model, of any outcome or of one; None where there is none."""
    rows = lake.table(DECISIONS).scan(
        "SELECT * FROM decisions WHERE model = ? AND outcome = coalesce(?, outcome) ORDER BY decided_at DESC LIMIT 1",
        [model, outcome],
    )
    return rows.to_pylist()[0] if rows.num_rows else None


def settle(lake: Lake, registry: Registry, model: str, domain: str, metric: str) -> Decision | None:
    """Finish what a promotion or a roll back that was killed left undone: aliases and record. Call it under the lock.

    Returns the decision that it put on record, None where nothing was missing.
    """
    champion = registry.settle(model)
    found = None
    for version in registry.undecided(model):
        begun = Decision.from_json(version.decision) if version.decision else None
        if begun and _is_on_record(lake, begun):
            registry.mark_decided(version, begun.outcome)
        elif champion and champion.number == version.number:  # it was switched to, and the record is missing
            found = begun or _by_hand("promoted", model, domain, metric, champion, champion)
            record(lake, found)
            registry.mark_decided(version, found.outcome)
    last = latest(lake, model)
    if champion and last and last["champion"] not in (champion.number, "none"):
        try:
            left = registry.version(model, last["champion"])
        except ModelMissing:  # it was deleted in MLflow
            left = champion
        found = _by_hand("rolled_back", model, domain, metric, left, champion)
        record(lake, found)
    return found


def _by_hand(outcome: str, model: str, domain: str, metric: str, about: Version, champion: Version) -> Decision:
    """The decision of someone who changed the alias in MLflow, or of a roll back that was killed before its record."""
    return Decision(
        model=model,
        domain=domain,
        outcome=outcome,
        version=about.number,
        estimator=about.estimator,
        champion=champion.number,
        compared_with=None,
        metric=metric,
        reason=f"version {champion.number} was found to be the champion, without a record of why",
    )


def _is_on_record(lake: Lake, decision: Decision) -> bool:
    rows = lake.table(DECISIONS).scan(
        "SELECT 1 FROM decisions WHERE model = ? AND decided_at = ?", [decision.model, decision.decided_at]
    )
    return rows.num_rows > 0


def roll_back(lake: Lake, registry: Registry, model: str, domain: str, metric: str) -> Decision:
    """Go back to what the champion replaced. Raises ModelMissing where there is nothing to go back to."""
    with registry.lock(model):
        settle(lake, registry, model, domain, metric)
        left, version = registry.roll_back(model)
        decision = Decision(
            model=model,
            domain=domain,
            outcome="rolled_back",
            version=left.number,
            estimator=left.estimator,
            champion=version.number,
            compared_with=None,
            metric=metric,
            reason=f"rolled back by hand from version {left.number} to version {version.number}",
        )
        record(lake, decision)
    return decision
