"""The wall clock at array speed says what zoneinfo says."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transit_assets.context.local_time import local_seconds

PARIS = "Europe/Paris"
FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2010, 2050))


def by_zoneinfo(at: int, zone: str) -> int:
    wall = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
    return int(wall.replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize("day", ["2025-03-30", "2025-10-26", "2010-03-28", "2049-10-31"])
def test_every_minute_of_a_day_on_which_the_clocks_change(day: str) -> None:
    start = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) - 7200
    at = np.arange(start, start + 28 * 3600, 60)
    assert local_seconds(at, PARIS).tolist() == [by_zoneinfo(int(one), PARIS) for one in at]


@settings(deadline=None)  # the first call asks zoneinfo about forty years
@given(st.lists(st.integers(FIRST, LAST - 1), min_size=1), st.sampled_from([PARIS, "Europe/London", "UTC"]))
def test_any_instants_in_any_order(at: list[int], zone: str) -> None:
    assert local_seconds(np.array(at), zone).tolist() == [by_zoneinfo(one, zone) for one in at]
