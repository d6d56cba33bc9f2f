"""Calls to the fire brigade of the simulated London: plausible, learnable, and the same every time."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from transit_assets.simulator import fire
from transit_assets.simulator.fire import Calls, Vehicles, month
from transit_assets.simulator.london import local_of, london, proper_case, utc_of
from transit_assets.simulator.premises import GROUPS, kinds

SEED = 7
MARCH = date(2026, 3, 1)
DAY = 86_400


@pytest.fixture(scope="module")
def busy() -> tuple[Calls, Vehicles]:
    """A month with as many calls as London has."""
    return month(SEED, 280, MARCH)


def hour_of(calls: Calls) -> np.ndarray:
    return local_of(calls.called_at) % DAY // 3600


def first(calls: Calls, vehicles: Vehicles, order: int = 1) -> dict[str, np.ndarray]:
    """Attendance time of the vehicle that arrived in an order, its station, and its call."""
    chosen = np.flatnonzero(vehicles.order == order)
    return {name: getattr(vehicles, name)[chosen] for name in ("call", "station", "attendance", "mobilised_at")}


def test_the_same_seed_gives_the_same_month_and_another_seed_another(busy: tuple[Calls, Vehicles]):
    fire.month.cache_clear()
    again = month(SEED, 280, MARCH)
    other = month(8, 280, MARCH)
    for one, same in zip(busy, again, strict=True):
        for name, values in vars(one).items():
            np.testing.assert_array_equal(values, getattr(same, name))
    assert not np.array_equal(busy[0].called_at, other[0].called_at)


def test_there_are_as_many_calls_a_day_as_were_asked_for(busy: tuple[Calls, Vehicles]):
    assert len(busy[0]) / 31 == pytest.approx(280, rel=0.1)
    assert len(month(SEED, 60, MARCH)[0]) / 31 == pytest.approx(60, rel=0.1)
    assert set(busy[0].day.tolist()) == set(range(busy[0].day[0], busy[0].day[0] + 31))


def test_calls_come_in_order_with_numbers_that_rise_within_each_day(busy: tuple[Calls, Vehicles]):
    calls, _ = busy
    assert (np.diff(calls.called_at) >= 0).all()
    assert (np.diff(calls.day * 1_000_000 + calls.number) > 0).all()
    assert (local_of(calls.called_at) // DAY == calls.day).all()


def test_a_day_of_london_has_no_hour_that_the_clock_leaves_out(busy: tuple[Calls, Vehicles]):
    calls, _ = busy
    spring = calls.day == date(2026, 3, 29).toordinal() - fire.DAYS_BEFORE_1970
    assert spring.sum() > 100
    assert 1 not in hour_of(calls)[spring]
    assert (local_of(utc_of(local_of(calls.called_at))) == local_of(calls.called_at)).all()


def test_nights_are_quiet_and_evenings_busy(busy: tuple[Calls, Vehicles]):
    counts = np.bincount(hour_of(busy[0]), minlength=24)
    assert counts[17:20].mean() > 3 * counts[3:6].mean()


def test_offices_call_by_day_and_refuse_burns_in_the_evening(busy: tuple[Calls, Vehicles]):
    calls, _ = busy
    hour = hour_of(calls)

    def by_day(kind: str) -> float:
        chosen = calls.kind == kinds().type.index(kind)
        return float(((hour >= 8) & (hour < 18))[chosen].mean())

    assert by_day("Purpose built office") > by_day("Small refuse/rubbish container") + 0.15


def test_groups_and_kinds_have_the_shares_of_the_published_calls(busy: tuple[Calls, Vehicles]):
    calls, _ = busy
    shares = np.bincount(calls.group) / len(calls)
    assert dict(zip(GROUPS, shares, strict=True)) == pytest.approx(
        {"Fire": 0.2, "False Alarm": 0.49, "Special Service": 0.31}, abs=0.05
    )
    assert kinds().is_dwelling[calls.kind].mean() == pytest.approx(0.5, abs=0.08)
    assert (~calls.is_timed).mean() == pytest.approx(0.06, abs=0.015)
    assert 0.001 < calls.is_over_the_border.mean() < 0.01
    assert not calls.is_timed[calls.is_over_the_border].any()


def test_one_to_five_vehicles_come_as_the_place_needs(busy: tuple[Calls, Vehicles]):
    calls, vehicles = busy
    shares = np.bincount(calls.pumps, minlength=6) / len(calls)
    assert shares[1:5] == pytest.approx([0.55, 0.35, 0.065, 0.027], abs=0.04)
    assert calls.pumps.max() == 5
    mean = {kind: calls.pumps[calls.kind == number].mean() for number, kind in enumerate(kinds().type)}
    assert mean["Self contained Sheltered Housing"] > mean["Purpose built office"] + 0.5
    sent = np.bincount(vehicles.call, minlength=len(calls))
    assert (sent == np.where(calls.is_timed, calls.pumps, 0)).all()


def test_attendance_times_have_the_spread_of_the_published_ones(busy: tuple[Calls, Vehicles]):
    seconds = first(*busy)["attendance"]
    assert np.percentile(seconds, [5, 50, 95]) == pytest.approx([148, 298, 561], rel=0.15)
    assert (seconds <= 360).mean() == pytest.approx(0.706, abs=0.05)
    assert first(*busy, 2)["attendance"].mean() > seconds.mean() + 50
    _, vehicles = busy
    assert vehicles.attendance.max() <= fire.LONGEST
    timed = ~np.isnan(vehicles.turnout)
    assert (vehicles.attendance == vehicles.turnout + vehicles.travel)[timed].all()
    assert 0.005 < (~timed).mean() < 0.03


def test_the_distance_the_hour_and_the_station_tell_how_long_it_takes_but_not_all(busy: tuple[Calls, Vehicles]):
    calls, vehicles = busy
    found = first(calls, vehicles)
    city = london()
    east, north = calls.easting[found["call"]], calls.northing[found["call"]]
    away = np.hypot(east - city.easting[found["station"]], north - city.northing[found["station"]])
    assert 0.5 < np.corrcoef(away, found["attendance"])[0, 1] < 0.95
    is_home = found["station"] == calls.ground[found["call"]]
    assert 0.6 < is_home.mean() < 0.9
    assert found["attendance"][~is_home].mean() > found["attendance"][is_home].mean() + 60
    rush = np.isin(hour_of(calls)[found["call"]], (8, 17, 18))
    assert found["attendance"][rush & is_home].mean() > found["attendance"][~rush & is_home].mean() + 10


def test_about_a_tenth_of_the_stations_are_habitually_slow():
    seconds = first(*month(SEED, 1000, MARCH))
    typical = np.array(
        [np.median(seconds["attendance"][seconds["station"] == one]) for one in range(len(london().station))]
    )
    assert 3 <= (typical > 1.3 * np.median(typical)).sum() <= 25


def test_a_station_that_was_just_called_out_sends_its_neighbour_more_often():
    calls, vehicles = month(SEED, 1000, MARCH)
    found = first(calls, vehicles)
    ground, at = calls.ground[found["call"]], calls.called_at[found["call"]]
    is_home = found["station"] == ground
    after = np.full(len(at), np.inf)
    for one in range(len(london().station)):
        mine = np.flatnonzero(ground == one)
        after[mine[1:]] = np.diff(at[mine])
    assert is_home[after < 1800].mean() < is_home[after > 7200].mean() - 0.2


def test_vehicles_arrive_in_their_order_though_a_later_one_may_have_taken_less(busy: tuple[Calls, Vehicles]):
    calls, vehicles = busy
    arrived = vehicles.mobilised_at + vehicles.attendance
    same = vehicles.call[1:] == vehicles.call[:-1]
    assert (np.diff(arrived)[same] >= 0).all()
    assert (np.diff(vehicles.order)[same] == 1).all()
    faster = (np.diff(vehicles.attendance)[same] < 0) & (vehicles.order[1:][same] == 2)
    assert 0 < faster.sum() < 0.1 * same.sum()
    assert (vehicles.mobilised_at > calls.called_at[vehicles.call]).all()
    assert len(set(vehicles.id.tolist())) == len(vehicles)


def test_what_holds_vehicles_up_has_the_official_codes(busy: tuple[Calls, Vehicles]):
    _, vehicles = busy
    assert set(vehicles.delay.tolist()) == {fire.NO_DELAY, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13}
    assert (vehicles.delay == fire.NO_DELAY).mean() == pytest.approx(0.75, abs=0.07)
    held_up = ~np.isin(vehicles.delay, (fire.NO_DELAY, fire.NOT_HELD_UP))
    assert vehicles.attendance[held_up].mean() > vehicles.attendance[~held_up].mean() + 30


def test_london_has_its_boroughs_and_its_stations():
    city = london()
    assert len(city.boroughs) == 33
    assert len(city.station) == len(set(city.station)) == len(set(city.code)) == 102
    assert set(city.borough.tolist()) == set(range(33))
    assert (city.easting > 503_000).all()
    assert (city.easting < 561_000).all()
    assert (city.northing > 155_000).all()
    assert (city.northing < 202_000).all()
    apart = city.distances(city.easting, city.northing) + 1e6 * np.eye(102)
    assert apart.min() > 400
    assert city.weight.sum() == pytest.approx(1)


def test_a_place_belongs_to_the_nearest_station_and_to_a_ward_of_its_ground(busy: tuple[Calls, Vehicles]):
    calls, _ = busy
    inside = ~calls.is_over_the_border
    away = london().distances(calls.easting.astype(float), calls.northing.astype(float))
    assert (np.argmin(away, axis=1) == calls.ground)[inside].mean() > 0.999
    ward = london().ward_of(calls.ground, calls.easting, calls.northing)
    assert (ward // 5 == calls.ground).all()
    assert len(set(ward.tolist())) > 300


@pytest.mark.parametrize(
    ("name", "proper"),
    [
        ("Kensington and Chelsea", "Kensington And chelsea"),
        ("Richmond upon Thames", "Richmond Upon thames"),
        ("Tower Hamlets", "Tower Hamlets"),
        ("Camden", "Camden"),
    ],
)
def test_the_brigade_capitalises_two_words(name: str, proper: str):
    assert proper_case(name) == proper


@pytest.mark.parametrize("how_many", [1, 2])
def test_a_brigade_that_is_hardly_ever_called_has_its_month_too(how_many: int):
    calls, vehicles = month(SEED, how_many, MARCH)
    arrays: list[Any] = [*vars(calls).values()]
    assert {len(values) for values in arrays} == {len(calls)}
    assert len(vehicles) >= calls.is_timed.sum()
