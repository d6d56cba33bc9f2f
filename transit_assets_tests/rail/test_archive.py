"""Imports of rail files: told by content and name, all or none, decoded once."""

import json
import shutil
from pathlib import Path

import pytest

from transit_assets.lake import Lake
from transit_assets.lake.errors import OriginMismatch
from transit_assets.rail.archive import import_files
from transit_assets.rail.clean.errors import ArchiveTooLarge, PayloadUnreadable, UnknownFormat
from transit_assets.settings import Settings
from transit_assets_tests.rail.payloads import NOON, NORD, PLAINE, bulk, disruption, monitoring, poll, polls, tar, visit

SETTINGS = Settings(_env_file=None, now=NOON)
TAR = {"20250124090001_d.json": bulk(disruption()), "20250124091001_d.json": b""}


def file(folder: Path, name: str, payload: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(payload)
    return path


def test_files_of_every_format_are_one_import(any_lake: Lake, tmp_path: Path, recordings: Path) -> None:
    paths = [
        file(tmp_path, f"data-reel-{NORD}.csv", polls(poll(), poll(minute="25/06/2022 03:30"))),
        file(tmp_path, "visits.json", monitoring(visit(), visit("2", line="STIF:Line::C01742:"))),
        file(tmp_path, "20250124110001.json", bulk(disruption())),
        file(tmp_path, "many.tar.xz", tar(TAR)),
        recordings / "rail/gtfs/rer_b_2022-06-24_gtfs.zip",
        recordings / "rail/archive/transilien-gtfs-2022-06-24.csv",
    ]
    found = import_files(any_lake, paths, SETTINGS)
    assert [(one.format, one.rows, one.partitions[0], len(one.partitions)) for one in found] == [
        ("transilien_csv", 2, "2022-06-24", 2),
        ("siri_json", 2, "2025-01-24", 1),
        ("disruptions_bulk", 1, "2025-01-24", 1),
        ("disruptions_bulk", 2, "2025-01-24", 1),
        ("gtfs", 8_192, "2022-06-24", 6),
        ("hops", 8_192, "2022-06-24", 1),
    ]
    assert any_lake.landing.origin() == "real"
    counts = json.loads(found[1].fetch.headers["rows_by_date"])
    assert counts == {"2025-01-24": {"C01742": 1, "C01743": 1, "*": 2}}


def test_the_same_file_again_touches_nothing(lake: Lake, tmp_path: Path) -> None:
    path = file(tmp_path, f"data-reel-{NORD}.csv", polls(poll()))
    (first,) = import_files(lake, [path], SETTINGS)
    (again,) = import_files(lake, [path], SETTINGS)
    assert (again.is_new, again.fetch) == (False, first.fetch)


def test_the_same_polls_for_two_stations_are_refused(lake: Lake, tmp_path: Path) -> None:
    first, second = (file(tmp_path, f"data-reel-{station}.csv", polls(poll())) for station in (NORD, PLAINE))
    with pytest.raises(PayloadUnreadable, match=rf"^{second.name}: it has the same polls as {first.name}"):
        import_files(lake, [first, second], SETTINGS)
    assert lake.landing.origin() is None
    import_files(lake, [first, file(tmp_path, f"copy of {first.name}", first.read_bytes())], SETTINGS)
    with pytest.raises(PayloadUnreadable, match="whose name is of another station"):
        import_files(lake, [second], SETTINGS)


def test_one_bad_file_lands_none(lake: Lake, tmp_path: Path) -> None:
    paths = [file(tmp_path, f"data-reel-{NORD}.csv", polls(poll())), file(tmp_path, "bad.csv", b"a;b\n1;2\n")]
    with pytest.raises(UnknownFormat, match=r"bad\.csv: unknown format: text that begins with 'a;b'\. Known for rail"):
        import_files(lake, paths, SETTINGS)
    assert lake.landing.origin() is None


@pytest.mark.parametrize(
    ("name", "payload", "says"),
    [
        ("polls.csv", polls(poll()), r"its name has no UIC code: name it data-reel-<UIC of the station>\.csv"),
        (f"data-reel-{NORD}.csv", polls(), "there are no records in it"),
        (f"data-reel-{NORD}.csv", polls(poll(day="2025-01-27")), "trains or answers of 2025-01-27, .* 2025-01-25"),
        (f"data-reel-{NORD}.csv", polls(poll(day="2017-01-27")), "2017-01-27, which is not from 2018-01-01"),
        ("error.json", b'{"statusCode":404,"message":"NO_NEWS_FOUND","disruptions":null}', "an error 404"),
        ("error.json", b'{"error":{"id":"no_solution"}}', "an error in the place of an answer"),
        ("odd.json", b'{"journeys":[]}', "unknown format: JSON with journeys"),
        ("torn.json", b'{"Siri":', "not the JSON it looks like"),
        ("empty.json", b"", "unknown format: an empty file"),
        ("page.html", b"<html>", "unknown format: HTML or XML"),
        ("other.zip", b"PK\x03\x04" + bytes(40), "damaged zip"),
        ("x.tar.xz", tar({"../20250124090001.json": b"{}"}), "a place outside of it"),
        ("x.parquet", b"PAR1" + bytes(40), "unknown format: Parquet"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(
    lake: Lake, tmp_path: Path, name: str, payload: bytes, says: str
) -> None:
    with pytest.raises(PayloadUnreadable, match=rf"^{name}: .*{says}") as refused:
        import_files(lake, [file(tmp_path, name, payload)], SETTINGS)
    assert "\n" not in str(refused.value)
    assert lake.landing.origin() is None


def test_a_train_of_tomorrow_may_be_announced_tonight(lake: Lake, tmp_path: Path) -> None:
    payload = polls(poll("11:59:00", minute="25/01/2025 05:10", day="2025-01-24"))
    assert import_files(lake, [file(tmp_path, f"data-reel-{NORD}.csv", payload)], SETTINGS)[0].partitions == (
        "2025-01-25",
    )


def test_a_schedule_without_a_train_of_the_line_is_refused(lake: Lake, recordings: Path) -> None:
    other = Settings(_env_file=None, now=NOON, rail_line="C01742")
    with pytest.raises(PayloadUnreadable, match=r"a GTFS without a train of line C01742; TRANSIT_RAIL_LINE names it"):
        import_files(lake, [recordings / "rail/gtfs/rer_b_2022-06-24_gtfs.zip"], other)


def test_hops_whose_name_says_no_date_are_refused(lake: Lake, tmp_path: Path, recordings: Path) -> None:
    path = tmp_path / "hops.csv"
    shutil.copy(recordings / "rail/archive/transilien-gtfs-2022-06-24.csv", path)
    with pytest.raises(PayloadUnreadable, match=r"^hops\.csv: hops say no date"):
        import_files(lake, [path], SETTINGS)


def test_a_simulated_lake_takes_no_archive(lake: Lake, tmp_path: Path) -> None:
    lake.landing.claim("simulated")
    with pytest.raises(OriginMismatch, match="TRANSIT_LAKE"):
        import_files(lake, [file(tmp_path, f"data-reel-{NORD}.csv", polls(poll()))], SETTINGS)


def test_a_tar_beyond_the_cap_is_refused(lake: Lake, tmp_path: Path) -> None:
    payload = tar({f"202501240900{number:02}.json": bulk(disruption()) for number in range(20)})
    cap = Settings(_env_file=None, now=NOON, archive_max_bytes=len(payload) + 1)
    with pytest.raises(ArchiveTooLarge, match=r"x\.tar\.xz: it unpacks to more than TRANSIT_ARCHIVE_MAX_BYTES allows"):
        import_files(lake, [file(tmp_path, "x.tar.xz", payload)], cap)
