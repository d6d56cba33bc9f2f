"""(g) One request scored in process: features of one question and the calibrated forecast, against the bare trees.

The floor is `lightgbm.Booster.predict` on the row as it is ready in memory. transit starts from a station and an
instant: it looks up what was known of the station then, makes the row, and gives the calibrated probability.
"""

import pickle
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.harness import Limit, Report, measure

_STATIONS, _DAYS, _REQUESTS, _TURN, _LIMIT = 1_500, 10, 20_000, 1_000, 3.0
_START = datetime(2025, 9, 1, tzinfo=UTC)


def main() -> Report:
    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        _prepare(Path(folder))
        found = measure({"in turns": in_turns}, folder)["in turns"].result
    bare, ours = found["Booster.predict"], found["transit"]
    factors = {name: ours[name] / bare[name] for name in ("p50", "p99")}
    rows = [{"": name, "p50 µs": f"{one['p50']:.0f}", "p99 µs": f"{one['p99']:.0f}"} for name, one in found.items()]
    limits = [
        Limit(f"{name} at most {_LIMIT:g}× the bare estimator (now {factor:.2f}×)", factor <= _LIMIT)
        for name, factor in factors.items()
    ]
    limits.append(Limit("the trees say the same of every row", bare["sum"] == ours["sum"]))
    text = (
        f"{_REQUESTS:,} simulated requests, one at a time, to `bikes_full`, over a history of {_STATIONS:,} stations "
        f"on {_DAYS} days at five minutes that is in memory. The floor gets its row ready made. Both take turns in one "
        f"process, {_TURN} requests at a time: what the machine does meanwhile then happens to both."
    )
    return Report("(g) Scoring one request in process", text, rows, limits)


def _prepare(folder: Path) -> None:
    """A simulated history, a model of it, and the requests with their rows ready made."""
    import numpy as np

    from transit_assets.bikes import model
    from transit_assets.learning.examples import Window
    from transit_assets.learning.fitting import fit

    history = _history()
    end = _START + timedelta(days=_DAYS)
    examples = model.examples(history, Window(end - timedelta(days=2), end), at_most=50_000)
    fitted = fit(model.FULL, examples, seed=7)
    drawn = examples.take(np.random.default_rng(7).choice(len(examples), _REQUESTS, replace=False))
    (folder / "model.json").write_text(fitted.to_json())
    np.save(folder / "rows.npy", drawn.features)
    position = {entity: index for index, entity in enumerate(history.entity.tolist())}
    asked = np.array([position[one] for one in drawn.entity.tolist()])
    requests = (asked, drawn.origin_at, drawn.target_at, drawn.horizon_minutes)
    (folder / "requests.pickle").write_bytes(pickle.dumps(requests))


def _history() -> Any:
    import numpy as np
    import pyarrow as pa

    from transit_assets.bikes.features import History

    polls = _DAYS * 288
    station = np.repeat(np.arange(_STATIONS), polls)
    minute = np.tile(np.arange(polls) * 5, _STATIONS)
    known_at = int(_START.timestamp()) + 60 * minute
    # Counts swing with the time of day and wander; each station is now and then empty or full.
    steps = np.random.default_rng(7).normal(0, 1, (_STATIONS, polls)).cumsum(axis=1)
    wandering = 6 * np.sin(steps.ravel() / 8) + 13 * np.sin((minute + 37 * station) / 229)
    bikes = np.clip(np.round(15 + wandering), 0, 30).astype(np.float32)
    instants = dict.fromkeys(("reported_at", "known_at", "held_until"), known_at)
    counts = {"bikes": bikes, "docks_free": 30 - bikes, "mechanical": bikes - bikes // 3, "ebike": bikes // 3}
    whole = {"capacity": np.full(len(station), 30, np.float32), "is_open": np.ones(len(station), bool)}
    codes = [str(1000 + number) for number in range(_STATIONS)]
    zones = [f"Paris {number % 20 + 1}e" for number in range(_STATIONS)]
    rows = pa.table({"number": station, **instants, **counts, **whole})
    return History.of(rows, pa.table({"station": codes, "zone": zones}))


def in_turns(folder: str) -> Callable[[], Any]:
    import numpy as np

    from transit_assets.bikes.model import questions
    from transit_assets.learning.fitting import Fitted

    history = _history()
    fitted = Fitted.from_json((Path(folder) / "model.json").read_text())
    requests = pickle.loads((Path(folder) / "requests.pickle").read_bytes())
    ready = np.load(Path(folder) / "rows.npy")
    booster = fitted.estimator._trees()

    def bare(number: int) -> Any:
        return booster.predict(ready[number : number + 1], num_threads=1)

    def transit(number: int) -> Any:
        return fitted.predict(questions(history, *(values[number : number + 1] for values in requests))).value

    made = np.concatenate(
        [questions(history, *(values[n : n + 1] for values in requests)).features for n in range(_REQUESTS)]
    )
    sums = {"Booster.predict": _sum(booster, ready), "transit": _sum(booster, made)}

    def timed() -> Any:
        found = in_turns_of({"Booster.predict": bare, "transit": transit}, _REQUESTS, _TURN)
        return {name: quantiles | {"sum": sums[name]} for name, quantiles in found.items()}

    return timed


def _sum(booster: Any, rows: Any) -> float:
    """The sum of what the trees say of all rows."""
    return float(booster.predict(rows, num_threads=1).sum())


def in_turns_of(
    contestants: dict[str, Callable[[int], Any]], requests: int, at_once: int
) -> dict[str, dict[str, float]]:
    """Quantiles of the microseconds of a request to each, which take turns."""
    import numpy as np

    seconds = {name: np.empty(requests) for name in contestants}
    for turn in range(0, requests, at_once):
        for name, one in contestants.items():
            for number in range(turn, min(turn + at_once, requests)):
                started = time.perf_counter()
                one(number)
                seconds[name][number] = time.perf_counter() - started
    return {
        name: dict(zip(("p50", "p99"), (1e6 * np.quantile(of, (0.5, 0.99))).tolist(), strict=True))
        for name, of in seconds.items()
    }
