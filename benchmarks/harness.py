"""Measures contestants side by side, each run in a process of its own, rounds interleaved.

A benchmark is a module of this package with a `main() -> Report`. Its contestants are functions
`prepare(*arguments: str) -> Callable[[], object]`: what `prepare` does (imports, opening files) is not timed,
the call of what it returns is, and what that returns (a row count, a dictionary: anything JSON) comes back in
`Measured.result`. So:

    def floor(folder: str) -> Callable[[], int]:
        import orjson                      # not timed
        return lambda: parse_all(folder)   # timed

    def main() -> Report:
        found = measure({"floor": floor, "ours": ours}, folder, rounds=3)
        return Report(
            title="One day of polls to the interim table",
            text="1,440 payloads of 1,500 stations.",
            rows=[one.row(found["floor"]) for one in found.values()],
            limits=[Limit("at most 2x the floor", found["ours"].seconds <= 2 * found["floor"].seconds)],
        )

Time is the median of the rounds, memory the highest peak of the process (its resident set, interpreter included).
`python -m benchmarks` runs all modules, prints their tables and writes `docs/benchmarks.md` (or the page of that
folder that BENCH_PAGE names); with names it runs those and leaves the sections of the others.
"""

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

Prepare: TypeAlias = Callable[..., Callable[[], Any]]

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / os.environ.get("BENCH_PAGE", "benchmarks.md")


@dataclass(frozen=True)
class Measured:
    """One contestant: median seconds, highest peak in MB, and what the run of those seconds returned."""

    name: str
    seconds: float
    peak_mb: float
    result: Any

    def row(self, floor: "Measured | None" = None) -> dict[str, str]:
        """A row for the report's table, with the time as a multiple of the floor's."""
        cells = {"": self.name, "seconds": f"{self.seconds:.2f}"}
        if floor is not None:
            cells["× floor"] = f"{self.seconds / floor.seconds:.2f}"
        return cells | {"peak MB": f"{self.peak_mb:.0f}"}


@dataclass(frozen=True)
class Limit:
    """Something that was promised, and whether the run kept it."""

    promise: str
    is_kept: bool


@dataclass(frozen=True)
class Report:
    """One section of docs/benchmarks.md. Rows of the table share their keys, which head its columns."""

    title: str
    text: str
    rows: list[dict[str, str]]
    limits: list[Limit] = field(default_factory=list)

    def markdown(self) -> str:
        heads = list(self.rows[0])
        table = [
            heads,
            ["---", *["---:"] * (len(heads) - 1)],
            *([row.get(head, "") for head in heads] for row in self.rows),
        ]
        lines = [f"## {self.title}", "", self.text, "", *(f"| {' | '.join(cells)} |" for cells in table)]
        if self.limits:
            lines += ["", *(f"- {limit.promise}: {'kept' if limit.is_kept else '**broken**'}" for limit in self.limits)]
        return "\n".join(lines) + "\n"


def measure(contestants: Mapping[str, Prepare], *arguments: str, rounds: int = 3) -> dict[str, Measured]:
    """Run every contestant `rounds` times, in turns, each time in a fresh process."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, prepare in contestants.items():
            runs[name].append(_run(prepare, arguments))
    return {name: _of_rounds(name, of) for name, of in runs.items()}


def _of_rounds(name: str, runs: Sequence[dict[str, Any]]) -> Measured:
    median = sorted(runs, key=lambda run: run["seconds"])[len(runs) // 2]
    return Measured(name, median["seconds"], max(run["peak_mb"] for run in runs), median["result"])


def _run(prepare: Prepare, arguments: tuple[str, ...]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.harness", f"{prepare.__module__}:{prepare.__name__}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise RuntimeError(f"{prepare.__name__} failed:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _peak_mb() -> float:
    """The highest resident set of this process. Linux: `ru_maxrss` would include the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return int(found[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def _contend(place: str, *arguments: str) -> None:
    module, _, name = place.partition(":")
    work = getattr(__import__(module, fromlist=[name]), name)(*arguments)
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak_mb": _peak_mb(), "result": result}))


if __name__ == "__main__":
    _contend(*sys.argv[1:])
