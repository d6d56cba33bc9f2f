"""Traffic in the city: what every counter measured in every hour, and what of it is published at an instant.

A count is a function of the seed, the arc and the hour, so no state is stepped. Demand follows the clock, the
calendar and the weather, with noise that lasts for hours, so that the last hour says much of the next, yet not all.
Where demand meets what an arc can carry, or an incident narrows it, the flow falls and the occupancy climbs.
Counters die, fall silent, report late and are corrected. Hours are named by their END, in Unix time.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from transit_assets.simulator.calendar import day_of, local_seconds, offset
from transit_assets.simulator.noise import Floats, Ints, normal, smooth, spells, uniform
from transit_assets.simulator.streets import Arcs, arcs
from transit_assets.simulator.weather import rain

OPEN, CLOSED, INVALID, UNKNOWN = range(4)
"""States of an arc; `INVALID` is the usual one and says nothing."""

_HOUR, _DAY = 3600, 86400
# Vehicles per hour that an arc carries, and the occupancy (%) at which it does, by kind of arc (see `streets`).
_CAPACITY = np.array([1700.0, 950.0, 800.0, 5200.0, 450.0])
_CRITICAL = np.array([25.0, 28.0, 28.0, 21.0, 22.0])
_JAM = 68.0
# Demand as a share of capacity, by kind of arc and of day (workday, Saturday, Sunday): at rest, then what morning,
# midday, evening and night add.
_DEMAND = np.array(
    [
        [[0.08, 0.75, 0.42, 0.82, 0.12], [0.10, 0.20, 0.50, 0.52, 0.28], [0.11, 0.06, 0.38, 0.52, 0.12]],
        [[0.10, 0.34, 0.55, 0.72, 0.22], [0.12, 0.14, 0.74, 0.82, 0.36], [0.13, 0.08, 0.44, 0.46, 0.16]],
        [[0.18, 0.28, 0.38, 0.52, 0.58], [0.28, 0.10, 0.42, 0.56, 0.82], [0.30, 0.06, 0.34, 0.46, 0.36]],
        [[0.22, 0.74, 0.52, 0.76, 0.18], [0.24, 0.26, 0.62, 0.60, 0.28], [0.22, 0.08, 0.52, 0.70, 0.14]],
        [[0.05, 0.50, 0.30, 0.54, 0.10], [0.06, 0.18, 0.44, 0.42, 0.16], [0.06, 0.08, 0.36, 0.38, 0.10]],
    ]
)
_BUMPS = ((8.4, 1.3), (13.4, 3.3), (18.2, 1.9), (23.4, 2.1))  # hour and width of morning, midday, evening, night
_NIGHT_ENDS = 5 * _HOUR  # until then a night belongs to the day before
# What is left of demand in school holidays, and what an empty August takes, by kind of arc.
_SCHOOL_HOLIDAY = np.array([0.88, 0.97, 0.95, 0.94, 0.85])
_LULL = np.array([0.34, 0.18, 0.22, 0.20, 0.38])


@dataclass(frozen=True)
class Counts:
    """What is published, one element of every array per record; `arc` is a position in `streets.arcs`, unknown NaN."""

    hour_end: Ints
    arc: Ints
    flow: Floats
    occupancy: Floats
    state: Ints

    def __len__(self) -> int:
        return len(self.arc)

    def take(self, index: Ints) -> "Counts":
        """Some of the records, in this order."""
        return Counts(*(values[index] for values in vars(self).values()))


def counts(seed: int, index: Ints, hour_ends: Ints, instant: int, delay: int) -> Counts:
    """The records of some arcs in some hours, as they stand at a Unix time, `delay` seconds after an hour at best.

    Now and then an hour is there twice, with another rounding of its occupancy.
    """
    city = arcs(seed)
    hour_ends = hour_ends[~_is_first_of_two(hour_ends)]
    end, arc = hour_ends[:, None], index[None, :]
    is_closed = _closures(seed, arc, end)
    flow, occupancy = _measured(seed, city, arc, end, is_closed)
    is_silent = _silences(seed, arc, end) | _skipped_by_the_clock(hour_ends)[:, None]
    flow, occupancy = _recorded(seed, arc, end, flow, occupancy, is_silent)
    flow = np.where(_is_provisional(seed, arc, end, instant), np.round(0.93 * flow), flow)
    is_there = _published_at(seed, arc, end, delay) <= instant
    is_there &= uniform(seed, "road/missing", arc, end) >= 1 / 1200
    row, column = np.nonzero(is_there)
    state = np.where(is_closed, CLOSED, _usual_states(seed, index)[None, :])
    found = Counts(
        hour_ends[row], index[column], flow[row, column], np.round(occupancy[row, column], 5), state[row, column]
    )
    return _repeated(seed, found)


def _measured(seed: int, city: Arcs, arc: Ints, end: Ints, is_closed: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Flow (veh/h) and occupancy (%) of each arc (columns) in each hour (rows), as perfect counters would see them."""
    kind, hours = city.kind[arc], end / _HOUR
    wet = rain(seed, (end - _HOUR / 2).astype(np.float64))
    own = partial(uniform, seed)
    capacity = _CAPACITY[kind] * (0.7 + 0.6 * own("road/capacity", arc)) * (1.0 - 0.15 * wet)
    capacity = capacity * _narrowed(seed, arc, end)
    demand = _CAPACITY[kind] * (0.7 + 0.6 * own("road/capacity", arc)) * (0.5 + 0.75 * own("road/busy", arc))
    demand = demand * _wanted(city, arc, end) * (1.0 + 0.05 * wet) * _attracted(seed, city, arc, end)
    demand = demand * np.exp(_mood(seed, city, arc, hours)) * np.where(is_closed, 0.03, 1.0)
    load = demand / capacity
    free, excess = np.minimum(load, 1.0), np.maximum(load - 0.97, 0.0)
    critical = _CRITICAL[kind]
    occupancy = critical * (0.62 * free + 0.38 * free**4) + (_JAM - critical) * (1.0 - np.exp(-2.4 * excess))
    flow = capacity * free * (1.0 - 0.6 * (1.0 - np.exp(-1.8 * excess)))
    breath = 0.10 * smooth(seed, "road/breath", arc, hours / 2.3) + 0.04 * normal(seed, "road/k", arc, end)
    loop = (0.8 + 0.9 * own("road/loop", arc)) * _shifted(seed, "road/kshift", arc, end, 0.15, 0.4)
    flow = flow * _shifted(seed, "road/qshift", arc, end, 0.08, 0.15)
    flow = flow * np.exp(0.025 * normal(seed, "road/q", arc, end))
    return np.round(flow), np.clip(occupancy * loop * np.exp(breath), 0.0, 99.0)


def _wanted(city: Arcs, arc: Ints, end: Ints) -> Floats:
    """How many want to drive, as a share of capacity, by clock and calendar alone."""
    local = local_seconds(end - _HOUR // 2)
    hour, kind = local % _DAY / _HOUR, city.kind[arc]
    days = [day_of(number) for number in (local // _DAY).ravel().tolist()]
    evenings = [day_of(number) for number in ((local - _NIGHT_ENDS) // _DAY).ravel().tolist()]
    weights = _DEMAND[kind, np.array([day.kind for day in days], dtype=np.int64)[:, None]]
    night = _DEMAND[kind, np.array([day.kind for day in evenings], dtype=np.int64)[:, None], -1]
    # Who drives in at one end of the day drives out at the other.
    tilt = np.where(city.is_reverse[arc], -0.16, 0.16)
    parts = [weights[..., 0] * (0.4 + 0.6 * (1.0 - _bump(hour, 3.8, 2.6)))]
    for number, (centre, width) in enumerate(_BUMPS, start=1):
        weight = night if number == len(_BUMPS) else weights[..., number]
        parts.append(weight * _bump(hour, centre, width) * (1.0 + {1: tilt, 3: -tilt}.get(number, 0.0)))
    is_school_holiday = np.array([day.is_school_holiday for day in days], dtype=bool)[:, None]
    lull = np.array([day.lull for day in days])[:, None]
    return sum(parts) * np.where(is_school_holiday, _SCHOOL_HOLIDAY[kind], 1.0) * (1.0 - lull * _LULL[kind])


def _bump(hour: Floats, centre: float, width: float) -> Floats:
    """A bell around an hour of the day; midnight is next to 23 hours."""
    away = (hour - centre + 12.0) % 24.0 - 12.0
    return np.exp(-0.5 * (away / width) ** 2)


def _mood(seed: int, city: Arcs, arc: Ints, hours: Floats) -> Floats:
    """What nobody can explain, as a logarithm: of an arc for hours and days, of its district, of the city."""
    phase = 40.0 * uniform(seed, "road/phase", arc)
    total = 0.06 * smooth(seed, "road/city", 0, hours / 19.0) + 0.07 * smooth(
        seed, "road/district", city.district[arc], hours / 7.0
    )
    for stream, length, weight in (("season", 1400.0, 0.12), ("days", 31.0, 0.10), ("hours", 5.0, 0.14)):
        total = total + weight * smooth(seed, f"road/{stream}", arc, (hours + phase) / length)
    return total


def _narrowed(seed: int, arc: Ints, end: Ints) -> Floats:
    """What an incident leaves of an arc's capacity, for some hours."""
    left = np.ones(np.broadcast_shapes(arc.shape, end.shape))
    for start, is_on in spells(seed, "road/incident", arc, end, 21 * _DAY, 0.45, (_HOUR, 7 * _HOUR)):
        left = np.where(is_on, 0.3 + 0.4 * uniform(seed, "road/blocked", arc, start), left)
    return left


def _attracted(seed: int, city: Arcs, arc: Ints, end: Ints) -> Floats:
    """What an event adds to the traffic of a district for an evening, or keeps away from it."""
    district, factor = city.district[arc], np.ones(np.broadcast_shapes(arc.shape, end.shape))
    for start, is_on in spells(seed, "road/event", district, end, 14 * _DAY, 0.5, (3 * _HOUR, 7 * _HOUR)):
        draws = uniform(seed, "road/crowd", district, start) < 0.7
        factor = np.where(is_on, np.where(draws, 1.22, 0.7), factor)
    return factor


def _shifted(seed: int, stream: str, arc: Ints, end: Ints, chance: float, size: float) -> Floats:
    """The scale of a counter, which a repair can change for half a year: fixed profiles break on it."""
    window = (end + (180 * _DAY * uniform(seed, stream + "/phase", arc)).astype(np.int64)) // (180 * _DAY)
    happens = uniform(seed, stream, arc, window) < chance
    return np.where(happens, np.exp(size * normal(seed, stream + "/size", arc, window)), 1.0)


def _closures(seed: int, arc: Ints, end: Ints) -> NDArray[np.bool_]:
    """Whether works close an arc."""
    return _any(spells(seed, "road/closure", arc, end, 100 * _DAY, 0.2, (_DAY, 25 * _DAY)))


def _silences(seed: int, arc: Ints, end: Ints) -> NDArray[np.bool_]:
    """Whether a counter says nothing: dead for days to months, silent for hours, or all of them at once."""
    dead = spells(seed, "road/dead", arc, end, 120 * _DAY, 0.14, (2 * _DAY, 110 * _DAY))
    block = spells(seed, "road/block", arc, end, 8 * _DAY, 0.35, (_HOUR, 20 * _HOUR))
    outage = spells(seed, "road/outage", np.array([[0]]), end, 90 * _DAY, 0.3, (2 * _HOUR, 60 * _HOUR))
    return _any([*dead, *block]) | _any(outage)


def _any(found: list[tuple[Ints, NDArray[np.bool_]]]) -> NDArray[np.bool_]:
    return np.logical_or.reduce(np.broadcast_arrays(*(is_on for _, is_on in found)))


def _is_first_of_two(hour_ends: Ints) -> NDArray[np.bool_]:
    """The hour that ends at 02:00 for the first time in the night of October; the provider has the second only."""
    return np.array([offset(hour + 1) < offset(hour) for hour in (hour_ends // _HOUR).tolist()], dtype=bool)


def _skipped_by_the_clock(hour_ends: Ints) -> NDArray[np.bool_]:
    """The hour that ends at 03:00 on the last Sunday of March: the provider has a row for it, and no figures."""
    return np.array([offset(hour) > offset(hour - 1) for hour in (hour_ends // _HOUR).tolist()], dtype=bool)


def _recorded(
    seed: int, arc: Ints, end: Ints, flow: Floats, occupancy: Floats, is_silent: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """The figures as they are kept: some counters never give one of the two, and rarely a register overruns."""
    half = uniform(seed, "road/half", arc)
    overran = uniform(seed, "road/overrun", arc, end) < 1 / 20_000
    flow = np.where(is_silent | (half < 0.04), np.nan, np.where(overran, 65_535.0, flow))
    return flow, np.where(is_silent | (half > 0.98), np.nan, occupancy)


def _is_provisional(seed: int, arc: Ints, end: Ints, instant: int) -> NDArray[np.bool_]:
    """Whether an hour's flow is still a first guess, to be corrected within sixty hours."""
    corrected_at = end + ((4 + 56 * uniform(seed, "road/correction", arc, end)) * _HOUR).astype(np.int64)
    return (uniform(seed, "road/provisional", arc, end) < 0.012) & (instant < corrected_at)


def _published_at(seed: int, arc: Ints, end: Ints, delay: int) -> Ints:
    """When an hour can first be read: at once but for the delay, or hours later where an arc's half a day is late."""
    half_day = end // (12 * _HOUR)
    wait = ((2 + 28 * uniform(seed, "road/wait", arc, half_day)) * _HOUR).astype(np.int64)
    return end + delay + np.where(uniform(seed, "road/late", arc, half_day) < 0.012, wait, 0)


def _usual_states(seed: int, index: Ints) -> Ints:
    luck = uniform(seed, "road/state", index)
    return np.where(luck < 0.72, INVALID, np.where(luck < 0.94, OPEN, np.where(luck < 0.98, CLOSED, UNKNOWN)))


def _repeated(seed: int, found: Counts) -> Counts:
    """The same records, a few of them twice; one in four of these is rounded otherwise."""
    twice = np.flatnonzero(uniform(seed, "road/twice", found.arc, found.hour_end) < 0.002)
    again = found.take(np.concatenate([np.arange(len(found)), twice]))
    is_rounded = uniform(seed, "road/rounded", found.arc[twice], found.hour_end[twice]) < 0.25
    repeated = again.occupancy[len(found) :]
    repeated[is_rounded] = np.round(repeated[is_rounded], 2)
    return again
