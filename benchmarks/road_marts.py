"""(i) A year of 300 arcs through the marts of axes: the hours with their Paris time, the days, and the usual week.

The floor is DuckDB with statements written by hand over plain Parquet, to plain Parquet. transit reads the lake, builds
the same three marts in steps of months, tests them and commits them to Delta through dbt. polars and pandas are what a
notebook would do.
"""

import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.harness import Limit, Report, measure
from benchmarks.road_interim import ARCS, ROUNDS, cleaning_sql, counted, months

_MARTS = ("road__axis_hourly", "road__axis_daily", "road__axis_profile")
_LIMIT, _SECONDS, _MEMORY_MB = 2, 10, 1_500 if ARCS <= 300 else 4_000
_CONGESTED, _MIN_COVERAGE = 30, 0.5
_QUARTILES = {"first_quartile": 0.25, "median": 0.5, "third_quartile": 0.75}
_MEASURES = {"flow": "flow_veh_per_hour", "occupancy": "occupancy_percent"}
_WEEK = ["arc_id", "weekday", "local_hour"]


def main() -> Report:
    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        rows = fill(Path(folder))
        found = measure({"DuckDB by hand": floor, "transit": transit}, folder, rounds=ROUNDS)
        found |= measure({"polars": with_polars, "pandas": with_pandas}, folder, rounds=1)
    bare, ours = found["DuckDB by hand"], found["transit"]
    allowed = _LIMIT * bare.seconds + _SECONDS
    answers = {tuple(one.result) for one in found.values()}
    text = (
        f"{rows:,} hours of {ARCS:,} arcs. The floor is DuckDB by hand over plain Parquet, written to plain Parquet; "
        "transit also starts dbt, runs the tests of the three marts and commits them to Delta, which takes seconds "
        "however few the rows are (see what dbt adds)."
    )
    limits = [
        Limit(
            f"at most {_LIMIT}× DuckDB by hand and {_SECONDS} s for dbt (now {ours.seconds:.1f} of {allowed:.1f} s)",
            ours.seconds <= allowed,
        ),
        Limit(f"at most {_MEMORY_MB:,} MB (now {ours.peak_mb:.0f} MB)", ours.peak_mb <= _MEMORY_MB),
        Limit("all contestants count the same hours, days, vehicles and medians", len(answers) == 1),
    ]
    return Report(
        f"(i) A year of {ARCS:,} arcs to the marts of axes", text, [one.row(bare) for one in found.values()], limits
    )


def fill(folder: Path) -> int:
    """A lake with the hours of the year, and the same as plain Parquet by months; returns the number of rows."""
    import numpy as np
    import pyarrow as pa

    from transit_assets.lake import Lake
    from transit_assets.road.schema import COUNTS_HOURLY

    lake = Lake.at(folder / "lake")
    (folder / "plain").mkdir()
    rows = 0
    with lake.engine() as connection:
        for first, end in pairwise(months()):
            records = counted(ARCS, first, end)
            records = records.append_column("file_row_number", pa.array(np.arange(records.num_rows)))
            connection.register("records", records)
            said = "'ods_parquet' AS source, repeat('0', 64) AS payload_sha256"
            hours = connection.execute(f"SELECT *, {said} FROM ({cleaning_sql('records')})").to_arrow_table()
            lake.table(COUNTS_HOURLY).replace(hours, [first.date()])
            connection.register("hours", hours)
            connection.execute(
                f"COPY (SELECT * EXCLUDE (source, payload_sha256) FROM hours) "
                f"TO '{folder}/plain/{first.date()}.parquet' (CODEC zstd)"
            )
            rows += hours.num_rows
    return rows


def floor(folder: str) -> Callable[[], Any]:
    from transit_assets.lake import Lake

    connection = Lake.at(Path(folder) / "lake").connect()

    def run() -> Any:
        connection.execute(f"CREATE VIEW hours AS SELECT * FROM read_parquet('{folder}/plain/*.parquet')")
        for name, sql in (("hourly", _HOURLY), ("daily", _DAILY), ("profile", _PROFILE)):
            connection.execute(f"COPY ({sql}) TO '{folder}/{name}.parquet' (CODEC zstd)")
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder}/{name}.parquet')")
        return _answer(*(connection.execute(f"SELECT * FROM {name}").to_arrow_table() for name in _TABLES))

    return run


_TABLES = ("hourly", "daily", "profile")
_HOURLY = """
SELECT month, timezone('Europe/Paris', hour_start_at)::DATE AS day, arc_id, hour_start_at,
    hour(timezone('Europe/Paris', hour_start_at))::INTEGER AS local_hour, flow_veh_per_hour, occupancy_percent,
    coalesce(nullif(level, 'unknown'), level_of_occupancy) AS level, arc_state
FROM hours ORDER BY month, arc_id, hour_start_at
"""
_DAILY = f"""
SELECT month, day, arc_id, vehicles_counted, hours_observed, hours_with_occupancy, hours_congested,
    if(hours_observed / hours >= {_MIN_COVERAGE}, flow_mean, NULL) AS flow_mean,
    if(hours_observed / hours >= {_MIN_COVERAGE}, flow_peak, NULL) AS flow_peak,
    if(hours_observed / hours >= {_MIN_COVERAGE}, peak_hour_start_at, NULL) AS peak_hour_start_at,
    if(hours_with_occupancy / hours >= {_MIN_COVERAGE}, occupancy_mean, NULL) AS occupancy_mean,
    if(hours_with_occupancy / hours >= {_MIN_COVERAGE}, occupancy_max, NULL) AS occupancy_max,
    hours_observed / hours AS coverage, hours_with_occupancy / hours AS occupancy_coverage
FROM (
    SELECT month, day, arc_id, sum(flow_veh_per_hour) AS vehicles_counted, avg(flow_veh_per_hour) AS flow_mean,
        max(flow_veh_per_hour) AS flow_peak, arg_max(hour_start_at, flow_veh_per_hour) AS peak_hour_start_at,
        avg(occupancy_percent) AS occupancy_mean, max(occupancy_percent) AS occupancy_max,
        count(flow_veh_per_hour) AS hours_observed, count(occupancy_percent) AS hours_with_occupancy,
        count(*) FILTER (occupancy_percent >= {_CONGESTED}) AS hours_congested,
        date_diff('hour', timezone('Europe/Paris', day::TIMESTAMP), timezone('Europe/Paris', (day + 1)::TIMESTAMP))
            AS hours
    FROM hourly GROUP BY month, day, arc_id
)
ORDER BY month, day, arc_id
"""
_PROFILE = f"""
SELECT arc_id, isodow(day)::INTEGER AS weekday, local_hour,
    {
    ", ".join(
        f"quantile_cont({column}, {share}) AS {measure}_{name}"
        for measure, column in _MEASURES.items()
        for name, share in _QUARTILES.items()
    )
},
    count(*) AS hours, count(flow_veh_per_hour) AS hours_observed, min(day) AS first_day, max(day) AS last_day
FROM hourly JOIN (
    SELECT arc_id, max(month) AS last_month FROM hourly
    WHERE coalesce(flow_veh_per_hour, occupancy_percent) IS NOT NULL GROUP BY arc_id
) USING (arc_id)
WHERE month <= last_month AND month > last_month - INTERVAL 1 YEAR
GROUP BY ALL ORDER BY ALL
"""


def transit(folder: str) -> Callable[[], Any]:
    import dbt.adapters.duckdb.impl
    import dbt.cli.main
    import dbt.task.build  # noqa: F401

    import transit_assets.dbt_lake.plugin  # noqa: F401
    from transit_assets.dbt_lake import build, mart_tables
    from transit_assets.lake import Lake

    lake = Lake.at(Path(folder) / "lake")
    tables = {table.identifier: table for table in mart_tables()}

    def run() -> Any:
        outcome = build(lake, select=list(_MARTS))
        if not outcome.has_passed:
            raise RuntimeError(outcome.error)
        return _answer(*(lake.table(tables[name]).scan(f"SELECT * FROM {tables[name].name}") for name in _MARTS))

    return run


def with_polars(folder: str) -> Callable[[], Any]:
    import polars as pl

    flow, occupancy = (pl.col(column) for column in _MEASURES.values())

    def midnight(day: pl.Expr) -> pl.Expr:
        return day.cast(pl.Datetime("us")).dt.replace_time_zone("Europe/Paris")

    def hourly() -> pl.DataFrame:
        local = pl.col("hour_start_at").dt.convert_time_zone("Europe/Paris")
        said = pl.when(pl.col("level") != "unknown").then("level").otherwise("level_of_occupancy")
        return (
            pl.read_parquet(Path(folder) / "plain" / "*.parquet")
            .with_columns(day=local.dt.date(), local_hour=local.dt.hour().cast(pl.Int32), level=said)
            .drop("level_of_occupancy")
            .sort("month", "arc_id", "hour_start_at")
        )

    def daily(hours: pl.DataFrame) -> pl.DataFrame:
        length = (midnight(pl.col("day") + pl.duration(days=1)) - midnight(pl.col("day"))).dt.total_hours()
        known, known_k = pl.col("hours_observed") / length, pl.col("hours_with_occupancy") / length
        return (
            hours.group_by("month", "day", "arc_id")
            .agg(
                vehicles_counted=pl.when(flow.count() > 0).then(flow.sum()),
                flow_mean=flow.mean(),
                flow_peak=flow.max(),
                peak_hour_start_at=pl.col("hour_start_at").sort_by(flow, descending=True, nulls_last=True).first(),
                occupancy_mean=occupancy.mean(),
                occupancy_max=occupancy.max(),
                hours_observed=flow.count(),
                hours_with_occupancy=occupancy.count(),
                hours_congested=(occupancy >= _CONGESTED).sum(),
            )
            .with_columns(coverage=known, occupancy_coverage=known_k)
            .with_columns(
                *(
                    pl.when(pl.col(share) >= _MIN_COVERAGE).then(pl.col(name)).alias(name)
                    for share, names in (
                        ("coverage", ("flow_mean", "flow_peak", "peak_hour_start_at")),
                        ("occupancy_coverage", ("occupancy_mean", "occupancy_max")),
                    )
                    for name in names
                )
            )
            .sort("month", "day", "arc_id")
        )

    def profile(hours: pl.DataFrame) -> pl.DataFrame:
        # Up to the last month in which an arc measured anything; a year is all there is.
        known = hours.filter(pl.coalesce(flow, occupancy).is_not_null())
        lasting = known.group_by("arc_id").agg(last_month=pl.col("month").max())
        hours = hours.join(lasting, on="arc_id").filter(pl.col("month") <= pl.col("last_month"))
        return (
            hours.with_columns(weekday=pl.col("day").dt.weekday())
            .group_by(_WEEK)
            .agg(
                *(
                    pl.col(column).quantile(share, "linear").alias(f"{measure}_{name}")
                    for measure, column in _MEASURES.items()
                    for name, share in _QUARTILES.items()
                ),
                hours=pl.len(),
                hours_observed=flow.count(),
                first_day=pl.col("day").min(),
                last_day=pl.col("day").max(),
            )
            .sort(_WEEK)
        )

    def run() -> Any:
        hours = hourly()
        found = (hours, daily(hours), profile(hours))
        for name, rows in zip(_TABLES, found, strict=True):
            rows.write_parquet(Path(folder) / f"polars-{name}.parquet")
        return _answer(*(rows.to_arrow() for rows in found))

    return run


def with_pandas(folder: str) -> Callable[[], Any]:
    import pandas as pd

    def hourly() -> pd.DataFrame:
        rows = pd.read_parquet(Path(folder) / "plain")
        local = rows["hour_start_at"].dt.tz_convert("Europe/Paris").dt.tz_localize(None)
        is_known = rows["level"].notna() & (rows["level"] != "unknown")
        rows = rows.assign(
            day=local.dt.normalize(),
            local_hour=local.dt.hour,
            level=rows["level"].where(is_known, rows["level_of_occupancy"]),
            is_congested=rows["occupancy_percent"] >= _CONGESTED,
        )
        return rows.sort_values(["month", "arc_id", "hour_start_at"]).reset_index(drop=True)

    def daily(hours: pd.DataFrame) -> pd.DataFrame:
        groups = hours.groupby(["month", "day", "arc_id"])
        flow, occupancy = groups["flow_veh_per_hour"], groups["occupancy_percent"]
        rows = pd.DataFrame(
            {
                "vehicles_counted": flow.sum(min_count=1),
                "flow_mean": flow.mean(),
                "flow_peak": flow.max(),
                "occupancy_mean": occupancy.mean(),
                "occupancy_max": occupancy.max(),
                "hours_observed": flow.count(),
                "hours_with_occupancy": occupancy.count(),
                "hours_congested": groups["is_congested"].sum(),
            }
        ).reset_index()
        peak = hours.sort_values("flow_veh_per_hour", ascending=False, kind="stable").drop_duplicates(["arc_id", "day"])
        peak = peak[["day", "arc_id", "hour_start_at"]].rename(columns={"hour_start_at": "peak_hour_start_at"})
        rows = rows.merge(peak, on=["day", "arc_id"])
        start = rows["day"].dt.tz_localize("Europe/Paris")
        length = ((rows["day"] + pd.Timedelta(days=1)).dt.tz_localize("Europe/Paris") - start) / pd.Timedelta(hours=1)
        for share, count, names in (
            ("coverage", "hours_observed", ["flow_mean", "flow_peak", "peak_hour_start_at"]),
            ("occupancy_coverage", "hours_with_occupancy", ["occupancy_mean", "occupancy_max"]),
        ):
            rows[share] = rows[count] / length
            rows[names] = rows[names].where(rows[share] >= _MIN_COVERAGE)
        return rows

    def profile(hours: pd.DataFrame) -> pd.DataFrame:
        # Up to the last month in which an arc measured anything; a year is all there is.
        known = hours[hours["flow_veh_per_hour"].notna() | hours["occupancy_percent"].notna()]
        hours = hours[hours["month"] <= hours["arc_id"].map(known.groupby("arc_id")["month"].max())]
        groups = hours.assign(weekday=hours["day"].dt.weekday + 1).groupby(_WEEK)
        columns = {"hours": groups.size(), "hours_observed": groups["flow_veh_per_hour"].count()}
        columns |= {"first_day": groups["day"].min(), "last_day": groups["day"].max()}
        for what, column in _MEASURES.items():
            for name, share in _QUARTILES.items():
                columns[f"{what}_{name}"] = groups[column].quantile(share)
        return pd.DataFrame(columns).reset_index()

    def run() -> Any:
        import pyarrow as pa

        hours = hourly()
        found = (hours, daily(hours), profile(hours))
        for name, rows in zip(_TABLES, found, strict=True):
            rows.to_parquet(Path(folder) / f"pandas-{name}.parquet", compression="zstd")
        return _answer(*(pa.Table.from_pandas(rows) for rows in found))

    return run


def _answer(hourly: Any, daily: Any, profile: Any) -> list[float]:
    """What every contestant must agree on: rows, vehicles, means of days and of the usual week."""
    import pyarrow.compute as pc

    figures = [hourly.num_rows, daily.num_rows, profile.num_rows]
    figures += [pc.sum(hourly["local_hour"]).as_py(), pc.sum(hourly["occupancy_percent"]).as_py()]
    for name in ("vehicles_counted", "flow_mean", "flow_peak", "occupancy_mean", "hours_congested", "coverage"):
        figures.append(pc.sum(daily[name]).as_py())
    for name in ("flow_median", "flow_third_quartile", "occupancy_first_quartile", "hours", "weekday"):
        figures.append(pc.sum(profile[name]).as_py())
    return [round(float(figure), 2) for figure in figures]
