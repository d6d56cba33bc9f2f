"""The roads that have counters: stretches of invented streets, at home in the districts of the city.

An arc is one direction of one stretch between two nodes. Six arcs in a row belong to one street, so that a city of
forty arcs is the beginning of one of three thousand.
"""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_assets.simulator.city import DISTRICTS, PLACES
from transit_assets.simulator.noise import Floats, Ints, normal, uniform

MOST_ARCS = 3000
COMMUTER, SHOPPING, NIGHT_LIFE, RING, RESIDENTIAL = range(5)

_ARCS_OF_STREET, _NODES_OF_STREET = 6, 7
_KIND_OF_STREET = (COMMUTER, SHOPPING, RING, NIGHT_LIFE, RESIDENTIAL, COMMUTER, SHOPPING, COMMUTER, RESIDENTIAL)
_PREFIXES = ("Av_", "Bd_", "", "Quai_", "Fg_", "Cours_")
_METRES_OF_DEGREE = (111_320.0, 73_240.0)  # of latitude, and of longitude at 48.86° N
_CENTRE, _RING_RADII = (48.8575, 2.3420), (0.0415, 0.0735)
# Numbers with gaps and no order, like the provider's: a step through the remainders of a prime meets each once.
_ARC_PRIME, _ARC_STEP, _NODE_PRIME, _NODE_STEP = 7_001, 2_741, 3_511, 1_277
_RENAMED_BETWEEN = (datetime(2024, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Arcs:
    """The arcs, one element of every array each.

    Until `renamed_at`, a Unix time, an arc goes by its `old_name`. `shape` is a GeoJSON feature from the upstream to
    the downstream node. `kind` is how its traffic lives, `is_reverse` whether it leads out where its twin leads in.
    """

    arc_id: NDArray[np.str_]
    name: tuple[str, ...]
    old_name: tuple[str, ...]
    renamed_at: Ints
    upstream: tuple[tuple[str, str], ...]
    downstream: tuple[tuple[str, str], ...]
    lat: Floats
    lon: Floats
    shape: tuple[dict[str, Any], ...]
    available_from: tuple[str, ...]
    kind: Ints
    is_reverse: NDArray[np.bool_]
    street: Ints
    district: Ints


@lru_cache(maxsize=4)
def arcs(seed: int) -> Arcs:
    """All arcs of the city of one seed."""
    index = np.arange(MOST_ARCS)
    street, place = index // _ARCS_OF_STREET, index % _ARCS_OF_STREET
    kind = np.array(_KIND_OF_STREET)[street % len(_KIND_OF_STREET)]
    is_two_way = (uniform(seed, "street/twoway", street) < 0.55) | (kind == RING)
    is_reverse = is_two_way & (place % 2 == 1)
    stretch = np.where(is_two_way, place // 2, place)
    upstream, downstream = stretch + is_reverse, stretch + ~is_reverse
    district = _districts(seed, street)
    line = _lines(seed, index, street, district, np.where(is_two_way, 3, 6), (upstream, downstream))
    names = _street_names(seed)
    nodes = _nodes(seed, names)
    started = (6_900 * uniform(seed, "arc/from", index)).astype(np.int64)
    renamed = _renamed_at(seed, street)
    return Arcs(
        arc_id=(101 + (index * _ARC_STEP + seed) % _ARC_PRIME).astype(str),
        name=tuple(_sided(names[s], kind[i] == RING, bool(is_reverse[i])) for i, s in enumerate(street.tolist())),
        old_name=tuple(_sided(names[s], kind[i] == RING, bool(is_reverse[i])).upper() for i, s in enumerate(street)),
        renamed_at=renamed,
        upstream=tuple(nodes[number] for number in (street * _NODES_OF_STREET + upstream).tolist()),
        downstream=tuple(nodes[number] for number in (street * _NODES_OF_STREET + downstream).tolist()),
        lat=np.round(line[:, :, 1].mean(axis=1), 9),
        lon=np.round(line[:, :, 0].mean(axis=1), 9),
        shape=tuple(_feature(points) for points in line.tolist()),
        available_from=tuple((date(1996, 10, 3) + timedelta(days=days)).isoformat() for days in started.tolist()),
        kind=kind,
        is_reverse=is_reverse,
        street=street,
        district=district,
    )


def _districts(seed: int, street: Ints) -> Ints:
    """The arrondissement of each street, counted from 0; one with more bike stations has more streets too."""
    weights = np.cumsum([district.stations for district in DISTRICTS if district.commune == "Paris"])
    return np.searchsorted(weights, uniform(seed, "street/district", street) * weights[-1], side="right")


def _lines(seed: int, index: Ints, street: Ints, district: Ints, stretches: Ints, ends: tuple[Ints, Ints]) -> Floats:
    """Three points (longitude, latitude) of each arc, from one of its nodes, counted along the street, to the other."""
    of_district = np.array([[one.lat, one.lon, one.lat_spread, one.lon_spread] for one in DISTRICTS])[district]
    is_ring = np.array(_KIND_OF_STREET)[street % len(_KIND_OF_STREET)] == RING
    angle = 2.0 * np.pi * uniform(seed, "street/heading", street)
    lat = of_district[:, 0] + 0.8 * of_district[:, 2] * normal(seed, "street/lat", street)
    lon = of_district[:, 1] + 0.8 * of_district[:, 3] * normal(seed, "street/lon", street)
    lat = np.where(is_ring, _CENTRE[0] + _RING_RADII[0] * np.sin(angle), lat)
    lon = np.where(is_ring, _CENTRE[1] + _RING_RADII[1] * np.cos(angle), lon)
    heading = np.where(is_ring, angle + np.pi / 2.0, angle)
    metres = np.where(is_ring, 500.0, 140.0) + np.where(is_ring, 600.0, 280.0) * uniform(seed, "street/step", street)
    step_lat = metres * np.sin(heading) / _METRES_OF_DEGREE[0]
    step_lon = metres * np.cos(heading) / _METRES_OF_DEGREE[1]

    def point(along: Floats, aside: Floats | float = 0.0) -> Floats:
        way = along - stretches / 2.0
        return np.stack([lon + way * step_lon - aside * step_lat, lat + way * step_lat + aside * step_lon], axis=-1)

    bend = 0.08 * normal(seed, "arc/bend", index)
    first, last = (end.astype(np.float64) for end in ends)
    points = np.stack([point(first), point((first + last) / 2.0, bend), point(last)], axis=1)
    return np.round(points, 9).astype(np.float64)


def _feature(points: list[list[float]]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"coordinates": points, "type": "LineString"}, "properties": {}}


def _street_names(seed: int) -> list[str]:
    """A name of its own for each street, as the provider spells: no accents, words joined by underscores."""
    pairs = [(prefix, place) for prefix in _PREFIXES for place in PLACES]
    order = np.argsort(uniform(seed, "street/name", np.arange(len(pairs))), kind="stable")
    return [pairs[number][0] + _plain(pairs[number][1]) for number in order[: MOST_ARCS // _ARCS_OF_STREET].tolist()]


def _sided(name: str, is_ring: bool, is_reverse: bool) -> str:
    """The inner and the outer carriageway of the ring road have names of their own."""
    return f"{'PE' if is_reverse else 'PI'}_{name.split('_', 1)[-1]}" if is_ring else name


def _nodes(seed: int, names: list[str]) -> list[tuple[str, str]]:
    """Number and name of every node, street by street."""
    index = np.arange(len(names) * _NODES_OF_STREET)
    number = 1 + (index * _NODE_STEP + seed) % _NODE_PRIME
    crossed = (uniform(seed, "node/crossing", index) * len(PLACES)).astype(np.int64)
    return [
        (str(one), f"{names[place // _NODES_OF_STREET]}-{_plain(PLACES[other])}")
        for place, (one, other) in enumerate(zip(number.tolist(), crossed.tolist(), strict=True))
    ]


def _renamed_at(seed: int, street: Ints) -> Ints:
    """When the spelling of a street changed; 0 for most, which always had the one they have."""
    first, last = (instant.timestamp() for instant in _RENAMED_BETWEEN)
    when = first + (last - first) * uniform(seed, "street/renamed", street)
    return np.where(uniform(seed, "street/isrenamed", street) < 0.2, when, 0.0).astype(np.int64)


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name)
    return (
        "".join(letter for letter in letters if not unicodedata.combining(letter)).replace(" ", "_").replace("'", "_")
    )
