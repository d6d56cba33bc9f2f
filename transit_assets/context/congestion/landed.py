"""Reads what the landing holds of the congestion of some UTC months, and counts it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from transit_assets.context import landed
from transit_assets.context.congestion.schema import CONGESTION_HOURLY
from transit_assets.lake import Lake
from transit_assets.lake.archives import FEED as ARCHIVE
from transit_assets.quality.accounts import Payloads

if TYPE_CHECKING:
    from transit_assets.context.congestion.clean.hourly import Observation

FEEDS = (ARCHIVE, "repairs")
FEEDS_OF = {CONGESTION_HOURLY.relation: FEEDS}
"""What the table is built from."""

PLACE = "place"
"""Header of a fetch that tells the place of a file that names none."""


def observations_by_month(
    lake: Lake, feeds: Sequence[str], months: Sequence[str]
) -> "Iterator[tuple[str, Iterator[Observation]]]":
    """The files that have hours of each of some months, oldest first; one is held at a time."""
    from transit_assets.context.congestion.clean.formats import DECODER_VERSION, decode_archive
    from transit_assets.context.congestion.clean.hourly import Observation

    for month, fetches in landed.fetches_by_month(lake, "congestion", feeds, months):
        yield (
            month,
            (
                Observation(
                    one.fetched_at,
                    one.sha256 or "",
                    lake.decoded(one, month, partial(decode_archive, place=one.headers.get(PLACE)), DECODER_VERSION),
                )
                for one in fetches
            ),
        )


def payloads(lake: Lake, months: Sequence[str]) -> Mapping[str, Payloads]:
    """How many hours the files of each month hold, as counted when they landed."""
    return landed.payloads(lake, "congestion", FEEDS, months)
