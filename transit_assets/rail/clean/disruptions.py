"""Disruptions of PRIM (`disruptions_bulk`, line reports) to records, and the table of their versions.

`disruptions_bulk` names the disruptions of a line under what they touch of it (`impactedObjects`). A line without
any gives a record that says so; a line that the answer does not name gives none.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from transit_assets.feeds.payloads import each_typed
from transit_assets.rail.clean import times
from transit_assets.rail.clean.errors import PayloadUnreadable
from transit_assets.rail.clean.sightings import NO_DISRUPTION, Row, Sighting, sightings

BULK_SOURCE, REPORTS_SOURCE = "disruptions_bulk", "line_reports"


class _Disruption(Struct, rename="camel"):
    """A disruption of `disruptions_bulk`, each value as sent."""

    id: Any = None
    application_periods: list[dict[str, Any]] | None = None
    last_update: Any = None
    cause: Any = None
    severity: Any = None
    tags: list[Any] | None = None
    title: Any = None
    message: Any = None


class _Object(Struct, rename="camel"):
    type: Any = None
    id: Any = None
    disruption_ids: list[Any] | None = None


class _Line(Struct, rename="camel"):
    id: Any = None
    impacted_objects: list[_Object] | None = None


class _Bulk(Struct, rename="camel"):
    disruptions: list[msgspec.Raw] | None = None
    lines: list[_Line] | None = None
    last_updated_date: Any = None
    status_code: Any = None
    message: Any = None


class _Severity(Struct):
    name: Any = None
    effect: Any = None


class _Channel(Struct):
    name: Any = None
    types: list[Any] | None = None


class _Text(Struct):
    text: Any = None
    channel: _Channel | None = None


class _Impacted(Struct):
    pt_object: dict[str, Any] | None = None


class _Report(Struct):
    """A disruption of Navitia's line reports."""

    id: Any = None
    disruption_id: Any = None
    updated_at: Any = None
    cause: Any = None
    severity: _Severity | None = None
    application_periods: list[dict[str, Any]] | None = None
    messages: list[_Text] | None = None
    tags: list[Any] | None = None
    impacted_objects: list[_Impacted] | None = None


class _Context(Struct):
    timezone: Any = None
    current_datetime: Any = None


class _Reports(Struct):
    disruptions: list[msgspec.Raw]
    context: _Context | None = None


_BULK, _REPORTS = msgspec.json.Decoder(_Bulk), msgspec.json.Decoder(_Reports)
_DISRUPTION, _REPORT = msgspec.json.Decoder(_Disruption), msgspec.json.Decoder(_Report)


def decode_bulk(payload: bytes, at: datetime | None, start: int = 0) -> list[Row]:
    """The records of a `disruptions_bulk` answer heard at an instant (None: when it says the feed was changed).

    Raises PayloadUnreadable for what is none, and for an error in the place of an answer.
    """
    try:
        answer = _BULK.decode(payload)
    except msgspec.DecodeError as error:
        raise PayloadUnreadable(f"not the disruptions_bulk answer it looks like: {error}") from error
    if answer.disruptions is None or answer.lines is None:
        code = f" {answer.status_code}" if answer.status_code is not None else ""
        raise PayloadUnreadable(f"an error{code} in the place of disruptions: {answer.message or 'no word of why'}")
    observed_at = at or _instant(answer.last_updated_date)
    decoded = each_typed(answer.disruptions, _DISRUPTION)
    lines, stops = _touched(answer.lines)
    seen = [_of_bulk(one, answer.last_updated_date, lines[one.id], stops[one.id]) for one in decoded.stations]
    quiet = [
        Sighting(NO_DISRUPTION, updated_at=answer.last_updated_date, lines=[line.id])
        for line in answer.lines
        if not any(item.disruption_ids for item in line.impacted_objects or ())
    ]
    bad = {one.row_number: _complaint(one.problem, one.record) for one in decoded.unreadable}
    return sightings([*seen, *quiet], observed_at, source=BULK_SOURCE, start=start, bad=bad)


def decode_line_reports(payload: bytes, at: datetime | None, start: int = 0) -> list[Row]:
    """The records of an answer of line reports heard at an instant (None: `context.current_datetime`)."""
    try:
        answer = _REPORTS.decode(payload)
    except msgspec.DecodeError as error:
        raise PayloadUnreadable(f"not the line reports they look like: {error}") from error
    zone = answer.context.timezone if answer.context else None
    if zone not in (None, "Europe/Paris"):
        raise PayloadUnreadable(f"its times are of {zone}, not of Europe/Paris")
    now = answer.context.current_datetime if answer.context else None
    decoded = each_typed(answer.disruptions, _REPORT)
    seen = [_of_report(one, now) for one in decoded.stations]
    bad = {one.row_number: _complaint(one.problem, one.record) for one in decoded.unreadable}
    return sightings(seen, at or _instant(now), source=REPORTS_SOURCE, start=start, bad=bad)


def _complaint(problem: str, record: bytes) -> str:
    return f"record_is_readable: {problem}; {record[:200].decode(errors='replace')}"


def _instant(written: Any) -> datetime:
    at = times.instant(written) if isinstance(written, str) else None
    if at is None:
        raise PayloadUnreadable("nothing says when it was heard: no time in it, and none in its name")
    return at


def _touched(lines: Sequence[_Line]) -> tuple[dict[Any, list[Any]], dict[Any, list[Any]]]:
    """The lines and the stops that each disruption touches."""
    of_lines: dict[Any, list[Any]] = defaultdict(list)
    of_stops: dict[Any, list[Any]] = defaultdict(list)
    for line in lines:
        for item in line.impacted_objects or ():
            for disruption in item.disruption_ids or ():
                of_lines[disruption].append(line.id)
                if item.type != "line":
                    of_stops[disruption].append(item.id)
    return of_lines, of_stops


def _of_bulk(one: _Disruption, updated_at: Any, lines: Sequence[Any], stops: Sequence[Any]) -> Sighting:
    return Sighting(
        disruption_id=one.id,
        last_update_at=one.last_update,
        updated_at=updated_at,
        cause=one.cause,
        severity=one.severity,
        title=one.title,
        message=one.message,
        tags=one.tags,
        lines=lines,
        stops=stops,
        periods=[(period.get("begin"), period.get("end")) for period in one.application_periods or ()],
    )


def _of_report(one: _Report, now: Any) -> Sighting:
    objects = [item.pt_object or {} for item in one.impacted_objects or ()]
    texts = one.messages or []
    titles = [text.text for text in texts if text.channel and "title" in (text.channel.types or ())]
    others = [text.text for text in texts if text.text not in titles]
    return Sighting(
        disruption_id=one.disruption_id or one.id,
        last_update_at=one.updated_at,
        updated_at=now,
        cause=one.cause,
        severity=one.severity.name if one.severity else None,
        effect=one.severity.effect if one.severity else None,
        title=next(iter(titles), None),
        message=max((str(text) for text in others if text), key=len, default=None),
        tags=one.tags,
        lines=[item.get("id") for item in objects if item.get("embedded_type") == "line"] or None,
        stops=[item.get("id") for item in objects if str(item.get("embedded_type")).startswith("stop_")],
        periods=[(period.get("begin"), period.get("end")) for period in one.application_periods or ()],
    )
