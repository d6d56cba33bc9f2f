"""Visual Crossing's timeline as the simulated city has it: the weather that empties its bike stations, hour by hour.

Hours that are over are observed; later ones are forecast, and the further ahead the further off. Answers cost records
as the provider counts them, in `queryCost`; no key is asked for.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from transit_assets.simulator.faults import Fault
from transit_assets.simulator.messages import Handler, Request, Response
from transit_assets.simulator.noise import Floats, Ints, normal, smooth
from transit_assets.simulator.weather import rain, temperature_celsius

PATH = "/VisualCrossingWebServices/rest/services/timeline"

Record: TypeAlias = dict[str, Any]

_HOUR, _DAY, _YEAR = 3600, 86_400, 365.2425 * 86_400
_MOST_DAYS = 400
_FORECAST_DAYS = 15
_MILE_KM, _INCH_MM = 1.609344, 25.4
_LENGTH = {"uk": 1 / _MILE_KM, "us": 1 / _MILE_KM}
_WIND = {"uk": 1 / _MILE_KM, "us": 1 / _MILE_KM, "base": 1 / 3.6}


@dataclass(frozen=True)
class _City:
    """A place that has weather, by what an address may call it; each but the first has one of its own."""

    names: tuple[str, ...]
    latitude: float
    longitude: float
    address: str
    zone: str
    stream: int


_CITIES = (
    _City(("paris",), 48.8572, 2.34141, "Paris, Île-de-France, France", "Europe/Paris", 0),
    _City(("london",), 51.5064, -0.12721, "London, England, United Kingdom", "Europe/London", 1),
)


class _Refused(Exception):
    """A query that the provider answers with 400; the text is its message."""


def timeline(request: Request) -> Response:
    """The hours, or days, of a place from a first to a last local day, as JSON or CSV."""
    try:
        city, first, last = _asked(request)
        found = _days(request, city, first, last)
    except _Refused as refusal:
        # The provider's errors are plain text.
        return Response(400, str(refusal).encode(), {"content-type": "text/plain"})
    if request.query.get("contentType", "json") == "csv":
        return _csv(city, found)
    if "hours" not in request.query.get("include", "days,hours"):
        for day in found:
            del day["hours"]
    answer = {
        "queryCost": _cost(request, city, first, last),
        "latitude": city.latitude,
        "longitude": city.longitude,
        "resolvedAddress": city.address,
        "address": city.names[0],
        "timezone": city.zone,
        "tzoffset": _midnight(first, city).astimezone(ZoneInfo(city.zone)).utcoffset() / timedelta(hours=1),  # type: ignore[operator]
        "days": found,
    }
    return Response(200, msgspec.json.encode(answer), {"content-type": "application/json"})


def _asked(request: Request) -> tuple[_City, date, date]:
    parts = [part for part in request.path.removeprefix(PATH).split("/") if part]
    if not parts:
        raise _Refused("Bad API Request:A location must be specified")
    city = _city(parts[0])
    today = request.instant.astimezone(ZoneInfo(city.zone)).date()
    try:
        days = [date.fromisoformat(part[:10]) for part in parts[1:3]]
    except ValueError:
        raise _Refused(f"Bad API Request:Invalid date {'/'.join(parts[1:3])}") from None
    first = days[0] if days else today
    last = days[-1] if days else today + timedelta(days=_FORECAST_DAYS - 1)
    if not timedelta(0) <= last - first < timedelta(days=_MOST_DAYS):
        raise _Refused("Bad API Request:Invalid date range requested")
    if request.query.get("unitGroup", "us") not in ("metric", "uk", "us", "base"):
        raise _Refused("Bad API Request:Invalid unit group")
    return city, first, last


def _city(location: str) -> _City:
    """A city by its name, or by coordinates near it."""
    name = location.replace("%2C", ",").split(",")[0].strip().lower()
    for city in _CITIES:
        if name in city.names:
            return city
    try:
        latitude, longitude = (float(part) for part in location.replace("%2C", ",").split(","))
    except ValueError:
        raise _Refused(f"Bad API Request:Invalid location found: {location}") from None
    for city in _CITIES:
        if abs(city.latitude - latitude) < 0.5 and abs(city.longitude - longitude) < 0.5:
            return city
    raise _Refused(
        f"the simulator has the weather of {', '.join(city.names[0] for city in _CITIES)}, not of {location}"
    )


def _midnight(day: date, city: _City) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(city.zone)).astimezone(UTC)


def _cost(request: Request, city: _City, first: date, last: date) -> int:
    today = request.instant.astimezone(ZoneInfo(city.zone)).date()
    over = (min(last, today - timedelta(days=1)) - first).days + 1
    return 24 * max(0, over) + (1 if last >= today else 0)


def _days(request: Request, city: _City, first: date, last: date) -> list[Record]:
    """Each day with its hours, 23 or 25 of them where the clocks change."""
    start, end = _midnight(first, city), _midnight(last + timedelta(days=1), city)
    seconds = np.arange(int(start.timestamp()), int(end.timestamp()), _HOUR)
    hours = _hours(request, city, seconds)
    if request.fault is Fault.REORDERED:
        hours.reverse()
    if request.fault is Fault.DUPLICATED:
        hours += [hour | {"temp": hour["temp"] + 1} for hour in hours[::10]]
    by_day: dict[str, list[Record]] = {}
    for hour in hours:
        by_day.setdefault(hour.pop("day"), []).append(hour)
    return [_day(day, of_day) for day, of_day in sorted(by_day.items())]


def _day(day: str, hours: list[Record]) -> Record:
    temperatures = [hour["temp"] for hour in hours]
    sources = {hour["source"] for hour in hours}
    return {
        "datetime": day,
        "datetimeEpoch": min(hour["datetimeEpoch"] for hour in hours),
        "tempmax": max(temperatures),
        "tempmin": min(temperatures),
        "temp": round(sum(temperatures) / len(temperatures), 1),
        "precip": round(sum(hour["precip"] for hour in hours), 3),
        "source": sources.pop() if len(sources) == 1 else "comb",
        "hours": hours,
    }


def _hours(request: Request, city: _City, seconds: Ints) -> list[Record]:
    figures = _in_units(_figures(request, city, seconds), request.query.get("unitGroup", "us"))
    zone = ZoneInfo(city.zone)
    local = [datetime.fromtimestamp(second, zone) for second in seconds.tolist()]
    is_over = seconds + _HOUR <= request.unix_time
    columns = {name: np.round(values, 1 if name != "precip" else 3).tolist() for name, values in figures.items()}
    return [
        {"day": f"{at:%Y-%m-%d}", "datetime": f"{at:%H:%M:%S}", "datetimeEpoch": second}
        | {name: values[number] for name, values in columns.items()}
        | {"preciptype": _kinds(columns, number), "conditions": _conditions(columns, number)}
        | {"stations": ["SIMULATED"] if over else None, "source": "obs" if over else "fcst"}
        for number, (at, second, over) in enumerate(zip(local, seconds.tolist(), is_over.tolist(), strict=True))
    ]


def _kinds(columns: Mapping[str, list[float]], number: int) -> list[str] | None:
    kinds = ["rain"] if columns["precip"][number] > 0 else []
    kinds += ["snow"] if columns["snow"][number] > 0 else []
    return kinds or None


def _conditions(columns: Mapping[str, list[float]], number: int) -> str:
    sky = "Overcast" if columns["cloudcover"][number] > 80 else "Partially cloudy"
    sky = "Clear" if columns["cloudcover"][number] < 20 else sky
    return f"Rain, {sky}" if columns["precip"][number] > 0 else sky


def _figures(request: Request, city: _City, seconds: Ints) -> dict[str, Floats]:
    """Metric figures at the start of each hour; of hours to come with an error that grows with the lead."""
    seed, at = request.seed + 1000 * city.stream, seconds.astype(np.float64)
    lead_days = np.maximum(0.0, (at + _HOUR - request.unix_time) / _DAY)
    asked_at = request.unix_time // (3 * _HOUR)  # a new run of the forecast every three hours
    wet = rain(seed, at + _HOUR / 2)
    wet = np.clip(wet + 0.1 * np.sqrt(lead_days) * normal(seed, "forecast rain", seconds, asked_at), 0.0, 1.0)
    wet *= wet > 0.02
    temperature = temperature_celsius(seed, at)
    temperature = temperature + 0.8 * np.sqrt(lead_days) * normal(seed, "forecast warmth", seconds, asked_at)
    humidity = np.clip(62.0 + 18.0 * smooth(seed, "damp", 0, at / (18.0 * _HOUR)) + 25.0 * wet, 20.0, 100.0)
    cloud = np.clip(45.0 + 50.0 * smooth(seed, "cloud", 0, at / (12.0 * _HOUR)) + 60.0 * wet, 0.0, 100.0)
    wind = 14.0 + 10.0 * smooth(seed, "wind", 0, at / (10.0 * _HOUR)) + 8.0 * wet
    fallen = 6.0 * wet**1.5
    is_snow = temperature < 0.5
    sun = np.clip(_height_of_sun(at, city), 0.0, 1.0) * (1.0 - 0.0065 * cloud)
    return {
        "temp": temperature,
        "feelslike": temperature - np.where(temperature < 10.0, 0.12 * wind, 0.0),
        "dew": _dew_point(temperature, humidity),
        "humidity": humidity,
        "precip": fallen,
        "precipprob": np.where(lead_days > 0, np.clip(20.0 + 120.0 * wet, 0.0, 100.0), 100.0 * (fallen > 0)),
        "snow": np.where(is_snow, fallen, 0.0),
        "snowdepth": np.where(is_snow & (fallen > 0), 1.0, 0.0),
        "windgust": wind * 1.7,
        "windspeed": wind,
        "winddir": 180.0 + 179.0 * smooth(seed, "direction", 0, at / (20.0 * _HOUR)),
        "pressure": 1014.0 + 16.0 * smooth(seed, "pressure", 0, at / (50.0 * _HOUR)) - 6.0 * wet,
        "cloudcover": cloud,
        "visibility": 24.0 - 18.0 * wet,
        "solarradiation": 950.0 * sun,
        "uvindex": np.round(9.0 * sun),
    }


def _dew_point(temperature: Floats, humidity: Floats) -> Floats:
    """By the formula of Magnus, in degrees Celsius."""
    share = np.log(humidity / 100.0) + 17.625 * temperature / (243.04 + temperature)
    return 243.04 * share / (17.625 - share)


def _height_of_sun(at: Floats, city: _City) -> Floats:
    """Sine of the height of the sun, good to a degree or two."""
    declination = -0.4091 * np.cos(2.0 * np.pi * (at / _YEAR + 10.0 / 365.2425))
    latitude = np.radians(city.latitude)
    hour_angle = 2.0 * np.pi * (at / _DAY - 0.5) + np.radians(city.longitude)
    return np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)


def _in_units(figures: dict[str, Floats], units: str) -> dict[str, Floats]:
    found = dict(figures)
    for name in ("windgust", "windspeed"):
        found[name] = figures[name] * _WIND.get(units, 1.0)
    found["visibility"] = figures["visibility"] * _LENGTH.get(units, 1.0)
    for name in ("temp", "feelslike", "dew"):
        if units == "us":
            found[name] = figures[name] * 1.8 + 32.0
        elif units == "base":
            found[name] = figures[name] + 273.15
    if units == "us":
        found["precip"] = figures["precip"] / _INCH_MM
        found["snow"], found["snowdepth"] = figures["snow"] / 2.54, figures["snowdepth"] / 2.54
    return found


def _csv(city: _City, days: list[Record]) -> Response:
    """Hours with the wall clock of the place, lists joined by commas, and the pressure under its other name."""
    text = io.StringIO(newline="")
    rows = [(day["datetime"], hour) for day in days for hour in day["hours"]]
    names = [name for name in rows[0][1] if name not in ("datetime", "datetimeEpoch")]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "datetime", *("sealevelpressure" if name == "pressure" else name for name in names)])
    for day, hour in rows:
        cells = [",".join(hour[name]) if isinstance(hour[name], list) else hour[name] for name in names]
        writer.writerow([city.address, f"{day}T{hour['datetime']}", *cells])
    return Response(200, text.getvalue().encode(), {"content-type": "text/csv; charset=utf-8"})


ROUTES: dict[str, Handler] = {f"{PATH}/": timeline}
"""A route that ends with `/` serves every path below it."""
