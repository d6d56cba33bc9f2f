"""The original project's hop table as a timetable, against a direct computation of its hops."""

import csv
import io
from collections import defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from transit_assets.rail.clean.errors import PayloadUnreadable
from transit_assets.rail.clean.hops import date_of_name, decode_hops, is_hop_table
from transit_assets.rail.clean.schedule import Schedule, scheduled_calls
from transit_assets.rail.clean.stops import stops
from transit_assets_tests.rail.schedules import schedule

TABLE, ZIP = "rail/archive/transilien-gtfs-2022-06-24.csv", "rail/gtfs/rer_b_2022-06-24_gtfs.zip"
DAY = date(2022, 6, 24)
HEADER = (
    "trip_id,trip_line,trip_headsign,trip_short_name,destination,destination_id,origin,origin_id,time_departure,"
    "arrival,arrival_id,time_arrival,time_travelled,direction\n"
)


def hop(origin: str, departs: str, arrival: str, arrives: str, trip: str = "t") -> str:
    return f"{trip},IDFM:C01743,IPEL,IPOI01,,,{origin},id-{origin},{departs},{arrival},id-{arrival},{arrives},1.0,1.0\n"


def of(payload: bytes) -> Schedule:
    return schedule(payload, parts=decode_hops(io.BytesIO(payload), DAY))


def rows(text: str) -> list[dict]:
    found = scheduled_calls(DAY, [of((HEADER + text).encode())]).candidates.to_pylist()
    return sorted(found, key=lambda row: (row["stop_sequence"], row["row_number"]))


def test_hops_give_the_theoretical_times_of_a_direct_computation(recordings: Path) -> None:
    payload = (recordings / TABLE).read_bytes()
    direct: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(payload.decode())):
        seconds = float(row["time_arrival"]) - float(row["time_departure"])
        direct[row["trip_id"], row["origin_id"], row["arrival_id"]].append(seconds)
    calls = scheduled_calls(DAY, [of(payload)]).candidates.sort_by(
        [("trip_id", "ascending"), ("stop_sequence", "ascending")]
    )
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    listed = calls.to_pylist()
    for left, reached in pairwise(listed):
        if left["trip_id"] == reached["trip_id"]:
            seconds = (reached["arrival_at"] - left["departure_at"]).total_seconds()
            found[left["trip_id"], left["stop_id"], reached["stop_id"]].append(seconds)
    assert sum(len(times) for times in direct.values()) == 7856
    assert found == direct


def test_no_hop_is_lost_and_each_trip_has_one_call_more_than_hops(recordings: Path) -> None:
    cleaned = scheduled_calls(DAY, [of((recordings / TABLE).read_bytes())])
    numbers = set(cleaned.candidates["row_number"].to_pylist())
    assert numbers >= set(range(7856))
    assert cleaned.landed == cleaned.candidates.num_rows == len(numbers) == 7856 + 336
    assert cleaned.candidates["problem"].null_count == 8192
    assert cleaned.candidates["station"].null_count == 0


def test_hops_and_the_zip_made_of_them_differ_only_at_both_ends_of_a_trip(recordings: Path) -> None:
    key = ("trip_id", "stop_sequence", "stop_id", "station", "train_number", "mission", "direction", "direction_id")

    def calls(one: Schedule) -> dict[tuple, tuple]:
        found = scheduled_calls(DAY, [one]).candidates.to_pylist()
        return {tuple(row[name] for name in key): (row["arrival_at"], row["departure_at"]) for row in found}

    hops, zipped = calls(of((recordings / TABLE).read_bytes())), calls(schedule((recordings / ZIP).read_bytes()))
    assert set(hops) == set(zipped)
    one_sided = {name: times for name, times in hops.items() if None in times}
    assert len(one_sided) == 2 * 336
    assert all(set(times) - {None} <= set(zipped[name]) for name, times in one_sided.items())
    assert all(zipped[name] == times for name, times in hops.items() if name not in one_sided)


def test_the_stations_of_hops_are_stops_without_a_place(recordings: Path) -> None:
    made = stops([of((recordings / TABLE).read_bytes())])
    assert made.num_rows == 46
    assert made["station"].null_count == 0
    assert made["latitude"].null_count == 46


def test_hops_join_to_calls_where_one_starts_at_the_station_that_the_other_reached() -> None:
    found = rows(hop("b", "100", "c", "160") + hop("a", "0.0", "b", "70.0"))
    assert [row["stop_id"] for row in found] == ["id-a", "id-b", "id-c"]
    assert [row["arrival_at"] and row["arrival_at"].second for row in found] == [None, 10, 40]
    assert [row["departure_at"] and row["departure_at"].second for row in found] == [0, 40, None]
    assert [row["row_number"] for row in found] == [1, 0, 2]


def test_a_gap_between_hops_leaves_both_of_its_calls_one_sided() -> None:
    found = rows(hop("a", "0", "b", "70") + hop("c", "100", "d", "160"))
    assert [(row["stop_id"], row["arrival_at"] is None, row["departure_at"] is None) for row in found] == [
        ("id-a", True, False), ("id-b", False, True), ("id-c", True, False), ("id-d", False, True),
    ]  # fmt: skip


@pytest.mark.parametrize("departs", ["", "soon", "-1", "1000000", "1.5"])
def test_a_hop_that_cannot_be_read_is_put_aside_with_its_reason(departs: str) -> None:
    found = rows(hop("a", departs, "b", "70") + hop("b", "100", "c", "160"))
    (bad,) = [row for row in found if row["problem"]]
    assert bad["row_number"] == 0
    assert bad["problem"].startswith("hop_is_readable: ")
    assert len(found) == 3


def test_a_hop_table_is_told_by_its_header_with_or_without_the_unnamed_column(recordings: Path) -> None:
    assert is_hop_table((recordings / TABLE).read_bytes()[:4096])
    assert is_hop_table(HEADER.encode())
    assert not is_hop_table(b"time_recorded,num,miss,date,mode,term,direction,etat\n")


def test_the_name_says_the_date() -> None:
    assert date_of_name("old/transilien-gtfs-2022-06-24.csv") == DAY
    for name in ("transilien-gtfs.csv", "transilien-gtfs-2022-06-31.csv", "2022-06-24/hops.csv"):
        with pytest.raises(PayloadUnreadable, match="hops say no date"):
            date_of_name(name)


def test_parts_have_their_schemas() -> None:
    parts = dict(decode_hops(io.BytesIO((HEADER + hop("a", "0", "b", "70")).encode()), DAY))
    assert list(parts) == ["routes", "services", "exceptions", "stops", "findings", "calls_0"]
    assert all(isinstance(part, pa.Table) for part in parts.values())
