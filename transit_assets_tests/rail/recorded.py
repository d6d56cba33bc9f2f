"""The recorded day of RER B in a lake, and small histories of made trains."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from transit_assets.lake import Lake
from transit_assets.learning.examples import Window
from transit_assets.rail.clean.events import stop_events
from transit_assets.rail.clean.hops import decode_hops
from transit_assets.rail.clean.polls import decode_csv
from transit_assets.rail.clean.predicted import predicted_calls
from transit_assets.rail.clean.records import Landed
from transit_assets.rail.clean.schedule import scheduled_calls
from transit_assets.rail.history import PLACE_OF, History
from transit_assets.rail.schema import PREDICTED_CALLS, SCHEDULED_CALLS, STOP_EVENTS
from transit_assets.settings import PARIS
from transit_assets_tests.rail.schedules import schedule

DAY = date(2022, 6, 24)
POLLS, HOPS = "rail/archive/transilien_polls_2022-06-24", "rail/archive/transilien-gtfs-2022-06-24.csv"


def paris(clock: str) -> datetime:
    """An instant of the recorded day by Paris' wall clock; `24:00` ends it."""
    hour, minute = (int(part) for part in clock.split(":"))
    local = datetime(2022, 6, 25 if hour == 24 else 24, hour % 24, minute, tzinfo=PARIS)
    return local.astimezone(UTC)


WHOLE = Window(paris("00:00"), paris("24:00"))


def recorded(lake: Lake, recordings: Path, until: datetime | None = None) -> Lake:
    """The polls of the day (those before an instant), its timetable, and its events."""
    stations = {path: path.stem.removeprefix("data-reel-") for path in sorted((recordings / POLLS).iterdir())}
    parts = [rows for path, uic in stations.items() for rows in decode_csv(io.BytesIO(path.read_bytes()), uic)]
    polls = predicted_calls(DAY, [Landed(str(number), rows) for number, rows in enumerate(parts)]).candidates
    whole = pa.compute.is_null(polls["problem"])
    rows = polls.filter(whole).select(PREDICTED_CALLS.column_names)
    rows = rows.group_by(list(PREDICTED_CALLS.key), use_threads=False).aggregate(
        [(name, "last") for name in rows.column_names if name not in PREDICTED_CALLS.key]
    )
    rows = rows.rename_columns([name.removesuffix("_last") for name in rows.column_names])
    rows = rows.select(PREDICTED_CALLS.column_names).cast(PREDICTED_CALLS.schema)
    if until is not None:
        rows = rows.filter(pa.compute.less(rows["observed_at"], pa.scalar(until, rows["observed_at"].type)))
    payload = (recordings / HOPS).read_bytes()
    trips = scheduled_calls(DAY, [schedule(payload, parts=decode_hops(io.BytesIO(payload), DAY))]).candidates
    trips = trips.select(SCHEDULED_CALLS.column_names).cast(SCHEDULED_CALLS.schema)
    events = stop_events(DAY, rows, trips).candidates.select(STOP_EVENTS.column_names).cast(STOP_EVENTS.schema)
    for table, found in ((PREDICTED_CALLS, rows), (SCHEDULED_CALLS, trips), (STOP_EVENTS, events)):
        lake.table(table).replace(found, [DAY.isoformat()])
    return lake


Passing = tuple[str, str, float]
"""A train, the code of a station, and minutes after noon UTC of the recorded day."""


def noon(minutes: float) -> float:
    """Seconds since 1970 of an instant of the recorded day."""
    return datetime(2022, 6, 24, 12, tzinfo=UTC).timestamp() + 60 * minutes


def made(
    passings: Sequence[Passing],
    *,
    scheduled: Sequence[Passing] = (),
    said: Sequence[tuple[str, str, float, float]] = (),
    theory: Sequence[tuple[str, str, float]] = (),
) -> History:
    """A history of made trains. `said` has when it was said, too; `theory` minutes from one station to another."""
    trains = sorted({one[0] for one in (*passings, *scheduled, *said)})
    number = {name: place for place, name in enumerate(trains)}
    passed = {(train, station): noon(at) for train, station, at in passings}
    aimed = {(train, station): noon(at) for train, station, at in scheduled}
    calls = sorted(passed.keys() | aimed.keys())
    return History.of(
        pa.table({"service_date": [DAY] * len(trains), "journey_id": trains, "train": range(len(trains))}),
        pa.table(
            {
                "train": pa.array([number[train] for train, _ in calls], pa.int64()),
                "place": pa.array([PLACE_OF[station] for _, station in calls], pa.int64()),
                "observed": pa.array([passed.get(call) for call in calls], pa.float64()),
                "scheduled": pa.array([aimed.get(call) for call in calls], pa.float64()),
                "direction": pa.array([0] * len(calls), pa.int64()),
            }
        ),
        pa.table(
            {
                "train": pa.array([number[one[0]] for one in said], pa.int64()),
                "place": pa.array([PLACE_OF[one[1]] for one in said], pa.int64()),
                "observed": pa.array([noon(one[2]) for one in said], pa.float64()),
                "expected": pa.array([noon(one[3]) for one in said], pa.float64()),
            }
        ),
        pa.table(
            {
                "day": pa.array([(DAY - date(1970, 1, 1)).days] * len(theory), pa.int64()),
                "origin": pa.array([PLACE_OF[one[0]] for one in theory], pa.int64()),
                "destination": pa.array([PLACE_OF[one[1]] for one in theory], pa.int64()),
                "seconds": pa.array([60 * one[2] for one in theory], pa.float64()),
            }
        ),
    )


def column(values: np.ndarray, names: Sequence[str], name: str) -> np.ndarray:
    """One of the named columns."""
    return values[:, list(names).index(name)]
