"""Care changes files, never rows; time travel reaches as far back as the retention."""

import os
import time
from pathlib import Path

import pytest

from transit_assets.lake import Lake
from transit_assets.lake.care import maintain
from transit_assets.lake.commit import was_only_tidied
from transit_assets.lake.errors import VersionMissing
from transit_assets_tests.lake.tables import DAILY, DAYS, rows


def test_care_merges_files_and_keeps_every_row(any_lake: Lake) -> None:
    table = any_lake.table(DAILY)
    for number in range(5):
        table.append(rows(DAYS[0], str(number)))
    table.append(rows(DAYS[1]))
    before = table.read().to_pylist()
    told = []
    [done] = maintain(any_lake, 168, progress=lambda *what: told.append(what))
    assert (done.relation, done.files_before, done.files_after, done.deleted_files) == (DAILY.relation, 6, 2, 0)
    assert told == [(DAILY.relation, 1, 1)]
    assert sorted(map(str, table.read().to_pylist())) == sorted(map(str, before))
    assert table.read(version=3).num_rows == 9


def test_care_that_finds_nothing_to_do_commits_nothing(any_lake: Lake) -> None:
    any_lake.table(DAILY).replace(rows(DAYS[0]), [DAYS[0]])
    maintain(any_lake, 168)
    assert any_lake.table(DAILY).version() == 1


def test_a_vacuum_ends_time_travel_beyond_the_retention(any_lake: Lake) -> None:
    table = any_lake.table(DAILY)
    table.replace(rows(DAYS[0], "old"), [DAYS[0]])
    table.replace(rows(DAYS[0], "new"), [DAYS[0]])
    assert table.vacuum(1) == []
    assert len(table.vacuum(0, dry_run=True)) == 1
    assert set(table.read(version=1)["writer"].to_pylist()) == {"old"}
    [done] = maintain(any_lake, 0)
    assert done.deleted_files == 1
    assert set(table.read()["writer"].to_pylist()) == {"new"}
    with pytest.raises(VersionMissing, match="version 1 is not kept"):
        table.read(version=1)


def test_what_killed_writers_left_is_deleted_when_it_is_old(lake: Lake) -> None:
    table = lake.table(DAILY)
    table.replace(rows(DAYS[0]), [DAYS[0]])
    folder = Path(table.uri) / f"day={DAYS[0]}"
    old = [folder / "part-lost.parquet", folder / "part-lost.parquet#1", Path(table.uri) / "_delta_log" / "a.json#2"]
    young = [folder / "part-now.parquet", folder / "part-now.parquet#3"]
    for path in old + young:
        path.write_bytes(b"half")
    for path in old:
        os.utime(path, (time.time() - 10 * 86400,) * 2)
    maintain(lake, 168)
    assert [path for path in old if path.exists()] == []
    assert [path for path in young if not path.exists()] == []
    assert table.read().num_rows == 3


def test_a_zero_retention_spares_what_a_writer_is_about_to_commit(lake: Lake) -> None:
    table = lake.table(DAILY)
    table.replace(rows(DAYS[0]), [DAYS[0]])
    coming = Path(table.uri) / f"day={DAYS[0]}" / "part-coming.parquet"
    coming.write_bytes(b"whole, but not committed yet")
    maintain(lake, 0)
    assert coming.exists()


def test_logs_reach_back_as_far_as_the_retention(any_lake: Lake) -> None:
    table = any_lake.table(DAILY).create()
    maintain(any_lake, 720)
    assert table.delta().metadata().configuration["delta.logRetentionDuration"] == "interval 720 hours"


def test_appends_keep_a_partition_in_few_files(any_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transit_assets.lake.tables._MANY_FILES", 5)
    table = any_lake.table(DAILY)
    for number in range(14):
        table.append(rows(DAYS[0], str(number), 1))
        assert len(table.snapshot().files) <= 6
    assert sorted(table.read()["writer"].to_pylist(), key=int) == [str(number) for number in range(14)]


def test_an_open_table_is_quick_to_open_after_many_commits(lake: Lake) -> None:
    table = lake.table(DAILY)
    for _ in range(45):
        table.append(rows(DAYS[0], count=1))
    checkpoints = sorted((Path(table.uri) / "_delta_log").glob("*.checkpoint.parquet"))
    assert len(checkpoints) >= 2


@pytest.mark.parametrize(
    ("act", "is_tidying"),
    [
        (lambda table: table.compact(), True),
        (lambda table: (table.compact(), table.replace(rows(DAYS[1]), [DAYS[1]])), True),
        (lambda table: (table.compact(), table.replace(rows(DAYS[0]), [DAYS[0]])), False),
        (lambda table: (table.compact(), table.append(rows(DAYS[1]))), False),
        (lambda table: table.replace(rows(DAYS[1]), [DAYS[1]]), False),
        (lambda table: None, False),
    ],
)
def test_only_care_lets_a_lost_write_try_again(lake: Lake, act, is_tidying: bool) -> None:
    table = lake.table(DAILY)
    table.append(rows(DAYS[0]))
    table.append(rows(DAYS[0]))
    since = table.version()
    act(table)
    assert was_only_tidied(table.delta(), since, [DAYS[0]]) is is_tidying
