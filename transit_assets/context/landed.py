"""What the landing holds of tables of hours by UTC month: which payloads, and how many hours each of them has."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from transit_assets.lake import Fetch, Lake
from transit_assets.quality.accounts import Payloads

FIRST_MONTH = date(2009, 1, 1)
"""First partition of the tables of hours: the fire brigade's records begin that year."""

ROWS_BY_MONTH = "rows-by-month"
"""Header of a fetch that tells how many hours of which months its payload has."""

_REPAIRS = "repairs"  # they replace records, and add none


def fetches_by_month(
    lake: Lake, domain: str, feeds: Sequence[str], months: Sequence[str]
) -> Iterator[tuple[str, list[Fetch]]]:
    """The payloads that have hours of each of some months, oldest first."""
    of_month: dict[str, list[Fetch]] = {month: [] for month in months}
    for fetch in lake.landing.fetches(domain, feeds, partitions=list(months)):
        for month in fetch.partitions:
            if month in of_month and fetch.outcome == "landed" and fetch.feed != _REPAIRS:
                of_month[month].append(fetch)
    yield from of_month.items()


def payloads(lake: Lake, domain: str, feeds: Sequence[str], months: Sequence[str]) -> Mapping[str, Payloads]:
    """How many hours the payloads of each month hold, as counted when they landed."""
    counts = dict.fromkeys(months, 0)
    for fetch in lake.landing.fetches(domain, feeds, partitions=list(months)):
        if fetch.outcome == "landed" and fetch.feed != _REPAIRS:
            for month, rows in json.loads(fetch.headers[ROWS_BY_MONTH]).items():
                if month in counts:
                    counts[month] += rows
    # After the counts: whatever lands in between makes the fingerprint another than the load's.
    fingerprints = lake.landing.fingerprints(domain, feeds)
    return {month: Payloads(rows, fingerprints.get(month)) for month, rows in counts.items()}
