"""Reads what the landing holds of the weather of some UTC months, and counts it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

import httpx

from transit_assets.context import landed
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.lake import Fetch, Lake
from transit_assets.lake.archives import FEED as ARCHIVE
from transit_assets.quality.accounts import Payloads

if TYPE_CHECKING:
    import pyarrow as pa

    from transit_assets.context.weather.clean.hourly import Observation
    from transit_assets.context.weather.clean.units import Units

FEEDS = ("timeline", ARCHIVE, "repairs")
FEEDS_OF = {WEATHER_HOURLY.relation: FEEDS}
"""What the table is built from."""

UNITS = "units"
"""Header of a fetch that tells the units of its payload."""


def observations_by_month(
    lake: Lake, feeds: Sequence[str], months: Sequence[str]
) -> "Iterator[tuple[str, Iterator[Observation]]]":
    """The payloads that have hours of each of some months, oldest first; one is held at a time."""
    from transit_assets.context.weather.clean.hourly import Observation

    for month, fetches in landed.fetches_by_month(lake, "weather", feeds, months):
        yield month, (Observation(one.fetched_at, one.sha256 or "", _records(lake, one, month)) for one in fetches)


def _records(lake: Lake, fetch: Fetch, month: str) -> "pa.Table":
    from transit_assets.context.hours import by_month
    from transit_assets.context.weather.clean.formats import DECODER_VERSION, decode_archive
    from transit_assets.context.weather.clean.visual_crossing import decode_json

    if fetch.feed == ARCHIVE:
        units = cast("Units", fetch.headers[UNITS])
        return lake.decoded(fetch, month, partial(decode_archive, units=units), DECODER_VERSION)
    asked = cast("Units", httpx.URL(fetch.url).params["unitGroup"])
    rows = decode_json(lake.landing.payload(fetch), asked).records
    return dict(by_month(rows)).get(month, rows.slice(0, 0))


def payloads(lake: Lake, months: Sequence[str]) -> Mapping[str, Payloads]:
    """How many hours the payloads of each month hold, as counted when they landed."""
    return landed.payloads(lake, "weather", FEEDS, months)
