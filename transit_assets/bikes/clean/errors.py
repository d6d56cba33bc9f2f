"""What can be wrong with a payload of bikes, each with a name and one clear sentence."""

from transit_assets.lake import errors
from transit_assets.lake.errors import ArchiveTooLarge, PayloadUnreadable

__all__ = ["ArchiveOverlap", "ArchiveTooLarge", "BikesError", "PayloadUnreadable", "ProviderSilent", "UnknownFormat"]

KNOWN_FORMATS = (
    "the operator's GBFS station_status and station_information (JSON; 1.x, 2.x, 3.0)",
    "Opendatasoft v1 and v2.1 answers and exports (JSON)",
    "Opendatasoft CSV export (French labels or field names, `;`)",
    "Opendatasoft Parquet export",
    "snapshots with polled_at_utc (Parquet)",
    "bins with tbin_utc (Parquet)",
)


class BikesError(Exception):
    """Base of the errors of bikes; its message is written for the user."""


class UnknownFormat(errors.UnknownFormat):
    """A payload of no format that is known for bikes."""

    domain, known = "bikes", KNOWN_FORMATS


class ArchiveOverlap(BikesError):
    """Two archives without report times cover the same period: their rows would count it twice."""


class ProviderSilent(BikesError):
    """The provider gave no answer that could be used; the message says why."""
