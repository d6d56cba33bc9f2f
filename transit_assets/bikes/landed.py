"""Reads what the landing holds of one Paris day, as the clean functions take it."""

from collections.abc import Iterator, Sequence

from transit_assets.bikes.clean.observations import Archive, Observation, Poll
from transit_assets.bikes.schema import STATION_INFORMATION, STATION_STATUS
from transit_assets.lake import Fetch, Lake

STATUS_FEEDS = ("station_status", "archive", "repairs")
INFORMATION_FEEDS = ("station_information", "station_status", "archive", "repairs")

FEEDS_OF = {STATION_STATUS.relation: STATUS_FEEDS, STATION_INFORMATION.relation: INFORMATION_FEEDS}
"""What each daily table is built from."""


def observations(lake: Lake, feeds: Sequence[str], day: str) -> Iterator[Observation]:
    """Polls and archives that touch a day, oldest first; one payload is held at a time.

    A poll that was not modified is one more observation of the earlier payload. Repairs are no observations:
    the load puts them in.
    """
    held: tuple[str | None, bytes] = (None, b"")
    for fetch in lake.landing.fetches("bikes", feeds, partitions=[day]):
        if fetch.outcome not in ("landed", "not_modified") or fetch.sha256 is None or fetch.feed == "repairs":
            continue
        if fetch.feed == "archive":
            yield _archive(lake, fetch, day)
            continue
        if held[0] != fetch.sha256:
            held = (fetch.sha256, lake.landing.payload(fetch))
        yield Poll(fetch.fetched_at, fetch.sha256, held[1])


def _archive(lake: Lake, fetch: Fetch, day: str) -> Archive:
    from transit_assets.bikes.clean.formats import DECODER_VERSION, decode_archive

    return Archive(fetch.sha256 or "", lake.decoded(fetch, day, decode_archive, DECODER_VERSION))
