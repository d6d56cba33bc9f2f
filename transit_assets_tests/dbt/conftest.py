"""A small lake of bikes with interim tables only, and dbt as an analyst runs it."""

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from transit_assets.bikes.schema import STATION_INFORMATION, STATION_STATUS, STATIONS
from transit_assets.dbt_lake import PROJECT
from transit_assets.lake import Lake, Table

PARIS = ZoneInfo("Europe/Paris")
DAYS = (dt.date(2025, 9, 8), dt.date(2025, 9, 9), dt.date(2025, 9, 10))
STATION_CODES = ("1001", "1002", "12001", "21001")


def rows_of(table: Table, rows: Iterable[dict]) -> pa.Table:
    """Rows of an interim table; what is not given is null, or plain where the table wants a value."""
    usual = {
        "is_stale": False,
        "reported_at_provenance": "provider",
        "source": "gbfs",
        "payload_sha256": "0" * 64,
        "is_installed": True,
        "is_renting": True,
        "is_returning": True,
    }
    plain = {name: value for name, value in usual.items() if name in table.column_names}
    return pa.Table.from_pylist([plain | row for row in rows], schema=table.schema)


def report(
    code: str, at: dt.datetime, bikes: int, docks: int, until: dt.datetime | None = None, **more: object
) -> dict:
    """One row of `station_status`: a third of the bikes are electric."""
    return {
        "day": at.astimezone(PARIS).date(),
        "station_code": code,
        "reported_at": at,
        "first_polled_at": at,
        "polled_at": until or at,
        "bikes": bikes,
        "mechanical": bikes - bikes // 3,
        "ebike": bikes // 3,
        "docks_free": docks,
        "capacity": 12,
    } | more


def day_of_reports(day: dt.date, codes: Sequence[str] = STATION_CODES, minutes: int = 15) -> list[dict]:
    """Polls of a whole Paris day; counts go up and down, and some stations are empty or full now and then."""
    start = dt.datetime.combine(day, dt.time(), PARIS).astimezone(dt.UTC)
    end = dt.datetime.combine(day + dt.timedelta(1), dt.time(), PARIS).astimezone(dt.UTC)
    polls = [start + dt.timedelta(minutes=m) for m in range(0, int((end - start).total_seconds() // 60), minutes)]
    rows = []
    for s, code in enumerate(codes):
        for p, at in enumerate(polls):
            bikes = (p * (s + 3) + day.day) % 13
            rows.append(report(code, at, bikes, 12 - bikes))
    return rows


def fill(lake: Lake, days: Sequence[dt.date], codes: Sequence[str] = STATION_CODES, minutes: int = 15) -> None:
    """Interim tables of these days, one commit each."""
    status = [row for day in days for row in day_of_reports(day, codes, minutes)]
    lake.table(STATION_STATUS).replace(rows_of(STATION_STATUS, status), days)
    described = [
        {"station_code": code, "name": f"Station {code}", "latitude": 48.85, "longitude": 2.35, "zone": zone_of(code)}
        for code in codes
    ]
    information = [{"day": day} | row for day in days for row in described]
    lake.table(STATION_INFORMATION).replace(rows_of(STATION_INFORMATION, information), days)
    stations = [row | {"valid_from": days[0], "first_station_code": row["station_code"]} for row in described]
    lake.table(STATIONS).rebuild(lambda: rows_of(STATIONS, stations))


def zone_of(code: str) -> str:
    number = int(code) // 1000
    return f"Paris {number}e" if number <= 20 else "Vincennes"


def dbt(lake: Lake, *arguments: str, target: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run dbt in the project folder, as an analyst does."""
    given = ["--vars", json.dumps(variables)] if variables else []
    return subprocess.run(
        [Path(sys.executable).with_name("dbt"), *arguments, *given, "--target-path", str(target)],
        cwd=PROJECT,
        env=environment(lake, target),
        capture_output=True,
        text=True,
        check=False,
    )


def environment(lake: Lake, target: Path) -> dict[str, str]:
    return os.environ | {"TRANSIT_LAKE": lake.location.root, "DBT_LOG_PATH": str(target)}


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """A lake with three days of interim rows."""
    fill(lake, DAYS)
    return lake
