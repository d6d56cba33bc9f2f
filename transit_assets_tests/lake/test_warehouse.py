"""The warehouse is replaced whole: a reader keeps the old one, a killed publisher leaves it."""

import multiprocessing
import os
import signal
from pathlib import Path

import duckdb
import pytest

from transit_assets.lake import Lake, warehouse
from transit_assets.lake.warehouse import publish
from transit_assets_tests.lake.tables import DAILY, DAYS, TOTALS, rows

CONTEXT = multiprocessing.get_context("spawn")
MART = type(DAILY)(**{**vars(DAILY), "layer": "processed", "name": "mart", "description": "It's one row."})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "warehouse.duckdb"


def read(path: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def fill(lake: Lake, count: int) -> None:
    for table in (DAILY, MART):
        lake.table(table).replace(rows(DAYS[0], count=count), [DAYS[0]])
    lake.landing.claim("simulated")


def test_marts_are_copied_and_the_rest_are_views(lake: Lake, path: Path) -> None:
    fill(lake, 4)
    lake.table(TOTALS).create()
    counts = publish(lake, path)
    assert counts == {"interim.test__daily": 4, "processed.test__mart": 4, "processed.test__totals": 0}
    kinds = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema <> 'main' ORDER BY ALL"
    assert read(path, kinds) == [
        ("test__daily", "VIEW"),
        ("test__mart", "BASE TABLE"),
        ("test__totals", "BASE TABLE"),
    ]
    assert read(path, "SELECT sum(n) FROM interim.test__daily") == [(6,)]
    assert read(path, "SELECT relation, version, rows, is_copied, origin FROM publication ORDER BY ALL")[1] == (
        "processed.test__mart", 1, 4, True, "simulated",
    )  # fmt: skip
    assert read(path, "SELECT comment FROM duckdb_tables() WHERE table_name = 'test__mart'") == [("It's one row.",)]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_lake_on_s3_is_published_to_a_file(s3_lake: Lake, path: Path) -> None:
    fill(s3_lake, 4)
    assert publish(s3_lake, path)["interim.test__daily"] == 4
    assert read(path, "SELECT count(*) FROM processed.test__mart") == [(4,)]


def test_an_empty_lake_is_published(lake: Lake, path: Path) -> None:
    assert publish(lake, path) == {}
    assert read(path, "SELECT count(*) FROM publication") == [(0,)]


def test_the_file_can_be_read_by_duckdb_1_0(lake: Lake, path: Path) -> None:
    fill(lake, 1)
    publish(lake, path)
    version = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'warehouse'"
    assert read(path, version) == [("v1.0.0+",)]


def _publish(root: str, path: str, dies_in: str | None = None) -> None:
    if dies_in:
        setattr(warehouse, dies_in, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    publish(Lake.at(root), Path(path))


def test_a_reader_keeps_the_old_file_while_a_new_one_takes_its_place(lake: Lake, path: Path) -> None:
    fill(lake, 1)
    publish(lake, path)
    reader = duckdb.connect(str(path), read_only=True)
    held, before = path.with_name("held by the reader"), path.read_bytes()
    os.link(path, held)
    fill(lake, 2)
    publisher = CONTEXT.Process(target=_publish, args=(lake.location.root, str(path)))
    publisher.start()
    publisher.join(60)
    assert publisher.exitcode == 0
    assert reader.execute("SELECT count(*) FROM processed.test__mart").fetchall() == [(1,)]
    reader.close()
    assert held.read_bytes() == before
    assert read(path, "SELECT count(*) FROM processed.test__mart") == [(2,)]


def test_two_publishers_at_once_leave_one_whole_file(lake: Lake, path: Path) -> None:
    fill(lake, 3)
    publishers = [CONTEXT.Process(target=_publish, args=(lake.location.root, str(path))) for _ in range(2)]
    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join(60)
    assert [publisher.exitcode for publisher in publishers] == [0, 0]
    assert read(path, "SELECT count(*) FROM processed.test__mart") == [(3,)]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("dies_in", ["_copy", "_describe", "_sync"])
def test_a_killed_publisher_leaves_the_old_file_and_the_next_one_clears_up(
    lake: Lake, path: Path, dies_in: str
) -> None:
    fill(lake, 1)
    publish(lake, path)
    fill(lake, 2)
    publisher = CONTEXT.Process(target=_publish, args=(lake.location.root, str(path), dies_in))
    publisher.start()
    publisher.join(60)
    assert publisher.exitcode == -signal.SIGKILL
    assert read(path, "SELECT count(*) FROM processed.test__mart") == [(1,)]
    assert len(list(path.parent.iterdir())) > 1
    publish(lake, path)
    assert read(path, "SELECT count(*) FROM processed.test__mart") == [(2,)]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_publisher_that_fails_leaves_the_old_file(lake: Lake, path: Path) -> None:
    fill(lake, 1)
    publish(lake, path)
    for file in lake.table(MART).snapshot().files:
        Path(file).write_bytes(b"broken")
    with pytest.raises(duckdb.Error):
        publish(lake, path)
    assert read(path, "SELECT count(*) FROM processed.test__mart") == [(1,)]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
