"""Reads what the landing holds of London months, as the clean functions take it, and counts it without them.

Fetched files and archives are read alike: each payload is cut into months once (`lake.decoded`). The same bytes heard
again are one payload, at the time they were last heard.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from transit_assets.fire.clean.errors import ArchiveTooLarge, PayloadUnreadable
from transit_assets.fire.schema import INCIDENTS, MOBILISATIONS
from transit_assets.lake import Fetch, Lake, Table
from transit_assets.quality.accounts import Payloads

if TYPE_CHECKING:
    from transit_assets.fire.clean.records import Landed

DOMAIN = "fire"

FEEDS_OF = {
    INCIDENTS.relation: ("incidents", "archive", "repairs"),
    MOBILISATIONS.relation: ("incidents", "mobilisations", "archive", "repairs"),
}
"""What each monthly table is built from: pumps of incidents stand in for mobilisations that are not at hand."""

WITH_INSTANTS = False
"""Rows say nothing of when their file was heard: a fetch that hears the same makes no month due."""

_MONTHS_AT_ONCE = 240  # all of them: a file holds years, and the outcome table is small
_HEARD = ("landed", "not_modified")


def landed_by_month(
    lake: Lake, feeds: Sequence[str], months: Sequence[str]
) -> Iterator[tuple[str, "Iterator[Landed]"]]:
    """What landed of each of many months, the oldest payload first; one payload's month is held at a time."""
    for start in range(0, len(months), _MONTHS_AT_ONCE):
        some = months[start : start + _MONTHS_AT_ONCE]
        for month, fetches in _payloads(lake, feeds, some).items():
            yield month, _landed(lake, fetches, month)


def station_files(lake: Lake) -> Iterator[list[dict]]:
    """The stations of each file of stations that landed, the one last heard at the end."""
    from transit_assets.fire.clean import stations

    found: dict[str, Fetch] = {}
    for fetch in lake.landing.fetches(DOMAIN, ["stations", "archive"]):
        if fetch.outcome in _HEARD and fetch.sha256 is not None and _kind(fetch) == "stations":
            found.pop(fetch.sha256, None)
            found[fetch.sha256] = fetch
    for fetch in found.values():
        with lake.landing.open(fetch) as payload:
            yield stations.read(payload)


def _payloads(lake: Lake, feeds: Sequence[str], months: Sequence[str]) -> dict[str, list[Fetch]]:
    """The payloads that touch each month, by the time they were last heard; the load puts repairs in."""
    of_month: dict[str, dict[str, Fetch]] = {month: {} for month in months}
    for fetch in lake.landing.fetches(DOMAIN, feeds, partitions=months):
        if fetch.feed == "repairs" or fetch.outcome not in _HEARD or fetch.sha256 is None:
            continue
        if _kind(fetch) not in feeds:  # an archive of vehicles tells nothing of calls
            continue
        for month in fetch.partitions:
            if month in of_month:
                of_month[month].pop(fetch.sha256, None)
                of_month[month][fetch.sha256] = fetch
    return {month: list(fetches.values()) for month, fetches in of_month.items()}


def _kind(fetch: Fetch) -> str:
    """`incidents`, `mobilisations` or `stations`: by its format, else by its feed."""
    from transit_assets.fire.clean.records import kind_of

    return kind_of(fetch.headers["format"]) if "format" in fetch.headers else fetch.feed


def _landed(lake: Lake, fetches: Sequence[Fetch], month: str) -> "Iterator[Landed]":
    from transit_assets.fire.clean.formats import DECODER_VERSION, decode_archive
    from transit_assets.fire.clean.records import Landed, unreadable
    from transit_assets.fire.clean.tabular import KINDS

    for fetch in fetches:
        try:
            records = lake.decoded(fetch, month, decode_archive, DECODER_VERSION)
        except (PayloadUnreadable, ArchiveTooLarge) as error:
            # An import is read before it lands; a file fetched that cannot be read is one record put aside.
            complaint = {0: f"payload_is_readable: {error}"}
            kind = _kind(fetch)
            records = unreadable(KINDS[kind].schema, complaint, f"lfb_{kind}_csv", date.fromisoformat(month))
        if records.num_rows:
            yield Landed(fetch.sha256 or "", fetch.fetched_at, records["source"][0].as_py(), records)


def payloads_of(table: Table) -> Callable[[Lake, Sequence[str]], Mapping[str, Payloads]]:
    """How many records the payloads of each month hold for a monthly table, as counted when they were landed.

    Of incidents the table of mobilisations takes the timed first and second pumps.
    """
    feeds = FEEDS_OF[table.relation]

    def count(lake: Lake, months: Sequence[str]) -> dict[str, Payloads]:
        counts = {
            month: sum(_records_of(lake, fetch, table)[month] for fetch in fetches)
            for month, fetches in _payloads(lake, feeds, months).items()
        }
        # After the counts: whatever lands in between makes the fingerprint another than the load's.
        fingerprints = lake.landing.fingerprints(DOMAIN, feeds, with_instants=WITH_INSTANTS)
        return {month: Payloads(records, fingerprints.get(month)) for month, records in counts.items()}

    return count


def _records_of(lake: Lake, fetch: Fetch, table: Table) -> Counter[str]:
    """The records of a payload that a table takes, by month."""
    from transit_assets.fire.clean.formats import PUMPS, ROWS, survey

    name = PUMPS if _kind(fetch) == "incidents" and table is MOBILISATIONS else ROWS
    if name in fetch.headers:
        return Counter(json.loads(fetch.headers[name]))
    with lake.landing.open(fetch) as payload:
        try:
            return Counter(json.loads(survey(payload).headers[name]))
        except (PayloadUnreadable, ArchiveTooLarge):
            return Counter() if name == PUMPS else Counter(dict.fromkeys(fetch.partitions, 1))
