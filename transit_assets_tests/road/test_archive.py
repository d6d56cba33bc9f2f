"""Imports: whole or not at all, once, and merging where they overlap."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from transit_assets.lake import Lake
from transit_assets.lake.errors import ArchiveTooLarge, OriginMismatch
from transit_assets.road.archive import import_files
from transit_assets.road.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.settings import Settings
from transit_assets_tests.road.payloads import NOON, answer, answered, export, exported, historic, history, zipped

SETTINGS = Settings(_env_file=None, now=NOON)


def file(folder: Path, name: str, payload: bytes) -> Path:
    path = folder / name
    path.write_bytes(payload)
    return path


def test_files_of_every_format_are_one_import(any_lake: Lake, tmp_path: Path) -> None:
    payloads = [
        history(historic()),
        export(exported()),
        answer(answered("2026-06-21T00:00:00+02:00")),
        zipped(w=history(historic(), historic("2019-06-01 13:00:00"))),
    ]
    paths = [file(tmp_path, str(number), payload) for number, payload in enumerate(payloads)]
    found = import_files(any_lake, paths, SETTINGS)
    assert [(one.format, one.rows, one.partitions, one.is_new) for one in found] == [
        ("history_csv", 1, ("2019-05-01",), True),
        ("export_csv", 1, ("2019-05-01",), True),
        ("ods_v21", 1, ("2026-06-01",), True),
        ("history_csv", 2, ("2019-05-01", "2019-06-01"), True),
    ]
    assert any_lake.landing.origin() == "real"


def test_the_same_file_again_touches_nothing(lake: Lake, tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", history(historic()))
    (first,) = import_files(lake, [path], SETTINGS)
    (again,) = import_files(lake, [path, file(tmp_path, "copy.csv", path.read_bytes())], SETTINGS)
    assert (again.is_new, again.fetch) == (False, first.fetch)
    assert len(lake.landing.fetches("road")) == 1


def test_one_bad_file_lands_none(lake: Lake, tmp_path: Path) -> None:
    paths = [file(tmp_path, "good.csv", history(historic())), file(tmp_path, "bad.csv", b"a;b\n1;2\n")]
    with pytest.raises(UnknownFormat, match=r"bad\.csv: unknown format"):
        import_files(lake, paths, SETTINGS)
    assert lake.landing.origin() is None


@pytest.mark.parametrize(
    ("written", "month"), [("2026-07-01 01:00:00", "2026-07"), ("2010-01-01 00:00:00", "none of its first 1 records")]
)
def test_a_month_that_no_table_has_is_refused_before_it_lands(
    lake: Lake, tmp_path: Path, written: str, month: str
) -> None:
    """Such a month would be due for ever."""
    with pytest.raises(PayloadUnreadable, match=rf"odd\.csv: .*{month}"):
        import_files(lake, [file(tmp_path, "odd.csv", history(historic(written)))], SETTINGS)
    assert lake.landing.origin() is None


def test_the_record_that_makes_a_month_impossible_is_named(lake: Lake, tmp_path: Path) -> None:
    path = file(tmp_path, "mixed.csv", history(historic(), historic("2030-05-01 13:00:00")))
    with pytest.raises(PayloadUnreadable, match=r"hours of 2030-05, .* to this month, 2026-06, first in record 1"):
        import_files(lake, [path], SETTINGS)


def test_the_hour_that_is_running_is_of_this_month(lake: Lake, tmp_path: Path) -> None:
    midnight = Settings(_env_file=None, now=datetime(2026, 5, 31, 22, 0, tzinfo=UTC))  # 1 June in Paris
    path = file(tmp_path, "a.csv", history(historic("2026-06-01 01:00:00")))
    assert import_files(lake, [path], midnight)[0].partitions == ("2026-06-01",)


def test_a_simulated_lake_takes_no_archive(lake: Lake, tmp_path: Path) -> None:
    lake.landing.claim("simulated")
    with pytest.raises(OriginMismatch, match="TRANSIT_LAKE"):
        import_files(lake, [file(tmp_path, "a.csv", history(historic()))], SETTINGS)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (history(historic()), "a has .* bytes"),
        (zipped(w=history(*[historic()] * 50)), "a: it unpacks to .* bytes"),
    ],
)
def test_a_file_beyond_the_cap_is_refused(lake: Lake, tmp_path: Path, payload: bytes, says: str) -> None:
    cap = len(payload) + 1 if payload[:2] == b"PK" else 10
    with pytest.raises(ArchiveTooLarge, match=f"{says}.*TRANSIT_ARCHIVE_MAX_BYTES"):
        import_files(lake, [file(tmp_path, "a", payload)], Settings(_env_file=None, archive_max_bytes=cap))


def test_a_zip_that_reaches_out_is_refused_by_name(lake: Lake, tmp_path: Path) -> None:
    path = file(tmp_path, "y.zip", zipped(**{"../../w": history(historic())}))
    with pytest.raises(PayloadUnreadable, match=r"y\.zip: the zip names '\.\./\.\./w\.txt', a place outside of it"):
        import_files(lake, [path], SETTINGS)
