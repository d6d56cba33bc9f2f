"""What can be wrong with a payload of the rail, each with a name and one clear sentence."""

from transit_assets.lake import errors
from transit_assets.lake.errors import ArchiveTooLarge, PayloadUnreadable

__all__ = ["ArchiveTooLarge", "PayloadUnreadable", "UnknownFormat"]

KNOWN_FORMATS = (
    "GTFS zips",
    "polls of next departures (`data-reel-<UIC>.csv`, with or without a header)",
    "hops between stations (CSV with `trip_id`, `origin_id`, `arrival_id`)",
    "SIRI Lite stop-monitoring and general-message (JSON)",
    "PRIM disruptions_bulk and line reports (JSON)",
    "tar, tar.gz and tar.xz of such JSON payloads",
)


class UnknownFormat(errors.UnknownFormat):
    """A payload of no format that is known for the rail."""

    domain, known = "rail", KNOWN_FORMATS
