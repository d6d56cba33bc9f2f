"""A small table with one rule of each kind, and rows for it."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from transit_assets.lake import UTC_INSTANT, Column, Rule, Table
from transit_assets.quality.cleaned import Cleaned, candidate_schema

DAY, NEXT_DAY = "2026-03-01", "2026-03-02"

COUNTS = Table(
    layer="interim",
    domain="bikes",
    name="counts",
    description="One report of one station.",
    key=("station_code", "reported_at"),
    partition_by="day",
    columns=(
        Column("day", pa.date32(), "Paris day.", is_nullable=False),
        Column("station_code", pa.string(), "Station.", is_nullable=False),
        Column("reported_at", UTC_INSTANT, "Report.", is_nullable=False),
        Column("polled_at", UTC_INSTANT, "Last poll that gave the report."),
        Column("first_polled_at", UTC_INSTANT, "First poll that gave the report."),
        Column("bikes", pa.int32(), "Bikes.", unit="bikes", minimum=0, maximum=100),
        Column("capacity", pa.int32(), "Docks.", unit="docks"),
        Column("source", pa.string(), "Format.", values=("gbfs", "archive")),
        Column("payload_sha256", pa.string(), "Payload."),
    ),
    rules=(Rule("bikes_fit", "bikes <= capacity", "no more bikes than docks"),),
    max_quarantined_share=0.5,
)

Rows = Callable[..., pa.Table]


def row(station_code: str | None = "1001", minute: int = 0, **values: Any) -> dict[str, Any]:
    """A valid candidate, except for what `values` says."""
    at = f"{values.get('day', DAY)} 10:{minute:02d}:00"
    return {
        "day": DAY,
        "station_code": station_code,
        "reported_at": at,
        "polled_at": at,
        "first_polled_at": at,
        "bikes": 5,
        "capacity": 20,
        "source": "gbfs",
        "payload_sha256": "a" * 64,
        "row_number": minute,
        "problem": None,
    } | values


def candidates(*rows: dict[str, Any], table: Table = COUNTS) -> pa.Table:
    schema = candidate_schema(table.schema)
    texts = {field.name: pa.array([one.get(field.name) for one in rows]) for field in schema}
    columns = [
        texts[field.name].cast(pa.timestamp("us")).cast(field.type)
        if pa.types.is_timestamp(field.type)
        else texts[field.name].cast(field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def cleaned(*rows: dict[str, Any], partition: str = DAY, duplicates: int = 0, fingerprint: str = "f") -> Cleaned:
    found = candidates(*rows)
    return Cleaned(partition, found, found.num_rows + duplicates, duplicates=duplicates, fingerprint=fingerprint)


@pytest.fixture
def table() -> Table:
    return COUNTS
