"""GTFS zips of any kind: what is read, and what is found wrong in them, with file, line and rule."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from transit_assets.feeds import gtfs
from transit_assets.lake.errors import ArchiveTooLarge, PayloadUnreadable
from transit_assets_tests.feeds.gtfs_zips import FILES, gtfs_zip, with_line, without

Changes = Mapping[str, str | bytes | None]


def feed(changes: Changes = {}, folder: str = "") -> gtfs.Feed:  # noqa: B006 never changed
    return gtfs.read(io.BytesIO(gtfs_zip(changes, folder)))


def found(changes: Changes) -> list[tuple[str, int | None, str, bool]]:
    return [(one.file, one.line, one.rule, one.blocks(["IDFM:C01743"])) for one in feed(changes).findings]


def calls(of: gtfs.Feed) -> list[tuple[str, int, int, int]]:
    assert of.stop_times is not None
    times, trips = of.stop_times, of.trips["trip_id"].to_pylist()
    columns = (times.trip, times.sequence, times.arrival, times.departure)
    return [(trips[trip], *rest) for trip, *rest in zip(*(column.tolist() for column in columns), strict=True)]


def test_the_recorded_schedule_is_read_whole_without_a_finding(recordings: Path) -> None:
    with (recordings / "rail/gtfs/rer_b_2022-06-24_gtfs.zip").open("rb") as stream:
        assert gtfs.is_feed(stream)
        read = gtfs.read(stream)
    assert read.findings == ()
    assert read.rows == {
        "agency.txt": 1, "stops.txt": 46, "routes.txt": 1, "trips.txt": 336, "calendar.txt": 1, "stop_times.txt": 8192,
    }  # fmt: skip
    assert sum(departure >= 24 * 3600 for *_, departure in calls(read)) == 193
    assert read.version == hashlib.sha256(path_bytes(recordings)).hexdigest()
    assert (read.first_date, read.last_date, read.time_zone) == (date(2022, 6, 24), date(2022, 6, 29), "Europe/Paris")
    assert list(read.calls_by_date("C01743")) == [date(2022, 6, day) for day in (24, 27, 28, 29)]
    assert set(read.calls_by_date("C01743").values()) == {8192}


def path_bytes(recordings: Path) -> bytes:
    return (recordings / "rail/gtfs/rer_b_2022-06-24_gtfs.zip").read_bytes()


def test_times_go_past_midnight_and_may_have_one_digit_of_an_hour() -> None:
    times = {(trip, sequence): (arrival, departure) for trip, sequence, arrival, departure in calls(feed())}
    assert times["north", 5] == (86_700, 86_700)
    assert times["south", 0] == (28_800, 28_800)


def test_a_line_is_told_by_its_identifier_or_the_last_part_of_it() -> None:
    read = feed()
    assert read.routes_of("C01743") == read.routes_of("IDFM:C01743") == ("IDFM:C01743",)
    assert read.routes_of("*") == ("IDFM:C01743", "IDFM:C00001")
    assert read.routes_of("1743") == ()
    days = read.calls_by_date("C01743")
    assert len(days) == 10
    assert set(days.values()) == {5}
    assert set(read.calls_by_date().values()) == {7}


def test_exceptions_take_dates_out_of_the_calendar_and_put_some_in() -> None:
    days = set(feed().calls_by_date())
    assert date(2026, 3, 4) not in days
    assert {date(2026, 3, 3), date(2026, 3, 5), date(2026, 3, 7), date(2026, 3, 13)} <= days
    assert date(2026, 3, 14) not in days


@pytest.mark.parametrize(
    ("missing", "dates"), [("calendar.txt", [date(2026, 3, 7)]), ("calendar_dates.txt", 10)], ids=str
)
def test_either_of_the_calendars_may_be_absent(missing: str, dates: list[date] | int) -> None:
    read = feed({missing: None})
    assert not [one for one in read.findings if one.is_error]
    assert (list(read.calls_by_date()) if isinstance(dates, list) else len(read.calls_by_date())) == dates


def test_rows_may_be_in_any_order() -> None:
    header, *lines = FILES["stop_times.txt"].splitlines()
    assert calls(feed({"stop_times.txt": "\n".join([header, *reversed(lines)])})) == calls(feed())


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + FILES["stop_times.txt"].encode(),
        FILES["stop_times.txt"].replace("\n", "\r\n"),
        FILES["stop_times.txt"] + "\n\n\r\n",
        FILES["stop_times.txt"].rstrip("\n"),
        FILES["stop_times.txt"].replace("nord-1", '"nord-1"'),
        "\n".join(f"{line},{extra}" for line, extra in zip(
            FILES["stop_times.txt"].splitlines(), ["stop_headsign,x", *["\"to, or from\",é"] * 7], strict=True
        )),
    ],
    ids=["bom", "crlf", "blank lines at the end", "no last newline", "quotes", "quoted commas, more columns"],
)  # fmt: skip
def test_what_valid_feeds_differ_in_does_not_matter(text: str | bytes) -> None:
    read = feed({"stop_times.txt": text})
    assert calls(read) == calls(feed())
    assert read.findings == ()


def test_the_header_that_navitia_writes_is_read() -> None:
    header = (
        "trip_id,arrival_time,departure_time,start_pickup_drop_off_window,end_pickup_drop_off_window,stop_id,"
        "stop_sequence,pickup_type,drop_off_type,local_zone_id,stop_headsign,timepoint,pickup_booking_rule_id,"
        "drop_off_booking_rule_id"
    )
    rows = [line.split(",") for line in FILES["stop_times.txt"].splitlines()[1:]]
    lines = [
        f"{trip},{arrival},{departure},,,{stop},{place},0,0,,,1,," for trip, arrival, departure, stop, place in rows
    ]
    read = feed({"stop_times.txt": "\n".join([header, *lines])})
    assert calls(read) == calls(feed())
    assert read.findings == ()


def test_a_feed_in_a_folder_of_the_zip_is_read_and_noted() -> None:
    read = feed(folder="export/gtfs/")
    assert calls(read) == calls(feed())
    assert [(one.rule, one.is_error) for one in read.findings] == [("invalid_input_files_in_subfolder", False)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"routes.txt": None}, ("routes.txt", None, "missing_required_file")),
        ({"stop_times.txt": None}, ("stop_times.txt", None, "missing_required_file")),
        ({"stop_times.txt": ""}, ("stop_times.txt", None, "empty_file")),
        ({"calendar.txt": None, "calendar_dates.txt": None},
         ("calendar.txt", None, "missing_calendar_and_calendar_date_files")),
        (without("stop_times.txt", "stop_sequence", "place"), ("stop_times.txt", 1, "missing_required_column")),
        (without("trips.txt", "trip_headsign", "trip_id"), ("trips.txt", 1, "duplicated_column")),
        (with_line("stop_times.txt", "ghost,10:00:00,10:00:00,drancy,1"),
         ("stop_times.txt", 9, "foreign_key_violation")),
        (with_line("stop_times.txt", "south,10:00:00,10:00:00,ghost,2"),
         ("stop_times.txt", 9, "foreign_key_violation")),
        (with_line("stop_times.txt", "south,08:16:00,08:16:00,plaine,1"), ("stop_times.txt", 9, "duplicate_key")),
        (with_line("stop_times.txt", "south,08:10:00,08:16:00,plaine,2"),
         ("stop_times.txt", 9, "stop_time_with_arrival_before_previous_departure_time")),
        (with_line("stop_times.txt", "south,08:20:00,08:19:00,plaine,2"),
         ("stop_times.txt", 9, "start_and_end_range_out_of_order")),
        (with_line("stop_times.txt", "south,,,plaine,2"), ("stop_times.txt", 9, "missing_trip_edge")),
        (with_line("stop_times.txt", "south,8h20,08:20:00,plaine,2"), ("stop_times.txt", 9, "invalid_time")),
        (with_line("stop_times.txt", "south,08:20:00,08:20:00,plaine,-2"), ("stop_times.txt", 9, "invalid_integer")),
        (with_line("stop_times.txt", "south,08:20:00,08:20:00,,2"), ("stop_times.txt", 9, "missing_required_field")),
        (with_line("stop_times.txt", "south,08:20:00"), ("stop_times.txt", 9, "invalid_row_length")),
        (with_line("stop_times.txt", 'south,"08:20:00,08:20:00,plaine,2'), ("stop_times.txt", 9, "csv_parsing_failed")),
        (with_line("trips.txt", "IDFM:C01743,week,south,,,0"), ("trips.txt", 5, "duplicate_key")),
        (without("trips.txt", "IDFM:C01743,week,south", "IDFM:C01743,never,south"),
         ("trips.txt", 3, "foreign_key_violation")),
        (without("calendar.txt", "20260302", "20260230"), ("calendar.txt", 2, "invalid_date")),
        (without("calendar.txt", "20260302", "20270302"), ("calendar.txt", 2, "start_and_end_range_out_of_order")),
        ({**without("calendar.txt", "1,1,1,1,1", "0,0,0,0,0"), "calendar_dates.txt": None},
         ("calendar.txt", None, "unusable_calendar")),
        (without("stops.txt", "48.91", "948.91"), ("stops.txt", 4, "number_out_of_range")),
        (without("stops.txt", "48.91", "48°"), ("stops.txt", 4, "invalid_float")),
        (without("stops.txt", "48.91", ""), ("stops.txt", 4, "stop_without_location")),
        (without("stops.txt", "48.91,2.36", "0,0"), ("stops.txt", 4, "point_near_origin")),
        (without("stops.txt", ",0,IDFM:71410", ",0,ghost"), ("stops.txt", 3, "foreign_key_violation")),
        (without("stops.txt", ",0,IDFM:71410", ",0,drancy"), ("stops.txt", 3, "wrong_parent_location_type")),
        (without("agency.txt", "Europe/Paris", "Paris"), ("agency.txt", None, "invalid_timezone")),
    ],
)  # fmt: skip
def test_what_makes_a_schedule_unusable_blocks_it(changes: Changes, expected: tuple[str, int | None, str]) -> None:
    assert (*expected, True) in found(changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (with_line("stop_times.txt", "south,,08:20:00,plaine,2"),
         ("stop_times.txt", 9, "stop_time_with_only_arrival_or_departure_time")),
        (with_line("stop_times.txt", ",,,,"), ("stop_times.txt", 9, "empty_row")),
        (with_line("stop_times.txt", "   "), ("stop_times.txt", 9, "empty_row")),
        (without("stop_times.txt", "plaine,1", " plaine,1"),
         ("stop_times.txt", None, "leading_or_trailing_whitespaces")),
        (with_line("trips.txt", "IDFM:C01743,week,spare,,,0"), ("trips.txt", 5, "unused_trip")),
        (without("trips.txt", "PITO44,0", "PITO44,2"), ("trips.txt", 3, "unexpected_enum_value")),
        ({"calendar_dates.txt": "service_id,date,exception_type\n"}, ("calendar_dates.txt", None, "empty_file")),
    ],
)  # fmt: skip
def test_other_findings_are_told_and_block_nothing(changes: Changes, expected: tuple[str, int | None, str]) -> None:
    assert found(changes) == [(*expected, False)]


@pytest.mark.parametrize(
    "changes",
    [
        with_line("stop_times.txt", "bus,09:05:00,09:05:00,plaine,2"),
        without("trips.txt", "IDFM:C00001,week", "IDFM:C00001,never"),
        without("stops.txt", "48.93,2.46", "948.93,2.46"),
    ],
    ids=["times", "service", "stop"],
)
def test_a_mistake_of_another_line_blocks_that_line_only(changes: Changes) -> None:
    read = feed(changes)
    assert read.blocking("C00001")
    assert read.blocking("*")
    assert not read.blocking("C01743")


def test_times_rise_past_stops_without_any() -> None:
    times = FILES["stop_times.txt"].replace("23:55:00,23:55:30", ",").replace("24:05:00,24:05:00", "23:50:30,23:50:30")
    (finding,) = feed({"stop_times.txt": times}).findings
    assert str(finding) == (
        "stop_times.txt line 4: stop_time_with_arrival_before_previous_departure_time: trip north: "
        "stop_sequence 5 is reached before the stop before it is left, at 23:51:00"
    )


def test_rows_alike_are_one_finding_with_their_number() -> None:
    lines = "\n".join(f"ghost,10:00:00,10:00:00,drancy,{place}" for place in range(1000))
    (finding,) = feed(with_line("stop_times.txt", lines)).findings
    assert (finding.line, finding.rows) == (9, 1000)
    assert str(finding).endswith("trip_id 'ghost' is not in trips.txt, and 999 more")


def test_rows_that_name_no_trip_or_stop_are_left_out_and_counted() -> None:
    read = feed(with_line("stop_times.txt", "ghost,10:00:00,10:00:00,drancy,1\nsouth,10:00:00,10:00:00,ghost,2"))
    assert read.rows["stop_times.txt"] == 9
    assert calls(read) == calls(feed())


def test_a_zip_of_something_else_is_no_feed() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("2019_S1.txt", "iu_ac,t_1h\n")
    assert not gtfs.is_feed(buffer)
    assert not gtfs.is_feed(io.BytesIO(b"trip_id,stop_id\n"))
    assert gtfs.is_feed(io.BytesIO(gtfs_zip({"stops.txt": None, "calendar.txt": None})))


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"../stops.txt": "x"}, PayloadUnreadable, "a place outside of it"),
        ({"shapes.txt": b"0" * 2**22}, ArchiveTooLarge, "more than 200 times as much"),
        ({"stops.txt": FILES["stops.txt"].encode("utf-16")}, PayloadUnreadable, r"stops\.txt is not the CSV"),
        ({"stops.txt": FILES["stops.txt"].replace(",", ";")}, PayloadUnreadable, "separated by ';', GTFS by commas"),
    ],
    ids=["path", "bomb", "utf-16", "semicolons"],
)
def test_a_zip_that_may_not_be_read_is_refused(changes: Changes, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        feed(changes)


def test_a_damaged_member_is_refused_by_its_name() -> None:
    payload = bytearray(gtfs_zip({"stop_times.txt": FILES["stop_times.txt"] * 50}))
    at = payload.find(b"stop_times.txt") + 60
    payload[at : at + 40] = b"\xff" * 40
    with pytest.raises(PayloadUnreadable, match=r"stop_times\.txt"):
        gtfs.read(io.BytesIO(bytes(payload)))
