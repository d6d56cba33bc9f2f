"""(n) One call scored in process: from what the caller says to the forecast with its bound, against the bare trees.

The floor is `lightgbm.Booster.predict` on the row as it is ready in memory, with what is typical already in it. transit
starts from an instant, a place and names: it makes the features (distances to all stations, weather, calendar), looks
up what is typical of the call's categories and neighbourhood, and gives the median with its upper bound.
"""

import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.fire_training import fill
from benchmarks.harness import Limit, Report, measure

_REQUESTS = int(os.environ.get("BENCH_REQUESTS", "20000"))
_CALLS, _TURN, _SEED = 40_000, 1_000, 7
_LIMIT = 10.0


def main() -> Report:
    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        learnt = measure({"model": model}, folder, rounds=1)["model"].result
        found = measure({"in turns": in_turns}, folder)["in turns"].result
    bare, ours = found["Booster.predict"], found["transit"]
    factors = {name: ours[name] / bare[name] for name in ("p50", "p99")}
    rows = [{"": name, "p50 µs": f"{one['p50']:.0f}", "p99 µs": f"{one['p99']:.0f}"} for name, one in found.items()]
    limits = [
        Limit(f"{name} at most {_LIMIT:g}× the bare estimator (now {factor:.2f}×)", factor <= _LIMIT)
        for name, factor in factors.items()
    ]
    limits.append(Limit("the trees say the same of every call", bare["sum"] == ours["sum"]))
    text = (
        f"{_REQUESTS:,} calls, one at a time, to `fire_attendance_at_mobilisation`, which learnt from {learnt:,} "
        f"simulated ones. The floor gets its row ready made. Both take turns in one process, {_TURN:,} requests at a "
        "time: what the machine does meanwhile then happens to both."
    )
    return Report("(n) Scoring one call in process", text, rows, limits)


def model(folder: str) -> Callable[[], Any]:
    """A model of simulated calls, and the requests with their rows ready made."""
    import numpy as np

    from transit_assets.fire.features import read_calls
    from transit_assets.fire.model import MODELS, examples
    from transit_assets.lake import Lake
    from transit_assets.learning.examples import Window
    from transit_assets.learning.fitting import fit

    (served,) = (one for one in MODELS if one.name == "fire_attendance_at_mobilisation")
    place = Path(folder)

    def run() -> int:
        fill(place, _CALLS)
        lake = Lake.at(place / "lake")
        calls, outcomes = read_calls(lake, Window(*_span()))
        around = _around(lake)
        (place / "around.pickle").write_bytes(pickle.dumps(around))
        learning = examples(calls, outcomes, around)
        fitted = fit(served, learning, _SEED)
        (place / "model.json").write_text(fitted.to_json())
        drawn = np.random.default_rng(_SEED).choice(len(calls), _REQUESTS)
        asked = served.known(learning.take(drawn))
        told = fitted.estimator
        np.save(place / "rows.npy", told._also(asked, told._typical(asked, told._known)).features)  # type: ignore[attr-defined]
        (place / "requests.pickle").write_bytes(pickle.dumps(_requests(calls.take(drawn))))
        return len(served.questions(learning)[0])

    return run


def _span() -> tuple[Any, Any]:
    from datetime import UTC, datetime

    return datetime(2009, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)


def _around(lake: Any) -> Any:
    """The stations of the lake, with weather and congestion of all hours of the calls."""
    import numpy as np

    from transit_assets.fire.surroundings import FIGURES, Hours, Surroundings
    from transit_assets.learning.examples import Window

    start = _span()[0]
    hour = int(start.timestamp()) // 3600 + np.arange(24 * 3 * 365)
    draw = np.random.default_rng(_SEED).normal
    known_at = 3600 * (hour + 1)
    weather = Hours(hour, known_at, {name: draw(10.0, 4.0, len(hour)) for name in FIGURES})
    congestion = Hours(hour, known_at, {"congestion_percent": draw(30.0, 8.0, len(hour))})
    stations = Surroundings.read(lake, Window(*_span())).stations
    return Surroundings(stations, weather, congestion)


def _requests(calls: Any) -> list[dict[str, Any]]:
    """What is said of each call, as the arguments of `Calls.one`."""
    from datetime import UTC, datetime

    def said(number: int) -> dict[str, Any]:
        easting, northing = calls.place[number].tolist()
        return {
            "called_at": datetime.fromtimestamp(int(calls.at[number]), UTC),
            "easting_m": easting,
            "northing_m": northing,
            "station": calls.station[number],
            **{name: column[number] for name, column in calls.names.items()},
        }

    return [said(number) for number in range(len(calls))]


def in_turns(folder: str) -> Callable[[], Any]:
    import numpy as np

    from benchmarks.bikes_scoring import in_turns_of
    from transit_assets.fire.features import Calls
    from transit_assets.fire.model import MODELS, questions
    from transit_assets.learning.fitting import Fitted

    (served,) = (one for one in MODELS if one.name == "fire_attendance_at_mobilisation")
    place = Path(folder)
    around = pickle.loads((place / "around.pickle").read_bytes())
    requests = pickle.loads((place / "requests.pickle").read_bytes())
    fitted = Fitted.from_json((place / "model.json").read_text())
    ready = np.load(place / "rows.npy")
    booster = fitted.estimator.members["estimator"]._trees()  # type: ignore[attr-defined]

    def bare(number: int) -> Any:
        return booster.predict(ready[number : number + 1], num_threads=1)

    def transit(number: int) -> Any:
        return fitted.predict(served.known(questions(Calls.one(**requests[number]), around)))

    sums = {
        "Booster.predict": float(booster.predict(ready, num_threads=1).sum()),
        "transit": float(np.sum([transit(number).value for number in range(len(requests))])),
    }

    def timed() -> Any:
        found = in_turns_of({"Booster.predict": bare, "transit": transit}, len(requests), _TURN)
        return {name: quantiles | {"sum": round(sums[name], 3)} for name, quantiles in found.items()}

    return timed
