"""(k) A year of 300 arcs, one Parquet export of the provider in no order: file to committed interim months.

transit reads the export twice (it is surveyed whole before anything lands), keeps it with its hash, cuts it into
months, puts every row through the rules and commits to Delta with a row in the ledger for each month. The others read
it once, clean and deduplicate it alike and write one bare Parquet file: hand-written DuckDB is the floor.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.harness import Limit, Report, measure

ARCS = int(os.environ.get("BENCH_ARCS", "300"))
ROUNDS = 3 if ARCS <= 300 else 1
FIRST_MONTH, MONTHS = date(2025, 1, 1), int(os.environ.get("BENCH_MONTHS", "12"))
SEED = 7
ASKED_AT = datetime(2026, 3, 1, tzinfo=UTC)  # when everything has been published and corrected
_LIMIT, _MEMORY_MB = 5, 1_500 if ARCS <= 300 else 4_000  # a month of Paris is one commit: 2.2 million rows
LEVELS = {
    "Fluide": "fluid",
    "Pré-saturé": "pre_saturated",
    "Saturé": "saturated",
    "Bloqué": "blocked",
    "Inconnu": "unknown",
}
STATES = {"Ouvert": "open", "Barré": "closed", "Invalide": "invalid", "Inconnu": "unknown"}
BANDS = (15, 30, 50)
MOST_VEHICLES = 20_000
# What every contestant must have found, whatever the order of its rows: how many, and a sum over all of them.
_FINGERPRINT = """
SELECT count(*), sum(hash(arc_id::VARCHAR, epoch_us(hour_start_at), flow_veh_per_hour::DOUBLE,
    occupancy_percent::DOUBLE, level::VARCHAR, level_of_occupancy::VARCHAR, arc_state::VARCHAR)::HUGEINT)::VARCHAR
FROM {rows}
"""


def main() -> Report:
    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        records = write_export(Path(folder) / "export.parquet")
        found = measure({"DuckDB by hand": floor, "transit": transit}, folder, rounds=ROUNDS)
        found |= measure({"polars": with_polars, "pandas": with_pandas}, folder, rounds=1)
        answers = {fingerprint(f"'{folder}/{name}.parquet'") for name in ("floor", "polars", "pandas")}
        answers.add(fingerprint(committed(found["transit"].result["lake"])))
    bare, ours = found["DuckDB by hand"], found["transit"]
    ratio = ours.seconds / bare.seconds
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in ours.result["stages"].items())
    text = (
        f"{records:,} records of {ARCS:,} arcs in {MONTHS} months, {ours.result['kept']:,} rows kept. The stages of "
        f"transit: {stages}. It reads the file twice, keeps it, decodes it once into months, and commits each month "
        "with its account; the others write one bare Parquet file."
    )
    limits = [
        Limit(f"at most {_LIMIT}× hand-written DuckDB (now {ratio:.2f}×)", ratio <= _LIMIT),
        Limit(f"at most {_MEMORY_MB:,} MB (now {ours.peak_mb:.0f} MB)", ours.peak_mb <= _MEMORY_MB),
        Limit("all contestants end with the same rows", len(answers) == 1),
    ]
    return Report(
        f"(k) A year of {ARCS:,} arcs to the interim table", text, [one.row(bare) for one in found.values()], limits
    )


def counted(arcs: int, first: datetime, end: datetime) -> Any:
    """What counters of the simulated city say of hours that start between two instants, in the provider's columns.

    In the order of the hours; texts are dictionaries. Some hours come twice, some counters are silent.
    """
    import numpy as np
    import pyarrow as pa

    from transit_assets.simulator import road, streets

    hour_ends = np.arange(int(first.timestamp()), int(end.timestamp()), 3600) + 3600
    found = road.counts(SEED, np.arange(arcs), hour_ends, int(ASKED_AT.timestamp()), 0)
    city = streets.arcs(SEED)

    def of_arc(values: Any) -> Any:
        codes = pa.array(found.arc.astype(np.int32))
        return pa.DictionaryArray.from_arrays(codes, pa.array(list(values)[:arcs]))

    def coded(codes: Any, words: Any) -> Any:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(list(words)))

    level = np.where(np.isnan(found.occupancy), 4, np.digitize(found.occupancy, BANDS))
    state = np.searchsorted([road.OPEN, road.CLOSED, road.INVALID, road.UNKNOWN], found.state)
    return pa.table(
        {
            "iu_ac": of_arc(city.arc_id.tolist()),
            "libelle": of_arc(city.name),
            "t_1h": pa.array(found.hour_end * 1000, pa.timestamp("ms", "UTC")),
            "q": pa.array(found.flow, from_pandas=True),
            "k": pa.array(found.occupancy, from_pandas=True),
            "etat_trafic": coded(level, LEVELS),
            "iu_nd_amont": of_arc(node for node, _ in city.upstream),
            "libelle_nd_amont": of_arc(name for _, name in city.upstream),
            "iu_nd_aval": of_arc(node for node, _ in city.downstream),
            "libelle_nd_aval": of_arc(name for _, name in city.downstream),
            "etat_barre": coded(state, STATES),
            "geo_point_2d": of_arc(f"{lat}, {lon}" for lat, lon in zip(city.lat, city.lon, strict=True)),
            "geo_shape": of_arc(_line(shape) for shape in city.shape),
        }
    )


def _line(shape: Any) -> str:
    import json

    return json.dumps(shape["geometry"])


def months() -> list[datetime]:
    """The first instants of the months of the year, and of the one after."""
    from transit_assets.settings import PARIS

    found = [FIRST_MONTH]
    for _ in range(MONTHS):
        found.append((found[-1] + timedelta(days=32)).replace(day=1))
    return [datetime(day.year, day.month, day.day, tzinfo=PARIS) for day in found]


def write_export(path: Path) -> int:
    """One Parquet export of the year, its records in no order, as the provider's are; returns their number."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    edges = months()
    rows = pa.concat_tables([counted(ARCS, *edge) for edge in pairwise(edges)])
    rows = rows.unify_dictionaries().take(pa.array(np.random.default_rng(SEED).permutation(rows.num_rows)))
    pq.write_table(rows, path, store_schema=False)
    return rows.num_rows


def transit(folder: str) -> Callable[[], dict[str, Any]]:
    return importing(folder, [Path(folder) / "export.parquet"])


def importing(folder: str, files: Sequence[Path]) -> Callable[[], dict[str, Any]]:
    """What `transit import road` of some files and the load of their months do, into a new lake."""
    from transit_assets.lake import Lake
    from transit_assets.quality.load import load
    from transit_assets.road.archive import import_files
    from transit_assets.road.clean.counts import counts_hourly
    from transit_assets.road.landed import FEEDS_OF, WITH_INSTANTS, landed_by_month
    from transit_assets.road.schema import COUNTS_HOURLY
    from transit_assets.settings import Settings

    root = Path(tempfile.mkdtemp(dir=folder)) / "lake"
    lake, configured, feeds = Lake.at(root), Settings(_env_file=None), FEEDS_OF[COUNTS_HOURLY.relation]

    def work() -> dict[str, Any]:
        started = time.perf_counter()
        import_files(lake, files, configured)
        imported = time.perf_counter()
        prints = lake.landing.fingerprints("road", feeds, with_instants=WITH_INSTANTS)
        landed = landed_by_month(lake, feeds, sorted(prints))
        cleaned = (counts_hourly(date.fromisoformat(month), found, prints[month]) for month, found in landed)
        done = load(lake, COUNTS_HOURLY, cleaned)
        if {one.outcome for one in done} != {"committed"}:
            raise RuntimeError("a month was refused")
        stages = {"import": imported - started, "rules and load": time.perf_counter() - imported}
        return {"kept": sum(one.kept_rows for one in done), "lake": str(root), "stages": stages}

    return work


def floor(folder: str) -> Callable[[], None]:
    """DuckDB by hand: the same cleaning in one statement, with as much memory as it asks for.

    Bounded as a lake's connection is, it gives up on the 26 million records of a whole city.
    """
    from transit_assets.lake import Lake

    connection = Lake.at(Path(folder) / "lake").connect()
    connection.execute("SET memory_limit = '12GB'")

    def run() -> None:
        rows = f"read_parquet('{folder}/export.parquet', file_row_number = true)"
        connection.execute(f"COPY ({cleaning_sql(rows)}) TO '{folder}/floor.parquet' (CODEC zstd)")

    return run


def cleaning_sql(rows: str) -> str:
    """What transit does to the records of an export, as one statement over them and their `file_row_number`."""
    return f"""
    SELECT date_trunc('month', timezone('Europe/Paris', hour_start_at))::DATE AS month, arc_id, hour_start_at,
        flow_veh_per_hour, occupancy_percent, level,
        CASE WHEN occupancy_percent IS NULL THEN 'unknown' WHEN occupancy_percent < {BANDS[0]} THEN 'fluid'
            WHEN occupancy_percent < {BANDS[1]} THEN 'pre_saturated' WHEN occupancy_percent < {BANDS[2]}
            THEN 'saturated' ELSE 'blocked' END AS level_of_occupancy,
        arc_state
    FROM (
        SELECT iu_ac AS arc_id, t_1h - INTERVAL 1 HOUR AS hour_start_at, q AS flow_veh_per_hour,
            k AS occupancy_percent, {_worded("etat_trafic", LEVELS)} AS level,
            {_worded("etat_barre", STATES)} AS arc_state, file_row_number
        FROM {rows}
        WHERE coalesce(q BETWEEN 0 AND {MOST_VEHICLES}, true) AND coalesce(k BETWEEN 0 AND 100, true)
    )
    QUALIFY row_number() OVER (PARTITION BY arc_id, hour_start_at ORDER BY file_row_number DESC) = 1
    ORDER BY month, arc_id, hour_start_at
    """


def _worded(column: str, words: dict[str, str]) -> str:
    cases = " ".join(f"WHEN '{word}' THEN '{own}'" for word, own in words.items())
    return f"CASE {column} {cases} END"


def with_polars(folder: str) -> Callable[[], int]:
    import polars as pl

    def run() -> int:
        rows = polars_cleaned(pl.scan_parquet(Path(folder) / "export.parquet"), LEVELS, STATES)
        rows.write_parquet(Path(folder) / "polars.parquet")
        return len(rows)

    return run


def polars_cleaned(records: Any, levels: dict[Any, str], states: dict[Any, str]) -> Any:
    """The same cleaning of lazy records whose `t_1h` are instants, as a notebook would do it."""
    import polars as pl

    q, k = pl.col("flow_veh_per_hour"), pl.col("occupancy_percent")
    return (
        records.select(
            arc_id="iu_ac",
            hour_start_at=pl.col("t_1h") - pl.duration(hours=1),
            flow_veh_per_hour="q",
            occupancy_percent="k",
            level=pl.col("etat_trafic").replace_strict(levels),
            arc_state=pl.col("etat_barre").replace_strict(states),
        )
        .filter(q.is_between(0, MOST_VEHICLES).fill_null(True) & k.is_between(0, 100).fill_null(True))
        .unique(["arc_id", "hour_start_at"], keep="last", maintain_order=True)
        .with_columns(
            month=pl.col("hour_start_at").dt.convert_time_zone("Europe/Paris").dt.truncate("1mo").dt.date(),
            level_of_occupancy=pl.when(k < BANDS[0])
            .then(pl.lit("fluid"))
            .when(k < BANDS[1])
            .then(pl.lit("pre_saturated"))
            .when(k < BANDS[2])
            .then(pl.lit("saturated"))
            .when(k.is_not_null())
            .then(pl.lit("blocked"))
            .otherwise(pl.lit("unknown")),
        )
        .sort("month", "arc_id", "hour_start_at")
        .collect()
    )


def with_pandas(folder: str) -> Callable[[], int]:
    import pandas as pd

    columns = ["iu_ac", "t_1h", "q", "k", "etat_trafic", "etat_barre"]

    def run() -> int:
        records = pd.read_parquet(Path(folder) / "export.parquet", columns=columns)
        rows = pandas_cleaned(records, LEVELS, STATES)
        rows.to_parquet(Path(folder) / "pandas.parquet", compression="zstd")
        return len(rows)

    return run


def pandas_cleaned(records: Any, levels: dict[Any, str], states: dict[Any, str]) -> Any:
    """The same cleaning of records whose `t_1h` are instants, as a notebook would do it."""
    import pandas as pd

    rows = records.rename(columns={"iu_ac": "arc_id", "q": "flow_veh_per_hour", "k": "occupancy_percent"})
    flow, occupancy = rows["flow_veh_per_hour"], rows["occupancy_percent"]
    rows = rows[(flow.isna() | flow.between(0, MOST_VEHICLES)) & (occupancy.isna() | occupancy.between(0, 100))]
    rows = rows.assign(hour_start_at=rows["t_1h"] - pd.Timedelta(hours=1))
    rows = rows.drop_duplicates(["arc_id", "hour_start_at"], keep="last")
    local = rows["hour_start_at"].dt.tz_convert("Europe/Paris").dt.tz_localize(None)
    words = ["fluid", "pre_saturated", "saturated", "blocked"]
    bands = pd.cut(rows["occupancy_percent"], [-1, *BANDS, 101], right=False, labels=words)
    rows = rows.assign(
        month=local.dt.to_period("M").dt.to_timestamp(),
        level=rows["etat_trafic"].map(levels),
        arc_state=rows["etat_barre"].map(states),
        level_of_occupancy=bands.astype(object).fillna("unknown"),
    ).drop(columns=["t_1h", "etat_trafic", "etat_barre"])
    return rows.sort_values(["month", "arc_id", "hour_start_at"])


def committed(root: str) -> str:
    """The hours that a lake holds, as a relation."""
    from transit_assets.lake import Lake
    from transit_assets.road.schema import COUNTS_HOURLY

    return f"({Lake.at(root).table(COUNTS_HOURLY).snapshot().sql})"


def fingerprint(rows: str) -> tuple[int, str]:
    """What tells apart two sets of hours, whatever their order."""
    import duckdb

    return duckdb.sql(_FINGERPRINT.format(rows=rows)).fetchone() or (0, "")
