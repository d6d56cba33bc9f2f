"""What disruptions are decoded to, whichever feed shows them: records of `DISRUPTION_SIGHTINGS`.

An answer without any disruption is one record without one, for each line that it speaks of: "no news" of a provider
that answers is not the silence of one that fails.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any, TypeAlias

import pyarrow as pa

from transit_assets.rail.clean import times
from transit_assets.rail.clean.records import SIGHTINGS, table_of

Row: TypeAlias = dict[str, Any]
"""One record before it is part of a table: an answer has 40, and a table of so few costs as much as one of 10,000."""

NO_DISRUPTION = ""
_BLOCKS = {"p", "br", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6"}
_UNSEEN = {"script", "style"}
_TEXTS = ("disruption_id", "cause", "severity", "effect")


@dataclass(frozen=True)
class Sighting:
    """One disruption in one answer, values as sent. `lines` is None where the answer does not say which."""

    disruption_id: Any
    last_update_at: Any = None
    updated_at: Any = None
    cause: Any = None
    severity: Any = None
    effect: Any = None
    title: Any = None
    message: Any = None
    tags: Sequence[Any] | None = None
    lines: Sequence[Any] | None = None
    stops: Sequence[Any] = ()
    periods: Sequence[tuple[Any, Any]] = ()


@dataclass(frozen=True)
class _Period:
    begin_at: datetime | None
    end_at: datetime | None
    problem: str | None

    def holds(self, at: datetime) -> bool:
        return (self.begin_at is None or self.begin_at <= at) and (self.end_at is None or at < self.end_at)


def sightings(
    seen: Sequence[Sighting],
    observed_at: datetime,
    *,
    source: str,
    start: int = 0,
    bad: Mapping[int, str] | None = None,
) -> list[Row]:
    """Records of what one answer showed, numbered from `start`; `bad` has complaints about records by position.

    Where it showed nothing at all, one record says so.
    """
    bad = bad or {}
    shown = list(seen) or ([] if bad else [Sighting(NO_DISRUPTION)])
    whole = [number for number in range(len(shown) + len(bad)) if number not in bad]
    common = {"service_date": times.paris_day(observed_at), "observed_at": observed_at, "source": source}
    rows = [
        *(
            {**common, **_read(one, observed_at), "row_number": start + number}
            for number, one in zip(whole, shown, strict=True)
        ),
        *({**common, "row_number": start + number, "problem": problem} for number, problem in bad.items()),
    ]
    return sorted(rows, key=lambda row: row["row_number"])


def table_of_rows(rows: Sequence[Row]) -> pa.Table:
    """Records of one or many answers as a table."""
    columns = {
        field.name: pa.array(
            [row.get(field.name) for row in rows],
            field.type.value_type if pa.types.is_dictionary(field.type) else field.type,
        )
        for field in SIGHTINGS
    }
    return table_of(columns, SIGHTINGS, len(rows))


def plain_text(html: Any) -> str | None:
    """A message without HTML: lines where blocks and breaks are, entities as their characters, single spaces."""
    return _plain(html) if isinstance(html, str) else None


@lru_cache(4096)
def _plain(html: str) -> str | None:
    reader = _Text()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line) or None


class _Text(HTMLParser):
    """Collects the text of a message; text that only looks like a tag (`< 5 min`) stays."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)


def _read(one: Sighting, observed_at: datetime) -> Row:
    updated_at, late = _instant("updated_at", one.updated_at)
    if one.disruption_id == NO_DISRUPTION:
        lines = _texts(one.lines)
        return {"disruption_id": NO_DISRUPTION, "updated_at": updated_at, "lines": lines, "problem": late}
    last_update_at, problem = _instant("last_update_at", one.last_update_at)
    periods = [_period(*period) for period in one.periods]
    return {
        **{name: _text(getattr(one, name)) for name in _TEXTS},
        "updated_at": updated_at,
        "last_update_at": last_update_at,
        "title": plain_text(one.title),
        "message": plain_text(one.message),
        "tags": _texts(one.tags),
        "lines": _texts(one.lines),
        "stops": _texts(one.stops),
        "periods": [{"begin_at": period.begin_at, "end_at": period.end_at} for period in periods],
        "is_active": any(period.holds(observed_at) for period in periods),
        "problem": next(filter(None, [problem, late, *(period.problem for period in periods)]), None),
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value).strip() or None


def _texts(listed: Sequence[Any] | None) -> list[str] | None:
    return None if listed is None else list(dict.fromkeys(str(value) for value in listed if value is not None))


def _period(begin: Any, end: Any) -> _Period:
    begin_at, bad_begin = _instant("periods", begin)
    end_at, bad_end = _instant("periods", end)
    problem = bad_begin or bad_end
    if begin_at and end_at and end_at < begin_at:
        problem = problem or f"periods_end_after_they_begin: {begin} to {end}"
    return _Period(begin_at, end_at, problem)


def _instant(name: str, written: Any) -> tuple[datetime | None, str | None]:
    at = times.instant(written) if isinstance(written, str) else None
    if at is None and written not in (None, ""):
        return None, f"{name}_is_a_time: '{str(written)[:60]}'"
    return at, None
