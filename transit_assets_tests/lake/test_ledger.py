"""What needs work follows from what each load was built from."""

from datetime import UTC, datetime, timedelta

import pytest

from transit_assets.lake import CheckResult, Lake, Load
from transit_assets_tests.lake.tables import DAILY, DAYS, rows

SOURCE, MART = DAILY.relation, "processed.test__mart"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def load(relation: str, partition: str | None, version: int | None, minute: int = 0, **values: object) -> Load:
    outcome = "refused" if version is None else "committed"
    at = NOON + timedelta(minutes=minute)
    return Load(relation, partition, outcome, table_version=version, loaded_at=at, **values)  # type: ignore[arg-type]


def test_a_load_comes_back_as_it_was(any_lake: Lake) -> None:
    counts = {"landed_rows": 9, "kept_rows": 5, "duplicate_rows": 3, "conflict_rows": 1, "quarantined_rows": 1}
    written = load(SOURCE, DAYS[0], 4, fingerprint="f", source_versions={"a": 1}, run_id="r", **counts)
    any_lake.ledger.record([written, load(SOURCE, None, None), load(MART, DAYS[0], 1)])
    assert any_lake.ledger.latest(SOURCE)[DAYS[0]] == written
    assert set(any_lake.ledger.latest(SOURCE)) == {DAYS[0], None}
    assert set(any_lake.ledger.latest(SOURCE, "committed")) == {DAYS[0]}
    assert set(any_lake.ledger.latest(SOURCE, "refused")) == {None}
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
    lake.ledger.record([load(SOURCE, DAYS[0], version, minute) for version, minute in loads])
    assert lake.ledger.latest(SOURCE)[DAYS[0]].table_version == latest
    assert lake.ledger.latest(SOURCE, "committed")[DAYS[0]].table_version == committed


def test_a_partition_is_stale_when_landing_changed_since(any_lake: Lake) -> None:
    version = any_lake.table(DAILY).replace(rows(DAYS[0]), [DAYS[0]])
    any_lake.ledger.record(
        [load(SOURCE, DAYS[0], version, fingerprint="a"), load(SOURCE, DAYS[1], None, fingerprint="b")]
    )
    stale = any_lake.ledger.stale
    assert stale(SOURCE, {DAYS[0]: "a", DAYS[1]: "b"}) == []
    assert stale(SOURCE, {DAYS[0]: "x", DAYS[1]: "y", DAYS[2]: "z"}) == list(DAYS[:3])
    assert stale(SOURCE, {}) == []


def test_a_table_that_was_deleted_is_stale(lake: Lake) -> None:
    lake.ledger.record([load(SOURCE, DAYS[0], 1, fingerprint="a")])
    assert lake.ledger.stale(SOURCE, {DAYS[0]: "a"}) == [DAYS[0]]
    lake.table(DAILY).create()
    assert lake.ledger.stale(SOURCE, {DAYS[0]: "a"}) == [DAYS[0]]
    lake.table(DAILY).replace(rows(DAYS[0]), [DAYS[0]])
    assert lake.ledger.stale(SOURCE, {DAYS[0]: "a"}) == []


def test_a_mart_is_stale_where_a_source_was_committed_since(any_lake: Lake) -> None:
    mart = type(DAILY)(**{**vars(DAILY), "layer": "processed", "name": "mart"})
    version = any_lake.table(mart).replace(rows(DAYS[0]), [DAYS[0]])
    ledger = any_lake.ledger
    ledger.record([load(SOURCE, day, 3) for day in DAYS[:3]] + [load("interim.other", None, 99)])
    sources = [SOURCE, "interim.other"]
    assert ledger.stale_marts(MART, sources) == list(DAYS[:3])
    assert ledger.is_stale(MART, sources)
    ledger.record([load(MART, day, version, source_versions={SOURCE: 3}) for day in DAYS[:2]])
    assert ledger.stale_marts(MART, sources) == [DAYS[2]]
    ledger.record([load(SOURCE, DAYS[0], 4, 1), load(SOURCE, DAYS[1], None, 1)])
    assert ledger.stale_marts(MART, sources) == [DAYS[0], DAYS[2]]


def test_an_unpartitioned_relation_is_stale_after_any_commit_of_a_source(lake: Lake) -> None:
    mart = type(DAILY)(**{**vars(DAILY), "layer": "processed", "name": "mart"})
    version = lake.table(mart).replace(rows(DAYS[0]), [DAYS[0]])
    lake.ledger.record([load(SOURCE, DAYS[0], 1), load(MART, None, version, source_versions={SOURCE: 1})])
    assert not lake.ledger.is_stale(MART, [SOURCE])
    lake.ledger.record([load(SOURCE, DAYS[5], 2)])
    assert lake.ledger.is_stale(MART, [SOURCE])


def test_the_latest_check_of_each_partition_counts(any_lake: Lake) -> None:
    def check(name: str, partition: str | None, has_passed: bool, minute: int) -> CheckResult:
        at = NOON + timedelta(minutes=minute)
        return CheckResult(name, SOURCE, partition, True, has_passed, 2, {"sample": [1]}, "run", at)

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
