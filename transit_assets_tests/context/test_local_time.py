"""The wall clock at array speed says what zoneinfo says."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transit_assets.context.local_time import local_seconds, utc_seconds

PARIS = "Europe/Paris"
FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2008, 2050))


def by_zoneinfo(at: int, zone: str) -> int:
    wall = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
    return int(wall.replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize("day", ["2025-03-30", "2025-10-26", "2009-03-29", "2049-10-31"])
def test_every_minute_of_a_day_on_which_the_clocks_change(day: str) -> None:
    start = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) - 7200
    at = np.arange(start, start + 28 * 3600, 60)
    assert local_seconds(at, PARIS).tolist() == [by_zoneinfo(int(one), PARIS) for one in at]


@settings(deadline=None)  # the first call asks zoneinfo about forty years
@given(st.lists(st.integers(FIRST, LAST - 1), min_size=1), st.sampled_from([PARIS, "Europe/London", "UTC"]))
def test_any_instants_in_any_order(at: list[int], zone: str) -> None:
    assert local_seconds(np.array(at), zone).tolist() == [by_zoneinfo(one, zone) for one in at]


def exists(wall: datetime, zone: str) -> bool:
    """A wall clock time that the clock shows survives the way to UTC and back."""
    return wall.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall.replace(tzinfo=None)


@settings(deadline=None)
@given(st.lists(st.integers(FIRST + 7200, LAST - 7200), min_size=1), st.sampled_from([PARIS, "Europe/London", "UTC"]))
@pytest.mark.parametrize("step", [1, 1800])  # half hours meet the hours of change
def test_wall_times_are_instants_the_second_where_there_are_two(step: int, at: list[int], zone: str) -> None:
    walls = [one // step * step for one in at]
    zoned = [(datetime(1970, 1, 1) + timedelta(seconds=one)).replace(tzinfo=ZoneInfo(zone), fold=1) for one in walls]
    instants, shown = utc_seconds(np.array(walls), zone)
    assert shown.tolist() == [exists(one, zone) for one in zoned]
    assert instants[shown].tolist() == [int(one.timestamp()) for one in zoned if exists(one, zone)]


@pytest.mark.parametrize("day", ["2025-03-30", "2025-10-26", "2010-03-28", "2049-10-31"])
def test_wall_times_of_a_day_on_which_the_clocks_change(day: str) -> None:
    midnight = datetime.fromisoformat(day)
    zoned = [(midnight + timedelta(minutes=one)).replace(tzinfo=ZoneInfo(PARIS), fold=1) for one in range(1440)]
    walls = np.array([int(one.replace(tzinfo=UTC).timestamp()) for one in zoned])
    instants, shown = utc_seconds(walls, PARIS)
    assert shown.tolist() == [exists(one, PARIS) for one in zoned]
    assert instants[shown].tolist() == [int(one.timestamp()) for one in zoned if exists(one, PARIS)]
    assert (~shown).sum() == (60 if "-03-" in day else 0)
