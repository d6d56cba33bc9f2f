"""Payloads of the weather for tests: answers of Visual Crossing with hours, and its CSV."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

LONDON = {"latitude": 51.5064, "longitude": -0.12721, "resolvedAddress": "London, England, United Kingdom"}
PARIS = {"latitude": 48.8572, "longitude": 2.34141, "resolvedAddress": "Paris, Île-de-France, France"}
ZONES = {"London, England, United Kingdom": "Europe/London", "Paris, Île-de-France, France": "Europe/Paris"}

# Metric figures that fit each other: the dew point gives this humidity at this temperature.
FIGURES: dict[str, Any] = {
    "temp": 20.0,
    "feelslike": 20.0,
    "dew": 9.26,
    "humidity": 50.0,
    "precip": 1.5,
    "precipprob": 100.0,
    "preciptype": ["rain"],
    "snow": 0.0,
    "snowdepth": 0.0,
    "windgust": 40.0,
    "windspeed": 20.0,
    "winddir": 250.0,
    "pressure": 1013.0,
    "cloudcover": 70.0,
    "visibility": 16.0,
    "solarradiation": 300.0,
    "uvindex": 3.0,
    "conditions": "Rain, Partially cloudy",
    "source": "obs",
}
_HEADER = (
    "name datetime temp feelslike dew humidity precip precipprob preciptype snow snowdepth windgust windspeed winddir "
    "sealevelpressure cloudcover visibility solarradiation uvindex conditions"
)
CSV_COLUMNS = tuple(_HEADER.split())


def hour(start: datetime, zone: str = "Europe/Paris", **changes: Any) -> dict[str, Any]:
    """One hour of an answer; a change to None leaves the field out."""
    local = start.astimezone(ZoneInfo(zone))
    found = {"datetime": f"{local:%H:%M:%S}", "datetimeEpoch": int(start.timestamp())} | FIGURES | changes
    return {name: value for name, value in found.items() if value is not None}


def hours(start: datetime, count: int, **changes: Any) -> list[dict[str, Any]]:
    """Consecutive hours."""
    return [hour(start + timedelta(hours=number), **changes) for number in range(count)]


def timeline(found: Sequence[Any], place: dict[str, Any] = PARIS, **changes: Any) -> bytes:
    """An answer with these hours, all in one day, as the decoder does not care."""
    zone = ZONES[place["resolvedAddress"]]
    days = [{"datetime": "2024-07-06", "source": "obs", "hours": list(found)}]
    top = {"queryCost": len(found), **place, "timezone": zone, "tzoffset": 2.0, "days": days}
    return json.dumps(top | changes).encode()


def csv_of(rows: Sequence[dict[str, Any]], columns: Sequence[str] = CSV_COLUMNS) -> bytes:
    """Hours as CSV: each row has `name`, `datetime`, and what differs from `FIGURES`."""
    lines = [",".join(columns)]
    for row in rows:
        whole = FIGURES | {"preciptype": "rain", "sealevelpressure": FIGURES["pressure"]} | row
        lines.append(",".join(_cell(whole.get(name)) for name in columns))
    return "\n".join(lines).encode() + b"\n"


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f'"{text}"' if "," in text else text


NOON = datetime(2024, 7, 6, 12, tzinfo=UTC)
