"""(j) Features and training of the global model of flow on a year of 300 arcs, beside the same trees alone.

transit reads the hours from the lake, lays them out as a grid, draws the questions, looks up their features, learns the
interval on a rehearsal without the last fifth of the time, and fits: what one training of `road_flow` does before it is
judged. The floor gets the same matrices ready made in files and grows the same trees with LightGBM alone, on as many
threads.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness import Limit, Report, measure
from benchmarks.road_interim import ARCS, MONTHS
from benchmarks.road_marts import fill

EXAMPLES = int(os.environ.get("BENCH_EXAMPLES", "500000"))  # the default of a training is a million
_SEED = 7
_LIMIT, _FEATURE_SECONDS = 1.2, 0.3  # times the floor, and seconds more for 1,000 days of an arc
_MEMORY_MB = 3_000 if ARCS <= 300 else 12_000  # grids of all arcs and hours: 1.7 MB for a year of an arc


def main() -> Report:
    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        hours = fill(Path(folder))
        made = measure({"matrices": matrices}, folder, rounds=1)["matrices"].result
        found = measure({"LightGBM alone": floor, "transit": transit}, folder, rounds=1)
        found |= measure({"transit, examples alone": examples}, folder, rounds=1)
    bare, ours = found["LightGBM alone"], found["transit"]
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in ours.result["stages"].items())
    allowed = _LIMIT * bare.seconds + _FEATURE_SECONDS * hours / 24_000
    text = (
        f"{hours:,} hours of {ARCS:,} arcs, {made['examples']:,} examples to learn from of which `road_flow` asks "
        f"{made['asked']:,}, in {made['fits']} fits of trees. The stages of transit: {stages}. The floor gets the "
        "matrices ready made and grows the same trees."
    )
    limits = [
        Limit(
            f"at most {_LIMIT}× the same trees alone and {_FEATURE_SECONDS} s for 1,000 days of an arc "
            f"(now {ours.seconds:.0f} of {allowed:.0f} s)",
            ours.seconds <= allowed,
        ),
        Limit(f"at most {_MEMORY_MB:,} MB (now {ours.peak_mb:.0f} MB)", ours.peak_mb <= _MEMORY_MB),
        Limit("both end with the same trees", set(ours.result["trees"]) <= set(bare.result)),
    ]
    return Report(
        f"(j) Features and training on a year of {ARCS:,} arcs", text, [one.row(bare) for one in found.values()], limits
    )


def _taught(folder: str) -> Any:
    from transit_assets.lake import Lake
    from transit_assets.learning.training import lesson
    from transit_assets.road.learning import DOMAIN

    return lesson(Lake.at(Path(folder) / "lake"), DOMAIN, days=31 * MONTHS, at_most=EXAMPLES)


def matrices(folder: str) -> Callable[[], Any]:
    """Writes what the floor gets of each fit of trees: its matrix, its answers, its parameters."""
    import lightgbm
    import numpy as np

    from transit_assets.learning.fitting import fit
    from transit_assets.road.model import FLOW

    grow, last, files = lightgbm.train, [None, None], []

    def noted(parameters: dict[str, Any], data: Any, rounds: int) -> Any:
        """Keeps what a fit asks for, and grows one tree: what follows needs some."""
        name = f"{folder}/{len(files):02}"
        if data.data is not last[0]:  # members of an ensemble learn from one matrix
            np.save(f"{name}-x.npy", data.data)
            last[:] = [data.data, f"{name}-x.npy"]
        np.save(f"{name}-y.npy", data.label)
        files.append({"x": last[1], "y": f"{name}-y.npy", "parameters": parameters, "rounds": rounds})
        files[-1]["names"] = data.feature_name
        return grow(parameters, data, 1)

    def run() -> Any:
        learning = _taught(folder).learning
        lightgbm.train = noted
        fit(FLOW, learning, _SEED)
        Path(f"{folder}/fits.json").write_text(json.dumps(files))
        return {"examples": len(learning), "asked": len(FLOW.questions(learning)[0]), "fits": len(files)}

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

    import transit_assets.learning.training  # noqa: F401
    from transit_assets.learning.fitting import fit
    from transit_assets.road.model import FLOW

    def run() -> Any:
        started = time.perf_counter()
        learning = _taught(folder).learning
        read = time.perf_counter()
        fitted = fit(FLOW, learning, _SEED)
        stages = {"hours, questions and features": read - started, "fits": time.perf_counter() - read}
        return {"stages": stages, "trees": [_checksum(text) for text in _texts(fitted.estimator.state())]}

    return run


def examples(folder: str) -> Callable[[], Any]:
    import transit_assets.learning.training  # noqa: F401

    return lambda: len(_taught(folder).examples)


def _texts(state: Any) -> Iterator[str]:
    """The trees of an estimator and of its members."""
    if "text" in state:
        yield state["text"]
    for member in state.get("members", {}).values():
        yield from _texts(member.state())


def _checksum(trees: str) -> str:
    """Of the trees themselves; the parameters that follow them in the text name what each side set."""
    import hashlib

    return hashlib.sha256(trees.split("\nparameters:")[0].encode()).hexdigest()
