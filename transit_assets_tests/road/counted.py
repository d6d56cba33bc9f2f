"""Counts of the road as the clean table holds them, for the tests of features and models."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from transit_assets.lake import Lake
from transit_assets.quality.load import load
from transit_assets.road.archive import import_files
from transit_assets.road.clean.counts import counts_hourly
from transit_assets.road.features import NAMES, History, features
from transit_assets.road.landed import FEEDS_OF, WITH_INSTANTS, landed_by_month
from transit_assets.road.schema import COUNTS_HOURLY
from transit_assets.settings import PARIS, Settings

HOUR = 3600
_FEEDS = FEEDS_OF[COUNTS_HOURLY.relation]


def recorded(lake: Lake, recordings: Path, *names: str) -> Lake:
    """Import recorded files of the road (`history/champs_elysees_2023.csv`) and load their months."""
    import_files(lake, [recordings / "road/archive" / name for name in names], Settings(_env_file=None))
    prints = lake.landing.fingerprints("road", _FEEDS, with_instants=WITH_INSTANTS)
    months = landed_by_month(lake, _FEEDS, sorted(prints))
    cleaned = (counts_hourly(date.fromisoformat(month), found, prints[month]) for month, found in months)
    assert {one.outcome for one in load(lake, COUNTS_HOURLY, cleaned)} == {"committed"}
    return lake


def made(
    arcs: Mapping[str, np.ndarray], start: datetime, *, delay_minutes: int = 0, ahead: timedelta = timedelta()
) -> History:
    """A history of hourly flows by arc from an instant on, NaN where nothing was counted; occupancy is a tenth of it.

    It reaches `ahead` beyond the last hour.
    """
    first, hours = int(start.timestamp()) // HOUR, max(len(flow) for flow in arcs.values())
    rows = [
        {"arc_id": arc, "hour": first + hour, "flow": float(one), "occupancy": float(one) / 10}
        for arc, flow in arcs.items()
        for hour, one in enumerate(flow)
    ]
    schema = pa.schema(
        [("arc_id", pa.string()), ("hour", pa.int64()), ("flow", pa.float32()), ("occupancy", pa.float32())]
    )
    until = start + timedelta(hours=hours) + ahead
    return History.of(pa.Table.from_pylist(rows, schema=schema), until=until, delay_seconds=delay_minutes * 60)


def weekly(weeks: int, seed: int = 0, level: float = 900.0) -> np.ndarray:
    """Flows of some weeks with a daily shape, quieter weekends and noise."""
    generator = np.random.default_rng(seed)
    hour = np.arange(weeks * 168)
    shape = 1.1 - np.cos(2 * np.pi * (hour % 24 - 3) / 24) - 0.3 * (hour % 168 >= 120)
    return np.maximum(level * shape * generator.normal(1, 0.08, len(hour)), 1.0)


def put(lake: Lake, arcs: Mapping[str, np.ndarray], start: datetime) -> Lake:
    """Put hourly flows into the lake's clean table; occupancy is a hundredth of the flow, at most 99."""
    rows: list[dict[str, Any]] = []
    for arc, flows in arcs.items():
        for hour, flow in enumerate(flows):
            at = start + timedelta(hours=hour)
            is_known = bool(np.isfinite(flow))
            rows.append(
                {
                    "month": at.astimezone(PARIS).date().replace(day=1),
                    "arc_id": arc,
                    "hour_start_at": at,
                    "flow_veh_per_hour": float(flow) if is_known else None,
                    "occupancy_percent": min(float(flow) / 100, 99.0) if is_known else None,
                    "level_of_occupancy": "fluid" if is_known else "unknown",
                    "source": "history_csv",
                    "payload_sha256": "0" * 64,
                }
            )
    table = pa.Table.from_pylist(rows, schema=COUNTS_HOURLY.schema)
    lake.table(COUNTS_HOURLY).replace(table, sorted({row["month"].isoformat() for row in rows}))
    return lake


def asked(of: History, arc: str, at: datetime, lead_hours: int = 1) -> dict[str, float]:
    """The features of one question by name."""
    where, seconds = np.array([of.position[arc]]), np.array([int(at.timestamp())])
    row = features(of, where, seconds, np.array([lead_hours]))[0]
    return dict(zip(NAMES, row.tolist(), strict=True))


def paris(text: str) -> datetime:
    """An instant of the wall clock of Paris; of an hour that it shows twice the first."""
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)
