"""(d) What dbt costs: all marts of bikes for 1, 30 and 365 days in one build, from start to commit.

The data is small (20 stations, a poll every quarter of an hour), so what is left is starting dbt, its tests,
its statements and the Delta commits: they must not grow with the days.
"""

import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.bikes_marts import fill
from benchmarks.harness import Limit, Report, measure

_FIRST_DAY = date(2025, 1, 1)
_DAYS = (1, 30, 365)
_LIMIT_SECONDS = 15


def main() -> Report:
    found = {}
    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        fill(Path(folder), max(_DAYS), stations=20, minutes=15, first_day=_FIRST_DAY)
        for days in _DAYS:
            name = f"{days} day{'s' if days > 1 else ''}"
            found |= {name: measure({name: marts}, folder, str(days), rounds=3)[name]}
        refused = measure({"a failing test": with_a_failing_test}, folder, rounds=1)["a failing test"]
    slowest = max(one.seconds for one in found.values())
    limits = [
        Limit(f"at most {_LIMIT_SECONDS} s for any number of days (now {slowest:.1f} s)", slowest <= _LIMIT_SECONDS),
        Limit("a failing test leaves every Delta version unchanged", refused.result == "unchanged"),
    ]
    text = f"{found['1 day'].result} marts, built, tested and committed in one `dbt build` in process."
    return Report("(d) What dbt adds", text, [one.row() for one in found.values()], limits)


def marts(folder: str, days: str) -> Callable[[], Any]:
    import dbt.adapters.duckdb.impl
    import dbt.cli.main  # noqa: F401

    from transit_assets.dbt_lake import build
    from transit_assets.lake import Lake

    lake = Lake.at(Path(folder) / "lake")
    last = _FIRST_DAY + timedelta(int(days) - 1)

    def run() -> Any:
        outcome = build(lake, _FIRST_DAY.isoformat(), last.isoformat())
        if not outcome.has_passed:
            raise RuntimeError(outcome.error)
        return len(outcome.marts)

    return run


def with_a_failing_test(folder: str) -> Callable[[], Any]:
    from transit_assets.bikes.schema import STATIONS
    from transit_assets.dbt_lake import build
    from transit_assets.lake import Lake

    lake = Lake.at(Path(folder) / "lake")

    def twice() -> Any:
        """One station described twice as current: the ranking names it twice, and its unique key fails."""
        import pyarrow as pa

        rows = [
            {"station_code": "1000", "valid_from": _FIRST_DAY + timedelta(number), "first_station_code": "1000"}
            for number in range(2)
        ]
        return pa.Table.from_pylist(rows, schema=STATIONS.schema)

    def versions() -> dict[str, int]:
        return {name: lake.open(name).version() for name in lake.relations() if name.startswith("processed.")}

    def run() -> str:
        lake.table(STATIONS).rebuild(twice)
        before = versions()
        outcome = build(lake)
        return "unchanged" if not outcome.has_passed and versions() == before else "changed"

    return run
