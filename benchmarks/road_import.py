"""(h) Fourteen years of one arc in the provider's history format: fourteen CSV files to 168 committed months.

The others read the same files into memory, clean and deduplicate them alike and write one bare Parquet file, which
takes no more than a second for so few rows. What transit does besides is counted by months, not by rows: each file is
surveyed, kept with its hash and cut into months, and every month has its own decoded file, its own partition and its
own row in the ledger.
"""

import os
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.harness import Limit, Report, measure
from benchmarks.road_interim import (
    committed,
    counted,
    fingerprint,
    importing,
    pandas_cleaned,
    polars_cleaned,
)

YEARS = range(2024 - int(os.environ.get("BENCH_YEARS", "14")), 2024)
_LIMIT_SECONDS, _MEMORY_MB = 10, 500
_LEVELS = {0: "unknown", 1: "fluid", 2: "pre_saturated", 3: "saturated", 4: "blocked"}
_STATES = {0: "unknown", 1: "open", 2: "closed", 3: "invalid"}
_LEVEL_NUMBERS = {"Fluide": "1", "Pré-saturé": "2", "Saturé": "3", "Bloqué": "4", "Inconnu": "0"}
_STATE_NUMBERS = {"Ouvert": "1", "Barré": "2", "Invalide": "3", "Inconnu": "0"}
_COLUMNS = (
    *("iu_ac", "libelle", "iu_nd_amont", "libelle_nd_amont", "iu_nd_aval", "libelle_nd_aval"),
    *("t_1h", "q", "k", "etat_trafic", "etat_barre"),
)


def main() -> Report:
    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        records = sum(write_year(Path(folder), year) for year in YEARS)
        found = measure({"pandas": with_pandas, "polars": with_polars, "transit": transit}, folder, rounds=3)
        answers = {fingerprint(f"'{folder}/{name}.parquet'") for name in ("pandas", "polars")}
        answers.add(fingerprint(committed(found["transit"].result["lake"])))
    bare, ours = found["pandas"], found["transit"]
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in ours.result["stages"].items())
    months = 12 * len(YEARS)
    text = (
        f"{records:,} records in {len(YEARS)} files, {ours.result['kept']:,} rows kept in {months} months. The floor "
        f"is pandas with one bare Parquet file. The stages of transit: {stages}."
    )
    limits = [
        Limit(f"at most {_LIMIT_SECONDS} s (now {ours.seconds:.1f} s)", ours.seconds <= _LIMIT_SECONDS),
        Limit(f"at most {_MEMORY_MB} MB (now {ours.peak_mb:.0f} MB)", ours.peak_mb <= _MEMORY_MB),
        Limit("all contestants end with the same rows", len(answers) == 1),
    ]
    rows = [one.row(bare) for one in found.values()]
    return Report("(h) Fourteen years of one arc to the interim table", text, rows, limits)


def write_year(folder: Path, year: int) -> int:
    """The history extract of one arc and year: naive times of Paris, numbers for levels and states."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv

    from transit_assets.context.local_time import local_seconds
    from transit_assets.settings import PARIS

    first, end = (datetime(of, 1, 1, tzinfo=PARIS) for of in (year, year + 1))
    found = counted(1, first, end)
    seconds = found["t_1h"].cast(pa.int64()).to_numpy() // 1000
    local, before = (local_seconds(seconds - back, PARIS.key) for back in (0, 3600))
    # On the last Sunday of March the provider prints the 02:00 that the clock leaves out.
    local = np.where(local - before == 7200, local - 3600, local)
    columns = {name: found[name] for name in _COLUMNS} | {
        "t_1h": pc.strftime(pa.array(local).cast(pa.timestamp("s")), "%Y-%m-%d %H:%M:%S"),
        "etat_trafic": _numbered(found["etat_trafic"], _LEVEL_NUMBERS),
        "etat_barre": _numbered(found["etat_barre"], _STATE_NUMBERS),
    }
    rows = pa.table({name: _plain(column) for name, column in columns.items()})
    options = pyarrow.csv.WriteOptions(quoting_style="none")
    pyarrow.csv.write_csv(rows, folder / f"{year}.csv", options)
    return rows.num_rows


def _numbered(column: Any, numbers: dict[str, str]) -> Any:
    import pyarrow as pa

    return pa.array([numbers[word] for word in column.to_pylist()])


def _plain(column: Any) -> Any:
    import pyarrow as pa

    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def transit(folder: str) -> Callable[[], dict[str, Any]]:
    return importing(folder, _files(folder))


def with_pandas(folder: str) -> Callable[[], int]:
    import pandas as pd

    def run() -> int:
        rows = pd.concat([pd.read_csv(file, dtype={"iu_ac": str}, parse_dates=["t_1h"]) for file in _files(folder)])
        # Of an hour that the clock shows twice the provider has the second only.
        rows["t_1h"] = rows["t_1h"].dt.tz_localize("Europe/Paris", ambiguous=False, nonexistent="NaT")
        rows = rows.dropna(subset=["t_1h"])[["iu_ac", "t_1h", "q", "k", "etat_trafic", "etat_barre"]]
        kept = pandas_cleaned(rows.reset_index(drop=True), _LEVELS, _STATES)
        kept.to_parquet(Path(folder) / "pandas.parquet", compression="zstd")
        return len(kept)

    return run


def with_polars(folder: str) -> Callable[[], int]:
    import polars as pl

    def run() -> int:
        records = pl.scan_csv(_files(folder), schema_overrides={"iu_ac": pl.String, "q": pl.Float64, "k": pl.Float64})
        instant = (
            pl.col("t_1h")
            .str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us")
            .dt.replace_time_zone("Europe/Paris", ambiguous="latest", non_existent="null")
            .dt.convert_time_zone("UTC")
        )
        records = records.with_columns(t_1h=instant).filter(pl.col("t_1h").is_not_null())
        kept = polars_cleaned(records, _LEVELS, _STATES)
        kept.write_parquet(Path(folder) / "polars.parquet")
        return len(kept)

    return run


def _files(folder: str) -> list[Path]:
    return sorted(Path(folder).glob("*.csv"))
