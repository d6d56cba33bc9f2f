"""(m) Features and training of the fire's models on years of calls, beside the same trees alone.

transit reads the calls from the lake, looks up what was known of each, and fits all five models as one training of the
domain does before it judges them: each with its calibration, learnt on a rehearsal without the last fifth of the time,
and with what is typical of categories and places, told to each fifth of the days from the others. The floor gets the
matrices ready made in files and grows the same trees with LightGBM alone, on as many threads.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.fire_interim import CALLS_PER_DAY, write_files
from benchmarks.harness import Limit, Report, measure

EXAMPLES = int(os.environ.get("BENCH_EXAMPLES", "300000"))
_SEED = 7
_LIMIT, _MEMORY_MB = 1.5, 2_000


def main() -> Report:
    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        calls = fill(Path(folder), EXAMPLES)
        made = measure({"matrices": matrices}, folder, rounds=1)["matrices"].result
        found = measure({"LightGBM alone": floor, "transit": transit}, folder, rounds=1)
        found |= measure({"transit, examples alone": examples}, folder, rounds=1)
    bare, ours = found["LightGBM alone"], found["transit"]
    ratio = ours.seconds / bare.seconds
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in ours.result["stages"].items())
    text = (
        f"{calls:,} simulated calls, {made['examples']:,} of them to learn from, in {made['fits']} fits of trees of "
        f"five models. The stages of transit: {stages}. The floor gets the matrices ready made and grows the same "
        "trees."
    )
    limits = [
        Limit(f"at most {_LIMIT}× the same trees alone (now {ratio:.2f}×)", ratio <= _LIMIT),
        Limit(f"at most {_MEMORY_MB:,} MB (now {ours.peak_mb:.0f} MB)", ours.peak_mb <= _MEMORY_MB),
        Limit("both end with the same trees", set(ours.result["trees"]) <= set(bare.result)),
    ]
    rows = [one.row(bare) for one in found.values()]
    return Report("(m) Features and training of the fire's models", text, rows, limits)


def fill(folder: Path, calls: int) -> int:
    """A lake with at least so many calls and the stations that they tell of; returns the number of calls."""
    from transit_assets.fire.archive import import_files
    from transit_assets.fire.clean.incidents import incidents
    from transit_assets.fire.landed import FEEDS_OF, WITH_INSTANTS, landed_by_month
    from transit_assets.fire.schema import INCIDENTS
    from transit_assets.fire.tables import rebuild_stations
    from transit_assets.lake import Lake
    from transit_assets.quality.load import load
    from transit_assets.settings import Settings

    lake = Lake.at(folder / "lake")
    write_files(folder, months=_days(calls) // 28 + 1)
    import_files(lake, [folder / "incidents.csv"], Settings(_env_file=None))
    feeds = FEEDS_OF[INCIDENTS.relation]
    prints = lake.landing.fingerprints("fire", feeds, with_instants=WITH_INSTANTS)
    landed = landed_by_month(lake, feeds, sorted(prints))
    done = load(lake, INCIDENTS, (incidents(date.fromisoformat(of), found, prints[of]) for of, found in landed))
    rebuild_stations(lake)
    for name in ("incidents", "mobilisations"):
        (folder / f"{name}.csv").unlink()
    return sum(one.kept_rows for one in done)


def _days(calls: int) -> int:
    return -(-calls // CALLS_PER_DAY)


def _taught(folder: str) -> Any:
    from transit_assets.fire.learning import DOMAIN
    from transit_assets.lake import Lake
    from transit_assets.learning.training import lesson

    return lesson(Lake.at(Path(folder) / "lake"), DOMAIN, days=_days(EXAMPLES), at_most=EXAMPLES)


def _fitted(learning: Any) -> list[Any]:
    """All models, fitted as one training does: trees that two of them ask for are grown once."""
    from transit_assets.fire.model import MODELS
    from transit_assets.learning.fitting import fit
    from transit_assets.learning.trees import grown_once

    with grown_once():
        return [fit(model, learning, _SEED) for model in MODELS]


def matrices(folder: str) -> Callable[[], Any]:
    """Writes what the floor gets of each fit of trees: its matrix, its answers, its parameters.

    The trees are grown, too: whether a call was underestimated is learnt from what they say of it.
    """
    import lightgbm
    import numpy as np

    grow, files = lightgbm.train, []
    held: dict[str, str] = {}

    def noted(parameters: dict[str, Any], data: Any, rounds: int) -> Any:
        name = f"{folder}/{len(files):02}"
        sha256 = hashlib.sha256(np.ascontiguousarray(data.data).data).hexdigest()
        if sha256 not in held:  # models of one moment learn from one matrix
            np.save(f"{name}-x.npy", data.data)
            held[sha256] = f"{name}-x.npy"
        np.save(f"{name}-y.npy", data.label)
        files.append({"x": held[sha256], "y": f"{name}-y.npy", "parameters": parameters, "rounds": rounds})
        files[-1]["names"] = data.feature_name
        return grow(parameters, data, rounds)

    def run() -> Any:
        learning = _taught(folder).learning
        lightgbm.train = noted
        _fitted(learning)
        Path(f"{folder}/fits.json").write_text(json.dumps(files))
        return {"examples": len(learning), "fits": len(files)}

    return run


def floor(folder: str) -> Callable[[], Any]:
    import lightgbm
    import numpy as np

    fits = json.loads(Path(f"{folder}/fits.json").read_text())

    def run() -> list[str]:
        found = []
        for one in fits:
            data = lightgbm.Dataset(np.load(one["x"]), np.load(one["y"]), feature_name=one["names"])
            found.append(_checksum(lightgbm.train(one["parameters"], data, one["rounds"]).model_to_string()))
        return found

    return run


def transit(folder: str) -> Callable[[], Any]:
    import lightgbm  # noqa: F401
    import sklearn.linear_model  # noqa: F401

    import transit_assets.learning.training  # noqa: F401

    def run() -> Any:
        started = time.perf_counter()
        learning = _taught(folder).learning
        read = time.perf_counter()
        trees = [_checksum(text) for one in _fitted(learning) for text in _texts(json.loads(one.to_json()))]
        stages = {"calls and features": read - started, "fits": time.perf_counter() - read}
        return {"stages": stages, "trees": trees}

    return run


def examples(folder: str) -> Callable[[], Any]:
    import transit_assets.learning.training  # noqa: F401

    return lambda: len(_taught(folder).examples)


def _texts(stored: Any) -> Iterator[str]:
    """The trees in a stored model, wherever they are."""
    if isinstance(stored, dict):
        for name, value in stored.items():
            if name == "text":
                yield value
            else:
                yield from _texts(value)


def _checksum(trees: str) -> str:
    """Of the trees themselves; the parameters that follow them in the text name what each side set."""
    return hashlib.sha256(trees.split("\nparameters:")[0].encode()).hexdigest()
