"""Scheduled calls of service dates: which version is in force, instants, directions and stations."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pytest

from transit_assets.lake import Fetch, Lake
from transit_assets.quality.cleaned import candidate_schema
from transit_assets.quality.rules import split
from transit_assets.rail.clean.schedule import Schedule, count_calls, in_force, midnight, scheduled_calls
from transit_assets.rail.clean.stops import stops
from transit_assets.rail.clean.timetables import DECODER_VERSION, decode_gtfs
from transit_assets.rail.schema import SCHEDULED_CALLS, STOPS
from transit_assets_tests.feeds.gtfs_zips import FILES, gtfs_zip, with_line, without
from transit_assets_tests.rail.schedules import LANDED_AT, schedule

DAY = date(2026, 3, 2)
ZIP = "rail/gtfs/rer_b_2022-06-24_gtfs.zip"
ALWAYS = {**without("calendar.txt", "1,1,1,1,1,0,0,20260302,20260313", "1,1,1,1,1,1,1,20250101,20261231")}


def rows(*schedules: Schedule, day: date = DAY) -> list[dict]:
    return scheduled_calls(day, schedules).candidates.to_pylist()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_the_recorded_schedule_gives_the_calls_of_the_zip(recordings: Path) -> None:
    payload = (recordings / ZIP).read_bytes()
    cleaned = scheduled_calls(date(2022, 6, 24), [schedule(payload)])
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        written = list(csv.DictReader(io.TextIOWrapper(archive.open("stop_times.txt"), encoding="utf-8-sig")))

    def instant(text: str) -> datetime:
        hours, minutes, seconds = (int(part) for part in text.split(":"))
        return at("2022-06-24T00:00:00+02:00") + timedelta(hours=hours, minutes=minutes, seconds=seconds)

    expected = {
        (row["trip_id"], int(row["stop_sequence"]), row["stop_id"]): (
            instant(row["arrival_time"]),
            instant(row["departure_time"]),
        )
        for row in written
    }
    found = cleaned.candidates.to_pylist()
    assert {(row["trip_id"], row["stop_sequence"], row["stop_id"]): (row["arrival_at"], row["departure_at"])
            for row in found} == expected  # fmt: skip
    assert cleaned.landed == len(found) == len(written) == 8192
    assert cleaned.candidates.schema == candidate_schema(SCHEDULED_CALLS.schema)
    assert split(SCHEDULED_CALLS, cleaned.candidates)[1].num_rows == 0
    assert {row["row_number"] for row in found} == set(range(8192))
    assert all(row["station"] for row in found)
    assert all(row["train_number"][:4] == row["mission"] for row in found)


def test_numbers_and_stops_of_the_recorded_schedule_agree_on_directions(recordings: Path) -> None:
    one = schedule((recordings / ZIP).read_bytes())
    by_number = rows(one, day=date(2022, 6, 24))
    routes = {row["trip_id"]: row["direction"] for row in by_number}
    bare = without_numbers((recordings / ZIP).read_bytes())
    by_order = {row["trip_id"]: row["direction"] for row in rows(schedule(bare), day=date(2022, 6, 24))}
    assert set(routes.values()) == {"north", "south"}
    assert by_order == routes


def without_numbers(payload: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(payload)) as archive, zipfile.ZipFile(buffer, "w") as bare:
        for name in archive.namelist():
            content = archive.read(name)
            renamed = content.replace(b"trip_short_name", b"other") if name == "trips.txt" else content
            bare.writestr(name, renamed)
    return buffer.getvalue()


def test_a_call_past_midnight_stays_on_its_service_date() -> None:
    (last,) = [row for row in rows(schedule(gtfs_zip())) if row["stop_sequence"] == 5]
    assert last["service_date"] == DAY
    assert last["arrival_at"] == at("2026-03-03T00:05:00+01:00")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-03-28", "2026-03-28T08:00:00+01:00"),
        ("2026-03-29", "2026-03-29T08:00:00+02:00"),
        ("2026-10-25", "2026-10-25T08:00:00+01:00"),
    ],
)
def test_times_count_from_noon_less_twelve_hours(day: str, expected: str) -> None:
    found = rows(schedule(gtfs_zip(ALWAYS)), day=date.fromisoformat(day))
    assert {row["departure_at"] for row in found if row["trip_id"] == "south" and row["stop_sequence"] == 0} == {
        at(expected)
    }


def test_on_days_of_clock_changes_the_count_does_not_start_at_midnight() -> None:
    assert midnight(date(2026, 3, 29), "Europe/Paris") == at("2026-03-28T23:00:00+01:00")
    assert midnight(date(2026, 10, 25), "Europe/Paris") == at("2026-10-25T01:00:00+02:00")


def test_a_train_has_its_number_mission_direction_and_stations() -> None:
    found = {(row["trip_id"], row["stop_sequence"]): row for row in rows(schedule(gtfs_zip()))}
    assert {trip for trip, _ in found} == {"north", "south"}
    first = found["north", 0]
    assert (first["train_number"], first["mission"], first["headsign"], first["direction"], first["direction_id"]) == (
        "IPOI01", "IPOI", "IPEL", "north", 1,
    )  # fmt: skip
    assert [found["north", place]["station"] for place in (0, 1, 5)] == ["87271007", "87164798", "87271403"]
    assert found["south", 0]["direction"] == "south"


def test_without_a_number_the_headsign_tells_the_mission_and_the_stops_the_direction() -> None:
    found = rows(schedule(gtfs_zip(without("trips.txt", "PITO44", ""))))
    (south,) = {(row["train_number"], row["mission"], row["direction"]) for row in found if row["trip_id"] == "south"}
    assert south == (None, "PITO", "south")


def test_a_bus_stop_with_the_name_of_a_station_is_none() -> None:
    found = rows(schedule(gtfs_zip(), line="*"))
    assert {row["station"] for row in found if row["stop_id"] == "bus"} == {None}
    assert len(found) == 7


def test_a_call_without_times_has_none() -> None:
    payload = gtfs_zip(without("stop_times.txt", "23:55:00,23:55:30", ","))
    (between,) = [row for row in rows(schedule(payload)) if (row["trip_id"], row["stop_sequence"]) == ("north", 1)]
    assert (between["arrival_at"], between["departure_at"]) == (None, None)


def test_the_trains_of_a_service_run_on_its_dates_only() -> None:
    one = schedule(gtfs_zip())
    assert [len(rows(one, day=date(2026, 3, day))) for day in (1, 2, 4, 7, 8, 13, 14)] == [0, 5, 0, 5, 0, 5, 0]
    assert [count_calls(date(2026, 3, day), [one]) for day in (1, 2, 4, 7, 8, 13, 14)] == [0, 5, 0, 5, 0, 5, 0]


# Versions ----------------------------------------------------------------------------------------


def version(day: int, first: str, last: str, hour: int = 12, also: dict[str, str] | None = None) -> Schedule:
    calendar = FILES["calendar.txt"].replace("20260302,20260313", f"{first},{last}")
    payload = gtfs_zip({"calendar.txt": calendar, "calendar_dates.txt": None, **(also or {})})
    return schedule(payload, fetched_at=datetime(2026, 3, day, hour, tzinfo=UTC))


def test_a_date_has_the_version_that_landed_last_before_it_ended() -> None:
    old, new = version(1, "20260301", "20260331"), version(3, "20260301", "20260330")
    assert in_force([old, new], date(2026, 3, 2)) is old
    assert in_force([old, new], date(2026, 3, 3)) is new
    assert in_force([old, new], date(2026, 3, 31)) is old


def test_a_version_that_lands_after_the_paris_day_is_not_for_it() -> None:
    old, new = version(1, "20260301", "20260331"), version(3, "20260301", "20260330", hour=23)
    assert in_force([old, new], date(2026, 3, 3)) is old
    assert in_force([old, new], date(2026, 3, 4)) is new


def test_a_past_date_has_the_version_whose_own_calendar_covers_it() -> None:
    march, week = version(20, "20260302", "20260331"), version(19, "20260309", "20260315")
    assert in_force([march, week], date(2026, 3, 6)) is march
    assert in_force([march, week], date(2026, 3, 10)) is week
    assert in_force([march, week], date(2026, 3, 20)) is march
    assert in_force([march, week], date(2026, 2, 27)) is None


def test_a_version_that_cannot_be_used_leaves_the_one_before_in_force() -> None:
    good = version(1, "20260301", "20260331")
    bad = version(3, "20260301", "20260331", also=with_line("stop_times.txt", "south,08:20:00,08:20:00,ghost,2"))
    assert not bad.is_usable
    assert in_force([good, bad], date(2026, 3, 5)) is good
    assert rows(bad, day=date(2026, 3, 5)) == []


def test_a_version_without_the_line_is_not_used() -> None:
    assert not schedule(gtfs_zip(), line="C01742").is_usable


# Stops -------------------------------------------------------------------------------------------


def test_the_stops_of_the_recorded_schedule_are_the_stations_of_the_line(recordings: Path) -> None:
    made = stops([schedule((recordings / ZIP).read_bytes())])
    assert made.schema == STOPS.schema
    assert made.num_rows == 46
    assert pc.all(pc.is_valid(made["station"])).as_py()
    assert pc.all(pc.equal(made["stop_name"], made["station_name"])).as_py()
    assert set(made["valid_from"].to_pylist()) == {date(2022, 6, 24)}
    assert set(made["valid_to"].to_pylist()) == {None}


def test_stops_that_the_line_serves_and_their_stations_are_kept() -> None:
    made = {row["stop_id"]: row for row in stops([schedule(gtfs_zip())]).to_pylist()}
    assert list(made) == ["IDFM:71410", "nord-1", "plaine", "drancy"]
    assert made["nord-1"]["station"] == made["IDFM:71410"]["station"] == "87271007"
    assert (made["nord-1"]["parent_station"], made["nord-1"]["location_type"]) == ("IDFM:71410", 0)
    assert (made["drancy"]["line_order"], made["drancy"]["branch"], made["drancy"]["latitude"]) == (12, "trunk", 48.93)


def test_versions_are_valid_from_the_first_date_that_uses_them_until_another_replaces_them() -> None:
    old, new = version(1, "20260301", "20260331"), version(9, "20260301", "20260403")
    made = stops([old, new]).to_pylist()
    validity = {(row["feed_version"], row["valid_from"], row["valid_to"]) for row in made}
    assert validity == {
        (old.sha256, date(2026, 3, 2), date(2026, 3, 9)),
        (new.sha256, date(2026, 3, 9), None),
    }


def test_a_landed_zip_is_decoded_once_and_read_part_by_part(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "feed.zip"
    path.write_bytes(gtfs_zip())
    fetch = Fetch(
        domain="rail", feed="archive", fetched_at=LANDED_AT, provider="file", url="feed.zip", outcome="landed",
        is_simulated=False, headers={}, partitions=("2026-03-02",),
    )  # fmt: skip
    (landed,) = lake.landing.land([(fetch, path)])
    one = Schedule(
        landed.sha256 or "", LANDED_AT, "C01743", lambda part: lake.decoded(landed, part, decode_gtfs, DECODER_VERSION)
    )
    assert rows(one) == [
        row | {"feed_version": one.sha256, "payload_sha256": one.sha256} for row in rows(schedule(gtfs_zip()))
    ]
    assert stops([one]).num_rows == 4
