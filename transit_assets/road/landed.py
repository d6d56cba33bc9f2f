"""Reads what the landing holds of Paris months, as the clean functions take it, and counts it without them.

Polls and archives are read alike: each payload is cut into months once (`lake.decoded`). The same bytes heard again
are one payload, at the time they were last heard.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from transit_assets.lake import Fetch, Lake, Table
from transit_assets.quality.accounts import Payloads
from transit_assets.road.clean.errors import ArchiveTooLarge, PayloadUnreadable
from transit_assets.road.schema import ARC_DESCRIPTIONS, COUNTS_HOURLY

if TYPE_CHECKING:
    from transit_assets.road.clean.records import Landed

DOMAIN = "road"
_FEEDS = ("counts", "archive", "repairs")

FEEDS_OF = {COUNTS_HOURLY.relation: _FEEDS, ARC_DESCRIPTIONS.relation: _FEEDS}
"""What each monthly table is built from."""

WITH_INSTANTS = False
"""Rows say nothing of when their answer was heard: the hourly poll that hears the same makes no month due."""

_MONTHS_AT_ONCE = 60


def landed_by_month(
    lake: Lake, feeds: Sequence[str], months: Sequence[str]
) -> Iterator[tuple[str, "Iterator[Landed]"]]:
    """What landed of each of many months, the oldest payload first; one payload is held at a time.

    The outcome table is read once for five years of months: a look at it costs as much as two small months.
    """
    for start in range(0, len(months), _MONTHS_AT_ONCE):
        some = months[start : start + _MONTHS_AT_ONCE]
        for month, fetches in _payloads(lake, feeds, some).items():
            yield month, _landed(lake, fetches, month)


def _payloads(lake: Lake, feeds: Sequence[str], months: Sequence[str]) -> dict[str, list[Fetch]]:
    """The payloads that touch each month, by the time they were last heard; the load puts repairs in."""
    of_month: dict[str, dict[str, Fetch]] = {month: {} for month in months}
    for fetch in lake.landing.fetches(DOMAIN, feeds, partitions=months):
        if fetch.feed == "repairs" or fetch.outcome not in ("landed", "not_modified") or fetch.sha256 is None:
            continue
        for month in fetch.partitions:
            if month in of_month:
                of_month[month].pop(fetch.sha256, None)
                of_month[month][fetch.sha256] = fetch
    return {month: list(fetches.values()) for month, fetches in of_month.items()}


def _landed(lake: Lake, fetches: Sequence[Fetch], month: str) -> "Iterator[Landed]":
    from transit_assets.road.clean.formats import DECODER_VERSION, decode_archive
    from transit_assets.road.clean.records import Landed, unreadable

    for fetch in fetches:
        try:
            records = lake.decoded(fetch, month, decode_archive, DECODER_VERSION)
        except (PayloadUnreadable, ArchiveTooLarge) as error:
            # An import is read before it lands. Of a poll that cannot be read all records that it told of go aside.
            complaint = f"payload_is_readable: {error}"
            positions = range(_records_of(lake, fetch)[month])
            records = unreadable(dict.fromkeys(positions, complaint), source="ods_v21", month=date.fromisoformat(month))
        if records.num_rows:
            yield Landed(fetch.sha256 or "", fetch.fetched_at, records["source"][0].as_py(), records)


def payloads_of(table: Table) -> Callable[[Lake, Sequence[str]], Mapping[str, Payloads]]:
    """How many records the payloads of each month hold for a monthly table, as counted when they were landed."""
    feeds = FEEDS_OF[table.relation]

    def count(lake: Lake, months: Sequence[str]) -> dict[str, Payloads]:
        counts = {
            month: sum(_records_of(lake, fetch)[month] for fetch in fetches)
            for month, fetches in _payloads(lake, feeds, months).items()
        }
        # After the counts: whatever lands in between makes the fingerprint another than the load's.
        fingerprints = lake.landing.fingerprints(DOMAIN, feeds, with_instants=WITH_INSTANTS)
        return {month: Payloads(records, fingerprints.get(month)) for month, records in counts.items()}

    return count


def _records_of(lake: Lake, fetch: Fetch) -> Counter[str]:
    """The records of a payload by month; of one that cannot be read and told of none, one in each."""
    if "rows_by_month" in fetch.headers:
        return Counter(json.loads(fetch.headers["rows_by_month"]))
    if "records" in fetch.headers and len(fetch.partitions) == 1:
        return Counter({fetch.partitions[0]: int(fetch.headers["records"])})
    from transit_assets.road.clean.formats import survey

    with lake.landing.open(fetch) as payload:
        try:
            return Counter(survey(payload).rows_by_month)
        except (PayloadUnreadable, ArchiveTooLarge):
            return Counter(dict.fromkeys(fetch.partitions, 1))
