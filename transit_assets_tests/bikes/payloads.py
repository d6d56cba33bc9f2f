"""Small payloads in every provider's form, for the tests of bikes."""

import hashlib
import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from transit_assets.bikes.clean.formats import decode_archive
from transit_assets.bikes.clean.observations import Archive, Poll
from transit_assets.bikes.clean.status import station_status
from transit_assets.bikes.schema import STATION_STATUS
from transit_assets_tests.ruled import Ruled, ruled

DAY = date(2025, 10, 18)
NOON = datetime(2025, 10, 18, 12, 0, tzinfo=UTC)


def gbfs(stations: Sequence[Any], updated: int = int(NOON.timestamp())) -> bytes:
    return json.dumps({"lastUpdatedOther": updated, "ttl": 3600, "data": {"stations": stations}}).encode()


def station(code: str = "10003", reported_at: datetime = NOON, **said: Any) -> dict[str, Any]:
    """One station of the operator's `station_status`."""
    mechanical, ebike = said.pop("mechanical", 2), said.pop("ebike", 3)
    return {
        "station_id": int(code) if code.isdecimal() else 1,
        "num_bikes_available": mechanical + ebike,
        "num_bikes_available_types": [{"mechanical": mechanical}, {"ebike": ebike}],
        "num_docks_available": 10,
        "is_installed": 1,
        "is_returning": 1,
        "is_renting": 1,
        "last_reported": int(reported_at.timestamp()),
        "stationCode": code,
        "station_opening_hours": None,
    } | said


def described(code: str = "10003", **said: Any) -> dict[str, Any]:
    """One station of the operator's `station_information`."""
    return {
        "station_id": 36255,
        "stationCode": code,
        "name": "Hauteville",
        "lat": 48.87,
        "lon": 2.35,
        "capacity": 17,
    } | said


def record(code: str = "10003", **said: Any) -> dict[str, Any]:
    """One record of Opendatasoft v2.1."""
    return {
        "stationcode": code,
        "name": "Hauteville",
        "is_installed": "OUI",
        "capacity": 17,
        "numdocksavailable": 10,
        "numbikesavailable": 5,
        "mechanical": 2,
        "ebike": 3,
        "is_renting": "OUI",
        "is_returning": "NON",
        "duedate": "2025-10-18T12:00:00+00:00",
        "coordonnees_geo": {"lon": 2.35, "lat": 48.87},
        "nom_arrondissement_communes": "Paris",
        "code_insee_commune": "75056",
    } | said


def poll(payload: bytes, polled_at: datetime = NOON) -> Poll:
    return Poll(polled_at, hashlib.sha256(payload).hexdigest(), payload)


def archives(payload: bytes | Path) -> dict[date, Archive]:
    """A file's records by Paris day, as the landing gives them."""
    content = payload if isinstance(payload, bytes) else payload.read_bytes()
    days: dict[str, list[pa.Table]] = {}
    for day, rows in decode_archive(io.BytesIO(content)):
        days.setdefault(day, []).append(rows)
    sha256 = hashlib.sha256(content).hexdigest()
    return {date.fromisoformat(day): Archive(sha256, pa.concat_tables(rows)) for day, rows in days.items()}


def imported(payload: bytes | Path) -> list[Ruled]:
    """The status of every day of a file."""
    found = archives(payload)
    return [ruled(STATION_STATUS, station_status(day, [archive])) for day, archive in found.items()]


def polled(*payloads: tuple[datetime, bytes]) -> Ruled:
    """The status of a day of polls."""
    return ruled(STATION_STATUS, station_status(DAY, [poll(payload, at) for at, payload in payloads]))
