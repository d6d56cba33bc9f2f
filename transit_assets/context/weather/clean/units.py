"""Visual Crossing's groups of units, to metric: answers do not say which they are in.

A query says it (`unitGroup`). A file that someone holds does not, but dew point and humidity fit only one unit of
temperature: that tells `us` (Fahrenheit) and `base` (kelvin) from the two with Celsius. Those two, `metric` and `uk`,
differ in miles alone, which nothing tells: of such a file (`celsius`) wind and visibility stay unknown, unless whoever
imports it says which it is.
"""

from typing import Literal, TypeAlias, get_args

import numpy as np

Units: TypeAlias = Literal["metric", "uk", "us", "base", "celsius"]
UNITS: tuple[Units, ...] = get_args(Units)

_MILE_KM, _INCH_MM = 1.609344, 25.4
_CELSIUS, _FAHRENHEIT, _KELVIN = (1.0, 0.0), (5 / 9, -160 / 9), (1.0, -273.15)
_SAME = (1.0, 0.0)

# Of each group the factor and the shift to metric, by kind of figure; None where it cannot be known.
_TO_METRIC: dict[Units, dict[str, tuple[float, float] | None]] = {
    "metric": {"temperature": _CELSIUS, "rain": _SAME, "snow": _SAME, "wind": _SAME, "distance": _SAME},
    "uk": {
        "temperature": _CELSIUS,
        "rain": _SAME,
        "snow": _SAME,
        "wind": (_MILE_KM, 0.0),
        "distance": (_MILE_KM, 0.0),
    },
    "us": {
        "temperature": _FAHRENHEIT,
        "rain": (_INCH_MM, 0.0),
        "snow": (_INCH_MM / 10, 0.0),
        "wind": (_MILE_KM, 0.0),
        "distance": (_MILE_KM, 0.0),
    },
    "base": {"temperature": _KELVIN, "rain": _SAME, "snow": _SAME, "wind": (3.6, 0.0), "distance": _SAME},
    "celsius": {"temperature": _CELSIUS, "rain": _SAME, "snow": _SAME, "wind": None, "distance": None},
}
_KINDS = {
    "temperature_celsius": "temperature",
    "feels_like_celsius": "temperature",
    "dew_point_celsius": "temperature",
    "precipitation_mm": "rain",
    "snow_cm": "snow",
    "snow_depth_cm": "snow",
    "wind_speed_km_per_hour": "wind",
    "wind_gust_km_per_hour": "wind",
    "visibility_km": "distance",
}
_KELVIN_FROM = 150.0  # no weather is so hot in any other unit
_LEAST_MARGIN = 1.0  # points of humidity by which one unit must fit better


def to_metric(name: str, figures: np.ndarray, units: Units) -> np.ndarray:
    """A figure in its metric unit; NaN where it is unknown."""
    kind = _KINDS.get(name)
    if kind is None:
        return figures
    known = _TO_METRIC[units][kind]
    return np.full(len(figures), np.nan) if known is None else figures * known[0] + known[1]


def told_by(temperature: np.ndarray, dew_point: np.ndarray, humidity: np.ndarray) -> Units | None:
    """The units in which dew point and humidity fit the temperature; None where both or neither may."""
    told = np.isfinite(temperature) & np.isfinite(dew_point) & np.isfinite(humidity)
    if not told.any():
        return None
    temperature, dew_point, humidity = temperature[told], dew_point[told], humidity[told]
    if np.median(temperature) > _KELVIN_FROM:
        return "base"
    misfit = {
        units: float(np.mean(np.abs(_humidity(temperature * factor + shift, dew_point * factor + shift) - humidity)))
        for units, (factor, shift) in {"us": _FAHRENHEIT, "celsius": _CELSIUS}.items()
    }
    if abs(misfit["us"] - misfit["celsius"]) < _LEAST_MARGIN:
        return None
    return "us" if misfit["us"] < misfit["celsius"] else "celsius"


def _humidity(temperature: np.ndarray, dew_point: np.ndarray) -> np.ndarray:
    """Relative humidity (%) by the formula of Magnus, for degrees Celsius."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        exponent = 17.625 * (dew_point / (243.04 + dew_point) - temperature / (243.04 + temperature))
        return np.nan_to_num(100.0 * np.exp(np.clip(exponent, -20, 20)), nan=1e3, posinf=1e3)
