"""Randomness that is a function of its coordinates: the same seed and keys give the same number everywhere.

Nothing is drawn in sequence, so the state of the city at any instant is computed directly, without
stepping from a start, and two processes agree to the last bit. Everything works on whole arrays.
"""

from functools import cache
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def uniform(seed: int, stream: str, *keys: ArrayLike) -> Floats:
    """Numbers in [0, 1), one for each element of the integer `keys` broadcast together."""
    state = _mix(np.array([(seed * 0x9E3779B97F4A7C15 + _number_of(stream)) % 2**64], dtype=np.uint64))
    for key in keys:
        state = _mix(state + (np.atleast_1d(np.asarray(key)).astype(np.int64).view(np.uint64) + np.uint64(1)) * _GOLDEN)
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


@cache
def _number_of(stream: str) -> int:
    """A number for a name that is the same in every process, unlike `hash`."""
    return int.from_bytes(blake2b(stream.encode(), digest_size=8).digest(), "big")


def normal(seed: int, stream: str, *keys: ArrayLike) -> Floats:
    """Standard normal numbers, by Box and Muller."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(seed, stream + "/r", *keys)))
    return radius * np.cos(2.0 * np.pi * uniform(seed, stream + "/a", *keys))


def smooth(seed: int, stream: str, key: ArrayLike, position: Floats) -> Floats:
    """Noise in [-1, 1] that is continuous in `position`, with one random knot at each whole number."""
    knot = np.floor(position)
    share = position - knot
    share = share * share * (3.0 - 2.0 * share)
    before, after = uniform(seed, stream, key, knot), uniform(seed, stream, key, knot + 1.0)
    return 2.0 * (before + (after - before) * share) - 1.0


def spells(
    seed: int, kind: str, index: ArrayLike, at: ArrayLike, window: int, chance: float, seconds: tuple[int, int]
) -> list[tuple[Ints, NDArray[np.bool_]]]:
    """What now and then befalls each thing of `index`: at most once in every window of so many seconds.

    Start of the spell of the window before and of the one that contains these Unix times, and whether it covers
    them. Lengths lie between the two bounds, which no window is shorter than; short ones are as likely as long ones.
    """
    instants, found = np.asarray(at, dtype=np.int64), []
    for number in (instants // window - 1, instants // window):
        start = number * window + (window * uniform(seed, kind + "/start", index, number)).astype(np.int64)
        length = seconds[0] * (seconds[1] / seconds[0]) ** uniform(seed, kind + "/length", index, number)
        happens = uniform(seed, kind, index, number) < chance
        found.append((start, happens & (start <= instants) & (instants < start + length)))
    return found
