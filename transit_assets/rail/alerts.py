"""Answers about disruptions, and forecasts, to states of alerts: opened, updated, closed.

One alert is about what travellers call one thing, whatever the provider numbers it: there a change makes a new id.
Disruptions of one cause and one title are one alert, and a change of severity or text updates it: three recorded weeks
would open 37 alerts by identifier, 30 by cause, severity and title, and open 28 so. What opens an alert is more than
what keeps it open.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import NormalDist
from typing import Any, TypeAlias

from transit_assets.alerts.schema import SEVERITIES
from transit_assets.rail.schema import ALERT_KINDS
from transit_assets.rail.stations import by_uic, folded

Row: TypeAlias = dict[str, Any]
"""One row of `rail__alerts`, but for `judged_at`."""

DISRUPTION, TRAVEL_TIME = ALERT_KINDS
FORECAST = "forecast"
SOURCES = ("disruptions_bulk", "line_reports", "general_message")
"""All tell of all disruptions of the line, in other words: the first of them that speaks is heard alone."""

SPEAKS_FOR = timedelta(minutes=30)
"""How long after its last answer a source still goes before the next one."""
CLOSE_AFTER = timedelta(minutes=15)
"""How long a disruption is gone before its alert closes: it goes and comes back when it is changed."""
SILENCE = timedelta(hours=2)
"""After so long without any word an alert closes as not known."""
OPENS, CLOSES = 0.3, 0.15
"""A direction is slow from this probability on, until it is below that one."""
_WORSE = 0.2  # by which an open alert's probability rises before that is told
_LEAST_MINUTES = 3.0  # by which a trip is slow at all: a quarter of a hop of two minutes is within its rounding
_TEN_PERCENT = NormalDist().inv_cdf(0.9)  # half of an 80 % interval, in standard deviations
_WORST_PAIRS = 5

_BLOCKED = ("bloqu", "no_service")
_DISTURBED = ("pertur", "significant_delays", "reduced_service", "detour", "modified_service")
_LINE = re.compile(r"^ligne ?b?\b *")  # of a folded title, which has neither `RER` nor a `B` of its own any more


@dataclass(frozen=True)
class Signal:
    """What one answer says about one thing: whether that is enough to open an alert, and to keep one open."""

    about: str
    opens: bool
    holds: bool
    severity: str
    title: str
    text: str | None = None
    cause: str | None = None
    direction: str | None = None
    probability: float | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What one source said at one instant. Of disruptions it names all there are, of directions those it knows."""

    at: datetime
    source: str
    signals: tuple[Signal, ...] = ()

    @property
    def kind(self) -> str:
        return TRAVEL_TIME if self.source == FORECAST else DISRUPTION


@dataclass(frozen=True)
class Outlook:
    """A forecast of the next trip of a pair, in minutes, beside its time by the timetable; an 80 % interval."""

    origin: str
    destination: str
    direction: str
    minutes: float
    theoretical: float
    low: float | None = None
    high: float | None = None

    def slow(self, share: float) -> float:
        """The probability that the trip takes longer than its theoretical time by a share of it."""
        limit = max(self.theoretical * (1 + share), self.theoretical + _LEAST_MINUTES)
        end = self.high if limit > self.minutes else self.low
        spread = abs(end - self.minutes) / _TEN_PERCENT if end is not None else 0.0
        return 1 - NormalDist(self.minutes, spread).cdf(limit) if spread else float(self.minutes >= limit)


# What is said ------------------------------------------------------------------------------------------------------


def of_sightings(rows: Sequence[Mapping[str, Any]]) -> Answer:
    """One answer of a provider: its rows of `DISRUPTION_SIGHTINGS`, of one instant and one source."""
    about: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["disruption_id"] and row["is_active"] and severity_of(row):
            about.setdefault(family(row["cause"], row["title"]), []).append(row)
    signals = tuple(_disrupted(name, about[name]) for name in sorted(about))
    return Answer(rows[0]["observed_at"], rows[0]["source"], signals)


def _disrupted(about: str, rows: Sequence[Mapping[str, Any]]) -> Signal:
    ordered = sorted(rows, key=lambda row: (-SEVERITIES.index(severity_of(row) or SEVERITIES[0]), row["disruption_id"]))
    worst = ordered[0]
    texts = dict.fromkeys(row["message"] for row in ordered if row["message"])
    return Signal(
        about,
        opens=True,
        holds=True,
        severity=str(severity_of(worst)),
        title=worst["title"] or worst["cause"] or "disruption",
        text="\n".join(texts) or None,
        cause=worst["cause"],
        references=tuple(sorted({row["disruption_id"] for row in rows})),
    )


def severity_of(row: Mapping[str, Any]) -> str | None:
    """`blocked`, `disturbed`, or None for what is only told: by severity, else by effect, else by channel."""
    said = next((str(row[name]).casefold() for name in ("severity", "effect", "cause") if row[name]), "")
    if said.startswith(_BLOCKED):
        return "blocked"
    return "disturbed" if said.startswith(_DISTURBED) else None


def family(cause: str | None, title: str | None) -> str:
    """What disruptions of one alert have in common: `perturbation: interruption`."""
    return f"{folded(cause or '')}: {_LINE.sub('', folded(title or ''))}"


def of_outlooks(at: datetime, outlooks: Iterable[Outlook], share: float) -> Answer:
    """What the forecasts of one instant say of each direction: the mean over its pairs of being slow."""
    by: dict[str, list[tuple[float, Outlook]]] = {}
    for one in outlooks:
        by.setdefault(one.direction, []).append((one.slow(share), one))
    return Answer(at, FORECAST, tuple(_slow(direction, by[direction], share) for direction in sorted(by)))


def _slow(direction: str, pairs: Sequence[tuple[float, Outlook]], share: float) -> Signal:
    mean = sum(probability for probability, _ in pairs) / len(pairs)
    worst = sorted(pairs, key=lambda pair: (-pair[0], pair[1].origin, pair[1].destination))[:_WORST_PAIRS]
    return Signal(
        direction,
        opens=mean >= OPENS,
        holds=mean >= CLOSES,
        severity="disturbed",
        title=f"Trips {direction} will take over {share:.0%} longer than scheduled (probability {mean:.0%})",
        text="\n".join(_trip(probability, one) for probability, one in worst),
        direction=direction,
        probability=mean,
    )


def _trip(probability: float, one: Outlook) -> str:
    names = [station.name if (station := by_uic(code)) else code for code in (one.origin, one.destination)]
    return f"{' → '.join(names)}: {one.minutes:.0f} min, scheduled {one.theoretical:.0f} ({probability:.0%})"


# What becomes of alerts --------------------------------------------------------------------------------------------


@dataclass
class _Open:
    """An alert that is open: its last version, and when something last kept it so."""

    row: Row
    held_at: datetime


@dataclass
class _Judge:
    """The alerts of one kind as its answers come in, in their order."""

    open: dict[str, _Open]
    heard: datetime
    spoke: dict[str, datetime] = field(default_factory=dict)
    made: list[Row] = field(default_factory=list)

    def hear(self, answer: Answer, *, is_known: bool) -> None:
        """Take in one answer; one that is known has been judged before, and only says what was last heard."""
        if not is_known:
            self.silence(answer.at)
        self.heard = self.spoke[answer.source] = answer.at
        if self._is_outranked(answer):
            return
        named = {signal.about: signal for signal in answer.signals}
        for about, one in self.open.items():
            if about in named and named[about].holds:
                one.held_at = answer.at
        if is_known:
            return
        for about, one in list(self.open.items()):
            self._look(one, named.get(about), answer)
        for signal in answer.signals:
            if signal.opens and signal.about not in self.open:
                self._opened(signal, answer)

    def silence(self, at: datetime) -> None:
        """Close everything where nobody has spoken for long, as of when it became too long."""
        if at - self.heard >= SILENCE:
            for one in list(self.open.values()):
                self._closed(one, max(self.heard + SILENCE, one.row["updated_at"]), "silence")

    def _is_outranked(self, answer: Answer) -> bool:
        before = SOURCES[: SOURCES.index(answer.source)] if answer.source in SOURCES else ()
        return any(name in self.spoke and answer.at - self.spoke[name] <= SPEAKS_FOR for name in before)

    def _look(self, one: _Open, signal: Signal | None, answer: Answer) -> None:
        if signal is not None and signal.holds:
            if _is_news(one.row, signal):
                self._changed(one, signal, answer)
        elif signal is not None or (answer.kind == DISRUPTION and answer.at - one.held_at >= CLOSE_AFTER):
            self._closed(one, answer.at, "over")

    def _opened(self, signal: Signal, answer: Answer) -> None:
        named = f"{answer.kind}|{signal.about}|{answer.at.isoformat()}"
        row = {
            **_said(signal, answer),
            "alert_id": hashlib.sha256(named.encode()).hexdigest()[:16],
            "version": 1,
            "status": "opened",
            "kind": answer.kind,
            "about": signal.about,
            "opened_at": answer.at,
            "closed_at": None,
            "ended_by": None,
        }
        self.open[signal.about] = _Open(row, answer.at)
        self.made.append(row)

    def _changed(self, one: _Open, signal: Signal, answer: Answer) -> None:
        one.row = {**one.row, **_said(signal, answer), "version": one.row["version"] + 1, "status": "updated"}
        self.made.append(one.row)

    def _closed(self, one: _Open, at: datetime, ended_by: str) -> None:
        ended = {"status": "closed", "updated_at": at, "closed_at": at, "ended_by": ended_by}
        self.made.append({**one.row, **ended, "version": one.row["version"] + 1})
        del self.open[one.row["about"]]


def judge(
    held: Iterable[Row], answers: Iterable[Answer], *, since: datetime | None, known_from: datetime, clock: datetime
) -> list[Row]:
    """The versions that the answers of one kind make of its alerts that are open, in their order.

    `held` are the last versions of the open ones, `since` the last instant that was judged. Answers up to then, from
    `known_from` on, say what was last heard of each source. Answers come in any order; none is of after `clock`.
    """
    judging = _Judge({row["about"]: _Open(dict(row), row["updated_at"]) for row in held}, known_from)
    for answer in sorted(answers, key=_order):
        judging.hear(answer, is_known=since is not None and answer.at <= since)
    judging.silence(clock)
    return judging.made


def _order(answer: Answer) -> tuple[datetime, int]:
    return answer.at, SOURCES.index(answer.source) if answer.source in SOURCES else len(SOURCES)


def _said(signal: Signal, answer: Answer) -> Row:
    return {
        "severity": signal.severity,
        "cause": signal.cause,
        "direction": signal.direction,
        "title": signal.title,
        "text": signal.text,
        "probability": signal.probability,
        "references": list(signal.references),
        "source": answer.source,
        "updated_at": answer.at,
    }


def _is_news(row: Row, signal: Signal) -> bool:
    """Whether what is said is worth telling: another severity or text, or a direction that got slower."""
    if signal.probability is not None:
        return signal.probability - (row["probability"] or 0) >= _WORSE
    return (row["severity"], row["text"]) != (signal.severity, signal.text)
