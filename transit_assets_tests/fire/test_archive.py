"""Imports: whole or not at all, once, each error with its file, its record and its rule."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from transit_assets.fire.archive import import_files
from transit_assets.fire.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.lake import Lake
from transit_assets.lake.errors import ArchiveTooLarge
from transit_assets.settings import Settings
from transit_assets_tests.fire.payloads import NOON, call, csv, sent

SETTINGS = Settings(_env_file=None, now=NOON)


def file(folder: Path, name: str, payload: bytes) -> Path:
    path = folder / name
    path.write_bytes(payload)
    return path


def test_files_of_every_kind_are_one_import(any_lake: Lake, tmp_path: Path) -> None:
    payloads = [
        csv(call()),
        csv(sent()),
        b"Station_Name,Easting,Northing\nBattersea,527261.3,175827.38\nFordbridge,,\n",
    ]
    found = import_files(any_lake, [file(tmp_path, str(n), one) for n, one in enumerate(payloads)], SETTINGS)
    assert [(one.format, one.rows, one.partitions, one.is_new) for one in found] == [
        ("lfb_incidents_csv", 1, ("2018-01-01",), True),
        ("lfb_mobilisations_csv", 1, ("2018-01-01",), True),
        ("lfb_stations_csv", 2, (), True),
    ]


def test_the_same_file_again_touches_nothing(lake: Lake, tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", csv(call()))
    (first,) = import_files(lake, [path], SETTINGS)
    (again,) = import_files(lake, [path], SETTINGS)
    assert (again.is_new, again.fetch) == (False, first.fetch)


def test_one_bad_file_lands_none(lake: Lake, tmp_path: Path) -> None:
    row = {name: value for name, value in sent().items() if name != "HourOfCall"}
    paths = [file(tmp_path, "good.csv", csv(call())), file(tmp_path, "bad.csv", csv(row))]
    with pytest.raises(UnknownFormat, match=r"bad\.csv: unknown format: mobilisations without the column HourOfCall"):
        import_files(lake, paths, SETTINGS)
    assert lake.landing.origin() is None


def test_a_month_to_come_is_refused_by_its_record(lake: Lake, tmp_path: Path) -> None:
    path = file(tmp_path, "odd.csv", csv(call(), call(DateOfCall="01 Jul 2026")))
    with pytest.raises(PayloadUnreadable, match=r"odd\.csv: .*2026-07, .* to this month, 2026-06, first in record 1"):
        import_files(lake, [path], SETTINGS)


def test_this_month_is_londons(lake: Lake, tmp_path: Path) -> None:
    midnight = Settings(_env_file=None, now=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))  # 1 July in London
    path = file(tmp_path, "a.csv", csv(call(DateOfCall="01 Jul 2026")))
    assert import_files(lake, [path], midnight)[0].partitions == ("2026-07-01",)


def test_a_file_without_any_date_is_refused(lake: Lake, tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", csv(call(DateOfCall="soon")))
    with pytest.raises(PayloadUnreadable, match=r"none of its first 1 records .*date_of_call_is_a_date: 'soon'"):
        import_files(lake, [path], SETTINGS)


def test_a_station_whose_easting_is_no_number_is_named(lake: Lake, tmp_path: Path) -> None:
    path = file(tmp_path, "s.csv", b"Station_Name,Easting,Northing\nActon,1,1\nBattersea,here,175827.38\n")
    with pytest.raises(PayloadUnreadable, match=r"s\.csv: record 1 \(from 0\): Easting is no number"):
        import_files(lake, [path], SETTINGS)


def test_a_file_beyond_the_cap_is_refused(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(ArchiveTooLarge, match="TRANSIT_ARCHIVE_MAX_BYTES"):
        import_files(lake, [file(tmp_path, "a", csv(call()))], Settings(_env_file=None, archive_max_bytes=10))
