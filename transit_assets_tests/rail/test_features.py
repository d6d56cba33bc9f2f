"""Features of the rail: what was known when it was asked, and nothing that came after."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from transit_assets.lake import Lake
from transit_assets.rail.features import LAST, NAMES, Rides, features, five_before
from transit_assets.rail.history import PLACE_OF, PLACES, History, hops, pair_of
from transit_assets.rail.model import rides_of
from transit_assets.rail.recent import Recent
from transit_assets.rail.stations import by_uic, folded
from transit_assets_tests.rail.recorded import WHOLE, column, made, noon, paris, recorded

NORD, PLAINE, COURNEUVE, BOURGET = "87271007", "87164798", "87271304", "87271395"
VILLEPINTE, VERT_GALANT, ROBINSON = "87271452", "87271437", "87758722"


@pytest.fixture(scope="module")
def history(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    lake = recorded(Lake.at(tmp_path_factory.mktemp("rail") / "lake"), recordings)
    return History.read(lake, WHOLE)


def asked(history: History, train: str, origin: str, destination: str, minutes: float, leaves: float) -> Rides:
    number = [name for _, name in history.names].index(train)
    start, end = (np.array([PLACE_OF[one]]) for one in (origin, destination))
    return Rides(np.array([number]), start, end, np.array([int(noon(minutes))]), np.array([noon(leaves)]))


def value(history: History, rides: Rides, name: str) -> float:
    return float(column(features(history, rides), NAMES, name)[0])


def test_values_are_given_newest_first_once_they_are_known() -> None:
    recent = Recent.of(np.array([1, 1, 2, 1]), np.array([10, 30, 20, 20]), np.array([1.0, 3.0, 9.0, 2.0]))
    found = recent.last(np.array([1, 1, 1, 2, 7]), np.array([9, 20, 99, 99, 99]), 2)
    np.testing.assert_array_equal(found, [[np.nan, np.nan], [2, 1], [3, 2], [9, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(recent.age(np.array([1, 1]), np.array([9, 25])), [np.nan, 5])


def test_of_values_of_one_instant_the_larger_tie_is_the_newer() -> None:
    recent = Recent.of(np.array([1, 1]), np.array([10, 10]), np.array([5.0, 6.0]), np.array([2, 1]))
    assert recent.last(np.array([1]), np.array([10]), 1)[0, 0] == 5


def test_hops_lie_along_the_line_and_branches_share_none() -> None:
    def between(origin: str, destination: str) -> list[tuple[str, str]]:
        row = hops()[pair_of(np.array(PLACE_OF[origin]), np.array(PLACE_OF[destination]))]
        return [(PLACES[one // 64], PLACES[one % 64]) for one in row if one >= 0]

    assert between(NORD, COURNEUVE) == [(NORD, PLAINE), (PLAINE, COURNEUVE)]
    assert between(COURNEUVE, NORD) == [(COURNEUVE, PLAINE), (PLAINE, NORD)]
    assert between(VILLEPINTE, VERT_GALANT) == [] == between(NORD, NORD)
    fork = [by_uic(one[1]) for one in between(NORD, ROBINSON)]
    assert [folded(one.name) for one in fork if one][-4:] == [
        "bourg la reine",
        "sceaux",
        "fontenay aux roses",
        "robinson",
    ]


def test_only_trains_that_had_arrived_are_among_the_last_five() -> None:
    trains = [(f"E{number}1", NORD, 5.0 * number) for number in range(7)]
    arrivals = [(f"E{number}1", PLAINE, 5.0 * number + 4 + number) for number in range(7)]
    history = made([*trains, *arrivals])
    found = five_before(history, asked(history, "E61", NORD, PLAINE, 30, 30))
    np.testing.assert_allclose(found, [[8, 7, 6, 5, 4]])  # that of E51, which arrives at 34, is not known
    late = five_before(history, asked(history, "E61", NORD, PLAINE, 34, 34))
    np.testing.assert_allclose(late, [[9, 8, 7, 6, 5]])


def test_a_train_seen_again_hours_later_is_another_one() -> None:
    history = made([("I99", NORD, 0), ("I99", PLAINE, 138)])
    assert len(rides_of(history)) == 0


def test_the_operator_is_taken_by_what_it_said_last_before_it_was_asked() -> None:
    said = [("E1", PLAINE, -60, 4), ("E1", PLAINE, -1, 6), ("E1", PLAINE, 1, 9)]
    history = made([("E1", NORD, 0), ("E1", PLAINE, 9)], said=said)
    assert value(history, asked(history, "E1", NORD, PLAINE, 0, 0), "operator_forecast") == 6
    assert value(history, asked(history, "E1", NORD, PLAINE, 1, 0), "operator_forecast") == 9


def test_the_theoretical_time_is_that_of_the_trains_own_schedule_else_the_median_of_its_day() -> None:
    passings = [(train, station, at) for train in ("E1", "E3") for station, at in ((NORD, 0.0), (PLAINE, 5.0))]
    scheduled = [("E1", NORD, 0), ("E1", PLAINE, 3)]
    history = made(passings, scheduled=scheduled, theory=[(NORD, PLAINE, 4)])
    found = [value(history, asked(history, train, NORD, PLAINE, 0, 0), "theoretical") for train in ("E1", "E3")]
    assert found == [3, 4]
    unknown = made(passings)
    assert np.isnan(value(unknown, asked(unknown, "E3", NORD, PLAINE, 0, 0), "theoretical"))


def test_where_no_schedule_names_a_train_its_timetable_is_what_was_announced_an_hour_ahead() -> None:
    passings = [("E1", NORD, 3), ("E1", PLAINE, 8), ("E3", NORD, 20), ("E3", PLAINE, 24)]
    said = [("E1", NORD, -61, 0), ("E1", PLAINE, -61, 4), ("E1", PLAINE, 0, 8), ("E3", NORD, 0, 19)]
    history = made(passings, said=said, theory=[(NORD, PLAINE, 4)])
    first = asked(history, "E1", NORD, PLAINE, 3, 3)
    assert value(history, first, "late_at_origin") == 3
    assert value(history, first, "operator_late") == 4
    assert value(history, first, "late_by_ride") == 4  # it leaves at 3, and the operator says 5 minutes
    assert np.isnan(value(history, asked(history, "E3", NORD, PLAINE, 20, 20), "late_at_origin"))
    assert value(history, asked(history, "E3", NORD, PLAINE, 20, 20), "late_of_train_before") == 3


def test_headway_is_the_time_since_the_train_before() -> None:
    history = made([("E1", NORD, 0), ("E1", PLAINE, 4), ("E3", NORD, 7), ("E3", PLAINE, 12)])
    assert value(history, asked(history, "E3", NORD, PLAINE, 7, 7), "headway") == 7


def test_shuffling_the_future_changes_no_feature(history: History) -> None:
    cut = int(paris("18:00").timestamp())
    rides = rides_of(history)
    rides = rides.take(rides.at <= cut)
    generator = np.random.default_rng(0)

    def shuffled(values: np.ndarray, instants: np.ndarray) -> np.ndarray:
        found, future = values.copy(), instants > cut
        found[future] = cut + generator.permutation(np.abs(values[future] - cut)) + 1
        return found

    at = history.said.at
    other = replace(
        history,
        passed=shuffled(history.passed, history.passed),
        first_said=np.where(history.first_said_at > cut, cut + 9, history.first_said),
        said=Recent(history.said.key, at, np.where(at > cut, cut + 99.0, history.said.value)),
    )
    assert not np.array_equal(other.passed, history.passed, equal_nan=True)
    np.testing.assert_array_equal(features(other, rides), features(history, rides))


def test_shuffling_what_came_before_changes_features(history: History) -> None:
    rides = rides_of(history)
    other = replace(history, said=Recent(history.said.key, history.said.at, history.said.value + 60))
    assert not np.array_equal(features(other, rides), features(history, rides), equal_nan=True)


def test_one_question_has_the_features_that_it_has_among_all(history: History) -> None:
    rides = rides_of(history)
    everything = features(history, rides)
    for row in range(0, len(rides), 1500):
        np.testing.assert_array_equal(features(history, rides.take(np.array([row])))[0], everything[row])


def test_five_are_known_of_7962_rides_of_the_recorded_day(history: History) -> None:
    known = np.isfinite(five_before(history, rides_of(history))[:, LAST - 1])
    assert known.sum() == 7_962
