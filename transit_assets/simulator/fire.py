"""The fire brigade of the simulated London: every call of a month, and the vehicles that were sent to it.

All is a function of the seed and the month; the calls up to an instant are the same whenever they are asked for. When
and where calls come follows the hour, the weekday and the ground. The nearest vehicle that is free is sent; how long it
takes follows the distance, the station (some are habitually slow) and the hour, with noise that nobody can foresee.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from transit_assets.simulator.london import London, local_of, london, utc_of
from transit_assets.simulator.noise import Floats, Ints, normal, uniform
from transit_assets.simulator.premises import FALSE_ALARM, FIRE, SPECIAL, draw, kinds, service_of

DAYS_BEFORE_1970 = date(1970, 1, 1).toordinal()
LONGEST = 1200
"""Attendance times are cut at this many seconds."""
MOST_PUMPS = 5

_HOUR, _DAY = 3600, 86_400
# Calls by hour of the day, from midnight on, on working days and at weekends.
_BY_HOUR = np.array(
    [
        [27, 23, 18, 15, 14, 15, 20, 27, 38, 42, 46, 49, 50, 53, 55, 57, 58, 61, 66, 61, 56, 47, 42, 35],
        [40, 36, 30, 25, 20, 18, 18, 22, 29, 36, 42, 46, 49, 51, 52, 53, 54, 56, 59, 58, 56, 51, 48, 45],
    ]
)
_OVER_THE_BORDER = 0.0052
_OUTSIDE = (25_000.0, 4_000.0)  # how far from the middle (m) such a call is at least, and how much farther at most
_MIDDLE = (531_000.0, 180_500.0)
_NEAREST = 8  # stations that are considered for a call
_BUSY_SECONDS = 2400  # for how long after a call of its ground a station's first vehicle is mostly away
_SLOW_SHARE = 0.1
_RUNNING = 0.015  # vehicles that were under way already
NO_DELAY = -1
NOT_HELD_UP = 12
_DELAYS = np.array([9, 8, 11, 7, 5, 10, 13, 3, 6])  # the official codes, the likeliest first
_DELAY_SHARES = np.array([0.42, 0.16, 0.12, 0.10, 0.07, 0.04, 0.04, 0.03])


@dataclass(frozen=True)
class Calls:
    """Calls in the order in which they came, one element of every array each. Times are Unix times.

    `ground` is a position in `london().station`, `kind` one in `premises.kinds()`. `pumps` came, from `stations`
    stations; of a call that `is_timed` is false for nobody wrote when. `number` counts within the day.
    """

    day: Ints
    number: Ints
    called_at: Ints
    easting: Ints
    northing: Ints
    ground: Ints
    is_over_the_border: NDArray[np.bool_]
    kind: Ints
    group: Ints
    service: Ints
    pumps: Ints
    is_timed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.day)


@dataclass(frozen=True)
class Vehicles:
    """Vehicles sent, call by call in the order in which they arrived (`order`, from 1). Unknown times are NaN.

    `call` is a position in the month's calls; `id` is the brigade's, unique but for records that are there twice.
    """

    call: Ints
    id: Ints
    order: Ints
    station: Ints
    pump: Ints
    mobilised_at: Ints
    turnout: Floats
    travel: Floats
    attendance: Ints
    left_after: Ints
    returned_after: Ints
    delay: Ints

    def __len__(self) -> int:
        return len(self.call)

    def take(self, index: Ints) -> "Vehicles":
        """Some of them, in this order."""
        return Vehicles(*(values[index] for values in vars(self).values()))


@lru_cache(maxsize=36)
def month(seed: int, calls_per_day: int, first: date) -> tuple[Calls, Vehicles]:
    """All calls of the London month that begins on a day, and the vehicles of those that are timed."""
    calls = _calls(seed, calls_per_day, first)
    return calls, _vehicles(seed, calls, london())


def _calls(seed: int, calls_per_day: int, first: date) -> Calls:
    city, found = london(), kinds()
    day, index = _days(seed, calls_per_day, first)
    is_weekend = ((day + 3) % 7 >= 5).astype(np.int64)
    second = _second_of_day(seed, day, index, is_weekend)
    called_at = utc_of(day * _DAY + second)
    order = np.lexsort((index, called_at))
    day, index, called_at = day[order], index[order], called_at[order]
    is_weekend = is_weekend[order]
    hour = local_of(called_at) % _DAY // _HOUR

    home = np.searchsorted(np.cumsum(city.weight)[:-1], uniform(seed, "fire/home", day, index), side="right")
    east = city.easting[home] + city.spread[home] * normal(seed, "fire/east", day, index)
    north = city.northing[home] + city.spread[home] * normal(seed, "fire/north", day, index)
    ground = np.argmin(city.distances(east, north), axis=1)
    is_outside = uniform(seed, "fire/border", day, index) < _OVER_THE_BORDER
    angle = np.arctan2(north - _MIDDLE[1], east - _MIDDLE[0])
    away = _OUTSIDE[0] + _OUTSIDE[1] * uniform(seed, "fire/outside", day, index)
    east = np.where(is_outside, _MIDDLE[0] + away * np.cos(angle), east)
    north = np.where(is_outside, _MIDDLE[1] + away * np.sin(angle), north)

    kind = draw(uniform(seed, "fire/kind", day, index), hour, is_weekend, city.is_inner[ground])
    luck = uniform(seed, "fire/group", day, index)
    group = np.where(luck < found.fire[kind], FIRE, SPECIAL)
    group = np.where((group != FIRE) & (luck < found.fire[kind] + found.false_alarm[kind]), FALSE_ALARM, group)
    untimed = np.array([0.017, 0.012, 0.145])[group]
    return Calls(
        day=day,
        number=_numbers(seed, day, index),
        called_at=called_at,
        easting=np.round(east).astype(np.int64),
        northing=np.round(north).astype(np.int64),
        ground=ground,
        is_over_the_border=is_outside,
        kind=kind,
        group=group,
        service=service_of(kind, uniform(seed, "fire/service", day, index)),
        pumps=_pumps(seed, day, index, kind, hour, ground),
        is_timed=~is_outside & (uniform(seed, "fire/untimed", day, index) >= untimed),
    )


def _days(seed: int, calls_per_day: int, first: date) -> tuple[Ints, Ints]:
    """For each call of a month the day, counted since 1970, and its number among those of the day, in no order."""
    start = first.toordinal() - DAYS_BEFORE_1970
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1).toordinal() - DAYS_BEFORE_1970
    days = np.arange(start, after, dtype=np.int64)
    year = np.cos(2.0 * np.pi * (days - 190) / 365.25)  # most in July
    wanted = calls_per_day * (1.0 + 0.07 * year + 0.04 * ((days + 3) % 7 == 4))
    count = np.maximum(0, np.round(wanted + 1.3 * np.sqrt(wanted) * normal(seed, "fire/count", days))).astype(np.int64)
    day = np.repeat(days, count)
    return day, np.arange(len(day)) - np.repeat(np.cumsum(count) - count, count)


def _second_of_day(seed: int, day: Ints, index: Ints, is_weekend: Ints) -> Ints:
    luck = uniform(seed, "fire/hour", day, index)
    shares = np.cumsum(_BY_HOUR, axis=1)[:, :-1] / _BY_HOUR.sum(axis=1)[:, None]
    hour = np.where(
        is_weekend == 1,
        np.searchsorted(shares[1], luck, side="right"),
        np.searchsorted(shares[0], luck, side="right"),
    )
    return hour * _HOUR + (_HOUR * uniform(seed, "fire/second", day, index)).astype(np.int64)


def _numbers(seed: int, day: Ints, index: Ints) -> Ints:
    """Numbers of calls that came in this order: they rise within each day, with gaps for what needed no vehicle."""
    is_first = np.concatenate([[True], day[1:] != day[:-1]]) if len(day) else np.zeros(0, dtype=bool)
    start = np.maximum.accumulate(np.where(is_first, np.arange(len(day)), 0))
    return 4 * (np.arange(len(day)) - start) + 1 + (4 * uniform(seed, "fire/gap", day, index)).astype(np.int64)


def _pumps(seed: int, day: Ints, index: Ints, kind: Ints, hour: Ints, ground: Ints) -> Ints:
    """How many vehicles attend: by what it is, more at night where people sleep, more in some grounds."""
    mean = kinds().pumps[kind] * (1.0 + 0.08 * ((hour < 7) & (kinds().is_dwelling[kind] == 1)))
    mean = mean * (0.94 + 0.12 * uniform(seed, "fire/caution", ground))
    beyond = np.maximum(mean - 1.0, 0.02)
    luck = uniform(seed, "fire/pumps", day, index)
    second, third = np.minimum(0.82 * beyond, 0.93), 0.2 * beyond**1.5
    chances = (second, np.minimum(third, 0.8 * second), 0.3 * third, 0.02 * third)
    return 1 + sum((luck < chance).astype(np.int64) for chance in chances)


def _vehicles(seed: int, calls: Calls, city: London) -> Vehicles:
    near, away = _nearest(calls, city)
    cost, pace = _costs(seed, calls, near, away)
    slots = np.argsort(cost, axis=1, kind="stable")[:, :MOST_PUMPS]
    row, rank = np.nonzero(calls.is_timed[:, None] & (np.arange(MOST_PUMPS)[None, :] < calls.pumps[:, None]))
    slot = slots[row, rank]
    place, pump = slot % _NEAREST, 1 + slot // _NEAREST
    station, day, number = near[row, place], calls.day[row], calls.number[row]
    id_ = day * 24_000 + number * (MOST_PUMPS + 1) + rank

    handling = 35 + (70 * uniform(seed, "fire/handling", day, number)).astype(np.int64)
    is_later = (rank > 0) & (uniform(seed, "fire/later", id_) < 0.12)
    later = np.where(is_later, 40 + 320 * uniform(seed, "fire/wait", id_), 0.0).astype(np.int64)
    mobilised_at = calls.called_at[row] + handling + later

    turnout, travel = _times(seed, calls, row, station, pace[row, place], id_)
    is_running = uniform(seed, "fire/running", id_) < _RUNNING
    travel = np.where(is_running, 0.15 * travel, travel)
    attendance = np.where(is_running, travel, turnout + travel).astype(np.int64)
    minutes = np.array([28.0, 14.0, 24.0])[calls.group[row]] * np.exp(0.6 * normal(seed, "fire/stay", id_))
    unknown = np.where(is_running, np.nan, 0.0)
    sent = Vehicles(
        call=row,
        id=id_,
        order=np.ones(len(row), dtype=np.int64),
        station=station,
        pump=pump,
        mobilised_at=mobilised_at,
        turnout=turnout + unknown,
        travel=travel + unknown,
        attendance=attendance,
        left_after=(60 * minutes).astype(np.int64) + 60,
        returned_after=(60 * (3 + 14 * uniform(seed, "fire/return", id_))).astype(np.int64),
        delay=_delays(seed, id_, travel / np.maximum(pace[row, place], 30.0)),
    )
    return _in_order(sent)


def _nearest(calls: Calls, city: London) -> tuple[Ints, Floats]:
    """The nearest stations of each call (rows), and how far they are in metres."""
    away = city.distances(calls.easting.astype(np.float64), calls.northing.astype(np.float64))
    near = np.argpartition(away, _NEAREST, axis=1)[:, :_NEAREST]
    return near, np.take_along_axis(away, near, axis=1)


def _costs(seed: int, calls: Calls, near: Ints, away: Floats) -> tuple[Floats, Floats]:
    """What each vehicle of the near stations would cost, first ones then second ones, and the usual travel (s).

    A vehicle that is away costs more than any that is there.
    """
    hour = (local_of(calls.called_at) % _DAY // _HOUR)[:, None]
    rush = np.exp(-0.5 * ((hour - 8.4) / 1.4) ** 2) + np.exp(-0.5 * ((hour - 17.3) / 1.8) ** 2)
    night = (hour < 6) | (hour >= 23)
    centre = london().is_inner[near]
    speed = 10.4 * (1.0 - 0.20 * rush + 0.16 * night) * (1.0 - 0.10 * centre) * _own(seed, "fire/streets", near, 0.08)
    pace = 22.0 + 1.32 * away / speed
    half_hour = (calls.called_at // 1800)[:, None]
    share = 0.06 + 0.10 * ((hour >= 9) & (hour < 22)) + 0.06 * uniform(seed, "fire/duties", near)
    is_out = uniform(seed, "fire/out", near, half_hour) < share
    is_out |= _is_busy(calls, near) & (uniform(seed, "fire/kept", near, half_hour) < 0.8)
    has_second = uniform(seed, "fire/second", near) < 0.55
    second_out = ~has_second | (uniform(seed, "fire/out2", near, half_hour) < 0.25)
    first, second = pace + 10_000.0 * is_out, pace + 15.0 + 10_000.0 * second_out + 20_000.0 * ~has_second
    return np.concatenate([first, second], axis=1), pace


def _is_busy(calls: Calls, near: Ints) -> NDArray[np.bool_]:
    """Whether a station was called into its own ground shortly before."""
    found = np.zeros(near.shape, dtype=bool)
    by_ground = np.lexsort((calls.called_at, calls.ground))
    # One rising number per ground and instant, so that a single search answers for all grounds.
    width = int(calls.called_at.max(initial=0)) + 2 * _BUSY_SECONDS
    timeline = (calls.ground * width + calls.called_at)[by_ground]
    until = near * width + calls.called_at[:, None]
    before = np.searchsorted(timeline, until.ravel(), side="left")
    since = np.searchsorted(timeline, (until - _BUSY_SECONDS).ravel(), side="left")
    found.ravel()[:] = before > since
    return found


def _times(seed: int, calls: Calls, row: Ints, station: Ints, pace: Floats, id_: Ints) -> tuple[Floats, Floats]:
    """Seconds from being told to leaving, and from leaving to arriving."""
    hour = local_of(calls.called_at[row]) % _DAY // _HOUR
    is_slow = uniform(seed, "fire/slow", station) < _SLOW_SHARE
    turnout = 72.0 * _own(seed, "fire/turnout", station, 0.10) * np.where((hour < 7) | (hour == 23), 1.3, 1.0)
    turnout = (turnout + 25.0 * is_slow) * np.exp(0.22 * normal(seed, "fire/t", id_))
    travel = pace * np.where(is_slow, 1.3, 1.0) * np.exp(0.27 * normal(seed, "fire/v", id_))
    turnout = np.clip(np.round(turnout), 8.0, 400.0)
    return turnout, np.clip(np.round(travel), 5.0, LONGEST - turnout)


def _own(seed: int, stream: str, station: Ints, size: float) -> Floats:
    """A factor of each station's own."""
    return np.exp(size * normal(seed, stream, station))


def _delays(seed: int, id_: Ints, slowness: Floats) -> Ints:
    """What is said to have held a vehicle up: mostly nothing, the more often something the longer it took."""
    luck = uniform(seed, "fire/why", id_)
    code = _DELAYS[np.searchsorted(np.cumsum(_DELAY_SHARES), luck, side="right")]
    said = uniform(seed, "fire/said", id_)
    held_up = np.where(slowness > 1.25, 0.45, 0.05)
    return np.where(said < held_up, code, np.where(said < held_up + 0.13, NOT_HELD_UP, NO_DELAY))


def _in_order(sent: Vehicles) -> Vehicles:
    """The vehicles by call and arrival, with their order."""
    sent = sent.take(np.lexsort((sent.id, sent.mobilised_at + sent.attendance, sent.call)))
    if not len(sent):
        return sent
    is_first = np.concatenate([[True], sent.call[1:] != sent.call[:-1]])
    start = np.maximum.accumulate(np.where(is_first, np.arange(len(sent)), 0))
    return Vehicles(**{**vars(sent), "order": np.arange(len(sent)) - start + 1})
