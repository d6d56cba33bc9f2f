"""What can be wrong with a file of congestion, each with a name and one clear sentence."""

from transit_assets.lake import errors

KNOWN_FORMATS = (
    "TomTom's hours (JSON with data[].UpdateTime and TrafficIndexLive)",
    "TomTom's days (JSON with date and congestion)",
    "a CSV with hour_start_at or day, congestion_percent, and the place",
)


class UnknownFormat(errors.UnknownFormat):
    """A file of no format that is known for congestion."""

    domain, known = "congestion", KNOWN_FORMATS
