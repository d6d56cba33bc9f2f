"""What the marts say of the recorded timetable of the original project."""

import csv
import datetime as dt
import io
import statistics
from collections import defaultdict
from pathlib import Path

from transit_assets.dbt_lake import build
from transit_assets.lake import Lake
from transit_assets.rail.clean.hops import decode_hops
from transit_assets.rail.clean.schedule import scheduled_calls
from transit_assets.rail.schema import SCHEDULED_CALLS
from transit_assets.rail.stations import station_of
from transit_assets_tests.dbt.rail_reference import MARTS
from transit_assets_tests.rail.schedules import schedule

DAY = dt.date(2022, 6, 24)
TABLE = "rail/archive/transilien-gtfs-2022-06-24.csv"


def test_theoretical_times_of_hops_are_those_of_a_direct_computation(lake: Lake, recordings: Path) -> None:
    payload = (recordings / TABLE).read_bytes()
    version = schedule(payload, parts=decode_hops(io.BytesIO(payload), DAY))
    rows = scheduled_calls(DAY, [version]).candidates.select(SCHEDULED_CALLS.column_names)
    lake.table(SCHEDULED_CALLS).replace(rows, [DAY])
    assert build(lake, select=["rail__scheduled_travel_times"]).has_passed

    times: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    for hop in csv.DictReader(io.StringIO(payload.decode())):
        origin, destination = station_of(hop["origin_id"]), station_of(hop["arrival_id"])
        assert origin is not None
        assert destination is not None
        leaves, reaches = float(hop["time_departure"]), float(hop["time_arrival"])
        times[origin.uic, destination.uic, int(leaves // 3600) % 24].append(reaches - leaves)
    found = {
        (row["origin"], row["destination"], row["local_hour"]): row
        for row in lake.table(MARTS["scheduled_travel_times"]).read().to_pylist()
        if row["stops_between"] == 0
    }
    assert sum(map(len, times.values())) == sum(row["trains"] for row in found.values()) == 7_856
    assert set(found) == set(times)
    for key, seconds in times.items():
        row = found[key]
        assert (row["min_seconds"], row["max_seconds"], row["trains"]) == (min(seconds), max(seconds), len(seconds))
        assert row["median_seconds"] == statistics.median(seconds)
        assert abs(row["mean_seconds"] - statistics.fmean(seconds)) < 1e-9
