"""What can be wrong with a payload of the weather, each with a name and one clear sentence."""

from transit_assets.lake import errors

KNOWN_FORMATS = (
    "Visual Crossing's timeline with hours (JSON)",
    "Visual Crossing's hours (CSV)",
    "the scaled hours of Paris (CSV with tempC, precipMM, visibility; `;`)",
)


class UnknownFormat(errors.UnknownFormat):
    """A payload of no format that is known for the weather."""

    domain, known = "weather", KNOWN_FORMATS
