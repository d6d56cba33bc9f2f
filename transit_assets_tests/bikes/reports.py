"""Reports of bikes as tables hold them, for the tests of features and models."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from transit_assets.bikes.features import History
from transit_assets.bikes.schema import STATION_STATUS, STATIONS
from transit_assets.lake import Lake
from transit_assets.settings import PARIS

MONDAY = datetime(2025, 9, 8, tzinfo=UTC)
SECONDS = int(MONDAY.timestamp())
MINUTE, HOUR, DAY = 60, 3600, 86_400


def instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def history(rows: Iterable[dict[str, Any]]) -> History:
    """A history of reports, each with `station`, `known_at` and what differs from an open station of 20 docks."""
    whole = {"zone": "Paris 1er", "bikes": 5.0, "docks_free": 15.0, "capacity": 20.0, "mechanical": 3.0, "ebike": 2.0}
    found = [
        whole | {"is_open": True} | dict.fromkeys(("reported_at", "held_until"), row["known_at"]) | row for row in rows
    ]
    found.sort(key=lambda row: (row["station"], row["known_at"]))
    counts = ("bikes", "docks_free", "capacity", "mechanical", "ebike")
    schema = pa.schema(
        [
            ("number", pa.int32()),
            ("reported_at", pa.int64()),
            ("known_at", pa.int64()),
            ("held_until", pa.int64()),
            *((name, pa.float32()) for name in counts),
            ("is_open", pa.bool_()),
        ]
    )
    stations = {row["station"]: row["zone"] for row in found}
    numbers = {station: number for number, station in enumerate(stations)}
    numbered = [{"number": numbers[row["station"]]} | {name: row[name] for name in schema.names[1:]} for row in found]
    named = pa.table({"station": list(stations), "zone": list(stations.values())})
    return History.of(pa.Table.from_pylist(numbered, schema=schema), named)


def polled(seed: int, *, days: float = 9, every: int = 10 * MINUTE, stations: int = 4) -> list[dict[str, Any]]:
    """Reports of some stations that are polled regularly; a report holds over several polls, a few are closed."""
    generator = np.random.default_rng(seed)
    polls = SECONDS + np.arange(0, int(days * DAY), every)
    rows = []
    for station in range(stations):
        docks = int(generator.integers(10, 30))
        position = 0
        bikes = docks // 2
        while position < len(polls):
            until = min(position + int(generator.integers(0, 4)), len(polls) - 1)
            bikes = int(np.clip(bikes + generator.integers(-3, 4), 0, docks))
            is_closed = generator.random() < 0.02
            rows.append(
                {
                    "station": str(1001 + station),
                    "known_at": int(polls[position]),
                    "held_until": int(polls[until]),
                    "bikes": 0.0 if is_closed else float(bikes),
                    "docks_free": 0.0 if is_closed else float(docks - bikes),
                    "mechanical": float("nan") if generator.random() < 0.05 else float(bikes // 2),
                    "is_open": not is_closed,
                }
            )
            position = until + 1
    return rows


def fill(lake: Lake, rows: Sequence[dict[str, Any]]) -> None:
    """Put reports as `polled` gives them into the lake's clean table, a row for each Paris day that they touch."""
    cells = []
    for row in rows:
        known_at, held_until = instant(row["known_at"]), instant(row.get("held_until", row["known_at"]))
        first, last = (one.astimezone(PARIS).date() for one in (known_at, held_until))
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            midnight = datetime.combine(day, datetime.min.time(), PARIS).astimezone(UTC)
            cells.append(
                {
                    "day": day,
                    "station_code": row["station"],
                    "reported_at": known_at,
                    "first_polled_at": max(known_at, midnight),
                    "polled_at": min(held_until, midnight + timedelta(hours=23, minutes=50)),
                    **{name: _count(row.get(name, 5)) for name in ("bikes", "mechanical", "docks_free")},
                    "capacity": _count(row.get("capacity")),
                    "is_installed": True,
                    "is_stale": False,
                    "reported_at_provenance": "provider",
                    "source": "gbfs",
                    "payload_sha256": "0" * 64,
                }
            )
    table = pa.Table.from_pylist(cells, schema=STATION_STATUS.schema)
    lake.table(STATION_STATUS).replace(table, sorted({str(cell["day"]) for cell in cells}))


def describe(lake: Lake, *rows: dict[str, Any]) -> None:
    """Rebuild the lake's stations from `station_code` and whatever else is said of each."""
    first = {"valid_from": date(2025, 1, 1), "name": "Hauteville", "zone": "Paris 1er"}
    found = [first | {"first_station_code": row["station_code"]} | row for row in rows]
    lake.table(STATIONS).rebuild(lambda: pa.Table.from_pylist(found, schema=STATIONS.schema))


def _count(value: float | None) -> int | None:
    return None if value is None or np.isnan(value) else int(value)
