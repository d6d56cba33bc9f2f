"""Reads what the landing holds of one Paris day, as the clean functions take it, and counts it without them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from transit_assets.bikes.clean.observations import Archive, Observation, Poll
from transit_assets.bikes.schema import STATION_INFORMATION, STATION_STATUS
from transit_assets.lake import Fetch, Lake, Table
from transit_assets.quality.accounts import Payloads

STATUS_FEEDS = ("station_status", "archive", "repairs")
INFORMATION_FEEDS = ("station_information", "archive", "repairs")

FEEDS_OF = {STATION_STATUS.relation: STATUS_FEEDS, STATION_INFORMATION.relation: INFORMATION_FEEDS}
"""What each daily table is built from."""

_DAYS_AT_ONCE = 31


def observations(lake: Lake, feeds: Sequence[str], day: str) -> Iterator[Observation]:
    """Polls and archives that touch a day, oldest first; one payload is held at a time."""
    for _, observed in observations_by_day(lake, feeds, [day]):
        yield from observed


def observations_by_day(
    lake: Lake, feeds: Sequence[str], days: Sequence[str]
) -> Iterator[tuple[str, Iterator[Observation]]]:
    """The observations of each of many days.

    The outcome table is read once for a month of days, because a look at it costs as much as a small day.
    """
    for start in range(0, len(days), _DAYS_AT_ONCE):
        some = days[start : start + _DAYS_AT_ONCE]
        of_day: dict[str, list[Fetch]] = {day: [] for day in some}
        for fetch in lake.landing.fetches("bikes", feeds, partitions=some):
            for day in fetch.partitions:
                if day in of_day and fetch.outcome in ("landed", "not_modified"):
                    of_day[day].append(fetch)
        for day, fetches in of_day.items():
            yield day, _observed(lake, fetches, day)


def _observed(lake: Lake, fetches: Sequence[Fetch], day: str) -> Iterator[Observation]:
    """A poll that was not modified is one more observation of the earlier payload; the load puts repairs in."""
    held: tuple[str | None, bytes] = (None, b"")
    for fetch in fetches:
        if fetch.feed == "archive":
            yield _archive(lake, fetch, day)
        elif fetch.feed != "repairs" and fetch.sha256 is not None:
            if held[0] != fetch.sha256:
                held = (fetch.sha256, lake.landing.payload(fetch))
            yield Poll(fetch.fetched_at, fetch.sha256, held[1])


def _archive(lake: Lake, fetch: Fetch, day: str) -> Archive:
    from transit_assets.bikes.clean.formats import DECODER_VERSION, decode_archive

    return Archive(fetch.sha256 or "", lake.decoded(fetch, day, decode_archive, DECODER_VERSION))


def payloads_of(table: Table) -> Callable[[Lake, Sequence[str]], Mapping[str, Payloads]]:
    """How many records the payloads of each day hold for a daily table, as counted when they were landed."""
    feeds = FEEDS_OF[table.relation]
    part = "has_status" if table is STATION_STATUS else "has_description"

    def count(lake: Lake, days: Sequence[str]) -> dict[str, Payloads]:
        counts = dict.fromkeys(days, 0)
        for fetch in lake.landing.fetches("bikes", feeds, partitions=days):
            if fetch.outcome in ("landed", "not_modified"):
                for day, records in _records_of(lake, fetch, part).items():
                    if day in counts:
                        counts[day] += records
        # After the counts: whatever lands in between makes the fingerprint another than the load's.
        fingerprints = lake.landing.fingerprints("bikes", feeds)
        return {day: Payloads(records, fingerprints.get(day)) for day, records in counts.items()}

    return count


def _records_of(lake: Lake, fetch: Fetch, part: str) -> dict[str, int]:
    if fetch.feed == "repairs":  # they replace records, and add none
        return {}
    if fetch.feed == "archive":
        return json.loads(fetch.headers["rows_by_day"]) if fetch.headers[part] == "True" else {}
    counted = fetch.headers.get("records")
    records = _count(lake.landing.payload(fetch)) if counted is None else int(counted)
    return dict.fromkeys(fetch.partitions, records)


def _count(payload: bytes) -> int:
    """The records of a poll that did not come through the client; one where nothing tells."""
    from transit_assets.feeds import gbfs, opendatasoft
    from transit_assets.feeds.errors import PayloadUnreadable

    for count in (gbfs.count_stations, opendatasoft.count_records):
        try:
            return count(payload)
        except PayloadUnreadable:
            continue
    return 1
