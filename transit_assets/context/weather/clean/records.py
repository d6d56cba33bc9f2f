"""Records: what every format is decoded to, one row per place and hour, in metric units.

What could not be read is null and named in `problem`, so that the row is put aside with its reason.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context.weather.clean.units import Units, to_metric
from transit_assets.context.weather.schema import FIGURES
from transit_assets.feeds import values
from transit_assets.lake import UTC_INSTANT

NAMES = tuple(column.name for column in FIGURES)
RECORDS = pa.schema(
    [
        ("place", pa.string()),
        ("hour_start_at", UTC_INSTANT),
        *((name, pa.float64()) for name in NAMES),
        ("precipitation_types", pa.string()),
        ("conditions", pa.string()),
        ("is_forecast", pa.bool_()),  # null where the source does not say
        ("source", pa.string()),
        ("row_number", pa.int32()),
        ("problem", pa.string()),  # `rule: detail`, or null
    ]
)
# Visual Crossing's names; those of the scaled file of Paris stand with its decoder.
FIELDS = {
    "temp": "temperature_celsius",
    "feelslike": "feels_like_celsius",
    "dew": "dew_point_celsius",
    "humidity": "humidity_percent",
    "precip": "precipitation_mm",
    "precipprob": "precipitation_probability_percent",
    "snow": "snow_cm",
    "snowdepth": "snow_depth_cm",
    "windspeed": "wind_speed_km_per_hour",
    "windgust": "wind_gust_km_per_hour",
    "winddir": "wind_direction_degrees",
    "pressure": "pressure_hpa",
    "sealevelpressure": "pressure_hpa",
    "cloudcover": "cloud_cover_percent",
    "visibility": "visibility_km",
    "solarradiation": "solar_radiation_w_per_m2",
    "uvindex": "uv_index",
}
_FORECASTS = ("fcst", "stats", "comb")


def records(
    raw: Mapping[str, pa.Array],
    *,
    place: pa.Array,
    hour_start_at: pa.Array,
    source: str,
    units: Units,
    row_number: pa.Array,
    problems: Sequence[pa.Array | None] = (),
) -> pa.Table:
    """Typed records from raw columns by the names of `RECORDS`, in the given units; absent columns are null.

    `problems` are the complaints of the decoder itself (`values.complaints`), first ones first.
    """
    count = len(place)
    complaints = list(problems)
    columns: dict[str, pa.Array] = {}
    for name in NAMES:
        if name in raw:
            read = values.number(raw[name])
            complaints.append(values.complaints(f"{name}_is_a_number", raw[name], read.unreadable))
            columns[name] = _metric(name, read.values, units)
    if "precipitation_types" in raw:
        columns["precipitation_types"] = precipitation_types(raw["precipitation_types"])
    if "conditions" in raw:
        columns["conditions"] = values.text(raw["conditions"])
    if "source" in raw:
        columns["is_forecast"] = _is_forecast(values.text(raw["source"]))
    columns |= {
        "place": place,
        "hour_start_at": hour_start_at,
        "source": pa.repeat(pa.scalar(source), count),
        "row_number": row_number,
        "problem": values.first_complaint(complaints, count),
    }
    return pa.table([columns.get(field.name, pa.nulls(count, field.type)) for field in RECORDS], schema=RECORDS)


def unreadable(complaints: Mapping[int, str], *, place: str, hour_start_at: pa.Scalar, source: str) -> pa.Table:
    """Records that could not be read at all, by position; they are put aside with the month of an hour beside them."""
    count = len(complaints)
    return records(
        {},
        place=pa.repeat(place, count),
        hour_start_at=pa.repeat(hour_start_at, count),
        source=source,
        units="metric",
        row_number=pa.array(list(complaints), pa.int32()),
        problems=[pa.array(list(complaints.values()), pa.string())],
    )


def numbers(raw: pa.Array | None, count: int) -> np.ndarray:
    """A raw column as floats, NaN where there is nothing to read."""
    if raw is None:
        return np.full(count, np.nan)
    return values.number(raw).values.to_numpy(zero_copy_only=False).astype(np.float64)


def precipitation_types(raw: pa.Array) -> pa.Array:
    """Lists, or texts joined by commas, as one text in the order of the alphabet; null where nothing fell."""
    return pa.array([_joined(one) for one in raw.to_pylist()], pa.string())


def _joined(one: str | list[str] | None) -> str | None:
    words = one.split(",") if isinstance(one, str) else one or ()
    kinds = sorted({str(word).strip().lower() for word in words if word and str(word).strip()})
    return ",".join(kinds) or None


def _is_forecast(source: pa.Array) -> pa.Array:
    """`obs` and `histfcst` (a model of the past) are told after the fact; `comb` holds a forecast in part."""
    return pc.if_else(pc.is_null(source), pa.scalar(None, pa.bool_()), pc.is_in(source, pa.array(_FORECASTS)))


def _metric(name: str, figures: pa.Array, units: Units) -> pa.Array:
    converted = to_metric(name, figures.to_numpy(zero_copy_only=False).astype(np.float64), units)
    return pa.array(converted, pa.float64(), from_pandas=True)
