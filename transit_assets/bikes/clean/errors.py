"""What can be wrong with a payload of bikes, each with a name and one clear sentence."""

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


class PayloadUnreadable(BikesError):
    """A payload that is damaged, or not what its feed sends."""


class UnknownFormat(PayloadUnreadable):
    """A payload of no known format; the message says what was seen and what is known."""

    def __init__(self, seen: str) -> None:
        super().__init__(f"unknown format: {seen}. Known for bikes: {'; '.join(KNOWN_FORMATS)}")
        self.seen = seen


class ArchiveOverlap(BikesError):
    """Two archives without report times cover the same period: their rows would count it twice."""


class ArchiveTooLarge(BikesError):
    """A file beyond the cap on bytes of an import."""


class ProviderSilent(BikesError):
    """The provider gave no answer that could be used; the message says why."""
