"""What can be wrong with a payload of the road, each with a name and one clear sentence."""

from transit_assets.lake import errors
from transit_assets.lake.errors import ArchiveTooLarge, PayloadUnreadable

__all__ = ["ArchiveTooLarge", "PayloadUnreadable", "UnknownFormat"]

KNOWN_FORMATS = (
    "yearly history extracts (comma, naive local time), also as texts in a zip",
    "Opendatasoft CSV export (`;`, French labels or field names)",
    "Opendatasoft v2.1 answers and exports (JSON)",
    "Opendatasoft Parquet export",
)


class UnknownFormat(errors.UnknownFormat):
    """A payload of no format that is known for the road."""

    domain, known = "road", KNOWN_FORMATS
