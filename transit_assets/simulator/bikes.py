"""Bikes in the city: what every station reported last, at any instant.

A station's bikes are a function of the seed, the station and the second of its report, so the same
report always says the same, and no state is stepped: commuters carry bikes from where they sleep to
where they work and back, leisure moves the rest, rain and cold keep people at home, trucks rebalance what
is far from half full, and clipping to the docks is what makes stations fill and empty.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transit_assets.simulator.calendar import local_hour
from transit_assets.simulator.city import Stations, stations
from transit_assets.simulator.noise import Floats, Ints, normal, smooth, spells, uniform
from transit_assets.simulator.weather import rain, temperature_celsius

_HOUR, _DAY = 3600, 86400
_TRUCK_WINDOW = 8 * _HOUR
_FAULT_WINDOW = 10 * _DAY
_CLOSURE_WINDOW = 60 * _DAY
_REPAIR_WINDOW = 28 * _DAY

# Stations that fell silent long ago and are still listed as open: the first few, at these Unix days.
_SILENT_SINCE = np.array([18_678, 18_950, 19_402, 19_726, 19_998, 20_250]) * _DAY + 41_213


@dataclass(frozen=True)
class BikeState:
    """What each station of `index` (positions in `stations`) reported last; counts are of this instant."""

    index: Ints
    reported_at: Ints
    mechanical: Ints
    ebike: Ints
    docks: Ints
    is_installed: NDArray[np.bool_]
    is_open: NDArray[np.bool_]


def bike_state(seed: int, instant: int) -> BikeState:
    """The state of the whole city at a Unix time, as the operator publishes it."""
    city = stations(seed)
    index = np.flatnonzero(city.opened_at <= instant)
    at, is_closed = _report_times(seed, city, instant)
    share = _fill(seed, city, at.astype(np.float64))
    share += _trucks(seed, city, at)
    usable = np.maximum(city.capacity - _broken(seed, at), 1)
    bikes = np.clip(np.round(share * usable), 0, usable).astype(np.int64)
    electric = city.ebike_share + 0.12 * smooth(seed, "electric", np.arange(len(city)), at / (5.0 * _HOUR))
    ebike = np.clip(np.round(bikes * electric), 0, bikes).astype(np.int64)
    is_installed = ~is_closed | (uniform(seed, "removed", np.arange(len(city)), at // _CLOSURE_WINDOW) > 0.33)
    return BikeState(
        index=index,
        reported_at=at[index],
        mechanical=np.where(is_closed, 0, bikes - ebike)[index],
        ebike=np.where(is_closed, 0, ebike)[index],
        docks=np.where(is_closed, 0, usable - bikes)[index],
        is_installed=is_installed[index],
        is_open=~is_closed[index],
    )


def _report_times(seed: int, city: Stations, instant: int) -> tuple[Ints, NDArray[np.bool_]]:
    """When each station reported last, and whether it is closed.

    A station reports every 3 to 28 minutes, a minute before anyone can read it; a faulty one last
    reported when its fault began, a closed one when it was closed.
    """
    latest = np.full(len(city), instant - 60, dtype=np.int64)
    index, known = np.arange(len(city)), instant - 60
    for start, is_faulty in spells(seed, "fault", index, known, _FAULT_WINDOW, 0.05, (1 * _HOUR, 6 * _DAY)):
        latest = np.where(is_faulty, np.minimum(latest, start), latest)
    latest[: len(_SILENT_SINCE)] = np.minimum(latest[: len(_SILENT_SINCE)], _SILENT_SINCE)
    at = (latest - city.report_phase) // city.report_seconds * city.report_seconds + city.report_phase
    is_closed = np.zeros(len(city), dtype=bool)
    for start, is_shut in spells(seed, "closure", index, known, _CLOSURE_WINDOW, 0.05, (5 * _DAY, _CLOSURE_WINDOW)):
        at = np.where(is_shut, start, at)
        is_closed |= is_shut
    return at, is_closed


def _fill(seed: int, city: Stations, at: Floats) -> Floats:
    """Share of docks with a bike that people alone would leave at these Unix times (one per station)."""
    index = np.arange(len(city))
    hour, is_weekend = local_hour(at.astype(np.int64))
    day = 1.0 / (1.0 + np.exp(-(hour - 8.6) / 0.45)) - 1.0 / (1.0 + np.exp(-(hour - 18.3) / 0.7))
    evening = np.exp(-(((hour - 21.0) / 2.2) ** 2)) + np.exp(-(((hour - 15.5) / 2.5) ** 2)) * is_weekend
    warmth = np.clip(0.7 + 0.02 * temperature_celsius(seed, at), 0.6, 1.1)
    trips = warmth * (1.0 - 0.5 * rain(seed, at))
    commute = 0.5 * city.office * (day - 0.35) * np.where(is_weekend, 0.15, 1.0)
    share = city.fill + trips * (commute + 0.16 * city.leisure * evening)
    for stream, hours, weight in (("days", 31.0, 0.26), ("hours", 3.1, 0.17), ("minutes", 0.4, 0.05)):
        share += weight * smooth(seed, stream, index, at / (hours * _HOUR))
    # Above half full a station attracts more of the same: without it hardly any would fill.
    return share + 0.75 * np.maximum(share - 0.55, 0.0)


def _trucks(seed: int, city: Stations, at: Ints) -> Floats:
    """What rebalancing has added or taken, fading as people undo it."""
    index, moved = np.arange(len(city)), np.zeros(len(city))
    for number in (at // _TRUCK_WINDOW - 1, at // _TRUCK_WINDOW):
        visit = number * _TRUCK_WINDOW + (_TRUCK_WINDOW * uniform(seed, "truck", index, number)).astype(np.int64)
        wanted = 0.42 - _fill(seed, city, visit.astype(np.float64))
        comes = (np.abs(wanted) > 0.28) & (uniform(seed, "round", index, number) < 0.5) & (visit <= at)
        moved += np.where(comes, 0.9 * wanted * np.exp(-np.maximum(at - visit, 0) / (5.0 * _HOUR)), 0.0)
    return moved


def _broken(seed: int, at: Ints) -> Ints:
    """Docks that neither hold a bike for hire nor take one; negative where bikes are chained to the next post."""
    index, window = np.arange(len(at)), at // _REPAIR_WINDOW
    luck = uniform(seed, "broken", index, window)
    some = 1 + np.floor(1.3 * np.abs(normal(seed, "howmany", index, window)))
    return np.where(luck < 0.41, 0, np.where(luck > 0.988, -some - 1, some)).astype(np.int64)
