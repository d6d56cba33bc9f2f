"""Imports: whole or not at all, once, and never twice over the same minutes."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transit_assets.bikes.archive import Span, check_overlap, import_files
from transit_assets.bikes.clean.errors import ArchiveOverlap, ArchiveTooLarge, PayloadUnreadable, UnknownFormat
from transit_assets.bikes.landed import STATUS_FEEDS, observations
from transit_assets.lake import Lake
from transit_assets.lake.errors import OriginMismatch
from transit_assets.settings import Settings
from transit_assets_tests.bikes.payloads import NOON, described, gbfs, record, station

SETTINGS = Settings(now=NOON + timedelta(days=3))


def _file(folder: Path, name: str, payload: bytes) -> Path:
    path = folder / name
    path.write_bytes(payload)
    return path


def test_a_gbfs_pair_is_one_import(any_lake: Lake, tmp_path: Path) -> None:
    status = _file(tmp_path, "a.txt", gbfs([station()]))
    information = _file(tmp_path, "b", gbfs([described()]))
    found = import_files(any_lake, [status, information], SETTINGS)
    assert [(one.format, one.rows, one.partitions, one.is_new) for one in found] == [
        ("gbfs_station_status", 1, ("2025-10-18",), True),
        ("gbfs_station_information", 1, ("2025-10-18",), True),
    ]
    (first, second) = observations(any_lake, STATUS_FEEDS, "2025-10-18")
    assert [first.records.num_rows, second.records.num_rows] == [1, 1]
    assert any_lake.landing.origin() == "real"


def test_the_same_file_again_touches_nothing(lake: Lake, tmp_path: Path) -> None:
    path = _file(tmp_path, "a.json", gbfs([station()]))
    (first,) = import_files(lake, [path], SETTINGS)
    (again,) = import_files(lake, [path, _file(tmp_path, "copy.json", path.read_bytes())], SETTINGS)
    assert (again.is_new, again.fetch) == (False, first.fetch)
    assert len(lake.landing.fetches("bikes")) == 1


def test_one_bad_file_lands_none(lake: Lake, tmp_path: Path) -> None:
    good, bad = _file(tmp_path, "good.json", gbfs([station()])), _file(tmp_path, "bad.csv", b"a;b\n1;2\n")
    with pytest.raises(UnknownFormat, match=r"bad\.csv: unknown format"):
        import_files(lake, [good, bad], SETTINGS)
    assert lake.landing.origin() is None


@pytest.mark.parametrize("instant", ["2010-05-01T12:00:00+02:00", "2099-01-01T12:00:00+01:00"])
def test_a_day_that_no_table_has_is_refused_before_it_lands(lake: Lake, tmp_path: Path, instant: str) -> None:
    """Such a day was due for ever, and every later run of the lake failed on it."""
    at = datetime.fromisoformat(instant)
    path = _file(tmp_path, "odd.json", gbfs([station(reported_at=at)], int(at.timestamp())))
    with pytest.raises(PayloadUnreadable, match=r"odd\.json: it holds polls of"):
        import_files(lake, [path], SETTINGS)
    assert lake.landing.origin() is None


@pytest.mark.parametrize("instant", ["2010-05-01T12:00:00+02:00", "2099-01-01T12:00:00+01:00", "1999-01-01T00:00:00Z"])
def test_the_record_that_makes_a_day_impossible_is_named(lake: Lake, tmp_path: Path, instant: str) -> None:
    """One row of a mixed file refused it whole, and nothing said which."""
    polls = pa.array([NOON, NOON, datetime.fromisoformat(instant), NOON], pa.timestamp("us", "UTC"))
    columns = {"polled_at_utc": polls, "stationcode": list("1234"), "numbikesavailable": [1] * 4}
    pq.write_table(pa.table(columns | {"numdocksavailable": [1] * 4}), tmp_path / "mixed.parquet")
    said = datetime.fromisoformat(instant).astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
    with pytest.raises(PayloadUnreadable, match=rf"mixed\.parquet.*record 2 \(from 0\) was polled at {said}"):
        import_files(lake, [tmp_path / "mixed.parquet"], SETTINGS)
    assert lake.landing.origin() is None


def test_a_name_that_is_no_utf8_is_imported_with_its_bytes_as_numbers(lake: Lake, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.json"))
    path.write_bytes(gbfs([station()]))
    (found,) = import_files(lake, [path], SETTINGS)
    assert found.fetch.url == "caf\\xe9.json"


def test_a_pipe_is_no_file(lake: Lake, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PayloadUnreadable, match="pipe is a pipe or a device"):
        import_files(lake, [tmp_path / "pipe"], SETTINGS)


def test_a_simulated_lake_takes_no_archive(lake: Lake, tmp_path: Path) -> None:
    lake.landing.claim("simulated")
    with pytest.raises(OriginMismatch, match="TRANSIT_LAKE"):
        import_files(lake, [_file(tmp_path, "a.json", gbfs([station()]))], SETTINGS)


def test_a_file_beyond_the_cap_is_refused(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(ArchiveTooLarge, match="TRANSIT_ARCHIVE_MAX_BYTES"):
        import_files(lake, [_file(tmp_path, "a.json", gbfs([station()]))], Settings(archive_max_bytes=10))


def test_a_file_that_unpacks_beyond_the_cap_is_refused(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"stationcode": pa.array(range(100_000)), "zero": [0] * 100_000}), path, use_dictionary=False
    )
    size = path.stat().st_size
    with pytest.raises(ArchiveTooLarge, match=r"a\.parquet: it unpacks to .*TRANSIT_ARCHIVE_MAX_BYTES"):
        import_files(lake, [path], Settings(archive_max_bytes=size + 1))


def test_two_imports_at_once_do_not_both_land(lake: Lake, recordings: Path) -> None:
    paths = sorted((recordings / "bikes/archive").iterdir())
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(import_files, lake, [path], SETTINGS) for path in paths]
    assert sorted(type(one.exception()) is ArchiveOverlap for one in running) == [False, True]
    assert len(lake.landing.fetches("bikes")) == 1


def test_archives_without_report_times_must_not_overlap(lake: Lake, recordings: Path) -> None:
    folder = recordings / "bikes/archive"
    import_files(lake, [folder / "velib_snapshots_2025-09-07_to_13.parquet"], SETTINGS)
    with pytest.raises(ArchiveOverlap, match=r"velib_15min.*overlaps velib_snapshots.*TRANSIT_LAKE"):
        import_files(lake, [folder / "velib_15min_weather_2025-09-07_to_16.parquet"], SETTINGS)


def test_both_halves_of_an_overlap_in_one_import_are_refused(lake: Lake, recordings: Path) -> None:
    with pytest.raises(ArchiveOverlap):
        import_files(lake, sorted((recordings / "bikes/archive").iterdir()), SETTINGS)
    assert lake.landing.fetches("bikes") == []


def test_archives_with_report_times_may_overlap(lake: Lake, tmp_path: Path) -> None:
    exports = [_file(tmp_path, str(ebike), json.dumps([record(ebike=ebike)]).encode()) for ebike in (1, 2)]
    assert [one.is_new for one in import_files(lake, exports, SETTINGS)] == [True, True]


@pytest.mark.parametrize(("hours", "is_refused"), [(-3, False), (-2, True), (0, True), (2, True), (3, False)])
def test_archives_of_neighbouring_periods_stand_side_by_side(hours: int, is_refused: bool) -> None:
    two_hours, shift = timedelta(hours=2), timedelta(hours=hours)
    held = Span("held", NOON, NOON + two_hours, has_report_times=False, has_status=True)
    new = Span("new", NOON + shift, NOON + shift + two_hours, has_report_times=False, has_status=True)
    with pytest.raises(ArchiveOverlap) if is_refused else nullcontext():
        check_overlap(new, [held])
