"""Days and months as partitions: both clock changes, today, and ranges of consecutive ones."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import dagster as dg
import pyarrow as pa
import pytest

from transit_assets.automation.partitions import PARIS_DAYS, PARIS_MONTHS, Partitions
from transit_assets.bikes.polls import poll_instants
from transit_assets.lake import Column, Lake, Period, Table
from transit_assets.settings import PARIS, Settings

FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2025-03-30", 23), ("2025-07-14", 24), ("2025-10-26", 25)],
)
def test_a_day_is_as_long_as_its_city_says(day: str, hours: int) -> None:
    window = PARIS_DAYS.definition.time_window_for_partition_key(day)
    assert window.end.timestamp() - window.start.timestamp() == hours * 3600
    instants = poll_instants(date.fromisoformat(day), "station_status", 15, until=FAR)
    assert len(instants) == hours * 4
    assert {instant.astimezone(PARIS).date().isoformat() for instant in instants} == {day}
    assert {later - earlier for earlier, later in pairwise(instants)} == {timedelta(minutes=15)}


@pytest.mark.parametrize("day", ["2025-03-30", "2025-10-26"])
def test_the_days_around_a_clock_change_are_each_there_once(day: str) -> None:
    around = [(date.fromisoformat(day) + timedelta(days=offset)).isoformat() for offset in (-1, 0, 1)]
    keys = PARIS_DAYS.definition.get_partition_keys_in_range(dg.PartitionKeyRange(around[0], around[-1]))
    assert list(keys) == around


def test_the_last_partition_holds_today() -> None:
    today = datetime.now(PARIS).date()
    unfixed = Settings(_env_file=None)
    assert PARIS_DAYS.defined(unfixed).get_last_partition_key() == today.isoformat()
    assert PARIS_MONTHS.defined(unfixed).get_last_partition_key() == today.replace(day=1).isoformat()


@pytest.mark.parametrize(
    ("now", "today"),
    [
        pytest.param("2022-06-24T21:59:00+00:00", "2022-06-24", id="before midnight in Paris"),
        pytest.param("2022-06-24T22:00:00+00:00", "2022-06-25", id="midnight in Paris"),
        pytest.param("2031-01-15T12:00:00+00:00", "2031-01-15", id="in the future"),
    ],
)
def test_a_fixed_clock_moves_today(now: str, today: str) -> None:
    days = PARIS_DAYS.defined(Settings(now=datetime.fromisoformat(now), _env_file=None))
    assert days.get_last_partition_key() == today
    assert days.get_partition_keys()[0] == "2018-01-01"


@pytest.mark.parametrize(
    ("now", "month"),
    [
        pytest.param("2023-10-31T22:59:00+00:00", "2023-10-01", id="before midnight in Paris"),
        pytest.param("2023-10-31T23:00:00+00:00", "2023-11-01", id="a month begins in Paris"),
        pytest.param("2031-12-31T12:00:00+00:00", "2031-12-01", id="in the future, at the end of a year"),
    ],
)
def test_a_fixed_clock_moves_the_running_month(now: str, month: str) -> None:
    months = PARIS_MONTHS.defined(Settings(now=datetime.fromisoformat(now), _env_file=None))
    assert months.get_last_partition_key() == month
    assert list(months.get_partition_keys()[:2]) == ["2010-01-01", "2010-02-01"]


@pytest.mark.parametrize(("month", "hours"), [("2023-03-01", 743), ("2023-10-01", 745), ("2024-02-01", 29 * 24)])
def test_a_month_is_as_long_as_its_city_says(month: str, hours: int) -> None:
    window = PARIS_MONTHS.definition.time_window_for_partition_key(month)
    assert window.end.timestamp() - window.start.timestamp() == hours * 3600


def test_today_is_polled_up_to_the_clock() -> None:
    noon = datetime(2025, 9, 8, 12, tzinfo=PARIS)
    instants = poll_instants(date(2025, 9, 8), "station_status", 60, until=noon)
    assert [instant.astimezone(PARIS).hour for instant in instants] == list(range(12))
    assert poll_instants(date(2025, 9, 9), "station_status", 60, until=noon) == []


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([], []),
        (["2025-01-01"], [("2025-01-01", "2025-01-01")]),
        (["2025-01-03", "2025-01-01", "2025-01-02"], [("2025-01-01", "2025-01-03")]),
        (["2025-02-28", "2025-03-01", "2025-03-03"], [("2025-02-28", "2025-03-01"), ("2025-03-03", "2025-03-03")]),
    ],
)
def test_days_fall_into_ranges_of_consecutive_ones(days: list[str], expected: list[tuple[str, str]]) -> None:
    assert Period.DAY.ranges(days) == expected


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        (["2023-02-01", "2023-01-01"], [("2023-01-01", "2023-02-01")]),
        (["2022-12-01", "2023-01-01", "2023-03-01"], [("2022-12-01", "2023-01-01"), ("2023-03-01", "2023-03-01")]),
    ],
)
def test_months_fall_into_ranges_of_consecutive_ones(months: list[str], expected: list[tuple[str, str]]) -> None:
    assert Period.MONTH.ranges(months) == expected


def test_a_range_holds_both_its_ends() -> None:
    assert Period.DAY.between(date(2024, 2, 28), date(2024, 3, 1)) == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert Period.DAY.between(date(2024, 3, 1), date(2024, 2, 28)) == []


def test_a_range_of_days_means_the_months_that_hold_them() -> None:
    assert Period.MONTH.between(date(2023, 12, 31), date(2024, 2, 1)) == ["2023-12-01", "2024-01-01", "2024-02-01"]
    assert Period.MONTH.between(date(2024, 2, 10), date(2024, 2, 10)) == ["2024-02-01"]
    assert Period.MONTH.key(date(2024, 2, 29)) == "2024-02-01"


def test_periods_are_counted_back_from_the_one_that_holds_a_day() -> None:
    assert Period.MONTH.before(date(2024, 1, 31), 2) == date(2023, 11, 1)
    assert Period.DAY.before(date(2024, 3, 1), 1) == date(2024, 2, 29)
    assert Period.MONTH.before(date(2024, 1, 31), 0) == date(2024, 1, 1)


def test_the_name_of_the_partition_column_says_what_a_partition_is() -> None:
    def by(column: str | None) -> Table:
        columns = (Column("n", pa.int64(), "A number."), Column(column or "m", pa.date32(), "When."))
        return Table("interim", "test", "some", "One.", columns, ("n",), partition_by=column)

    assert [Period.of(by(name)) for name in ("day", "service_date", "month")] == [Period.DAY, Period.DAY, Period.MONTH]
    for name in ("date", None):
        with pytest.raises(ValueError, match=f"interim.test__some is partitioned by {name}"):
            Period.of(by(name))


def test_the_partition_that_runs_holds_the_clock(city: Lake) -> None:
    assert (PARIS_DAYS.current(), PARIS_MONTHS.current()) == ("2025-10-26", "2025-10-01")
    assert Partitions(Period.MONTH, date(2024, 1, 1), PARIS).definition.get_last_partition_key() == "2025-10-01"
