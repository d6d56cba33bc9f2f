"""What tests of the marts of the rail share: a lake of all made trains, and a plain reading of them."""

import datetime as dt
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from transit_assets.dbt_lake import build, mart_tables
from transit_assets.lake import Lake
from transit_assets_tests.dbt.conftest import PARIS
from transit_assets_tests.dbt.rail_trains import (
    DATES,
    Row,
    fill,
    irregular_events,
    irregular_sightings,
    predictions,
    timetable,
)

LEAST = 10
MARTS = {table.name: table for table in mart_tables() if table.domain == "rail"}


class Filled(NamedTuple):
    """A lake whose marts were built, and what they were built from."""

    lake: Lake
    calls: list[Row]
    events: list[Row]
    said: list[Row]
    sightings: list[Row]


def built_in(folder: Path, marts: Sequence[str]) -> Filled:
    """Both changes of the clock, a Monday and a holiday; trains run through the changes."""
    lake = Lake.at(folder / "lake")
    calls = [row for day in DATES for row in timetable(day)]
    events = irregular_events(calls, 3)
    said = predictions(events, 4)
    sightings = [row for number, day in enumerate(DATES) for row in irregular_sightings(day, number)]
    shuffled = random.Random(5)  # order is for the SQL to make, not to inherit
    fill(lake, *(shuffled.sample(rows, len(rows)) for rows in (calls, events, said, sightings)))
    outcome = build(lake, select=[f"rail__{mart}" for mart in marts])
    assert outcome.has_passed, outcome.error
    return Filled(lake, calls, events, said, sightings)


def read(lake: Lake, name: str) -> dict[Any, Row]:
    """Rows of a mart by their key; one row each."""
    rows = lake.table(MARTS[name]).read().to_pylist()
    found = {tuple(row[column] for column in MARTS[name].key): row for row in rows}
    assert len(found) == len(rows)
    return found


def grouped(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return groups


def about(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)


def seconds(start: dt.datetime, end: dt.datetime) -> int:
    return round((end - start).total_seconds())


def clock_hour(at: dt.datetime) -> int:
    return at.astimezone(PARIS).hour


def ninetieth(values: list[float]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[8] if len(values) > 1 else values[0]


def enough(statistic: Callable[[list[Any]], float], values: list[Any], coverage: float, least: int = LEAST) -> Any:
    return about(statistic(values)) if len(values) >= least and coverage >= 0.5 else None


def assert_says(found: Row, expected: Row, where: object) -> None:
    assert {name: found[name] for name in expected} == expected, where


def scheduled_at(row: Row) -> dt.datetime | None:
    at: dt.datetime | None = row["scheduled_departure_at"] or row["scheduled_arrival_at"]
    return at
