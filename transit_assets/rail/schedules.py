"""Schedules in the landing: GTFS zips and hop tables, which service dates they speak of, and how they are read.

A schedule touches every date from the first to the last on which the line runs: one without a train in between is a
date without trains, and no date without a schedule.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds import gtfs
from transit_assets.lake import Fetch, Lake
from transit_assets.lake.archives import Contents
from transit_assets.lake.decoded import Decode
from transit_assets.rail.clean import hops
from transit_assets.rail.clean.errors import PayloadUnreadable
from transit_assets.rail.clean.schedule import Schedule
from transit_assets.rail.clean.timetables import DECODER_VERSION, decode_gtfs

GTFS, HOPS = "gtfs", "hops"
FORMATS = (GTFS, HOPS)
"""Formats of schedules, as the rows of their files say."""

_FINDINGS_SHOWN = 20


def survey_gtfs(stream: BinaryIO, line: str) -> Contents:
    """What a GTFS zip holds of a line. Raises PayloadUnreadable where its rows break a rule that matters for it."""
    feed = gtfs.survey(stream)
    blocking = feed.blocking(line)
    if blocking:
        more = f" (and {len(blocking) - 1} more findings)" if len(blocking) > 1 else ""
        raise PayloadUnreadable(f"{blocking[0]}{more}")
    calls = feed.calls_by_date(line)
    if not calls:
        raise PayloadUnreadable(f"a GTFS without a train of line {line}; TRANSIT_RAIL_LINE names it (`*` for all)")
    findings = [str(one) for one in feed.findings[:_FINDINGS_SHOWN]]
    is_of_line = pc.is_in(feed.trips["route_id"], pa.array(feed.routes_of(line), pa.string()))
    return Contents(
        GTFS,
        rows=pc.sum(feed.trips.filter(is_of_line)["calls"]).as_py(),
        partitions=tuple(_dates(min(calls), max(calls))),
        headers={"line": line, "findings": json.dumps(findings, ensure_ascii=False)},
    )


def survey_hops(stream: BinaryIO, name: str) -> Contents:
    """What a hop table holds, whose name says the date. Raises PayloadUnreadable."""
    day = hops.date_of_name(name)
    rows = sum(rows.num_rows for part, rows in hops.decode_hops(stream, day) if part.startswith("calls_"))
    return Contents(HOPS, rows=rows, partitions=(day.isoformat(),), headers={})


def decoder_of(fetch: Fetch) -> Decode:
    """How a schedule is cut into the parts of a timetable."""
    if fetch.headers.get("format") == HOPS:
        return partial(hops.decode_hops, service_date=hops.date_of_name(fetch.url))
    return decode_gtfs


def schedules(lake: Lake, fetches: Iterable[Fetch], line: str) -> Iterator[Schedule]:
    """Schedules of a line, read as far as they are asked for."""
    for fetch in fetches:
        yield Schedule(fetch.sha256 or "", fetch.fetched_at, line, partial(_part, lake, fetch))


def _part(lake: Lake, fetch: Fetch, part: str) -> pa.Table:
    return lake.decoded(fetch, part, decoder_of(fetch), DECODER_VERSION)


def _dates(first: date, last: date) -> Iterator[str]:
    for number in range((last - first).days + 1):
        yield (first + timedelta(days=number)).isoformat()
