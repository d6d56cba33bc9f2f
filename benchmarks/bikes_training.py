"""(f) Features and training on thirty days of 1,500 stations every five minutes, beside the same model alone.

transit reads the reports from the lake, draws the questions, looks up their features, and for each of the three models
learns the calibration on a rehearsal without the last fifth of the time, and fits: what one training of bikes does.
The floor gets the same matrices ready made in files and does the same two fits and the same calibration of each model,
with LightGBM and scikit-learn alone, on as many threads.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import Limit, Report, measure

DAYS, STATIONS = int(os.environ.get("BENCH_DAYS", "30")), 1_500
_SEED, _LIMIT, _MEMORY_MB = 7, 1.3, 4_000


def main() -> Report:
    from benchmarks.bikes_marts import fill

    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        reports = fill(Path(folder), DAYS, STATIONS, minutes=5)
        examples = measure({"matrix": matrix}, folder, rounds=1)["matrix"].result
        found = measure({"LightGBM alone": floor, "transit": transit}, folder, rounds=3)
        found |= measure({"transit, `bikes_full` alone with baselines and evaluation": evaluated}, folder, rounds=1)
    bare, ours = found["LightGBM alone"], found["transit"]
    ratio = ours.seconds / bare.seconds
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in ours.result["stages"].items())
    text = (
        f"{reports:,} simulated reports of {STATIONS:,} stations on {DAYS} days; the models learn from {examples:,} "
        f"examples together. The stages of transit: {stages}. The floor gets the matrices ready made; both learn the "
        "calibration on a rehearsal and then fit on everything."
    )
    limits = [
        Limit(f"at most {_LIMIT}× the same two fits alone (now {ratio:.2f}×)", ratio <= _LIMIT),
        Limit(f"at most {_MEMORY_MB:,} MB (now {ours.peak_mb:.0f} MB)", ours.peak_mb <= _MEMORY_MB),
        Limit("both end with the same trees", bare.result["trees"] == ours.result["trees"]),
    ]
    return Report("(f) Features and training of thirty days", text, [one.row(bare) for one in found.values()], limits)


def _taught(folder: str) -> Any:
    from transit_assets.bikes.learning import DOMAIN
    from transit_assets.lake import Lake
    from transit_assets.learning.training import lesson
    from transit_assets.settings import Settings

    configured = Settings(_env_file=None)
    return lesson(
        Lake.at(Path(folder) / "lake"), DOMAIN, days=configured.training_days, at_most=configured.training_examples
    )


def matrix(folder: str) -> Callable[[], int]:
    """Writes what the floor gets of each model: the matrix, the answers, what is rehearsed on, and the parameters."""
    import json

    import numpy as np

    from transit_assets.bikes.model import MODELS
    from transit_assets.learning.splits import tail
    from transit_assets.learning.trees import THREADS

    def run() -> int:
        learning, examples = _taught(folder).learning, 0
        for model in MODELS:
            asked, answers = model.questions(learning)
            early, late = tail(asked)
            trees = model.estimator(_SEED).state()
            change = answers - asked.column(trees["change_of"]) if trees["change_of"] else answers
            for name, values in (("x", asked.features), ("y", change), ("early", early), ("late", late)):
                np.save(Path(folder) / f"{model.name}-{name}.npy", values)
            parameters = trees["parameters"] | {
                "objective": trees["objective"],
                "seed": _SEED,
                "deterministic": True,
                "force_row_wise": True,
                "verbose": -1,
                "num_threads": THREADS,
            }
            said = {"parameters": parameters, "rounds": trees["rounds"], "names": asked.names}
            (Path(folder) / f"{model.name}.json").write_text(json.dumps(said))
            examples += len(asked)
        return examples

    return run


def floor(folder: str) -> Callable[[], Any]:
    import json

    import lightgbm
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    def one(path: Path) -> str:
        said = json.loads(path.read_text())
        x, y, early, late = (np.load(path.with_name(f"{path.stem}-{name}.npy")) for name in ("x", "y", "early", "late"))

        def fitted(x: Any, y: Any) -> Any:
            return lightgbm.train(
                said["parameters"], lightgbm.Dataset(x, y, feature_name=said["names"]), said["rounds"]
            )

        forecast = fitted(x[early], y[early]).predict(x[late], num_threads=said["parameters"]["num_threads"])
        if said["parameters"]["objective"] == "binary":
            p = np.clip(forecast, 1e-6, 1 - 1e-6)
            LogisticRegression(C=1e6).fit(np.log(p / (1 - p))[:, None], y[late])
        else:
            np.quantile(y[late] - forecast, (0.1, 0.9))
        return _checksum(fitted(x, y).model_to_string())

    def run() -> Any:
        return {"trees": [one(path) for path in sorted(Path(folder).glob("bikes_*.json"))]}

    return run


def transit(folder: str) -> Callable[[], Any]:
    import lightgbm  # noqa: F401
    import sklearn.linear_model  # noqa: F401

    import transit_assets.learning.training  # noqa: F401
    from transit_assets.bikes.model import MODELS
    from transit_assets.learning.fitting import fit

    def run() -> Any:
        started = time.perf_counter()
        learning = _taught(folder).learning
        read = time.perf_counter()
        fitted = [fit(model, learning, _SEED) for model in sorted(MODELS, key=lambda model: model.name)]
        stages = {"history, questions and features": read - started, "fits": time.perf_counter() - read}
        return {"stages": stages, "trees": [_checksum(one.estimator.state()["text"]) for one in fitted]}

    return run


def evaluated(folder: str) -> Callable[[], Any]:
    """The whole of a training but the registry: also baselines, the holdout, and every figure with its bounds."""
    import lightgbm  # noqa: F401
    import sklearn.linear_model  # noqa: F401

    from transit_assets.bikes.model import FULL
    from transit_assets.learning.evaluation import evaluations, judge
    from transit_assets.learning.fitting import fit, fit_baselines

    def run() -> int:
        taught = _taught(folder)
        baselines = fit_baselines(FULL, taught.learning)
        judged = judge(FULL, taught.holdout, {"challenger": fit(FULL, taught.learning, _SEED), **baselines})
        windows = {"train": taught.train, "test": taught.test}
        return len(evaluations(judged, "challenger", list(baselines), version="0", data_version="-", **windows))

    return run


def _checksum(trees: str) -> str:
    """Of the trees themselves; the parameters that follow them in the text name what each side set."""
    import hashlib

    return hashlib.sha256(trees.split("\nparameters:")[0].encode()).hexdigest()
