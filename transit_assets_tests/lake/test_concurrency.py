"""Many processes on one lake lose nothing; two on one partition leave one whole version and one error."""

import multiprocessing
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

import pyarrow as pa
import pytest

from transit_assets.lake import Fetch, Lake, LakeTable, Load
from transit_assets.lake.care import maintain
from transit_assets.lake.commit import commit
from transit_assets.lake.errors import OriginMismatch, WriteConflict
from transit_assets_tests.lake.tables import DAILY, DAYS, TOTALS, rows

CONTEXT = multiprocessing.get_context("spawn")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _run(work: Callable[..., Any], root: str, arguments: list[tuple]) -> list[Any]:
    """Run `work(root, barrier, *arguments)` in one process each; their results or errors, in order."""
    barrier = CONTEXT.Barrier(len(arguments))
    pipes = [CONTEXT.Pipe(duplex=False) for _ in arguments]
    processes = [
        CONTEXT.Process(target=_report, args=(theirs, work, root, barrier, *given))
        for (_, theirs), given in zip(pipes, arguments, strict=True)
    ]
    for process in processes:
        process.start()
    results = []
    for (ours, _), process in zip(pipes, processes, strict=True):
        assert ours.poll(120), "a process did not answer"
        results.append(ours.recv())
        process.join(30)
    return results


def _report(pipe: Connection, work: Callable[..., Any], root: str, barrier: Barrier, *given: Any) -> None:
    try:
        pipe.send(work(root, barrier, *given))
    except Exception as error:  # noqa: BLE001 the test looks at it
        pipe.send(f"{type(error).__name__}: {error}")


def _replace_days(root: str, barrier: Barrier, day: str, times: int) -> str:
    table = Lake.at(root).table(DAILY)
    barrier.wait()
    for count in range(1, times + 1):
        table.replace(rows(day, writer=day, count=count), [day])
    return "done"


def test_eight_processes_replacing_different_days_lose_nothing(any_lake: Lake) -> None:
    any_lake.table(DAILY).create()
    assert _run(_replace_days, any_lake.location.root, [(day, 4) for day in DAYS[:8]]) == ["done"] * 8
    expected = pa.concat_tables([rows(day, writer=day, count=4) for day in DAYS[:8]])
    assert any_lake.table(DAILY).read().to_pylist() == expected.to_pylist()
    assert any_lake.table(DAILY).version() == 8 * 4


def test_eight_processes_may_create_the_table_they_write(any_lake: Lake) -> None:
    assert _run(_replace_days, any_lake.location.root, [(day, 1) for day in DAYS[:8]]) == ["done"] * 8
    assert any_lake.table(DAILY).partitions() == list(DAYS[:8])
    created = [done for done in any_lake.table(DAILY).history() if done["operation"] == "CREATE TABLE"]
    assert len(created) == 1


class _Paused(LakeTable):
    """A table whose writers wait for each other once they have opened the version they write onto."""

    barrier: Barrier | None = None

    def delta(self, *given: Any, **named: Any) -> Any:
        delta = super().delta(*given, **named)
        barrier, self.barrier = self.barrier, None
        if barrier:
            barrier.wait()
        return delta


def _replace_at_once(root: str, barrier: Barrier, writer: str) -> str:
    table = _Paused(Lake.at(root), DAILY)
    table.barrier = barrier
    table.replace(rows(DAYS[0], writer, count=500), [DAYS[0]])
    return writer


@pytest.mark.parametrize("is_new_day", [True, False])
def test_two_writers_of_one_day_leave_one_whole_version_and_one_error(any_lake: Lake, is_new_day: bool) -> None:
    table = any_lake.table(DAILY)
    table.replace(rows(DAYS[1], "before"), [DAYS[1]])
    if not is_new_day:
        table.replace(rows(DAYS[0], "before"), [DAYS[0]])
    results = _run(_replace_at_once, any_lake.location.root, [("a",), ("b",)])
    winners = [result for result in results if result in ("a", "b")]
    assert len(winners) == 1
    assert [result for result in results if result.startswith("WriteConflict: interim.test__daily")]
    assert table.read([DAYS[0]]).to_pylist() == rows(DAYS[0], winners[0], count=500).to_pylist()
    assert table.read([DAYS[1]]).to_pylist() == rows(DAYS[1], "before").to_pylist()


def test_a_writer_that_meets_a_merge_of_files_tries_again(any_lake: Lake) -> None:
    table = any_lake.table(DAILY)
    table.append(rows(DAYS[0]))
    table.append(rows(DAYS[0]))

    class Meets(LakeTable):
        def delta(self, *given: Any, **named: Any) -> Any:
            opened = super().delta(*given, **named)
            if table.snapshot().version == 2:
                table.compact()
                table.replace(rows(DAYS[1]), [DAYS[1]])
            return opened

    Meets(any_lake, DAILY).replace(rows(DAYS[0], "new"), [DAYS[0]])
    assert table.read([DAYS[0]]).to_pylist() == rows(DAYS[0], "new").to_pylist()
    assert table.read([DAYS[1]]).num_rows == 3


def test_a_writer_that_meets_a_merge_and_another_writer_does_not_overwrite_it(lake: Lake) -> None:
    table = lake.table(DAILY)
    table.append(rows(DAYS[0]))
    table.append(rows(DAYS[0]))

    class Meets(LakeTable):
        def delta(self, *given: Any, **named: Any) -> Any:
            opened = super().delta(*given, **named)
            if table.snapshot().version == 2:
                table.compact()
                table.replace(rows(DAYS[0], "first"), [DAYS[0]])
            return opened

    with pytest.raises(WriteConflict):
        Meets(lake, DAILY).replace(rows(DAYS[0], "second"), [DAYS[0]])
    assert set(table.read([DAYS[0]])["writer"].to_pylist()) == {"first"}


def _add_day_and_rebuild(root: str, barrier: Barrier, day: str, count: int) -> str:
    lake = Lake.at(root)
    barrier.wait()
    lake.table(DAILY).replace(rows(day, count=count), [day])
    lake.table(TOTALS).rebuild(lambda: _totals(lake))
    return "done"


def _totals(lake: Lake) -> pa.Table:
    return lake.table(DAILY).scan('SELECT day, count(*) AS "rows" FROM daily GROUP BY day ORDER BY day')


def test_rebuilds_of_many_processes_equal_one_full_rebuild(any_lake: Lake) -> None:
    arguments = [(day, count) for count, day in enumerate(DAYS[:6], start=1)]
    assert _run(_add_day_and_rebuild, any_lake.location.root, arguments) == ["done"] * 6
    assert any_lake.table(TOTALS).read().to_pylist() == _totals(any_lake).to_pylist()
    assert any_lake.table(TOTALS).read()["rows"].to_pylist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("held", [0, 1, 2])
def test_a_rebuild_that_loses_to_another_host_builds_again(any_lake: Lake, held: int) -> None:
    table = any_lake.table(TOTALS)
    day = rows(DAYS[0])["day"].slice(0, 1)
    for _ in range(held):
        table.append(pa.table({"day": day, "rows": [0]}, schema=TOTALS.schema))
    builds = []

    def build() -> pa.Table:
        builds.append(len(builds))
        if len(builds) == 1:  # another host, which does not see our lock
            commit(table.delta(), pa.table({"day": day, "rows": [98]}, schema=TOTALS.schema), "overwrite", "true")
        if len(builds) == 2:
            table.append(pa.table({"day": day, "rows": [99]}, schema=TOTALS.schema))
            table.compact()
        return pa.table({"day": day, "rows": [len(builds)]}, schema=TOTALS.schema)

    table.rebuild(build)
    assert table.read()["rows"].to_pylist() == [3]


def _append_loads(root: str, barrier: Barrier, writer: int, times: int) -> str:
    lake = Lake.at(root)
    barrier.wait()
    for number in range(times):
        lake.ledger.record([Load(f"interim.w{writer}", str(number), "refused")])
        if number % 5 == 4 and writer == 0:
            maintain(lake, 1)
    return "done"


def test_appends_and_maintenance_at_once_lose_and_double_nothing(any_lake: Lake) -> None:
    times = 40 if any_lake.location.folder else 12
    assert _run(_append_loads, any_lake.location.root, [(n, times) for n in range(4)]) == ["done"] * 4
    for writer in range(4):
        assert len(any_lake.ledger.latest(f"interim.w{writer}")) == times
    assert any_lake.open("quality.loads").count() == 4 * times


def _claim(root: str, barrier: Barrier, is_simulated: bool) -> str:
    lake = Lake.at(root)
    fetch = Fetch("bikes", "station_status", NOON, "host", "https://host/", "landed", is_simulated)
    barrier.wait()
    lake.landing.land([(fetch, b"payload")])
    return "landed"


def test_of_two_origins_at_once_the_lake_gets_one(any_lake: Lake) -> None:
    results = _run(_claim, any_lake.location.root, [(True,), (False,)])
    assert sorted(result.split(":")[0] for result in results) == ["OriginMismatch", "landed"]
    origin = ["simulated", "real"][results.index("landed")]
    assert any_lake.landing.origin() == origin
    with pytest.raises(OriginMismatch, match=f"holds {origin} data"):
        any_lake.landing.claim("real" if origin == "simulated" else "simulated")
