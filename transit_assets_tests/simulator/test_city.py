"""The simulated city is believable, and the same for everyone who asks at the same instant."""

import hashlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transit_assets.simulator import Request, respond
from transit_assets.simulator.bikes import _fill, _trucks, bike_state
from transit_assets.simulator.calendar import local_hour
from transit_assets.simulator.city import DISTRICTS, stations
from transit_assets.simulator.velib import GBFS_PATH
from transit_assets.simulator.weather import rain, temperature_celsius

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
STATUS = f"{GBFS_PATH}/station_status.json"


def unix(instant: datetime) -> int:
    return int(instant.timestamp())


@pytest.fixture(scope="module")
def week() -> list:
    """The state at every other hour of a week, from a Monday on."""
    return [bike_state(7, unix(MONDAY) + 7200 * number) for number in range(84)]


def test_the_same_seed_and_instant_give_the_same_bytes_in_another_process():
    body = respond(Request(STATUS, MONDAY, seed=3)).body
    program = (
        "import hashlib; from datetime import datetime; from transit_assets.simulator import Request, respond; "
        f"print(hashlib.sha256(respond(Request({STATUS!r}, "
        f"datetime.fromisoformat({MONDAY.isoformat()!r}), seed=3)).body).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == hashlib.sha256(body).hexdigest()


def test_another_seed_is_another_city():
    assert respond(Request(STATUS, MONDAY, seed=3)).body != respond(Request(STATUS, MONDAY, seed=4)).body


def test_an_instant_is_computed_without_what_came_before():
    late = respond(Request(STATUS, MONDAY + timedelta(days=300))).body
    for day in (0, 1, 400):
        respond(Request(STATUS, MONDAY + timedelta(days=day)))
    assert respond(Request(STATUS, MONDAY + timedelta(days=300))).body == late


def test_there_are_about_1500_stations_with_codes_of_their_district():
    city = stations(7)
    assert 1_450 <= len(city) <= 1_550
    assert len(set(city.code)) == len(set(city.station_id.tolist())) == len(set(city.name)) == len(city)
    prefixes = {str(district.prefix) for district in DISTRICTS}
    assert all(code[:-3] in prefixes or code[:3] in prefixes for code in city.code)
    assert city.station_id.max() > 2**32
    assert np.all((city.lat > 48.7) & (city.lat < 49.0) & (city.lon > 2.1) & (city.lon < 2.6))


def test_the_network_grows():
    assert len(bike_state(7, unix(datetime(2022, 1, 1, tzinfo=UTC))).index) < len(bike_state(7, unix(MONDAY)).index)


def test_stations_fill_and_empty_about_as_often_as_in_reality(week):
    empty = np.mean([np.mean((state.mechanical + state.ebike == 0) & state.is_open) for state in week])
    full = np.mean([np.mean((state.docks == 0) & state.is_open) for state in week])
    bikes = np.mean([np.mean(state.mechanical + state.ebike) for state in week])
    assert 0.015 < empty < 0.07
    assert 0.012 < full < 0.06
    assert 9 < bikes < 16


def test_broken_docks_overflow_and_closed_stations_have_real_shares(week):
    state = week[0]
    capacity = stations(7).capacity[state.index]
    held = state.mechanical + state.ebike + state.docks
    assert 0.33 < np.mean((held == capacity)[state.is_open]) < 0.5
    assert 0.004 < np.mean(held > capacity) < 0.025
    assert 10 < np.sum(~state.is_open) < 60
    assert np.all(held[~state.is_open] == 0)
    assert 0 < np.sum(~state.is_installed) < np.sum(~state.is_open)
    assert np.all(state.mechanical >= 0)
    assert np.all(state.ebike >= 0)
    assert np.all(state.docks >= 0)


def test_a_few_stations_are_stale_by_hours_and_some_by_years(week):
    now = unix(MONDAY)
    state = bike_state(7, now)
    age = (now - state.reported_at)[state.is_open]
    assert age.min() >= 60
    assert 5 <= np.sum(age > 3600) <= 60
    assert np.sum(age > 365 * 86400) >= 3
    assert np.percentile(age, 95) < 30 * 60


def test_most_stations_repeat_their_report_from_one_minute_to_the_next():
    before, after = bike_state(7, unix(MONDAY)), bike_state(7, unix(MONDAY) + 60)
    repeated = np.mean(before.reported_at == after.reported_at)
    assert 0.7 < repeated < 0.99


@settings(max_examples=40, deadline=None)  # the first example builds the city
@given(minute=st.integers(0, 60 * 24 * 400))
def test_the_same_report_always_says_the_same(minute: int):
    """A report is identified by station and time; two polls that show it agree."""
    now = unix(MONDAY) + 60 * minute
    before, after = bike_state(7, now), bike_state(7, now + 60)
    known = {place: number for number, place in enumerate(before.index.tolist())}
    pairs = [(known[place], number) for number, place in enumerate(after.index.tolist()) if place in known]
    left, right = np.array(pairs).T
    same = before.reported_at[left] == after.reported_at[right]
    for name in ("mechanical", "ebike", "docks", "is_installed", "is_open"):
        assert np.array_equal(getattr(before, name)[left][same], getattr(after, name)[right][same]), name


def test_a_closed_station_last_reported_when_it_was_closed():
    before, after = bike_state(7, unix(MONDAY)), bike_state(7, unix(MONDAY) + 7200)
    is_closed = ~before.is_open & ~after.is_open
    assert np.sum(is_closed) > 10
    assert np.array_equal(before.reported_at[is_closed], after.reported_at[is_closed])


def test_rain_and_cold_keep_people_at_home(monkeypatch: pytest.MonkeyPatch):
    def spread(rain_share: float, celsius: float) -> float:
        monkeypatch.setattr("transit_assets.simulator.bikes.rain", lambda seed, at: np.full_like(at, rain_share))
        monkeypatch.setattr("transit_assets.simulator.bikes.temperature_celsius", lambda seed, at: celsius)
        city = stations(7)
        noon, night = (np.full(len(city), unix(MONDAY) + 3600.0 * hour) for hour in (11, 2))
        return float(np.mean(np.abs(_fill(7, city, noon) - _fill(7, city, night))[city.office > 0.6]))

    assert spread(0.0, 18.0) > spread(0.0, 0.0) > spread(1.0, 0.0)


def test_offices_fill_by_day_and_empty_by_night_except_at_weekends():
    city = stations(7)
    is_office = city.office > 0.6

    def office_fill(day: int, hour: int) -> float:
        instants = [unix(MONDAY + timedelta(days=day + 7 * week, hours=hour)) for week in range(6)]
        found = []
        for instant in instants:
            state = bike_state(7, instant)
            places = is_office[state.index] & state.is_open
            bikes = state.mechanical + state.ebike
            found.append(bikes[places].sum() / (bikes + state.docks)[places].sum())
        return float(np.mean(found))

    working_day_swing = office_fill(1, 12) - office_fill(1, 3)
    weekend_swing = office_fill(5, 12) - office_fill(5, 3)
    assert working_day_swing > 0.15
    assert abs(weekend_swing) < working_day_swing / 2


def test_trucks_pull_stations_towards_the_middle():
    city = stations(7)
    at = np.full(len(city), unix(MONDAY) + 40_000)
    alone, moved = _fill(7, city, at.astype(float)), _trucks(7, city, at)
    assert 0.02 < np.mean(moved != 0) < 0.6
    assert np.mean(np.abs(alone + moved - 0.42)[moved != 0]) < np.mean(np.abs(alone - 0.42)[moved != 0])


def test_rush_hour_follows_the_clock_of_paris_through_daylight_saving():
    instants = [datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)]
    instants += [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)]
    hours, is_weekend = local_hour(np.array([unix(instant) for instant in instants]))
    assert hours.tolist() == [1.5, 3.5, 2.5, 2.5]
    assert is_weekend.all()


def test_the_weather_has_dry_days_rain_winters_and_summers():
    year = unix(MONDAY) + 3600.0 * np.arange(8760)
    assert 0.05 < np.mean(rain(7, year) > 0.05) < 0.4
    warm, cold = temperature_celsius(7, year)[2900:4400].mean(), temperature_celsius(7, year)[7000:8000].mean()
    assert 15 < warm < 28
    assert -3 < cold < 10
