"""(e) Loading the code location, against importing Dagster and the integrations it uses alone."""

import compileall
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.harness import ROOT, Limit, Report, measure

_LIMIT = 1.3
_INTEGRATIONS = ("dagster", "dagster_dbt", "dagster_duckdb")
_SLOW = ("great_expectations", "mlflow", "sklearn", "lightgbm")


def main() -> Report:
    from transit_assets.dbt_lake import manifest_path

    # As any second start finds them: the code compiled, the dbt project parsed.
    compileall.compile_dir(ROOT / "transit_assets", quiet=2)
    manifest_path()
    found = measure({"Dagster and its integrations": integrations, "the code location": location}, rounds=5)
    floor, ours = found.values()
    factor = ours.seconds / floor.seconds
    limits = [
        Limit(f"at most {_LIMIT}× (now {factor:.2f}×)", factor <= _LIMIT),
        Limit(f"none of {', '.join(_SLOW)} is imported", ours.result == []),
    ]
    text = f"Imports of {', '.join(_INTEGRATIONS)} alone, against all definitions loaded."
    return Report("(e) Loading the code location", text, [one.row(floor) for one in found.values()], limits)


def integrations() -> Callable[[], Any]:
    def run() -> list[str]:
        for name in _INTEGRATIONS:
            import_module(name)
        return _slow_imports()

    return run


def location() -> Callable[[], Any]:
    def run() -> list[str]:
        from transit_assets.definitions import defs

        defs.get_repository_def()
        return _slow_imports()

    return run


def _slow_imports() -> list[str]:
    return [name for name in _SLOW if name in sys.modules]
