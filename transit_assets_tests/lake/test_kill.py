"""`kill -9` at any moment leaves the last good version, and the same work again gives the same rows."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import obstore
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from transit_assets.lake import Fetch, Lake
from transit_assets.lake.care import maintain
from transit_assets_tests.lake.tables import DAILY, DAYS, rows

CONTEXT = multiprocessing.get_context("spawn")
COUNT = 200_000
FETCH = Fetch("bikes", "archive", datetime(2026, 3, 1, 12, tzinfo=UTC), "file", "a.csv", "landed", False)


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _replace_and_die(root: str, at: str) -> None:
    """Replace a day, and die after some of its batches have been handed to the writer, or just after the commit."""
    from transit_assets.lake import commit

    write = commit.write_deltalake

    def dying(delta: DeltaTable, new: pa.Table, **options: Any) -> None:
        if at == "after the commit":
            write(delta, new, **options)
            _die()
        batches = new.to_batches(max_chunksize=COUNT // 100)
        written = {"before any row": 0, "in the middle": 50, "after the last row": len(batches)}[at]

        def handed() -> Iterator[pa.RecordBatch]:
            yield from batches[:written]
            _die()

        write(delta, pa.RecordBatchReader.from_batches(new.schema, handed()), **options)

    commit.write_deltalake = dying  # type: ignore[assignment]
    Lake.at(root).table(DAILY).replace(rows(DAYS[0], "new", COUNT), [DAYS[0]])


@pytest.mark.parametrize("at", ["before any row", "in the middle", "after the last row", "after the commit"])
def test_a_killed_write_leaves_one_whole_version(any_lake: Lake, at: str) -> None:
    table = any_lake.table(DAILY)
    table.replace(pa.concat_tables([rows(DAYS[0], "old", COUNT), rows(DAYS[1], "other")]), DAYS[:2])
    _run_until_killed(_replace_and_die, any_lake.location.root, at)
    found = table.scan("SELECT day, writer, count(*) AS n FROM daily GROUP BY ALL ORDER BY day").to_pylist()
    written = "new" if at == "after the commit" else "old"
    assert [(row["n"], row["writer"]) for row in found] == [(COUNT, written), (3, "other")]

    table.replace(rows(DAYS[0], "new", COUNT), [DAYS[0]])
    maintain(any_lake, 168)
    assert table.read([DAYS[0]]).equals(rows(DAYS[0], "new", COUNT))
    assert table.read([DAYS[1]]).equals(rows(DAYS[1], "other"))


def _land_and_die(root: str, at: str) -> None:
    from transit_assets.lake import landing, tables

    if at == "before the row":
        tables.LakeTable.append = _die  # type: ignore[method-assign,assignment]
    else:
        landing.obstore.put = _die
    Lake.at(root).landing.land([(FETCH, b"payload")])


@pytest.mark.parametrize("at", ["before the payload", "before the row"])
def test_a_killed_landing_is_landed_again(any_lake: Lake, at: str) -> None:
    _run_until_killed(_land_and_die, any_lake.location.root, at)
    assert any_lake.landing.fetches("bikes") == []
    [landed] = any_lake.landing.land([(FETCH, b"payload")])
    assert any_lake.landing.payload(landed) == b"payload"
    assert any_lake.landing.fetches("bikes") == [landed]
    paths = [str(item["path"]) for item in obstore.list(any_lake.location.store, "raw/bikes").collect()]
    assert paths == [landed.path]


def _decode(payload):
    for line in payload.read().decode().splitlines():
        yield line, pa.table({"n": [1]})


def _decode_and_die(payload):
    yield DAYS[0], pa.table({"n": [1]})
    _die()


def _decode_until_killed(root: str, fetch: Fetch) -> None:
    Lake.at(root).decoded(fetch, DAYS[0], _decode_and_die, 1)


def test_a_killed_decoding_is_done_again(any_lake: Lake) -> None:
    [landed] = any_lake.landing.land([(FETCH, "\n".join([DAYS[0], DAYS[1], DAYS[0]]).encode())])
    _run_until_killed(_decode_until_killed, any_lake.location.root, landed)
    assert any_lake.decoded(landed, DAYS[0], _decode, 1).num_rows == 2
    assert any_lake.decoded(landed, DAYS[1], _decode, 1).num_rows == 1


def _rebuild_and_die(root: str) -> None:
    from transit_assets_tests.lake.tables import TOTALS

    Lake.at(root).table(TOTALS).rebuild(_die)  # type: ignore[arg-type]


def test_a_killed_rebuild_frees_its_lock(lake: Lake) -> None:
    from transit_assets_tests.lake.tables import TOTALS

    _run_until_killed(_rebuild_and_die, lake.location.root)
    lake.table(TOTALS).rebuild(TOTALS.schema.empty_table)
    assert lake.table(TOTALS).read().num_rows == 0


def _run_until_killed(work, *arguments: object) -> None:
    process = CONTEXT.Process(target=work, args=arguments)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
