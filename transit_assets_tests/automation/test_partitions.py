"""Days as partitions: both clock changes, today, and ranges of consecutive days."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import dagster as dg
import pytest

from transit_assets.automation.partitions import PARIS_DAYS, daily, days_between, ranges
from transit_assets.bikes.polls import poll_instants
from transit_assets.settings import PARIS, Settings

FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2025-03-30", 23), ("2025-07-14", 24), ("2025-10-26", 25)],
)
def test_a_day_is_as_long_as_its_city_says(day: str, hours: int) -> None:
    window = PARIS_DAYS.time_window_for_partition_key(day)
    assert window.end.timestamp() - window.start.timestamp() == hours * 3600
    instants = poll_instants(date.fromisoformat(day), "station_status", 15, until=FAR)
    assert len(instants) == hours * 4
    assert {instant.astimezone(PARIS).date().isoformat() for instant in instants} == {day}
    assert {later - earlier for earlier, later in pairwise(instants)} == {timedelta(minutes=15)}


@pytest.mark.parametrize("day", ["2025-03-30", "2025-10-26"])
def test_the_days_around_a_clock_change_are_each_there_once(day: str) -> None:
    around = [(date.fromisoformat(day) + timedelta(days=offset)).isoformat() for offset in (-1, 0, 1)]
    keys = PARIS_DAYS.get_partition_keys_in_range(dg.PartitionKeyRange(around[0], around[-1]))
    assert list(keys) == around


def test_the_last_partition_is_today() -> None:
    assert daily(date(2018, 1, 1), PARIS, Settings(_env_file=None)).get_last_partition_key() == (
        datetime.now(PARIS).date().isoformat()
    )


@pytest.mark.parametrize(
    ("now", "today"),
    [
        pytest.param("2022-06-24T21:59:00+00:00", "2022-06-24", id="before midnight in Paris"),
        pytest.param("2022-06-24T22:00:00+00:00", "2022-06-25", id="midnight in Paris"),
        pytest.param("2031-01-15T12:00:00+00:00", "2031-01-15", id="in the future"),
    ],
)
def test_a_fixed_clock_moves_today(now: str, today: str) -> None:
    days = daily(date(2018, 1, 1), PARIS, Settings(now=datetime.fromisoformat(now), _env_file=None))
    assert days.get_last_partition_key() == today
    assert days.get_partition_keys()[0] == "2018-01-01"


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
    assert ranges(days) == expected


def test_a_range_holds_both_its_ends() -> None:
    assert days_between(date(2024, 2, 28), date(2024, 3, 1)) == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert days_between(date(2024, 3, 1), date(2024, 2, 28)) == []
