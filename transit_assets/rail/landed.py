"""Reads what the landing holds of service dates, as the clean functions take it, and counts it without them.

Answers and archives are read alike, oldest first; an archive is decoded once (`lake.decoded`). Every answer counts,
also one that repeats the last: someone was looking. Records of other lines than `TRANSIT_RAIL_LINE` are counted in the
rows of the fetches and go no further.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date as day
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from transit_assets.lake import Fetch, Lake, Table
from transit_assets.quality.accounts import Payloads
from transit_assets.rail.schema import (
    DISRUPTION_SIGHTINGS,
    DISRUPTION_SOURCES,
    PREDICTED_CALLS,
    PREDICTION_SOURCES,
    SCHEDULED_CALLS,
    STOP_EVENTS,
)
from transit_assets.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

    from transit_assets.quality.cleaned import Cleaned
    from transit_assets.rail.clean.records import Landed
    from transit_assets.rail.clean.schedule import Schedule

DOMAIN = "rail"
PREDICTION_FEEDS = ("stop_monitoring", "archive", "repairs")
SIGHTING_FEEDS = ("disruptions", "general_message", "line_reports", "archive", "repairs")
SCHEDULE_FEEDS = ("gtfs", "archive", "repairs")

FEEDS_OF = {
    SCHEDULED_CALLS.relation: SCHEDULE_FEEDS,
    PREDICTED_CALLS.relation: PREDICTION_FEEDS,
    DISRUPTION_SIGHTINGS.relation: SIGHTING_FEEDS,
}
"""What each table of service dates is built from."""

MADE_OF = {STOP_EVENTS.relation: (PREDICTED_CALLS.relation, SCHEDULED_CALLS.relation)}
"""Tables of service dates that are built from others of the same date."""

_FORMATS = {
    SCHEDULED_CALLS.relation: ("gtfs", "hops"),
    PREDICTED_CALLS.relation: PREDICTION_SOURCES,
    DISRUPTION_SIGHTINGS.relation: DISRUPTION_SOURCES,
}
"""Formats of archives that have records for each table."""
_DATES_AT_ONCE = 31


def schedules_by_date(
    lake: Lake, feeds: Sequence[str], dates: Sequence[str]
) -> Iterator[tuple[str, "Iterator[Schedule]"]]:
    """The versions of the schedule that speak of each of many service dates, in the order in which they landed."""
    from transit_assets.rail.schedules import schedules

    for some in _months(dates):
        for date, fetches in _payloads(lake, SCHEDULED_CALLS, feeds, some).items():
            yield date, schedules(lake, _once(fetches), settings().rail_line)


def all_schedules(lake: Lake) -> "Iterator[Schedule]":
    """All versions of the schedule, in the order in which they landed."""
    from transit_assets.rail.schedules import schedules

    landed = lake.landing.fetches(DOMAIN, SCHEDULE_FEEDS)
    fetches = [fetch for fetch in landed if _is_read(fetch) and _is_for(fetch, SCHEDULED_CALLS)]
    return schedules(lake, _once(fetches), settings().rail_line)


def predictions_by_date(
    lake: Lake, feeds: Sequence[str], dates: Sequence[str]
) -> Iterator[tuple[str, "Iterator[Landed]"]]:
    """The observations of trains on each of many service dates; one payload is held at a time."""
    return _by_date(lake, PREDICTED_CALLS, feeds, dates)


def sightings_by_date(
    lake: Lake, feeds: Sequence[str], dates: Sequence[str]
) -> Iterator[tuple[str, "Iterator[Landed]"]]:
    """The disruptions that answers showed on each of many Paris days; one payload is held at a time."""
    return _by_date(lake, DISRUPTION_SIGHTINGS, feeds, dates)


def observed_until(lake: Lake, date: str) -> datetime | None:
    """When a station was last asked for trains of a service date, with or without an answer of any; None if never."""
    asked = (
        datetime.fromisoformat(fetch.headers["last_observed_at"]) if fetch.feed == "archive" else fetch.fetched_at
        for fetch in _payloads(lake, PREDICTED_CALLS, PREDICTION_FEEDS, [date])[date]
    )
    return max(asked, default=None)


def events_of_date(lake: Lake, date: str, fingerprint: str | None = None) -> "Cleaned":
    """The stop events of a service date, from what the lake has of its predicted and scheduled calls."""
    from transit_assets.rail.clean.events import stop_events

    # A table that was never loaded is empty.
    predicted, scheduled = (lake.table(table).read([date]) for table in (PREDICTED_CALLS, SCHEDULED_CALLS))
    return stop_events(day.fromisoformat(date), predicted, scheduled, observed_until(lake, date), fingerprint)


def _by_date(
    lake: Lake, table: Table, feeds: Sequence[str], dates: Sequence[str]
) -> Iterator[tuple[str, "Iterator[Landed]"]]:
    for some in _months(dates):
        for date, fetches in _payloads(lake, table, feeds, some).items():
            yield date, _landed(lake, fetches, date)


def _months(dates: Sequence[str]) -> Iterator[Sequence[str]]:
    """The outcome table is read once for a month of dates, as a look at it costs as much as a small date."""
    for start in range(0, len(dates), _DATES_AT_ONCE):
        yield dates[start : start + _DATES_AT_ONCE]


def _once(fetches: Sequence[Fetch]) -> list[Fetch]:
    """Each payload once, when it first landed."""
    return list({fetch.sha256: fetch for fetch in reversed(fetches)}.values())[::-1]


def _payloads(lake: Lake, table: Table, feeds: Sequence[str], dates: Sequence[str]) -> dict[str, list[Fetch]]:
    """The payloads of each date that have records for a table, oldest first; the load puts repairs in."""
    of_date: dict[str, list[Fetch]] = {date: [] for date in dates}
    for fetch in lake.landing.fetches(DOMAIN, feeds, partitions=dates):
        if not (_is_read(fetch) and _is_for(fetch, table)):
            continue
        for date in fetch.partitions:
            if date in of_date:
                of_date[date].append(fetch)
    return of_date


def _is_read(fetch: Fetch) -> bool:
    return fetch.feed != "repairs" and fetch.outcome in ("landed", "not_modified")


def _is_for(fetch: Fetch, table: Table) -> bool:
    if fetch.feed != "archive":
        return True
    return not set(fetch.headers["format"].split(" and ")).isdisjoint(_FORMATS[table.relation])


def _landed(lake: Lake, fetches: Sequence[Fetch], date: str) -> "Iterator[Landed]":
    from transit_assets.rail.clean.records import Landed, of_line

    line = settings().rail_line
    for is_archive, some in groupby(fetches, lambda fetch: fetch.feed == "archive"):
        if is_archive:
            found = ((fetch.sha256, _of_archive(lake, fetch, date)) for fetch in some)
        else:
            found = ((None, rows) for rows in _of_answers(lake, some, date))
        for sha256, records in found:
            kept = of_line(records, line)
            if kept.num_rows:
                yield Landed(sha256, kept)


def _of_archive(lake: Lake, fetch: Fetch, date: str) -> "pa.Table":
    from transit_assets.rail.archive import decoder_of
    from transit_assets.rail.clean.formats import DECODER_VERSION

    return lake.decoded(fetch, date, decoder_of(fetch), DECODER_VERSION)


def _of_answers(lake: Lake, fetches: Iterable[Fetch], date: str) -> "Iterator[pa.Table]":
    """Records of the date, of many answers at a time."""
    from transit_assets.rail.clean.formats import Answer, decode_answers
    from transit_assets.rail.clean.records import by_date

    def answers() -> Iterator[Answer]:
        held: tuple[str | None, bytes] = (None, b"")
        for fetch in fetches:
            if held[0] != fetch.sha256:
                held = (fetch.sha256, lake.landing.payload(fetch))
            yield Answer(fetch.feed, fetch.sha256 or "", fetch.fetched_at, held[1])

    for rows in decode_answers(answers()):
        yield from (found for name, found in by_date(rows) if name == date)


def payloads_of(table: Table) -> Callable[[Lake, Sequence[str]], Mapping[str, Payloads]]:
    """How many records the payloads of each date hold for a table, as counted when they were landed."""
    feeds = FEEDS_OF[table.relation]

    def count(lake: Lake, dates: Sequence[str]) -> dict[str, Payloads]:
        from transit_assets.rail.clean.records import of_lines

        line, landed = settings().rail_line, _payloads(lake, table, feeds, dates)
        if table is SCHEDULED_CALLS:
            counts = {date: _calls_of(lake, date, fetches, line) for date, fetches in landed.items()}
        else:
            counts = {
                date: sum(of_lines(_rows_by_date(lake, fetch).get(date, {}), line) for fetch in fetches)
                for date, fetches in landed.items()
            }
        # After the counts: whatever lands in between makes the fingerprint another than the load's.
        fingerprints = lake.landing.fingerprints(DOMAIN, feeds)
        return {date: Payloads(records, fingerprints.get(date)) for date, records in counts.items()}

    return count


def _calls_of(lake: Lake, date: str, fetches: Sequence[Fetch], line: str) -> int:
    from transit_assets.rail.clean.schedule import count_calls
    from transit_assets.rail.schedules import schedules

    return count_calls(day.fromisoformat(date), schedules(lake, _once(fetches), line))


def _rows_by_date(lake: Lake, fetch: Fetch) -> dict[str, dict[str, int]]:
    """The records of a payload by date and line."""
    if "rows_by_date" in fetch.headers:
        return json.loads(fetch.headers["rows_by_date"])
    from transit_assets.rail.clean.formats import survey_answer

    found = survey_answer(lake.landing.payload(fetch), fetch.feed, fetch.fetched_at)
    return {date: dict(counts) for date, counts in found.rows_by_date.items()}
