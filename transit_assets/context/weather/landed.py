"""Reads what the landing holds of the weather of some UTC months, and counts it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, cast

import httpx

from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.lake import Fetch, Lake
from transit_assets.lake.archives import FEED as ARCHIVE
from transit_assets.quality.accounts import Payloads

if TYPE_CHECKING:
    import pyarrow as pa

    from transit_assets.context.weather.clean.hourly import Observation
    from transit_assets.context.weather.clean.units import Units

FIRST_MONTH = date(2009, 1, 1)
"""First partition of the table: the fire brigade's records begin that year."""

FEEDS = ("timeline", ARCHIVE, "repairs")
FEEDS_OF = {WEATHER_HOURLY.relation: FEEDS}
"""What the table is built from."""

ROWS_BY_MONTH, UNITS = "rows-by-month", "units"
"""Headers of a fetch that tell how many hours of which months its payload has, and in which units."""


def observations_by_month(
    lake: Lake, feeds: Sequence[str], months: Sequence[str]
) -> "Iterator[tuple[str, Iterator[Observation]]]":
    """The payloads that have hours of each of some months, oldest first; one is held at a time."""
    from transit_assets.context.weather.clean.hourly import Observation

    of_month: dict[str, list[Fetch]] = {month: [] for month in months}
    for fetch in lake.landing.fetches("weather", feeds, partitions=list(months)):
        for month in fetch.partitions:
            if month in of_month and fetch.outcome == "landed" and fetch.feed != "repairs":
                of_month[month].append(fetch)
    for month, fetches in of_month.items():
        yield month, (Observation(one.fetched_at, one.sha256 or "", _records(lake, one, month)) for one in fetches)


def _records(lake: Lake, fetch: Fetch, month: str) -> "pa.Table":
    from transit_assets.context.weather.clean.formats import DECODER_VERSION, by_month, decode_archive
    from transit_assets.context.weather.clean.visual_crossing import decode_json

    if fetch.feed == ARCHIVE:
        units = cast("Units", fetch.headers[UNITS])
        return lake.decoded(fetch, month, partial(decode_archive, units=units), DECODER_VERSION)
    asked = cast("Units", httpx.URL(fetch.url).params["unitGroup"])
    rows = decode_json(lake.landing.payload(fetch), asked).records
    return dict(by_month(rows)).get(month, rows.slice(0, 0))


def payloads(lake: Lake, months: Sequence[str]) -> Mapping[str, Payloads]:
    """How many hours the payloads of each month hold, as counted when they landed."""
    counts = dict.fromkeys(months, 0)
    for fetch in lake.landing.fetches("weather", FEEDS, partitions=list(months)):
        if fetch.outcome == "landed" and fetch.feed != "repairs":  # repairs replace records, and add none
            for month, rows in json.loads(fetch.headers[ROWS_BY_MONTH]).items():
                if month in counts:
                    counts[month] += rows
    # After the counts: whatever lands in between makes the fingerprint another than the load's.
    fingerprints = lake.landing.fingerprints("weather", FEEDS)
    return {month: Payloads(rows, fingerprints.get(month)) for month, rows in counts.items()}
