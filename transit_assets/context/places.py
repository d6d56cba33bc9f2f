"""The places whose weather and congestion are kept: each with its coordinates and its time zone."""

from dataclasses import dataclass

_NEAR_DEGREES = 0.3  # a provider answers for a grid cell or a station near what was asked


@dataclass(frozen=True)
class Place:
    """A city."""

    name: str
    latitude: float
    longitude: float
    zone: str


PLACES = (
    Place("london", 51.5072, -0.1276, "Europe/London"),
    Place("paris", 48.8566, 2.3522, "Europe/Paris"),
)


def place_at(latitude: float | None, longitude: float | None) -> Place | None:
    """The place near some coordinates, or None."""
    if latitude is None or longitude is None:
        return None
    near = (
        place
        for place in PLACES
        if abs(place.latitude - latitude) <= _NEAR_DEGREES and abs(place.longitude - longitude) <= _NEAR_DEGREES
    )
    return next(near, None)


def place_named(text: str | None) -> Place | None:
    """The place that an address begins with (`London, England, United Kingdom`), or None."""
    city = (text or "").split(",")[0].strip().lower()
    return next((place for place in PLACES if place.name == city), None)


def known_places() -> str:
    """The places there are, for messages."""
    return ", ".join(place.name for place in PLACES)
