"""Each check in which it fails, and in which it does not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from transit_assets.lake import Column, Lake, Table
from transit_assets.quality.accounts import (
    Payloads,
    accounting_suite,
    completeness_suite,
    drift_suite,
    stability_index,
)
from transit_assets.quality.cleaned import Cleaned
from transit_assets.quality.evaluate import Evaluation, evaluate
from transit_assets.quality.load import load, rebuild
from transit_assets.quality.suites import Suite, relation_suite, rows_suite, shares_suite
from transit_assets_tests.quality.conftest import COUNTS, DAY, NEXT_DAY, candidates, cleaned, row

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def verdict(lake: Lake, suite: Suite, *partitions: str, now: datetime = NOW) -> list[Evaluation]:
    return list(evaluate(lake, suite, partitions, now=now))


def failed(evaluation: Evaluation) -> dict[str, int]:
    return {failure.expectation.name: failure.failing_rows for failure in evaluation.failures}


def stored(table: Table, *rows: dict[str, Any]) -> pa.Table:
    return candidates(*rows, table=table).select(table.column_names)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("1", 1), row("2", 1, bikes=None, source=None)], {}),
        ([row("1", 1), row("2", 1, bikes=-1), row("3", 1, bikes=101, capacity=None)], {"bikes_bounds": 2}),
        ([row("1", 1), row(None, 1)], {"station_code_is_known": 1}),
        ([row("1", 1), row("2", 1, source="rumour")], {"source_values": 1}),
        ([row("1", 1), row("2", 1, bikes=21)], {"bikes_fit": 1}),
        ([row("1", 1), row("1", 1, bikes=4), row("2", 1)], {"key_is_unique": 2}),
        ([], {}),
    ],
)
def test_rows_that_came_past_the_rules_are_found(
    lake: Lake, rows: list[dict[str, Any]], expected: dict[str, int]
) -> None:
    lake.table(COUNTS).replace(stored(COUNTS, *rows), [DAY])
    (evaluation,) = verdict(lake, rows_suite(COUNTS), DAY)
    assert failed(evaluation) == expected
    assert evaluation.has_passed == (not expected)
    assert evaluation.rows == len(rows)


def test_a_failure_shows_its_rows_and_unexpected_values(lake: Lake) -> None:
    lake.table(COUNTS).replace(stored(COUNTS, row("1", 1), row("2", 2, bikes=-7)), [DAY])
    (evaluation,) = verdict(lake, rows_suite(COUNTS), DAY)
    (failure,) = evaluation.failures
    assert failure.unexpected == (-7,)
    assert [(shown["station_code"], shown["bikes"]) for shown in evaluation.sample] == [("2", -7)]
    assert "bikes is at least 0 and at most 100: not so in 1 rows" in evaluation.summary


def test_each_partition_of_a_range_has_a_verdict_of_its_own(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    days = [f"2026-03-0{number}" for number in range(1, 5)]
    rows = [row("1", 1, day=day, bikes=-1 if day == days[2] else 1) for day in days]
    lake.table(COUNTS).replace(stored(COUNTS, *rows, row("1", 1, day=days[2])), days)
    for size in (1_000_000, 2):
        monkeypatch.setattr("transit_assets.quality.evaluate._CHUNK_ROWS", size)
        found = verdict(lake, rows_suite(COUNTS), *days)
        assert [(one.partition, one.has_passed, one.rows) for one in found] == [
            (days[0], True, 1),
            (days[1], True, 1),
            (days[2], False, 2),
            (days[3], True, 1),
        ]
        assert failed(found[2]) == {"bikes_bounds": 1, "key_is_unique": 2}


def test_a_key_may_occur_once_in_each_of_two_partitions(lake: Lake) -> None:
    report = {"reported_at": "2026-02-27 08:00:00"}
    rows = [row("1", 1, **report), row("1", 1, day=NEXT_DAY, **report)]
    lake.table(COUNTS).replace(stored(COUNTS, *rows), [DAY, NEXT_DAY])
    assert [one.has_passed for one in verdict(lake, rows_suite(COUNTS), DAY, NEXT_DAY)] == [True, True]


def test_an_unpartitioned_table_has_one_verdict(lake: Lake) -> None:
    ranking = replace(COUNTS, partition_by=None, key=("station_code",), name="ranking")
    lake.table(ranking).rebuild(lambda: stored(ranking, row("1", 1), row("1", 2), row("2", 1)))
    (evaluation,) = verdict(lake, rows_suite(ranking))
    assert (evaluation.partition, failed(evaluation)) == (None, {"key_is_unique": 2})


# Accounting --------------------------------------------------------------------------------------


def _loaded(lake: Lake) -> None:
    load(lake, COUNTS, [cleaned(row("1", 1), row("1", 1), row("2", 1), row("3", 1, bikes=-1), duplicates=2)])


def _lose_a_row(lake: Lake) -> None:
    lake.table(COUNTS).replace(stored(COUNTS, row("1", 1)), [DAY])


def _lose_the_quarantine(lake: Lake) -> None:
    from transit_assets.quality.quarantine import quarantine_table

    target = quarantine_table(COUNTS)
    lake.table(target).replace(target.schema.empty_table(), [DAY])


def _cook_the_books(lake: Lake) -> None:
    latest = lake.ledger.latest(COUNTS.relation)[DAY]
    lake.ledger.record([replace(latest, load_id="cooked", landed_rows=99, loaded_at=datetime.now(UTC))])


def _refuse(lake: Lake) -> None:
    load(lake, COUNTS, [cleaned(row("1", 1), row("2", 1, bikes=-1), row("3", 1, bikes=-1))])


def _drift_away(lake: Lake) -> None:
    lake.table(COUNTS).add_column(Column("colour", pa.string(), "New."))


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (lambda lake: None, set()),
        (_lose_a_row, {"committed_rows_are_table_rows"}),
        (_lose_the_quarantine, {"quarantined_rows_are_quarantine_rows"}),
        (_cook_the_books, {"landed_rows_are_accounted_rows"}),
        (_refuse, {"is_accepted"}),
        (_drift_away, {"has_columns"}),
    ],
)
def test_the_accounts_of_a_partition_are_right(lake: Lake, happens: Callable[[Lake], None], expected: set[str]) -> None:
    _loaded(lake)
    happens(lake)
    (evaluation,) = verdict(lake, accounting_suite(COUNTS), DAY)
    assert set(failed(evaluation)) == expected
    assert evaluation.observed is not None
    assert evaluation.suite.is_blocking


@pytest.mark.parametrize(
    ("records", "fingerprint", "expected"),
    [
        (6, "f", set()),
        (7, "f", {"payload_records_are_landed_rows"}),
        (0, "f", {"payload_records_are_landed_rows"}),
        (9, "more has landed since", set()),
    ],
)
def test_a_load_is_held_to_the_records_of_the_payloads_it_read(
    lake: Lake, records: int, fingerprint: str, expected: set[str]
) -> None:
    _loaded(lake)
    suite = accounting_suite(COUNTS, lambda lake, partitions: {DAY: Payloads(records, fingerprint)})
    (evaluation,) = verdict(lake, suite, DAY)
    assert set(failed(evaluation)) == expected


def test_a_refused_partition_says_why(lake: Lake) -> None:
    _loaded(lake)
    _refuse(lake)
    load(lake, COUNTS, [Cleaned(NEXT_DAY, candidates(row("1", 1, day=NEXT_DAY)), 1)])
    refused, accepted = verdict(lake, accounting_suite(COUNTS), DAY, NEXT_DAY)
    assert refused.summary.startswith("refused: 2 of 3 rows broke a rule, more than 50%; the last good version stays")
    assert accepted.has_passed


def test_a_partition_that_was_never_loaded_fails_its_accounts(lake: Lake) -> None:
    _loaded(lake)
    (evaluation,) = verdict(lake, accounting_suite(COUNTS), "2026-03-09")
    assert "was never loaded" in evaluation.summary


def test_the_accounts_of_an_unpartitioned_table(lake: Lake) -> None:
    ranking = replace(COUNTS, partition_by=None, key=("station_code",), name="ranking")
    rebuild(lake, ranking, lambda: candidates(row("1", 1), row("1", 2), row("2", 1, bikes=-1)))
    (evaluation,) = verdict(lake, accounting_suite(ranking))
    assert evaluation.has_passed
    lake.table(ranking).rebuild(lambda: stored(ranking, row("1", 1), row("9", 2)))
    (evaluation,) = verdict(lake, accounting_suite(ranking))
    assert set(failed(evaluation)) == {"committed_rows_are_table_rows"}


# Completeness ------------------------------------------------------------------------------------

COMPLETE = completeness_suite(COUNTS, ("first_polled_at", "polled_at"), "station_code")


def _polls(day: str, first: str, count: int, stations: int = 2) -> pa.Table:
    instants = [np.datetime64(first) + np.timedelta64(15 * number, "m") for number in range(count)]
    rows = [
        row(str(station), day=day, reported_at=str(at), polled_at=str(at), first_polled_at=str(at))
        for at in instants
        for station in range(stations)
    ]
    return stored(COUNTS, *rows)


@pytest.mark.parametrize(
    ("day", "first", "count", "expected", "passes"),
    [
        ("2026-03-01", "2026-02-28T23:00:00", 96, 96, True),
        ("2026-03-01", "2026-02-28T23:00:00", 87, 96, True),
        ("2026-03-01", "2026-02-28T23:00:00", 86, 96, False),
        ("2026-03-29", "2026-03-28T23:00:00", 92, 92, True),
        ("2026-03-29", "2026-03-28T23:00:00", 82, 92, False),
        ("2025-10-26", "2025-10-25T22:00:00", 100, 100, True),
        ("2025-10-26", "2025-10-25T22:00:00", 89, 100, False),
        ("2026-03-01", "2026-02-28T23:00:00", 0, 96, False),
    ],
)
def test_a_day_is_complete_with_nine_tenths_of_its_quarters_of_an_hour(
    lake: Lake, day: str, first: str, count: int, expected: int, passes: bool
) -> None:
    lake.table(COUNTS).replace(_polls(day, first, count), [day])
    (evaluation,) = verdict(lake, COMPLETE, day)
    assert evaluation.observed is not None
    assert (evaluation.observed["expected_slots"], evaluation.observed["seen_slots"]) == (expected, count)
    assert evaluation.has_passed == passes
    assert not evaluation.suite.is_blocking


SERVICE_DAYS = replace(
    COUNTS,
    partition_by="service_date",
    name="service_days",
    columns=(
        Column("service_date", pa.date32(), "Service date."),
        *(one for one in COUNTS.columns if one.name != "day"),
    ),
)


def test_a_service_date_is_complete_as_a_day_is(lake: Lake) -> None:
    polls = _polls(DAY, "2026-02-28T23:00:00", 96).rename_columns({"day": "service_date"})
    lake.table(SERVICE_DAYS).replace(polls.select(SERVICE_DAYS.column_names), [DAY])
    (evaluation,) = verdict(lake, completeness_suite(SERVICE_DAYS, ("polled_at",), "station_code"), DAY)
    assert evaluation.observed is not None
    assert (evaluation.observed["expected_slots"], evaluation.observed["seen_slots"]) == (96, 96)
    assert evaluation.has_passed


@pytest.mark.parametrize(("polls", "passes"), [(0, True), (1, False), (96, True)])
def test_a_day_that_others_made_is_not_asked_about(lake: Lake, polls: int, passes: bool) -> None:
    lake.table(COUNTS).replace(_polls(DAY, "2026-02-28T23:00:00", polls), [DAY])
    suite = completeness_suite(COUNTS, ("first_polled_at", "polled_at"), "station_code", if_any=True)
    (evaluation,) = verdict(lake, suite, DAY)
    assert evaluation.has_passed is passes


def test_of_today_only_what_has_passed_is_expected(lake: Lake) -> None:
    lake.table(COUNTS).replace(_polls(DAY, "2026-02-28T23:00:00", 40), [DAY])
    (at_nine,) = verdict(lake, COMPLETE, DAY, now=datetime(2026, 3, 1, 9, tzinfo=UTC))
    assert at_nine.observed is not None
    assert (at_nine.observed["expected_slots"], at_nine.has_passed) == (40, True)
    (within,) = verdict(lake, COMPLETE, DAY, now=datetime(2026, 3, 1, 8, 52, tzinfo=UTC))
    assert within.observed is not None
    assert (within.observed["expected_slots"], within.observed["seen_slots"]) == (39, 39)
    (before,) = verdict(lake, COMPLETE, DAY, now=datetime(2026, 2, 28, 12, tzinfo=UTC))
    assert before.has_passed


def test_a_day_on_which_stations_stay_away_is_not_complete(lake: Lake) -> None:
    lake.table(COUNTS).replace(_polls(DAY, "2026-02-28T23:00:00", 96, stations=10), [DAY])
    lake.table(COUNTS).replace(_polls(NEXT_DAY, "2026-03-01T23:00:00", 96, stations=8), [NEXT_DAY])
    full, short = verdict(lake, COMPLETE, DAY, NEXT_DAY)
    assert full.has_passed
    assert failed(short) == {"share_of_usual_bounds": 1}


MONTHLY = replace(
    COUNTS,
    partition_by="month",
    name="monthly",
    columns=(Column("month", pa.date32(), "Month."), *(one for one in COUNTS.columns if one.name != "day")),
)


@pytest.mark.parametrize(
    ("month", "first", "hours", "passes"),
    [
        ("2026-03-01", "2026-02-28T23:00:00", 743, True),
        ("2025-10-01", "2025-09-30T22:00:00", 745, True),
        ("2025-10-01", "2025-09-30T22:00:00", 670, False),
    ],
)
def test_a_month_is_complete_with_nine_tenths_of_its_hours(
    lake: Lake, month: str, first: str, hours: int, passes: bool
) -> None:
    instants = [np.datetime64(first) + np.timedelta64(number, "h") for number in range(hours)]
    lake.table(MONTHLY).replace(_by_month(month, instants), [month])
    (evaluation,) = verdict(lake, completeness_suite(MONTHLY, ("polled_at",), "station_code", slot_minutes=60), month)
    assert evaluation.observed is not None
    assert evaluation.observed["seen_slots"] == hours
    assert evaluation.has_passed is passes


def test_of_a_running_month_what_the_provider_has_published_is_expected(lake: Lake) -> None:
    instants = [np.datetime64("2026-02-28T23:00:00") + np.timedelta64(number, "h") for number in range(7)]
    lake.table(MONTHLY).replace(_by_month("2026-03-01", instants), ["2026-03-01"])
    suite = completeness_suite(MONTHLY, ("polled_at",), "station_code", slot_minutes=60, delay=timedelta(hours=2))
    (evaluation,) = verdict(lake, suite, "2026-03-01", now=datetime(2026, 3, 1, 8, 30, tzinfo=UTC))
    assert evaluation.observed is not None
    assert (evaluation.observed["expected_slots"], evaluation.has_passed) == (7, True)


def _by_month(month: str, instants: list[np.datetime64]) -> pa.Table:
    days = [row("1", reported_at=str(at), polled_at=str(at), first_polled_at=str(at)) for at in instants]
    for one in days:
        one["month"] = month
    return stored(MONTHLY, *days)


# Distribution, drift, relations ------------------------------------------------------------------

SHARES = shares_suite(COUNTS, {"share_empty": ("bikes = 0", 0.0, 0.4)}, among="capacity > 0")


@pytest.mark.parametrize(
    ("bikes", "capacity", "passes"),
    [([0, 0, 1, 1, 1], 20, True), ([0, 0, 0, 1, 1], 20, False), ([0, 0, None, None], 20, False), ([0], 0, True)],
)
def test_shares_stay_within_bounds(lake: Lake, bikes: list[int | None], capacity: int, passes: bool) -> None:
    rows = [row("1", minute, bikes=count, capacity=capacity) for minute, count in enumerate(bikes)]
    lake.table(COUNTS).replace(stored(COUNTS, *rows), [DAY])
    (evaluation,) = verdict(lake, SHARES, DAY)
    assert evaluation.has_passed == passes


DRIFT = drift_suite(COUNTS, {"bikes": (0, 1, 5, 10)})


def _spread(lake: Lake, day: str, bikes: list[int]) -> None:
    rows = [row("1", minute, day=day, bikes=count) for minute, count in enumerate(bikes)]
    lake.table(COUNTS).replace(stored(COUNTS, *rows), [day])


def test_a_day_unlike_the_seven_before_has_drifted(lake: Lake) -> None:
    usual = [0, 2, 3, 6, 7, 12] * 5
    days = [f"2026-03-{number:02d}" for number in range(1, 10)]
    _spread(lake, days[0], [0] * 30)  # eight partitions before the last one: out of its sight
    for day in days[1:8]:
        _spread(lake, day, usual)
    _spread(lake, days[8], usual)
    found = verdict(lake, DRIFT, *days)
    assert found[0].observed == {"partition": days[0], "partitions_before": 0, "bikes_stability_index": None}
    assert [one.has_passed for one in found] == [True, False, False, False, *[True] * 5]
    assert found[8].observed == {"partition": days[8], "partitions_before": 7, "bikes_stability_index": 0.0}
    _spread(lake, days[8], [12] * 30)
    (drifted,) = verdict(lake, DRIFT, days[8])
    assert failed(drifted) == {"bikes_stability_index_bounds": 1}


def test_the_stability_index_is_the_textbooks() -> None:
    found = stability_index(np.array([50, 50]), np.array([25, 75]))
    assert found == pytest.approx((0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5))
    assert stability_index(np.array([0, 0]), np.array([1, 1])) is None


def test_a_station_that_nothing_describes_is_found(lake: Lake) -> None:
    described = replace(COUNTS, name="described", key=("station_code",))
    lake.table(described).replace(stored(described, row("1"), row("2", day=NEXT_DAY)), [DAY, NEXT_DAY])
    lake.table(COUNTS).replace(
        stored(COUNTS, row("1", 1), row("1", 2), row("2", 1), row("2", 1, day=NEXT_DAY)), [DAY, NEXT_DAY]
    )
    first, second = verdict(lake, relation_suite(COUNTS, described, "station_code"), DAY, NEXT_DAY)
    assert failed(first) == {"is_described": 1}
    assert [shown["station_code"] for shown in first.sample] == ["2"]
    assert second.has_passed


def test_a_station_may_be_described_by_an_unpartitioned_table(lake: Lake) -> None:
    stations = replace(COUNTS, name="stations", key=("station_code",), partition_by=None)
    lake.table(stations).rebuild(lambda: stored(stations, row("1")))
    lake.table(COUNTS).replace(stored(COUNTS, row("1", 1), row("2", 1)), [DAY])
    (found,) = verdict(lake, relation_suite(COUNTS, stations, "station_code"), DAY)
    assert failed(found) == {"is_described": 1}


def test_an_expectation_that_cannot_be_evaluated_is_an_error_not_a_pass(lake: Lake) -> None:
    lake.table(COUNTS).replace(stored(COUNTS, row("1", 1)), [DAY])
    suite = rows_suite(COUNTS)
    odd = replace(suite.expectations[0], kwargs={"column": "no_such_column"})
    with pytest.raises(RuntimeError, match="was not evaluated"):
        verdict(lake, replace(suite, expectations=(odd,)), DAY)
