"""What needs work follows from what each load was built from."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from transit_assets.lake import CheckResult, Lake, Load, Table, TableVersion
from transit_assets_tests.lake.tables import DAILY, DAYS, rows

MART = Table(**{**vars(DAILY), "layer": "processed", "name": "mart"})
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def load(
    lake: Lake, table: Table, partition: str | None, version: int | None, minute: int = 0, **values: object
) -> Load:
    """A load of a table as it now is, committed as some version or refused."""
    at = NOON + timedelta(minutes=minute)
    if version is None:
        return Load(table.relation, partition, "refused", loaded_at=at, **values)  # type: ignore[arg-type]
    table_id = lake.table(table).create().state().table_id
    return Load(
        table.relation,
        partition,
        "committed",
        table_version=version,
        table_id=table_id,
        loaded_at=at,
        **values,  # type: ignore[arg-type]
    )


def read(lake: Lake, table: Table, version: int) -> dict[str, TableVersion]:
    return {table.relation: TableVersion(lake.table(table).create().state().table_id, version)}


def test_a_load_comes_back_as_it_was(any_lake: Lake) -> None:
    counts = {"landed_rows": 9, "kept_rows": 5, "duplicate_rows": 3, "conflict_rows": 1, "quarantined_rows": 1}
    sources = {"a": TableVersion("id", 1)}
    written = load(any_lake, DAILY, DAYS[0], 4, fingerprint="f", source_versions=sources, run_id="r", **counts)
    any_lake.ledger.record([written, load(any_lake, DAILY, None, None), load(any_lake, MART, DAYS[0], 1)])
    assert any_lake.ledger.latest(DAILY.relation)[DAYS[0]] == written
    assert set(any_lake.ledger.latest(DAILY.relation)) == {DAYS[0], None}
    assert set(any_lake.ledger.latest(DAILY.relation, "committed")) == {DAYS[0]}
    assert set(any_lake.ledger.latest(DAILY.relation, "refused")) == {None}
    assert any_lake.ledger.latest("interim.nothing") == {}


@pytest.mark.parametrize(
    ("loads", "latest", "committed"),
    [
        ([(1, 0), (2, 1)], 2, 2),
        ([(2, 0), (1, 1)], 2, 2),  # recorded in another order than they were committed
        ([(1, 0), (None, 1)], None, 1),
        ([(None, 0), (1, 1)], 1, 1),
        ([(1, 0), (None, 1), (2, 2)], 2, 2),
    ],
)
def test_the_latest_load_is_the_last_that_was_committed_or_refused(
    lake: Lake, loads: list[tuple[int | None, int]], latest: int | None, committed: int
) -> None:
    lake.ledger.record([load(lake, DAILY, DAYS[0], version, minute) for version, minute in loads])
    assert lake.ledger.latest(DAILY.relation)[DAYS[0]].table_version == latest
    assert lake.ledger.latest(DAILY.relation, "committed")[DAYS[0]].table_version == committed


def test_a_partition_is_stale_when_landing_changed_since(any_lake: Lake) -> None:
    any_lake.ledger.record(
        [
            load(any_lake, DAILY, DAYS[0], 1, fingerprint="a"),
            load(any_lake, DAILY, DAYS[1], None, fingerprint="b"),
        ]
    )
    stale = any_lake.ledger.stale
    assert stale(DAILY.relation, {DAYS[0]: "a", DAYS[1]: "b"}) == []
    assert stale(DAILY.relation, {DAYS[0]: "x", DAYS[1]: "y", DAYS[2]: "z"}) == list(DAYS[:3])
    assert stale(DAILY.relation, {}) == []


def test_a_table_deleted_and_filled_again_forgets_what_was_committed_before(lake: Lake) -> None:
    """Loads of the deleted table had higher versions, won, and made every day due for ever."""
    lake.ledger.record([load(lake, DAILY, DAYS[0], version, version, fingerprint="a") for version in (1, 2, 3)])
    lake.ledger.record([load(lake, MART, DAYS[0], 1, source_versions=read(lake, DAILY, 3))])
    assert lake.ledger.stale(DAILY.relation, {DAYS[0]: "a"}) == []
    assert lake.ledger.stale_marts(MART.relation, [DAILY.relation]) == []
    shutil.rmtree(Path(lake.location.root) / DAILY.path)
    assert lake.ledger.stale(DAILY.relation, {DAYS[0]: "a"}) == [DAYS[0]]
    version = lake.table(DAILY).replace(rows(DAYS[0]), [DAYS[0]]).version
    assert lake.ledger.stale(DAILY.relation, {DAYS[0]: "a"}) == [DAYS[0]]
    lake.ledger.record([load(lake, DAILY, DAYS[0], version, 4, fingerprint="a")])
    assert lake.ledger.stale(DAILY.relation, {DAYS[0]: "a"}) == []
    assert lake.ledger.stale_marts(MART.relation, [DAILY.relation]) == [DAYS[0]]
    lake.ledger.record([load(lake, MART, DAYS[0], 2, source_versions=read(lake, DAILY, version))])
    assert lake.ledger.stale_marts(MART.relation, [DAILY.relation]) == []


def test_a_mart_is_stale_where_a_source_was_committed_since(any_lake: Lake) -> None:
    other = Table(**{**vars(DAILY), "name": "other"})
    ledger = any_lake.ledger
    ledger.record([load(any_lake, DAILY, day, 3) for day in DAYS[:3]] + [load(any_lake, other, None, 99)])
    sources = [DAILY.relation, other.relation]
    assert ledger.stale_marts(MART.relation, sources) == list(DAYS[:3])
    assert ledger.is_stale(MART.relation, sources)
    seen = read(any_lake, DAILY, 3)
    ledger.record([load(any_lake, MART, day, 1, source_versions=seen) for day in DAYS[:2]])
    assert ledger.stale_marts(MART.relation, sources) == [DAYS[2]]
    ledger.record([load(any_lake, DAILY, DAYS[0], 4, 1), load(any_lake, DAILY, DAYS[1], None, 1)])
    assert ledger.stale_marts(MART.relation, sources) == [DAYS[0], DAYS[2]]


def test_an_unpartitioned_relation_is_stale_after_any_commit_of_a_source(lake: Lake) -> None:
    seen = read(lake, DAILY, 1)
    lake.ledger.record([load(lake, DAILY, DAYS[0], 1), load(lake, MART, None, 1, source_versions=seen)])
    assert not lake.ledger.is_stale(MART.relation, [DAILY.relation])
    assert lake.ledger.loaded_since(MART.relation, DAILY.relation) == []
    lake.ledger.record([load(lake, DAILY, DAYS[5], 2)])
    assert lake.ledger.is_stale(MART.relation, [DAILY.relation])
    assert lake.ledger.loaded_since(MART.relation, DAILY.relation) == [DAYS[5]]


def test_a_check_older_than_the_latest_load_speaks_no_more(lake: Lake) -> None:
    check = CheckResult("gone", DAILY.relation, DAYS[0], True, False, 1, {}, "run", NOON)
    lake.ledger.record_checks([check])
    assert lake.ledger.latest_checks() == [check]
    lake.ledger.record([load(lake, DAILY, DAYS[1], 1, 1)])
    assert lake.ledger.latest_checks() == [check]
    lake.ledger.record([load(lake, DAILY, DAYS[0], 2, 1)])
    assert lake.ledger.latest_checks() == []


def test_the_latest_check_of_each_partition_counts(any_lake: Lake) -> None:
    def check(name: str, partition: str | None, has_passed: bool, minute: int) -> CheckResult:
        at = NOON + timedelta(minutes=minute)
        return CheckResult(name, DAILY.relation, partition, True, has_passed, 2, {"sample": [1]}, "run", at)

    any_lake.ledger.record_checks([check("b", None, True, 0), check("a", DAYS[0], False, 0)])
    any_lake.ledger.record_checks([check("a", DAYS[0], True, 1), check("a", DAYS[1], False, 1)])
    any_lake.ledger.record_checks([])
    assert any_lake.ledger.latest_checks() == [
        check("a", DAYS[0], True, 1),
        check("a", DAYS[1], False, 1),
        check("b", None, True, 0),
    ]


def test_nothing_recorded_leaves_nothing(lake: Lake) -> None:
    lake.ledger.record([])
    assert lake.relations() == []
