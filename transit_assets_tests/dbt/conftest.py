"""A small lake of bikes with interim tables only, and dbt as an analyst runs it."""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from transit_assets.bikes.schema import STATION_INFORMATION, STATION_STATUS, STATIONS
from transit_assets.dbt_lake import PROJECT, build, manifest_path
from transit_assets.lake import Lake, Table

PARIS = ZoneInfo("Europe/Paris")
DAYS = (dt.date(2025, 9, 8), dt.date(2025, 9, 9), dt.date(2025, 9, 10))
STATION_CODES = ("1001", "1002", "12001", "21001")
BIKES = ["marts.bikes"]  # the marts of all domains take twice the time


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


def dbt(
    lake: Lake, *arguments: str, target: Path, is_parsed: bool = True, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run dbt in the project folder, as an analyst does who has run it before, or as one who has not."""
    if is_parsed:
        target.mkdir(exist_ok=True)
        shutil.copy(parsed_project(), target)
    given = ["--vars", json.dumps(variables)] if variables else []
    return subprocess.run(
        [Path(sys.executable).with_name("dbt"), *arguments, *given, "--target-path", str(target)],
        cwd=PROJECT,
        env=environment(lake, target),
        capture_output=True,
        text=True,
        check=False,
    )


def parsed_project() -> Path:
    """What dbt looks for in its target folder, so that it parses no file again that has not changed."""
    return manifest_path().with_name("partial_parse.msgpack")


def environment(lake: Lake, target: Path) -> dict[str, str]:
    return os.environ | {"TRANSIT_LAKE": lake.location.root, "DBT_LOG_PATH": str(target)}


@pytest.fixture(scope="session")
def three_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lake with three days of interim rows, which nobody writes to."""
    folder = tmp_path_factory.mktemp("three days") / "lake"
    fill(Lake.at(folder), DAYS)
    return folder


@pytest.fixture
def filled(lake: Lake, three_days: Path) -> Lake:
    """A lake with three days of interim rows."""
    shutil.copytree(three_days, lake.location.root, dirs_exist_ok=True)
    return lake


@pytest.fixture(scope="session")
def three_days_built(three_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that lake with the marts of bikes, which nobody writes to."""
    folder = tmp_path_factory.mktemp("three days built") / "lake"
    shutil.copytree(three_days, folder)
    assert build(Lake.at(folder), select=BIKES).has_passed
    return folder


@pytest.fixture
def built(lake: Lake, three_days_built: Path) -> Lake:
    """A lake with three days of interim rows, and the marts of bikes built from them."""
    shutil.copytree(three_days_built, lake.location.root, dirs_exist_ok=True)
    return lake
