"""What can be wrong with a payload of the fire, each with a name and one clear sentence."""

from transit_assets.lake import errors
from transit_assets.lake.errors import ArchiveTooLarge, PayloadUnreadable

__all__ = ["ArchiveTooLarge", "PayloadUnreadable", "UnknownFormat"]

KNOWN_FORMATS = (
    "the London Fire Brigade's incident records (CSV, also in a zip, XLSX, Parquet)",
    "its mobilisation records (likewise)",
    "stations with easting and northing (CSV)",
)


class UnknownFormat(errors.UnknownFormat):
    """A payload of no format that is known for the fire."""

    domain, known = "fire", KNOWN_FORMATS
