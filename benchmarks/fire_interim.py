"""(l) Seventeen years of calls and vehicles in the brigade's CSV files: two files to committed interim months.

transit reads each file twice (it is surveyed whole before anything lands), keeps it with its hash, cuts it into London
months, puts every row through the rules and commits each month to Delta with a row in the ledger. The others read each
file once, clean and deduplicate alike and write one bare Parquet file per table. Vehicles are published later than
calls: of the calls of the last months the pumps of the call's own record stand in.
"""

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.harness import Limit, Report, measure
from benchmarks.notebooks.fire import TEXTS, TIMES, WHOLE, with_pandas, with_polars

MONTHS = int(os.environ.get("BENCH_MONTHS", "204"))
CALLS_PER_DAY = int(os.environ.get("BENCH_CALLS", "306"))
FIRST_YEAR, SEED = 2009, 7
_UNPUBLISHED = 3  # months of calls whose vehicles are not published yet
_LIMIT, _MEMORY_MB = 2, 2_000
# What a column is told apart by, so that the fingerprints of a lake and of a notebook's file meet.
_COMPARED = {
    "incidents": (
        *("month", "called_at", *TEXTS["incidents"], *WHOLE["incidents"]),
        *("latitude", "longitude", "is_over_the_border", "notional_cost_gbp"),
    ),
    "mobilisations": ("month", "is_derived", *TEXTS["mobilisations"], *WHOLE["mobilisations"], *TIMES),
}


def main() -> Report:
    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        records = write_files(Path(folder), MONTHS)
        found = measure({"polars": with_polars, "transit": transit, "pandas": with_pandas}, folder, rounds=1)
        answers = {fingerprint(f"'{folder}/{name}-{{table}}.parquet'") for name in ("polars", "pandas")}
        lake = found["transit"].result["lake"]
        answers.add(tuple(_fingerprint(committed(lake, table), table) for table in _COMPARED))
    bare, ours, notebook = found["polars"], found["transit"], found["pandas"]
    ratio = ours.seconds / bare.seconds
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in ours.result["stages"].items())
    kept = ours.result["kept"]
    text = (
        f"{records['mobilisations']:,} records of vehicles and {records['incidents']:,} of calls in {MONTHS} months, "
        f"{kept['mobilisations']:,} and {kept['incidents']:,} rows kept. The stages of transit: {stages}. It reads "
        "each file twice, keeps it, decodes it once into months, and commits each month with its account; the others "
        "write two bare Parquet files."
    )
    limits = [
        Limit(f"at most {_LIMIT}× polars (now {ratio:.2f}×)", ratio <= _LIMIT),
        Limit(f"less time than pandas ({notebook.seconds:.0f} s)", ours.seconds < notebook.seconds),
        Limit(f"at most {_MEMORY_MB:,} MB (now {ours.peak_mb:.0f} MB)", ours.peak_mb <= _MEMORY_MB),
        Limit("all contestants end with the same rows", len(answers) == 1),
    ]
    rows = [one.row(bare) for one in found.values()]
    return Report(f"(l) {MONTHS} months of calls and vehicles to the interim tables", text, rows, limits)


def write_files(folder: Path, months: int) -> dict[str, int]:
    """`incidents.csv` and `mobilisations.csv` of the simulated brigade; returns how many records each holds."""
    from transit_assets.simulator.lfb_files import INCIDENT_HEADER, MOBILISATION_HEADER

    firsts = [date(FIRST_YEAR + number // 12, number % 12 + 1, 1) for number in range(months)]
    records = dict.fromkeys(_COMPARED, 0)
    with (
        ProcessPoolExecutor(os.cpu_count()) as processes,
        (folder / "incidents.csv").open("wb") as calls,
        (folder / "mobilisations.csv").open("wb") as vehicles,
    ):
        calls.write(INCIDENT_HEADER.encode())
        vehicles.write(MOBILISATION_HEADER.encode())
        for number, (of_calls, of_vehicles) in enumerate(processes.map(_lines, firsts)):
            if number >= months - _UNPUBLISHED:
                of_vehicles = b""
            calls.write(of_calls)
            vehicles.write(of_vehicles)
            records["incidents"] += of_calls.count(b"\n")
            records["mobilisations"] += of_vehicles.count(b"\n")
    return records


def _lines(month: date) -> tuple[bytes, bytes]:
    from transit_assets.simulator import fire, lfb_files

    calls, vehicles = fire.month(SEED, CALLS_PER_DAY, month)
    return lfb_files.incidents_csv(SEED, calls, vehicles), lfb_files.mobilisations_csv(SEED, calls, vehicles)


def transit(folder: str) -> Callable[[], dict[str, Any]]:
    """What `transit import fire` of the two files and the loads of their months do, into a new lake."""
    from transit_assets.fire.archive import import_files
    from transit_assets.fire.clean.incidents import incidents
    from transit_assets.fire.clean.mobilisations import mobilisations
    from transit_assets.fire.landed import FEEDS_OF, WITH_INSTANTS, landed_by_month
    from transit_assets.fire.schema import INCIDENTS, MOBILISATIONS
    from transit_assets.lake import Lake
    from transit_assets.quality.load import load
    from transit_assets.settings import Settings

    root = Path(tempfile.mkdtemp(dir=folder)) / "lake"
    lake, configured = Lake.at(root), Settings(_env_file=None)

    def work() -> dict[str, Any]:
        started = time.perf_counter()
        import_files(lake, [Path(folder) / f"{name}.csv" for name in _COMPARED], configured)
        stages, kept = {"import": time.perf_counter() - started}, {}
        for table, clean in ((INCIDENTS, incidents), (MOBILISATIONS, mobilisations)):
            started = time.perf_counter()
            feeds = FEEDS_OF[table.relation]
            prints = lake.landing.fingerprints("fire", feeds, with_instants=WITH_INSTANTS)
            landed = landed_by_month(lake, feeds, sorted(prints))
            done = load(lake, table, (clean(date.fromisoformat(of), found, prints[of]) for of, found in landed))
            if {one.outcome for one in done} != {"committed"}:
                raise RuntimeError("a month was refused")
            stages[f"rules and load of {table.name}"] = time.perf_counter() - started
            kept[table.name] = sum(one.kept_rows for one in done)
        return {"kept": kept, "lake": str(root), "stages": stages}

    return work


def committed(root: str, name: str) -> str:
    """What a lake holds of calls or of vehicles, as a relation."""
    from transit_assets.fire.schema import INCIDENTS, MOBILISATIONS
    from transit_assets.lake import Lake

    table = {one.name: one for one in (INCIDENTS, MOBILISATIONS)}[name]
    return f"({Lake.at(root).table(table).snapshot().sql})"


def fingerprint(place: str) -> tuple[Any, ...]:
    """What tells apart the rows of two files, whatever their order."""
    return tuple(_fingerprint(place.format(table=table), table) for table in _COMPARED)


def _fingerprint(rows: str, table: str) -> tuple[int, str]:
    import duckdb

    instants, numbers = {*TIMES, "called_at"}, {*WHOLE[table], "latitude", "longitude", "notional_cost_gbp"}

    def compared(name: str) -> str:
        if name in instants:
            return f"epoch_us({name})"
        if name in numbers:
            return f"{name}::DOUBLE"
        return f"{name}::DATE" if name == "month" else f"{name}::VARCHAR"

    columns = ", ".join(map(compared, _COMPARED[table]))
    found = duckdb.sql(f"SELECT count(*), sum(hash({columns})::HUGEINT)::VARCHAR FROM {rows}").fetchone()
    return found or (0, "")
