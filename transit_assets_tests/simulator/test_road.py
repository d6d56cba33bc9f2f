"""Traffic in the simulated city: plausible, with the troubles of real counters, and the same every time."""

from datetime import UTC, datetime

import numpy as np
import pytest

from transit_assets.simulator.calendar import SATURDAY, SUNDAY, WORKDAY, day_of
from transit_assets.simulator.road import CLOSED, Counts, counts
from transit_assets.simulator.streets import COMMUTER, MOST_ARCS, NIGHT_LIFE, arcs

HOUR, DAY = 3600, 86400
SEED = 7
WEEKS = 4


def unix(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp())


def hours(first: str, count: int) -> np.ndarray:
    return unix(first) + HOUR * np.arange(1, count + 1)


START = "2026-03-02T00:00:00+01:00"
MARCH = hours(START, WEEKS * 168)
# Some counters are dead for all of the time looked at.
pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:All-NaN slice")


def seen(
    arc_count: int = 40, ends: np.ndarray = MARCH, instant: int | None = None, seed: int = SEED, delay: int = 0
) -> Counts:
    """What is published of these hours at an instant, or long after them."""
    return counts(seed, np.arange(arc_count), ends, instant or int(ends[-1]) + 60 * DAY, delay)


def grid(found: Counts, of: str = "flow", arc_count: int = 40, ends: np.ndarray = MARCH) -> np.ndarray:
    """One row per hour and one column per arc; NaN where there is no record."""
    values = np.full((len(ends), arc_count), np.nan)
    values[np.searchsorted(ends, found.hour_end), found.arc] = getattr(found, of)
    values[values > 20_000] = np.nan
    return values


@pytest.fixture(scope="module")
def month() -> Counts:
    return seen()


def test_the_same_seed_gives_the_same_counts_and_another_seed_others(month: Counts):
    again, other = seen(), seen(seed=8)
    for name, values in vars(month).items():
        np.testing.assert_array_equal(values, getattr(again, name))
    assert not np.array_equal(grid(month), grid(other), equal_nan=True)


def test_an_hour_alone_is_the_hour_among_others_and_a_small_city_is_part_of_a_large_one(month: Counts):
    alone = seen(10, MARCH[100:101])
    inside = month.take(np.flatnonzero((month.hour_end == MARCH[100]) & (month.arc < 10)))
    for name, values in vars(alone).items():
        np.testing.assert_array_equal(values, getattr(inside, name))


def test_working_days_have_peaks_and_nights_are_quiet(month: Counts):
    flow = grid(month)[:120, arcs(SEED).kind[:40] == COMMUTER].reshape(5, 24, -1)
    mean = np.nanmean(flow, axis=(0, 2))
    assert mean[7:9].mean() > 4 * mean[3]
    assert mean[17:19].mean() > 1.2 * mean[11]


def test_kinds_of_street_live_at_other_hours():
    mean = np.nanmean(grid(seen(600), arc_count=600)[:168].reshape(7, 24, -1), axis=0)
    kind = arcs(SEED).kind[:600]
    at_night = {one: np.nanmean(mean[23, kind == one]) / np.nanmean(mean[8, kind == one]) for one in set(kind.tolist())}
    assert at_night[NIGHT_LIFE] == max(at_night.values())
    assert at_night[NIGHT_LIFE] > 2 * at_night[COMMUTER]


def test_a_holiday_is_a_sunday_and_august_is_empty():
    assert [
        day_of(unix(f"{day}T12:00:00+00:00") // DAY).kind for day in ("2026-04-06", "2026-05-14", "2026-05-25")
    ] == [SUNDAY] * 3
    assert [day_of(unix(f"2026-03-0{day}T12:00:00+00:00") // DAY).kind for day in (6, 7, 8)] == [
        WORKDAY,
        SATURDAY,
        SUNDAY,
    ]
    august = hours("2026-08-10T00:00:00+02:00", 120)
    june = hours("2026-06-15T00:00:00+02:00", 120)
    empty = np.nanmean(grid(seen(300, august), arc_count=300, ends=august))
    assert 0.6 < empty / np.nanmean(grid(seen(300, june), arc_count=300, ends=june)) < 0.9


def test_the_last_hour_and_the_profile_say_much_but_not_all(month: Counts):
    flow = grid(month)
    profile = np.nanmedian(flow.reshape(WEEKS, 168, -1), axis=0)
    expected = np.tile(profile, (WEEKS, 1, 1)).reshape(flow.shape)
    change = expected[1:] - expected[:-1]
    persistence = np.nanmean(np.abs(flow[1:] - flow[:-1]))
    naive = np.nanmean(np.abs(flow[1:] - flow[:-1] - change))
    assert 0.2 < naive / persistence < 0.8
    deviation = (flow - expected)[:, arcs(SEED).kind[:40] == COMMUTER]
    now, before = deviation[1:].ravel(), deviation[:-1].ravel()
    is_known = ~np.isnan(now) & ~np.isnan(before)
    assert 0.5 < np.corrcoef(now[is_known], before[is_known])[0, 1] < 0.95


def test_congestion_raises_occupancy_and_lowers_flow():
    found = seen(600, MARCH[:168])
    flow, occupancy = (grid(found, of, 600, MARCH[:168]) for of in ("flow", "occupancy"))
    share = flow / np.nanmax(flow, axis=0)
    is_known = ~np.isnan(share) & ~np.isnan(occupancy)
    crossed = [
        np.mean(share[is_known & (occupancy >= low) & (occupancy < high)])
        for low, high in ((2, 6), (10, 20), (30, 45), (60, 100))
    ]
    assert crossed[0] < crossed[1]
    assert crossed[3] < crossed[2]
    assert (occupancy[is_known] >= 0).all()
    assert (occupancy[is_known] <= 99).all()


def test_counters_die_for_days_and_some_never_give_a_flow(month: Counts):
    is_null = np.isnan(grid(month))
    silent = is_null.mean(axis=0)
    runs = max(len(run) for column in is_null.T for run in "".join("x" if one else "." for one in column).split("."))
    assert runs > 48
    assert 0.02 < silent.mean() < 0.25
    assert np.isnan(month.flow[~np.isnan(month.occupancy)]).any()


def test_some_arcs_are_closed_and_hardly_anyone_drives_there():
    found = seen(300)
    is_closed, flow = grid(found, "state", 300) == CLOSED, grid(found, "flow", 300)
    share = is_closed.mean(axis=0)
    works = np.flatnonzero((share > 0.1) & (share < 0.9))
    assert 0 < len(works) < 30
    left = [np.nanmean(flow[is_closed[:, arc], arc]) / np.nanmean(flow[~is_closed[:, arc], arc]) for arc in works]
    assert np.nanmedian(left) < 0.1


def test_an_hour_is_there_twice_now_and_then_and_some_of_these_are_rounded_otherwise():
    found = seen(300)
    keys = found.hour_end * MOST_ARCS + found.arc
    _, first, times = np.unique(keys, return_index=True, return_counts=True)
    twice = first[times == 2]
    assert times.max() == 2
    assert 0.001 < len(twice) / len(times) < 0.004
    order = np.argsort(keys, kind="stable")
    pairs = found.take(order[np.isin(keys[order], keys[twice])])
    np.testing.assert_array_equal(pairs.flow[::2], pairs.flow[1::2])
    is_other = (pairs.occupancy[::2] != pairs.occupancy[1::2]) & ~np.isnan(pairs.occupancy[::2])
    assert 0.1 < is_other.mean() < 0.4
    np.testing.assert_allclose(pairs.occupancy[::2], pairs.occupancy[1::2], atol=0.005)


def test_of_the_two_hours_that_end_at_two_in_october_the_second_is_there():
    ends = hours("2026-10-25T00:00:00+02:00", 5)
    found = set(seen(40, ends).hour_end.tolist())
    assert sorted(found) == [*ends[:1], *ends[2:]]
    assert unix("2026-10-25T02:00:00+01:00") in found
    assert unix("2026-10-25T02:00:00+02:00") not in found


def test_the_hour_that_the_clock_skips_in_march_has_a_row_and_no_figures():
    ends = hours("2026-03-29T00:00:00+01:00", 4)
    flow = grid(seen(40, ends), ends=ends)
    assert np.isnan(flow[1]).all()
    assert int(ends[1]) == unix("2026-03-29T03:00:00+02:00")
    assert not np.isnan(flow[[0, 2, 3]]).all(axis=1).any()


def test_nothing_is_published_before_its_hour_is_over_or_its_delay_has_passed():
    now = int(MARCH[47])
    assert seen(instant=now).hour_end.max() == now
    assert seen(instant=now - 1).hour_end.max() == now - HOUR
    assert seen(instant=now, delay=90 * 60).hour_end.max() == now - 2 * HOUR


def test_hours_come_late_and_first_guesses_are_corrected():
    two_days = MARCH[:48]
    early, late = (seen(600, two_days, instant=instant) for instant in (int(two_days[-1]), None))
    assert 0 < len(late) - len(early) < 0.05 * len(late)
    before, after = grid(early, arc_count=600, ends=two_days), grid(late, arc_count=600, ends=two_days)
    is_both = ~np.isnan(before) & ~np.isnan(after)
    assert 0.002 < (before != after)[is_both].mean() < 0.02


def test_some_counts_are_impossible_so_that_a_quarantine_has_something_to_show():
    assert 1 <= (seen(300).flow > 20_000).sum() <= 40
