import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from transit_assets.lake import Lake, TableVersion
from transit_assets.lake.ledger import Load
from transit_assets.lake.tables import LakeTable
from transit_assets.quality import load as load_module
from transit_assets.quality.cleaned import Cleaned
from transit_assets.quality.load import load, rebuild
from transit_assets.quality.quarantine import list_rows, quarantine_table
from transit_assets_tests.quality.conftest import COUNTS, DAY, NEXT_DAY, candidates, cleaned, row


def _adds_up(one: Load) -> bool:
    return one.landed_rows == (one.kept_rows or 0) + (one.duplicate_rows or 0) + (one.quarantined_rows or 0)


def test_landed_is_kept_plus_duplicates_plus_quarantined(any_lake: Lake) -> None:
    lake = any_lake
    rows = [row("1", 1), row("1", 1, bikes=6), row("2", 1), row("3", 1, bikes=-1, row_number=40)]
    (one,) = load(lake, COUNTS, [cleaned(*rows, duplicates=3)], run_id="r")
    assert (one.landed_rows, one.kept_rows, one.duplicate_rows, one.conflict_rows, one.quarantined_rows) == (
        7,
        2,
        4,
        1,
        1,
    )
    assert (one.outcome, one.fingerprint, one.run_id, one.partition) == ("committed", "f", "r", DAY)
    assert one.table_version == lake.table(COUNTS).version()
    assert lake.ledger.latest(COUNTS.relation) == {DAY: one}
    assert [(r["station_code"], r["bikes"]) for r in lake.table(COUNTS).read().to_pylist()] == [("1", 6), ("2", 5)]


def test_days_of_one_commit_open_the_table_as_often_as_one_day_does(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    delta = LakeTable.delta
    monkeypatch.setattr(
        LakeTable, "delta", lambda self, *when: opened.append(self.table.relation) or delta(self, *when)
    )
    load(lake, COUNTS, [cleaned(row("1", 1))])
    of_one_day = opened.count(COUNTS.relation)
    opened.clear()
    loads = load(lake, COUNTS, [cleaned(row("1", 1)), cleaned(row("1", 30), partition=NEXT_DAY)])
    assert opened.count(COUNTS.relation) == of_one_day
    assert {one.table_id for one in loads} == {lake.table(COUNTS).state().table_id}


def test_a_broken_row_waits_in_quarantine_with_rule_payload_and_content(lake: Lake) -> None:
    load(lake, COUNTS, [cleaned(row("1", 1), row("2", 2, bikes=-1, source="rumour", problem="odd: 'x'"))])
    (held,) = list_rows(lake, COUNTS).to_pylist()
    assert (held["rule"], held["rules"]) == ("odd", ["odd", "bikes_minimum", "source_values"])
    assert (held["problem"], held["payload_sha256"], held["row_number"]) == ("odd: 'x'", "a" * 64, 2)
    assert str(held["day"]) == DAY
    assert held["quarantined_at"].tzinfo is not None
    content = json.loads(held["row"])
    assert (content["station_code"], content["bikes"], content["day"]) == ("2", -1, DAY)
    assert content["reported_at"] == "2026-03-01 10:02:00+00"
    assert lake.relations().count("quarantine.bikes__counts") == 1


def test_a_clean_load_makes_no_quarantine_and_a_repaired_source_empties_it(lake: Lake) -> None:
    load(lake, COUNTS, [cleaned(row("1", 1))])
    assert not lake.table(quarantine_table(COUNTS)).exists()
    load(lake, COUNTS, [cleaned(row("1", 1), row("2", 2, bikes=-1))])
    assert list_rows(lake, COUNTS, partition=DAY).num_rows == 1
    load(lake, COUNTS, [cleaned(row("1", 1), row("2", 2))])
    assert list_rows(lake, COUNTS).num_rows == 0


def test_a_partition_above_the_share_is_refused_and_its_last_good_version_stays(lake: Lake) -> None:
    load(lake, COUNTS, [cleaned(row("1", 1), row("2", 1))])
    version = lake.table(COUNTS).version()
    bad = cleaned(row("1", 2), row("2", 2, bikes=-1), row("3", 2, bikes=-1), fingerprint="g")
    other = Cleaned(NEXT_DAY, candidates(row("9", 1, day=NEXT_DAY)), 1, fingerprint="h")
    refused, accepted = load(lake, COUNTS, [bad, other])
    assert (refused.outcome, refused.table_version, refused.quarantined_rows) == ("refused", None, 2)
    assert _adds_up(refused)
    assert (accepted.outcome, accepted.table_version) == ("committed", version + 1)
    table = lake.table(COUNTS).read().to_pylist()
    assert [(str(r["day"]), r["station_code"]) for r in table] == [(DAY, "1"), (DAY, "2"), (NEXT_DAY, "9")]
    assert list_rows(lake, COUNTS, partition=DAY).num_rows == 2
    assert lake.ledger.latest(COUNTS.relation)[DAY].outcome == "refused"
    assert lake.ledger.latest(COUNTS.relation, "committed")[DAY].fingerprint == "f"
    # A refused landing is not tried again until it changes.
    assert lake.ledger.stale(COUNTS.relation, {DAY: "g", NEXT_DAY: "h"}) == []


def test_exactly_the_share_is_still_accepted(lake: Lake) -> None:
    (one,) = load(lake, COUNTS, [cleaned(row("1", 1), row("2", 1, bikes=-1))])
    assert one.outcome == "committed"


def test_several_days_share_a_commit_up_to_a_number_of_bytes(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    days = [f"2026-03-{day:02d}" for day in range(1, 6)]
    of_a_day = candidates(row("1", 1, day=days[0]), row("2", 1, day=days[0])).select(COUNTS.column_names).nbytes
    monkeypatch.setattr(load_module, "_BATCH_BYTES", 5 * of_a_day // 2)
    parts = (Cleaned(day, candidates(row("1", 1, day=day), row("2", 1, day=day)), 2) for day in days)
    loads = load(lake, COUNTS, parts)
    assert [one.partition for one in loads] == days
    assert [one.table_version for one in loads] == [1, 1, 2, 2, 3]
    assert lake.table(COUNTS).partitions() == days


def test_rows_are_stored_sorted_by_key_within_their_day(lake: Lake) -> None:
    shuffled = [row(str(1000 + n * 37 % 50), n * 7 % 60) for n in range(500)]
    load(lake, COUNTS, [cleaned(*shuffled)])
    stored = lake.table(COUNTS).scan("SELECT station_code, reported_at FROM counts").to_pylist()
    keys = [(r["station_code"], r["reported_at"]) for r in stored]
    assert keys == sorted(set(keys))


def test_a_rerun_gives_the_same_rows(lake: Lake) -> None:
    rows = [row("1", 1), row("2", 2), row("2", 2, bikes=9), row("3", 3, bikes=-1)]
    first = load(lake, COUNTS, [cleaned(*rows)])
    before = lake.table(COUNTS).read()
    second = load(lake, COUNTS, [cleaned(*rows)])
    assert lake.table(COUNTS).read() == before
    assert list_rows(lake, COUNTS).num_rows == 1
    assert first[0].kept_rows == second[0].kept_rows


def test_a_day_that_lost_its_rows_becomes_empty(lake: Lake) -> None:
    load(lake, COUNTS, [cleaned(row("1", 1))])
    (one,) = load(lake, COUNTS, [cleaned()])
    assert (one.outcome, one.landed_rows, lake.table(COUNTS).read().num_rows) == ("committed", 0, 0)


_KILLED = """
import os, signal, sys
from transit_assets.lake import Lake, TableVersion
from transit_assets.lake.ledger import Ledger
from transit_assets.lake.tables import LakeTable
from transit_assets.quality import load, quarantine
from transit_assets_tests.quality.conftest import COUNTS, cleaned, row

def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)

where = sys.argv[2]
replace = LakeTable.replace
if where == "before_table":
    LakeTable.replace = lambda self, *a, **k: die() if self.table.layer == "interim" else replace(self, *a, **k)
if where == "before_ledger": Ledger.record = die
rows = [row("1", 1, bikes=9), row("2", 1), row("3", 2, bikes=-1)]
load.load(Lake.at(sys.argv[1]), COUNTS, [cleaned(*rows, fingerprint="new")])
"""


@pytest.mark.parametrize("where", ["before_table", "before_ledger"])
def test_a_killed_load_is_due_again_and_loads_the_same(lake: Lake, where: str) -> None:
    load(lake, COUNTS, [cleaned(row("1", 1), fingerprint="old")])
    root = Path(lake.location.root)
    env = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run([sys.executable, "-c", _KILLED, str(root), where], env=env, check=False)
    assert done.returncode == -signal.SIGKILL
    held = [(r["station_code"], r["bikes"]) for r in lake.table(COUNTS).read().to_pylist()]
    assert held == ([("1", 5)] if where == "before_table" else [("1", 9), ("2", 5)])
    assert lake.ledger.stale(COUNTS.relation, {DAY: "new"}) == [DAY]
    load(lake, COUNTS, [cleaned(row("1", 1, bikes=9), row("2", 1), row("3", 2, bikes=-1), fingerprint="new")])
    assert [(r["station_code"], r["bikes"]) for r in lake.table(COUNTS).read().to_pylist()] == [("1", 9), ("2", 5)]
    assert lake.ledger.stale(COUNTS.relation, {DAY: "new"}) == []


RANKING = replace(COUNTS, name="ranking", partition_by=None, key=("station_code",))


def test_an_unpartitioned_table_is_rebuilt_through_the_same_rules(lake: Lake) -> None:
    rows = candidates(row("2", 1), row("1", 1), row("1", 2, bikes=7), row("3", 1, bikes=-1))
    seen = {"interim.bikes__counts": TableVersion("id", 4)}
    one = rebuild(lake, RANKING, lambda: rows, run_id="r", source_versions=seen)
    assert (one.partition, one.outcome, one.run_id) == (None, "committed", "r")
    assert (one.landed_rows, one.kept_rows, one.duplicate_rows, one.quarantined_rows) == (4, 2, 1, 1)
    assert one.source_versions == seen
    assert lake.ledger.latest(RANKING.relation) == {None: one}
    assert [(r["station_code"], r["bikes"]) for r in lake.table(RANKING).read().to_pylist()] == [("1", 7), ("2", 5)]
    assert list_rows(lake, RANKING)["rule"].to_pylist() == ["bikes_minimum"]


def test_a_refused_rebuild_leaves_the_table_as_it_was(lake: Lake) -> None:
    rebuild(lake, RANKING, lambda: candidates(row("1", 1), row("2", 1)))
    version = lake.table(RANKING).version()
    one = rebuild(lake, RANKING, lambda: candidates(row("3", 1, bikes=-1)))
    assert (one.outcome, one.table_version, lake.table(RANKING).version()) == ("refused", None, version)
    assert list_rows(lake, RANKING).num_rows == 1
    rebuild(lake, RANKING, lambda: candidates(row("3", 1)))
    assert list_rows(lake, RANKING).num_rows == 0
