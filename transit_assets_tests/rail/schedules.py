"""Versions of the schedule for tests: zips and hop tables, decoded in memory."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256

import pyarrow as pa

from transit_assets.rail.clean.schedule import Schedule
from transit_assets.rail.clean.timetables import decode_gtfs

LANDED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def schedule(
    payload: bytes,
    *,
    line: str = "C01743",
    fetched_at: datetime = LANDED_AT,
    parts: Iterator[tuple[str, pa.Table]] | None = None,
) -> Schedule:
    """A version of a GTFS zip, or of parts that something else was decoded to."""
    held = dict(parts if parts is not None else decode_gtfs(io.BytesIO(payload)))
    nothing = next(iter(held.values())).slice(0, 0)  # as `lake.decoded` gives where a payload has no such part
    return Schedule(sha256(payload).hexdigest(), fetched_at, line, lambda part: held.get(part, nothing))
