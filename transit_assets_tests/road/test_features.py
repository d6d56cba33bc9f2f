"""Features of the road: the same for a batch and for one request, blind to what was not yet known, and by the wall."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from transit_assets.lake import Lake
from transit_assets.learning.examples import Window
from transit_assets.road import features as road_features
from transit_assets.road import learning
from transit_assets.road.features import NAMES, STALE_HOURS, History, features
from transit_assets.road.model import HORIZONS
from transit_assets.settings import Settings
from transit_assets_tests.road.counted import HOUR, asked, made, paris, put, recorded, weekly

MONDAY = datetime(2023, 5, 1, tzinfo=UTC)
DELAYS = (0, 60, 1440, 2880, 10_080)
MEASURES = ("flow", "occupancy")
IN_UNITS = ("level", "error", "unrest", "carried", "last_week")


@pytest.fixture(scope="module")
def lake(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The recorded year 2023 of arc 4264: both changes of the clock, a level shift, a counter that falls silent."""
    return recorded(Lake.at(tmp_path_factory.mktemp("road") / "lake"), recordings, "history/champs_elysees_2023.csv")


@pytest.fixture(scope="module")
def year(lake: Lake) -> History:
    return History.read(lake, Window(paris("2023-04-01"), paris("2024-01-01")))


def window_at(at: datetime) -> Window:
    """The shortest window that one request can read."""
    return Window(at, at + timedelta(seconds=1))


def flow_at(history: History, arc: str, at: datetime) -> float:
    """What was counted in the hour that starts at an instant."""
    return float(history.flow[history.position[arc], int(at.timestamp()) // HOUR - history.first_hour])


# One row of everything -------------------------------------------------------------------------


def test_names_stand_in_the_order_of_the_columns() -> None:
    half = NAMES.index("occupancy_last")
    assert len(set(NAMES)) == len(NAMES)
    assert [f"occupancy_{name.removeprefix('flow_')}" for name in NAMES[:half]] == list(NAMES[half : 2 * half])
    assert not [name for name in NAMES[2 * half :] if name.startswith(MEASURES)]
    history = made({"7": weekly(14)}, MONDAY)
    row = asked(history, "7", MONDAY + timedelta(weeks=13, hours=17), 3)
    assert (row["lead_hours"], row["hour_of_week_known"], row["hour_of_week"]) == (3, 18, 21)  # 17:00 UTC is 19:00
    assert (row["hour"], row["weekday"], row["day_of_year"]) == (21, 0, 212)
    assert row["flow_hours_silent"] == row["occupancy_hours_silent"] == 0


@pytest.mark.parametrize("delay", DELAYS)
def test_a_request_that_reads_its_own_weeks_says_what_the_batch_says(lake: Lake, delay: int) -> None:
    whole = Window(paris("2023-06-01"), paris("2024-01-01"))
    batch = History.read(lake, whole, delay_seconds=delay * 60)
    generator = np.random.default_rng(delay)
    for hour in generator.integers(0, 24 * 200, 4):
        at = whole.start + timedelta(hours=int(hour), minutes=int(generator.integers(0, 60)))
        single = History.read(lake, window_at(at), delay_seconds=delay * 60, arcs=["4264"])
        assert len(single) < len(batch)
        for lead in (1, 2, 6):
            first, second = (list(asked(one, "4264", at, lead).values()) for one in (single, batch))
            # Running sums start elsewhere and are rounded otherwise.
            np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-5, err_msg=f"{at} +{lead}")


def test_a_batch_of_many_arcs_and_leads_says_what_single_questions_say() -> None:
    history = made({"7": weekly(14, 1), "8": weekly(14, 2, 40.0), "9": weekly(3, 3)}, MONDAY, delay_minutes=60)
    generator = np.random.default_rng(3)
    arc, lead = generator.integers(0, 3, 300), generator.integers(1, 7, 300)
    at = int(MONDAY.timestamp()) + generator.integers(0, 14 * 168, 300) * HOUR
    batch = features(history, arc, at, lead)
    assert np.isnan(batch).any()
    for row in range(300):
        single = features(history, arc[row : row + 1], at[row : row + 1], lead[row : row + 1])
        np.testing.assert_array_equal(single[0], batch[row])


def test_a_request_about_one_arc_of_many_reads_that_arc(tmp_path: Path) -> None:
    lake = put(Lake.at(tmp_path / "lake"), {"7": weekly(14, 1), "8": weekly(14, 2)}, MONDAY)
    at = MONDAY + timedelta(weeks=13, days=3, hours=8)
    both, one = (History.read(lake, window_at(at), arcs=arcs) for arcs in (None, ["8"]))
    assert (both.arcs, one.arcs) == (("7", "8"), ("8",))
    np.testing.assert_equal(asked(one, "8", at), asked(both, "8", at))


# Blind to what was not yet known ----------------------------------------------------------------


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("change", ["gone", "other"])
def test_hours_that_were_not_known_yet_change_no_feature(year: History, delay: int, change: str) -> None:
    """A week around each change of the clock, and one in between; every horizon."""
    before = replace(year, delay_seconds=delay * 60)
    generator = np.random.default_rng(delay)
    for monday in ("2023-03-26", "2023-06-12", "2023-10-29"):
        at = paris(monday) + timedelta(days=7 * (monday < "2023-04"), hours=int(generator.integers(0, 30)))
        newest = int(before.known(np.array([int(at.timestamp())]))[0])
        grids = {name: getattr(year, name).copy() for name in MEASURES}
        for grid in grids.values():
            later = grid[:, newest + 1 :]
            later[:] = np.nan if change == "gone" else generator.uniform(0, 5000, later.shape)
        after = replace(before, **grids)
        for lead in range(1, 7):
            np.testing.assert_equal(asked(after, "4264", at, lead), asked(before, "4264", at, lead))


@pytest.mark.parametrize("delay", [0, 60, 1440])
def test_the_newest_known_hour_is_the_one_that_ended_a_delay_ago(delay: int) -> None:
    history = made({"7": weekly(14)}, MONDAY, delay_minutes=delay)
    at = MONDAY + timedelta(weeks=13, hours=9)
    newest = at - timedelta(hours=1, minutes=delay)
    assert asked(history, "7", at)["flow_last"] == flow_at(history, "7", newest)
    assert asked(history, "7", at + timedelta(minutes=59))["flow_last"] == flow_at(history, "7", newest)
    assert asked(history, "7", at + timedelta(hours=1))["flow_last"] == flow_at(
        history, "7", newest + timedelta(hours=1)
    )


def test_with_a_delay_of_a_day_yesterday_is_the_day_before() -> None:
    history = made({"7": weekly(14)}, MONDAY, delay_minutes=1440)
    at = MONDAY + timedelta(weeks=13, days=2, hours=9)
    row = asked(history, "7", at)
    assert row["flow_0_days_before"] * row["flow_level"] == pytest.approx(
        flow_at(history, "7", at - timedelta(days=2)), rel=1e-5
    )
    assert row["flow_last_week"] == flow_at(history, "7", at - timedelta(days=7))


# The clock on the wall --------------------------------------------------------------------------


@pytest.mark.parametrize("day", ["2023-03-26", "2023-03-27", "2023-10-29", "2023-10-30", "2023-11-04"])
def test_days_and_weeks_before_are_taken_by_the_wall_clock_across_its_changes(lake: Lake, day: str) -> None:
    history = History.read(lake, Window(paris("2023-03-01"), paris("2023-12-01")))
    for hour in (4, 9, 23):
        start = paris(f"{day} {hour:02}:00")
        row = asked(history, "4264", start)  # the hour that starts now ends in an hour
        assert (row["hour"], row["lead_hours"]) == (hour, 1)
        for name, days in (("0_days_before", 1), ("1_days_before", 2), ("0_weeks_before", 7), ("1_weeks_before", 14)):
            then = datetime.fromisoformat(f"{day} {hour:02}:00") - timedelta(days=days)
            expected = flow_at(history, "4264", paris(then.isoformat()))
            assert row[f"flow_{name}"] * row["flow_level"] == pytest.approx(expected, rel=1e-5, nan_ok=True), name
        weeks = [
            flow_at(history, "4264", paris((datetime.fromisoformat(f"{day} {hour:02}:00") - back).isoformat()))
            for back in (timedelta(weeks=week) for week in range(1, 9))
            if (start - timedelta(weeks=9)) > paris("2023-01-01")
        ]
        if weeks:
            assert row["flow_profile"] * row["flow_level"] == pytest.approx(np.nanmedian(weeks), rel=1e-5)


def test_an_hour_that_the_clock_leaves_out_was_not_the_day_before() -> None:
    history = made({"7": weekly(14)}, paris("2023-01-02"))
    row = asked(history, "7", paris("2023-03-27 02:00"))
    assert np.isnan(row["flow_0_days_before"])
    assert np.isfinite(row["flow_1_days_before"])


# Silent counters and new ones -------------------------------------------------------------------


def test_a_counter_that_is_silent_for_too_long_says_nothing_of_now() -> None:
    flow = weekly(14)
    newest = 13 * 168 + 50
    flow[newest + 1 :] = np.nan
    history = made({"7": flow}, MONDAY)
    for silent in (0, 1, STALE_HOURS, STALE_HOURS + 1, 40):
        row = asked(history, "7", MONDAY + timedelta(hours=newest + 1 + silent))
        assert row["flow_hours_silent"] == silent
        if silent <= STALE_HOURS:
            assert row["flow_last"] == pytest.approx(flow[newest], rel=1e-6)
        else:
            for name in ("last", "carried", "0_hours_before", "weekly_ratio"):
                assert np.isnan(row[f"flow_{name}"]), name


def test_what_the_profile_changes_is_counted_from_the_hour_that_the_last_figure_is_of() -> None:
    shape = np.tile(np.arange(168.0) * 10 + 100, 14)  # the same in every week
    shape[13 * 168 + 48 : 13 * 168 + 51] = np.nan
    row = asked(made({"7": shape}, MONDAY), "7", MONDAY + timedelta(weeks=13, hours=51), 2)
    assert row["flow_last"] == 100 + 47 * 10
    assert row["flow_carried"] == pytest.approx(100 + 52 * 10)
    assert row["flow_hours_silent"] == 3


def test_an_arc_with_two_days_of_history_has_scales_wherever_it_has_a_last_figure() -> None:
    history = made({"7": weekly(14), "8": np.append(np.full(13 * 168, np.nan), weekly(1)[:48])}, MONDAY)
    first = MONDAY + timedelta(weeks=13)
    for hour in range(1, 60):
        row = asked(history, "8", first + timedelta(hours=hour), 1 + hour % 6)
        for measure in MEASURES:
            if np.isfinite(row[f"{measure}_last"]):
                found = {name: row[f"{measure}_{name}"] for name in IN_UNITS}
                assert all(np.isfinite(one) for one in found.values()), (hour, found)
                assert min(found["level"], found["error"], found["unrest"]) > 0


def test_a_lane_on_which_nothing_drives_has_finite_features() -> None:
    row = asked(made({"7": np.zeros(14 * 168)}, MONDAY), "7", MONDAY + timedelta(weeks=13))
    assert all(np.isfinite(one) for one in row.values())
    assert row["flow_level"] > 0


def test_an_empty_lake_has_an_empty_history(tmp_path: Path) -> None:
    history = History.read(Lake.at(tmp_path / "lake"), window_at(MONDAY))
    assert (history.arcs, len(history)) == ((), 0)
    assert len(features(history, *(np.empty(0, np.int64) for _ in range(3)))) == 0


# What is asked live -----------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [0, 2880])
def test_what_is_asked_live_is_what_the_batch_would_have_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, delay: int
) -> None:
    monkeypatch.setattr(learning, "settings", lambda: Settings(_env_file=None, road_publication_delay_minutes=delay))
    lake = put(Lake.at(tmp_path / "lake"), {"7": weekly(15, 1), "8": weekly(15, 2)}, MONDAY)
    live = learning.DOMAIN.live(lake)
    assert live is not None
    assert live.asked_at == MONDAY + timedelta(weeks=15, minutes=delay)
    assert len(live.asked) == 2 * len(HORIZONS)
    batch = History.read(lake, Window(MONDAY + timedelta(weeks=14), live.asked_at), delay_seconds=delay * 60)
    for row, arc in enumerate(live.entities):
        lead = int(live.asked.horizon_minutes[row]) // 60
        assert int(live.asked.entity[row]) == int(arc)
        expected = list(asked(batch, arc, live.asked_at, lead).values())
        np.testing.assert_allclose(live.asked.features[row], expected, rtol=1e-5, atol=1e-5)


def test_grids_of_all_leads_take_no_more_memory_than_those_of_one() -> None:
    history = made({"7": weekly(16)}, MONDAY)

    def held(leads: tuple[int, ...]) -> int:
        fresh = replace(history)
        for lead in leads:
            asked(fresh, "7", MONDAY + timedelta(weeks=15), lead)
        grids = {id(grid): grid.nbytes for one in fresh.grids.values() for grid in _arrays(vars(one))}
        return sum(grids.values())

    assert held((1, 2, 3, 4, 5, 6)) == held((1,))


def _arrays(held: object) -> list[np.ndarray]:
    if isinstance(held, np.ndarray):
        return [held]
    parts = held.values() if isinstance(held, dict) else held if isinstance(held, tuple) else ()
    return [array for part in parts for array in _arrays(part)]


def test_arcs_are_read_as_numbers_and_batches_of_them_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year of 3,000 arcs has 26 million rows: their texts alone took 0.4 GB."""
    start = datetime(2023, 5, 1, tzinfo=UTC)
    arcs = {str(number): weekly(6, seed=number) for number in (30, 4, 200, 1)}
    lake = put(Lake.at(tmp_path / "lake"), arcs, start)
    monkeypatch.setattr(road_features, "_ROWS_AT_ONCE", 1)  # as few as DuckDB gives
    kinds = []
    whole = History.of.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(
        History,
        "of",
        classmethod(lambda cls, rows, **more: kinds.append(rows["arc_id"].type) or whole(cls, rows, **more)),
    )
    found = History.read(lake, Window(start, start + timedelta(weeks=6)), look_back=timedelta())
    assert kinds == [pa.dictionary(pa.int32(), pa.string())]
    assert found.arcs == ("1", "200", "30", "4")
    for arc, flows in arcs.items():
        np.testing.assert_allclose(found.flow[found.position[arc], : len(flows)], flows, rtol=1e-6)
