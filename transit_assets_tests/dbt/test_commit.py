"""What reaches Delta: only what passed, day by day, whoever else writes."""

import datetime as dt
import multiprocessing
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from transit_assets.bikes.schema import STATION_INFORMATION, STATION_STATUS, STATIONS
from transit_assets.dbt_lake import build, mart_tables, plugin
from transit_assets.dbt_lake import commit as commit_module
from transit_assets.dbt_lake.commit import Mart, Run, commit
from transit_assets.dbt_lake.views import Shown, show_lake
from transit_assets.lake import Lake, TableVersion
from transit_assets.lake.snapshot import ABSENT
from transit_assets_tests.dbt.conftest import BIKES, DAYS, day_of_reports, dbt, fill, rows_of

MARTS = {table.identifier: table for table in mart_tables()}


def versions(lake: Lake) -> dict[str, int]:
    return {name: lake.open(name).version() for name in lake.relations() if name.startswith("processed.")}


def content(lake: Lake) -> dict[str, pa.Table]:
    return {name: lake.table(table).read() for name, table in MARTS.items()}


def iso(day: dt.date) -> str:
    return day.isoformat()


def break_a_test(lake: Lake) -> None:
    """Two current descriptions of one station: the ranking then names it twice, and its unique key fails."""
    described = [
        {"station_code": "1001", "valid_from": day, "first_station_code": "1001", "name": f"Twice {day}"}
        for day in DAYS
    ]
    lake.table(STATIONS).rebuild(lambda: rows_of(STATIONS, described))


def test_a_failing_test_leaves_every_version_unchanged_of_every_domain(filled: Lake) -> None:
    assert build(filled).has_passed
    before, rows = versions(filled), content(filled)
    break_a_test(filled)
    outcome = build(filled)
    assert not outcome.has_passed
    assert outcome.error is not None
    assert "unique_key_bikes__stations_sometimes_empty_station_code" in outcome.error
    assert not any(mart.is_committed for mart in outcome.marts)
    assert versions(filled) == before
    assert content(filled) == rows


def test_an_analyst_is_told_what_was_not_committed(filled: Lake, tmp_path: Path) -> None:
    break_a_test(filled)
    done = dbt(filled, "build", "--select", *BIKES, target=tmp_path)
    assert done.returncode == 1
    assert "Nothing was committed to the lake, because unique_key_bikes__stations_sometimes_empty" in done.stdout
    assert versions(filled) == {}


def test_dbt_run_commits_nothing_and_says_so(filled: Lake, tmp_path: Path) -> None:
    done = dbt(filled, "run", "--select", *BIKES, target=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "Nothing was committed to the lake: not all data tests" in done.stdout
    assert versions(filled) == {}


@pytest.mark.parametrize("name", sorted(MARTS))
def test_any_one_mart_builds_alone_on_a_filled_lake(filled: Lake, name: str) -> None:
    outcome = build(filled, select=[name])
    assert outcome.has_passed, outcome.error
    assert [mart.relation for mart in outcome.marts] == [f"processed.{name}"]


def test_a_mart_downstream_sees_committed_days_beside_those_being_built(built: Lake) -> None:
    before = content(built)
    assert build(built, iso(DAYS[1]), iso(DAYS[1]), BIKES).has_passed
    assert content(built) == before


def test_tests_of_a_mart_downstream_see_committed_days_too(filled: Lake) -> None:
    """Station 1001 is described twice, and is not among the reports of the day being built."""
    assert build(filled, iso(DAYS[0]), iso(DAYS[0]), BIKES).has_passed
    filled.table(STATION_STATUS).replace(rows_of(STATION_STATUS, day_of_reports(DAYS[1], ["1002"])), [DAYS[1]])
    break_a_test(filled)
    outcome = build(filled, iso(DAYS[1]), iso(DAYS[1]), BIKES)
    assert "unique_key_bikes__stations_sometimes_empty_station_code" in str(outcome.error)


def test_only_the_days_of_the_run_are_replaced(built: Lake) -> None:
    changed = rows_of(STATION_STATUS, [row for day in DAYS[:2] for row in day_of_reports(day, ["1001"])])
    built.table(STATION_STATUS).replace(changed, DAYS[:2])
    outcome = build(built, iso(DAYS[0]), iso(DAYS[0]), ["bikes__station_daily"])
    assert [mart.rows for mart in outcome.marts] == [{iso(DAYS[0]): 1}]
    rows = built.table(MARTS["bikes__station_daily"]).read()
    assert rows.group_by("day").aggregate([("station_code", "count")]).to_pydict() == {
        "day": list(DAYS),
        "station_code_count": [1, 4, 4],
    }


def test_a_day_that_left_interim_leaves_the_marts(built: Lake) -> None:
    for table in (STATION_STATUS, STATION_INFORMATION):
        built.table(table).replace(table.schema.empty_table(), [DAYS[2]])
    assert build(built, iso(DAYS[2]), iso(DAYS[2]), BIKES).has_passed
    for table in MARTS.values():
        if table.partition_by == "day":
            assert built.table(table).partitions() == [iso(day) for day in DAYS[:2]]
    assert built.table(MARTS["bikes__station_profile"]).read()["hours"].to_pylist() == [1] * 2 * 24 * 4


def test_each_committed_day_is_in_the_ledger_with_the_versions_it_was_built_from(built: Lake) -> None:
    daily = built.ledger.latest("processed.bikes__station_daily", "committed")
    assert sorted(daily) == [iso(day) for day in DAYS]
    load = daily[iso(DAYS[0])]
    assert load.source_versions == {STATION_STATUS.relation: built.table(STATION_STATUS).state()}
    assert (load.kept_rows, load.table_version) == (4, built.table(MARTS["bikes__station_daily"]).version())
    zones = built.ledger.latest("processed.bikes__zone_daily", "committed")[iso(DAYS[0])]
    assert zones.source_versions == {"processed.bikes__zone_hourly": built.table(MARTS["bikes__zone_hourly"]).state()}
    ranking = built.ledger.latest("processed.bikes__stations_sometimes_empty", "committed")[None]
    assert set(ranking.source_versions) == {"interim.bikes__stations", "processed.bikes__station_daily"}


def test_days_without_rows_are_recorded_as_built(filled: Lake) -> None:
    build(filled, "2025-09-07", "2025-09-08", ["bikes__station_daily"])
    found = filled.ledger.latest("processed.bikes__station_daily", "committed")
    assert {day: load.kept_rows for day, load in found.items()} == {"2025-09-07": 0, "2025-09-08": 4}


def test_an_older_run_does_not_undo_days_built_from_newer_rows(filled: Lake) -> None:
    daily = MARTS["bikes__station_daily"]
    with filled.engine() as connection:
        shown = show_lake(connection, filled)  # a run starts here, and another one overtakes it
        filled.table(STATION_STATUS).replace(rows_of(STATION_STATUS, day_of_reports(DAYS[0], ["1001"])), [DAYS[0]])
        build(filled, iso(DAYS[0]), iso(DAYS[0]), ["bikes__station_daily"])
        newer = filled.table(daily).read()
        connection.execute("CREATE TABLE built.bikes__station_daily AS SELECT * FROM processed.bikes__station_daily")
        mart = Mart(daily, "", ("interim.bikes__station_status",))
        assert list(commit(filled, connection, Run((mart,), iso(DAYS[0]), iso(DAYS[1]), "older", shown)))
    assert filled.table(daily).read() == newer
    assert filled.ledger.latest(daily.relation)[iso(DAYS[0])].run_id != "older"
    assert filled.ledger.latest(daily.relation)[iso(DAYS[1])].run_id == "older"


def _build_day(root: str, day: str) -> bool:
    return build(Lake.at(root), day, day, BIKES).has_passed


def test_processes_building_the_same_and_other_days_leave_what_one_full_build_leaves(
    filled: Lake, three_days_built: Path
) -> None:
    days = [iso(day) for day in (*DAYS, DAYS[0])]
    with multiprocessing.get_context("spawn").Pool(len(days)) as pool:
        assert all(pool.starmap(_build_day, [(filled.location.root, day) for day in days]))
    assert content(filled) == content(Lake.at(three_days_built))


def test_marts_reach_s3(s3_lake: Lake) -> None:
    fill(s3_lake, DAYS[:1])
    outcome = build(s3_lake, select=BIKES)
    assert outcome.has_passed, outcome.error
    assert s3_lake.table(MARTS["bikes__station_daily"]).read().num_rows == 4


def test_a_shown_lake_knows_which_relations_exist() -> None:
    held = TableVersion("id", 3)
    shown = Shown({"interim.a": held, "interim.b": ABSENT})
    assert shown.versions_of(["interim.a", "interim.b", "interim.c"]) == {"interim.a": held}


def test_marts_without_days_are_what_the_run_has_built_where_nobody_else_wrote(
    filled: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_again(*_: object) -> None:
        raise AssertionError("the lake was read again")

    monkeypatch.setattr(commit_module, "show_lake", read_again)
    assert build(filled, iso(DAYS[0]), iso(DAYS[1]), BIKES).has_passed
    assert build(filled, iso(DAYS[2]), iso(DAYS[2]), BIKES).has_passed
    profile = filled.ledger.latest("processed.bikes__station_profile", "committed")[None]
    hourly = filled.table(MARTS["bikes__station_hourly"]).state()
    assert profile.source_versions == {"processed.bikes__station_hourly": hourly}


@pytest.mark.parametrize("committed_before", [0, 1])
def test_marts_without_days_see_what_another_run_has_committed_meanwhile(
    built: Lake, monkeypatch: pytest.MonkeyPatch, committed_before: int
) -> None:
    daily, ranking = built.table(MARTS["bikes__station_daily"]), MARTS["bikes__stations_sometimes_empty"]
    theirs = daily.read(partitions=[DAYS[0]]).slice(0, 1)

    def overtaken(lake: Lake, connection: duckdb.DuckDBPyConnection, run: Run) -> Iterator[str]:
        lines = commit(lake, connection, run)
        yield from islice(lines, committed_before)
        daily.replace(theirs, [DAYS[0]])
        yield from lines

    monkeypatch.setattr(plugin, "commit", overtaken)
    assert build(built, iso(DAYS[1]), iso(DAYS[1]), BIKES).has_passed
    found = built.table(ranking).read()
    monkeypatch.undo()
    assert build(built, select=[ranking.identifier]).has_passed
    assert found == built.table(ranking).read()
    assert sorted(found["days_observed"].to_pylist()) == [2, 2, 2, 3]


def test_a_source_that_is_deleted_and_built_again_during_a_commit_is_another_table(lake: Lake) -> None:
    latest, table = commit_module._Latest(lake), lake.table(STATION_STATUS)
    assert latest.state(STATION_STATUS.relation) == ABSENT
    for _ in range(3):
        table.replace(STATION_STATUS.schema.empty_table(), [DAYS[0]])
        assert latest.state(STATION_STATUS.relation) == table.state()
    shutil.rmtree(Path(lake.location.root) / STATION_STATUS.path)
    table.replace(STATION_STATUS.schema.empty_table(), [DAYS[0]])
    assert latest.state(STATION_STATUS.relation) == table.state()


def test_showing_the_lake_leaves_no_import_to_the_threads_of_dbt(filled: Lake) -> None:
    """DuckDB imports pyarrow's datasets where it is handed an Arrow table."""
    look = (
        "import sys; from transit_assets.dbt_lake.views import show_lake; from transit_assets.lake import Lake; "
        "lake = Lake.at(sys.argv[1]); shown = show_lake(lake.connect(), lake); "
        "print(len(shown.partitions['interim.bikes__station_status']), 'pyarrow.dataset' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", look, filled.location.root], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["3", "False"]
