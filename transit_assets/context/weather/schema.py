"""The table of the weather: one row per place and hour, in metric units.

A month is the UTC month in which an hour starts; its partition is named by its first day (`2021-12-01`). Of records
that share a key (place, hour_start_at) an observation beats a forecast, Visual Crossing the scaled file of Paris, the
later payload an earlier one, and a later record of one payload an earlier one. Instants are UTC.
"""

import pyarrow as pa

from transit_assets.context.places import PLACES
from transit_assets.lake import UTC_INSTANT, Column, Rule, Table

SOURCES = ("paris_csv", "visual_crossing_csv", "visual_crossing_json")
"""Formats of payloads, the weakest first."""


def _figure(name: str, description: str, unit: str, minimum: float, maximum: float, source: str) -> Column:
    return Column(name, pa.float64(), description, unit=unit, minimum=minimum, maximum=maximum, source=source)


FIGURES = (
    _figure(
        "temperature_celsius",
        "Air temperature; of the scaled file of Paris to 0.3 degrees.",
        "°C",
        -60,
        60,
        "temp, tempC",
    ),
    _figure("feels_like_celsius", "Temperature as it is felt with wind or humidity.", "°C", -90, 90, "feelslike"),
    _figure("dew_point_celsius", "Dew point.", "°C", -90, 50, "dew"),
    _figure("humidity_percent", "Relative humidity.", "%", 0, 100, "humidity"),
    _figure("precipitation_mm", "Rain and melted snow of the hour.", "mm", 0, 500, "precip, precipMM"),
    _figure("precipitation_probability_percent", "Chance of any.", "%", 0, 100, "precipprob"),
    _figure("snow_cm", "New snow of the hour.", "cm", 0, 200, "snow"),
    _figure("snow_depth_cm", "Snow on the ground.", "cm", 0, 1000, "snowdepth"),
    _figure("wind_speed_km_per_hour", "Wind at 10 m.", "km/h", 0, 400, "windspeed"),
    _figure("wind_gust_km_per_hour", "Strongest gust; null in calm hours.", "km/h", 0, 500, "windgust"),
    _figure("wind_direction_degrees", "Where the wind comes from, clockwise from north.", "degrees", 0, 360, "winddir"),
    _figure("pressure_hpa", "Pressure at sea level.", "hPa", 850, 1100, "pressure, sealevelpressure"),
    _figure("cloud_cover_percent", "Share of the sky under clouds.", "%", 0, 100, "cloudcover"),
    _figure("visibility_km", "How far one sees; at most 10 in the scaled file of Paris.", "km", 0, 200, "visibility"),
    _figure("solar_radiation_w_per_m2", "Power of the sun on level ground.", "W/m²", 0, 1500, "solarradiation"),
    _figure("uv_index", "Index of ultraviolet exposure.", "1", 0, 20, "uvindex"),
)

WEATHER_HOURLY = Table(
    layer="interim",
    domain="weather",
    name="hourly",
    description="The weather of one hour at one place, observed or forecast; a figure that no source gives is null.",
    key=("place", "hour_start_at"),
    partition_by="month",
    columns=(
        Column("month", pa.date32(), "First day of the UTC month in which the hour starts.", is_nullable=False),
        Column(
            "place",
            pa.string(),
            "City, by its name here.",
            is_nullable=False,
            values=tuple(place.name for place in PLACES),
        ),
        Column(
            "hour_start_at",
            UTC_INSTANT,
            "First instant of the hour, at which temperatures, wind and the like were measured.",
            is_nullable=False,
            source="datetimeEpoch, datetime",
        ),
        *FIGURES,
        Column(
            "precipitation_types",
            pa.string(),
            "What fell, in the order of the alphabet, joined by commas (`rain,snow`); null where nothing did.",
            source="preciptype",
        ),
        Column("conditions", pa.string(), "The provider's words for the sky.", source="conditions"),
        Column(
            "is_forecast",
            pa.bool_(),
            "True for a forecast, false for what was observed: as the source says; where it does not, an hour that was "
            "not over when it was fetched is a forecast.",
            is_nullable=False,
            source="source",
        ),
        Column(
            "known_at",
            UTC_INSTANT,
            "From when it was known: a forecast when it was fetched (a file: imported), an observation when its hour "
            "was over. Later corrections of an observation by the provider are not told apart.",
            is_nullable=False,
        ),
        Column("fetched_at", UTC_INSTANT, "When the payload landed.", is_nullable=False),
        Column("source", pa.string(), "Format of the payload.", is_nullable=False, values=SOURCES),
        Column("payload_sha256", pa.string(), "Hash of the payload, in `raw.fetches`.", is_nullable=False),
    ),
    rules=(
        Rule("hour_is_whole", "date_trunc('hour', hour_start_at) = hour_start_at", "an hour starts at a full hour"),
        Rule(
            "month_of_hour",
            "date_trunc('month', timezone('UTC', hour_start_at))::DATE = month",
            "an hour stands in the UTC month in which it starts",
        ),
        Rule(
            "dew_below_temperature",
            "dew_point_celsius <= temperature_celsius + 1",
            "the dew point is not above the temperature, but for a degree of rounding",
        ),
    ),
    owner="weather",
)
