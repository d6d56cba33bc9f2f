"""Growing trees, by LightGBM: within a lesson the same ones once, whichever of a domain's models asks for them.

The road's levels are cut from the trees that forecast its occupancy: growing them again was a sixth of its training.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

# Half of the cores: LightGBM's threads wait for each other busily, and with another process on theirs a fit of 9 s
# took 154 s.
THREADS = max(1, (os.cpu_count() or 1) // 2)

_grown: ContextVar[dict[str, str] | None] = ContextVar("grown", default=None)


@contextmanager
def grown_once() -> Iterator[None]:
    """Inside it trees that were grown are remembered, by the content of everything that they depend on."""
    _grown.set({})
    try:
        yield
    finally:
        _grown.set(None)  # and not a reset: Dagster may close a generator in another context


def grow(
    features: np.ndarray, answers: np.ndarray, names: Sequence[str], *, rounds: int, parameters: Mapping[str, Any]
) -> str:
    """LightGBM's text of trees grown on (n, k) features and (n,) answers."""
    known = _grown.get()
    if known is None:
        return _trained(features, answers, names, rounds, parameters)
    key = _key(features, answers, [list(names), rounds, dict(parameters)])
    if key not in known:
        known[key] = _trained(features, answers, names, rounds, parameters)
    return known[key]


def _trained(
    features: np.ndarray, answers: np.ndarray, names: Sequence[str], rounds: int, parameters: Mapping[str, Any]
) -> str:
    import lightgbm

    # The same data and seed give the same trees: one order of summation, whatever the threads.
    fixed = {"deterministic": True, "force_row_wise": True, "verbose": -1, "num_threads": THREADS}
    data = lightgbm.Dataset(features, answers, feature_name=list(names), free_raw_data=True)
    return lightgbm.train({**parameters, **fixed}, data, rounds).model_to_string()


def _key(features: np.ndarray, answers: np.ndarray, rest: list[Any]) -> str:
    """A hash of all that trees depend on; of a million examples it takes half a second."""
    found = hashlib.blake2b(json.dumps([features.shape, str(features.dtype), *rest], sort_keys=True).encode())
    for array in (features, answers):
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
