"""(b) Thirty days of minutes, 65 million reports, through the station-day mart.

The floor runs the mart's own compiled SQL over plain Parquet files, a day at a time, and writes plain Parquet.
transit reads the lake, builds, tests and commits to Delta through dbt. polars and pandas are what a notebook
would do, also a day at a time: neither holds 65 million rows in a gigabyte.
"""

import os
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.harness import Limit, Report, measure

DAYS = int(os.environ.get("BENCH_DAYS", "30"))
STATIONS = 1_500
_FIRST_DAY = date(2025, 9, 1)
_MAX_GAP_MINUTES, _MIN_COVERAGE = 20, 0.5
_MEASURES = ("mechanical", "ebike", "docks_free")


def main() -> Report:
    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        rows = fill(Path(folder), DAYS, STATIONS, minutes=1)
        (Path(folder) / "station_daily.sql").write_text(_compiled_sql(Path(folder)))
        found = measure({"floor": floor, "transit": transit}, folder, rounds=3)
        found |= measure({"polars": with_polars, "pandas": with_pandas}, folder, rounds=1)
    bare, ours = found["floor"], found["transit"]
    ratio = ours.seconds / bare.seconds
    answers = {tuple(one.result) for one in found.values()}
    text = (
        f"{rows:,} reports of {STATIONS:,} stations on {DAYS} days. The floor is the mart's SQL over plain Parquet, "
        "written to plain Parquet; transit also starts dbt, runs the tests and commits to Delta."
    )
    limits = [
        Limit(f"at most 1.15× the same SQL on plain Parquet (now {ratio:.2f}×)", ratio <= 1.15),
        Limit(f"at most 1,000 MB (now {ours.peak_mb:.0f} MB)", ours.peak_mb <= 1000),
        Limit("all contestants count the same rows, bikes and empty time", len(answers) == 1),
    ]
    return Report(
        "(b) Thirty days of minutes to the station-day mart", text, [o.row(bare) for o in found.values()], limits
    )


def fill(folder: Path, days: int, stations: int, minutes: int, first_day: date = _FIRST_DAY) -> int:
    """A lake with interim tables of so many days, and the same reports as plain Parquet; returns the number of rows."""
    from transit_assets.bikes.schema import STATION_INFORMATION, STATION_STATUS
    from transit_assets.lake import Lake

    lake = Lake.at(folder / "lake")
    (folder / "plain").mkdir()
    rows = 0
    with lake.engine() as connection:
        for day in (first_day + timedelta(number) for number in range(days)):
            values = {"day": day, "stations": stations, "minutes": minutes}
            reports = connection.execute(_REPORTS, values).to_arrow_table()
            rows += reports.num_rows
            lake.table(STATION_STATUS).replace(reports, [day])
            connection.execute(
                f"COPY (SELECT * EXCLUDE day FROM reports) TO '{folder}/plain/{day}.parquet' (CODEC zstd)"
            )
            described = connection.execute(_DESCRIBED, {"day": day, "stations": stations}).to_arrow_table()
            lake.table(STATION_INFORMATION).replace(described, [day])
    return rows


# Counts swing with the time of day; a station is now and then empty or full, and one report in a hundred is stale.
_REPORTS = """
SELECT day, station_code, poll - to_seconds(5 + (noise % 50)::INTEGER) AS reported_at, poll AS polled_at,
    poll AS first_polled_at, bikes, bikes - bikes // 3 AS mechanical, bikes // 3 AS ebike, 30 - bikes AS docks_free,
    30 AS capacity, true AS is_installed, true AS is_renting, true AS is_returning, noise % 100 = 0 AS is_stale,
    'provider' AS reported_at_provenance, 'gbfs' AS source, repeat('0', 64) AS payload_sha256
FROM (
    SELECT $day::DATE AS day, (1000 + s)::VARCHAR AS station_code, hash(s * 100000 + m) AS noise,
        timezone('Europe/Paris', $day::TIMESTAMP) + to_minutes(m::INTEGER) AS poll,
        greatest(0, least(30, round(15 + 17 * sin((m + 37 * s) / 229.0))))::INTEGER AS bikes
    FROM range($stations) AS station(s), range(0, 1440, $minutes) AS minute(m)
)
ORDER BY station_code, reported_at
"""
_DESCRIBED = """
SELECT $day::DATE AS day, (1000 + s)::VARCHAR AS station_code, 'Station ' || s AS name, 48.85 AS latitude,
    2.35 AS longitude, 30 AS capacity, NULL::VARCHAR AS commune, NULL::VARCHAR AS insee_code,
    NULL::BIGINT AS gbfs_station_id, 'Paris ' || (s % 20 + 1) || 'e' AS zone, 'station_code' AS zone_provenance,
    repeat('0', 64) AS payload_sha256
FROM range($stations) AS station(s)
"""


def _compiled_sql(folder: Path) -> str:
    """The SQL that dbt compiles for the mart."""
    import json
    import subprocess
    import sys

    from transit_assets.dbt_lake import PROJECT

    dbt = Path(sys.executable).with_name("dbt")
    command = [dbt, "--quiet", "compile", "--select", "bikes__station_daily", "--target-path", str(folder / "target")]
    subprocess.run(
        command, cwd=PROJECT, env=os.environ | {"TRANSIT_LAKE": str(folder / "lake")}, check=True, capture_output=True
    )
    manifest = json.loads((folder / "target" / "manifest.json").read_text())
    return manifest["nodes"]["model.transit_assets.bikes__station_daily"]["compiled_code"]


def floor(folder: str) -> Callable[[], Any]:
    from transit_assets.lake import Lake

    plain, out = Path(folder) / "plain", Path(folder) / "floor"
    sql = (Path(folder) / "station_daily.sql").read_text()
    connection = Lake.at(Path(folder) / "lake").connect()
    connection.execute("CREATE SCHEMA interim")
    out.mkdir(exist_ok=True)

    def run() -> Any:
        for file in sorted(plain.iterdir()):
            reports = f"SELECT *, DATE '{file.stem}' AS day FROM read_parquet('{file}')"
            connection.execute(f"CREATE OR REPLACE VIEW interim.bikes__station_status AS {reports}")
            connection.execute(f"COPY ({sql}) TO '{out / file.name}' (CODEC zstd)")
        return _answer(connection.execute(f"SELECT * FROM '{out}/*.parquet'").to_arrow_table())

    return run


def transit(folder: str) -> Callable[[], Any]:
    import dbt.adapters.duckdb.impl
    import dbt.cli.main
    import dbt.task.build  # noqa: F401

    import transit_assets.dbt_lake.plugin  # noqa: F401
    from transit_assets.dbt_lake import build, mart_tables
    from transit_assets.lake import Lake

    lake = Lake.at(Path(folder) / "lake")
    daily = next(table for table in mart_tables() if table.identifier == "bikes__station_daily")

    def run() -> Any:
        outcome = build(lake, select=["bikes__station_daily"])
        if not outcome.has_passed:
            raise RuntimeError(outcome.error)
        return _answer(lake.table(daily).read())

    return run


def with_polars(folder: str) -> Callable[[], Any]:
    import polars as pl

    gap = pl.duration(minutes=_MAX_GAP_MINUTES)
    weight = pl.col("weight")

    def one_day(file: Path) -> pl.DataFrame:
        day = date.fromisoformat(file.stem)
        end = pl.lit(day + timedelta(1)).cast(pl.Datetime("us")).dt.replace_time_zone("Europe/Paris")
        length = (
            pl.Series([day, day + timedelta(1)]).cast(pl.Datetime("us")).dt.replace_time_zone("Europe/Paris")
        ).diff()[1]
        states = (
            pl.read_parquet(file)
            .sort("station_code", "first_polled_at", "reported_at")
            .with_columns(latest=pl.min_horizontal(pl.col("polled_at") + gap, end.dt.convert_time_zone("UTC")))
            .with_columns(until=pl.min_horizontal("latest", pl.col("first_polled_at").shift(-1).over("station_code")))
            .with_columns(weight=(pl.col("until") - pl.col("first_polled_at")).dt.total_microseconds())
            .filter(
                (weight > 0)
                & ~pl.col("is_stale")
                & pl.col("is_installed").fill_null(True)
                & pl.col("is_renting").fill_null(True)
                & pl.col("is_returning").fill_null(True)
                & (pl.col("bikes") + pl.col("docks_free") > 0)
            )
        )
        return (
            states.group_by("station_code")
            .agg(
                *(pl.col(name).mean().alias(f"{name}_mean") for name in _MEASURES),
                *(
                    ((pl.col(name) * weight).sum() / weight.sum()).alias(f"{name}_time_weighted_mean")
                    for name in _MEASURES
                ),
                *(pl.col(name).min().alias(f"{name}_min") for name in _MEASURES),
                *(pl.col(name).max().alias(f"{name}_max") for name in _MEASURES),
                empty_share=weight.filter(pl.col("bikes") == 0).sum() / weight.sum(),
                full_share=weight.filter(pl.col("docks_free") == 0).sum() / weight.sum(),
                coverage=weight.sum() / (length / timedelta(microseconds=1)),
            )
            .filter(pl.col("coverage") >= _MIN_COVERAGE)
            .sort("station_code")
        )

    def run() -> Any:
        days = [one_day(file) for file in sorted((Path(folder) / "plain").iterdir())]
        whole = pl.concat(days)
        whole.write_parquet(Path(folder) / "polars.parquet")
        return _answer(whole.to_arrow())

    return run


def with_pandas(folder: str) -> Callable[[], Any]:
    import pandas as pd

    def one_day(file: Path) -> pd.DataFrame:
        start = pd.Timestamp(file.stem, tz="Europe/Paris")
        end = start + pd.DateOffset(days=1)
        rows = pd.read_parquet(file).sort_values(["station_code", "first_polled_at", "reported_at"])
        until = rows["polled_at"] + pd.Timedelta(minutes=_MAX_GAP_MINUTES)
        until = until.clip(upper=end.tz_convert("UTC"))
        following = rows.groupby("station_code")["first_polled_at"].shift(-1)
        until = until.where(following.isna() | (until < following), following)
        rows["weight"] = (until - rows["first_polled_at"]) / pd.Timedelta(microseconds=1)
        is_open = rows["is_installed"] & rows["is_renting"] & rows["is_returning"]
        rows = rows[
            ~rows["is_stale"] & is_open & (rows["bikes"] + rows["docks_free"] > 0) & (rows["weight"] > 0)
        ].copy()
        for name in _MEASURES:
            rows[f"{name}_time"] = rows[name] * rows["weight"]
        rows["empty"] = rows["weight"].where(rows["bikes"] == 0, 0)
        rows["full"] = rows["weight"].where(rows["docks_free"] == 0, 0)
        stations = rows.groupby("station_code")
        time = stations["weight"].sum()
        columns = {"empty_share": stations["empty"].sum() / time, "full_share": stations["full"].sum() / time}
        for name in _MEASURES:
            columns[f"{name}_mean"] = stations[name].mean()
            columns[f"{name}_time_weighted_mean"] = stations[f"{name}_time"].sum() / time
            columns[f"{name}_min"], columns[f"{name}_max"] = stations[name].min(), stations[name].max()
        columns["coverage"] = time / ((end - start) / pd.Timedelta(microseconds=1))
        found = pd.DataFrame(columns)
        return found[found["coverage"] >= _MIN_COVERAGE].reset_index()

    def run() -> Any:
        import pyarrow as pa

        whole = pd.concat([one_day(file) for file in sorted((Path(folder) / "plain").iterdir())])
        whole.to_parquet(Path(folder) / "pandas.parquet")
        return _answer(pa.Table.from_pandas(whole))

    return run


def _answer(rows: Any) -> list[float]:
    """What every contestant must agree on: rows, mean bikes, empty share."""
    import pyarrow.compute as pc

    means = (pc.mean(rows[name]).as_py() for name in ("mechanical_time_weighted_mean", "empty_share", "coverage"))
    return [rows.num_rows, *(round(mean, 6) for mean in means)]
