"""Origins: every open station at every poll, thinned where polls are dense, and made where they are drawn alone."""

from datetime import timedelta
from typing import Any

import numpy as np

from transit_assets.bikes.features import History
from transit_assets.bikes.model import origins
from transit_assets.learning.examples import Window
from transit_assets_tests.bikes.reports import HOUR, MINUTE, MONDAY, SECONDS, history, polled

EVER = Window(MONDAY, MONDAY + timedelta(days=30))


def asked_about(of: History, window: Window = EVER) -> tuple[np.ndarray, np.ndarray]:
    """Stations and instants of all origins."""
    found = origins(of, window, 300)
    return found.take(np.arange(len(found)))


def asked_minutes(rows: list[dict[str, Any]], window: Window = EVER) -> list[int]:
    return ((asked_about(history(rows), window)[1] - SECONDS) // MINUTE).tolist()


def test_origins_are_every_open_station_at_every_poll_and_those_drawn_are_among_them() -> None:
    whole = history(polled(1))
    station = np.repeat(np.arange(len(whole.codes)), len(whole.polls))
    at = np.tile(whole.polls, len(whole.codes))
    held = whole.state(station, at)
    is_open = (held >= 0) & whole.is_open[held]
    expected = list(zip(station[is_open], at[is_open], strict=True))
    found = origins(whole, EVER, 300)
    assert list(zip(*asked_about(whole), strict=True)) == expected
    drawn = np.random.default_rng(1).choice(len(found), 200)
    assert list(zip(*found.take(drawn), strict=True)) == [expected[position] for position in drawn]


def test_polls_of_every_minute_are_thinned_to_the_first_of_each_step() -> None:
    rows = [{"station": "1001", "known_at": SECONDS + minute * MINUTE} for minute in range(1, 1440)]
    assert asked_minutes(rows) == [1, *range(5, 1440, 5)]


def test_polls_of_every_minute_are_thinned_on_a_day_that_has_hardly_begun() -> None:
    rows = [{"station": "1001", "known_at": SECONDS + minute * MINUTE} for minute in range(100)]
    assert asked_minutes(rows) == [*range(0, 100, 5)]


def test_sparse_polls_are_all_asked_about_whatever_comes_beside_them() -> None:
    dense = [{"station": "1001", "known_at": SECONDS + minute * MINUTE} for minute in range(1440)]
    sparse = [{"station": "1001", "known_at": SECONDS + minute * MINUTE} for minute in (1440, 1441, 2000, 9000)]
    assert asked_minutes(dense + sparse) == [*range(0, 1440, 5), 1440, 1441, 2000, 9000]


def test_polls_outside_of_the_window_are_not_asked_about() -> None:
    rows = [{"station": "1001", "known_at": SECONDS + minute * MINUTE} for minute in (0, 10, 20, 30)]
    window = Window(MONDAY + timedelta(minutes=10), MONDAY + timedelta(minutes=30))
    assert asked_minutes(rows, window) == [10, 20]


def test_a_station_is_asked_about_once_at_a_poll_though_two_reports_hold() -> None:
    """Two collectors, or a feed behind several caches, give an older report again after a newer one."""
    rows = [
        {"station": "1001", "known_at": SECONDS, "held_until": SECONDS + 40 * MINUTE},
        {"station": "1001", "known_at": SECONDS + 20 * MINUTE, "held_until": SECONDS + 40 * MINUTE, "bikes": 9.0},
    ]
    assert asked_minutes(rows) == [0, 20, 40]


def test_a_report_is_asked_about_until_its_last_poll() -> None:
    rows = [{"station": "1001", "known_at": SECONDS, "held_until": SECONDS + 2 * HOUR}]
    rows += [{"station": "1002", "known_at": SECONDS + minute * MINUTE} for minute in range(0, 241, 15)]
    station, at = asked_about(history(rows))
    assert (at[station == 0].max() - SECONDS) == 2 * HOUR
