"""A small table for the tests of storage, and rows for it."""

from datetime import date

import pyarrow as pa

from transit_assets.lake import Column, Table

DAYS = tuple(f"2026-03-{day:02d}" for day in range(1, 11))

DAILY = Table(
    layer="interim",
    domain="test",
    name="daily",
    description="One number of one writer on one day.",
    key=("n",),
    partition_by="day",
    columns=(
        Column("day", pa.date32(), "The day.", is_nullable=False),
        Column("writer", pa.string(), "Who wrote it."),
        Column("n", pa.int64(), "A number.", is_nullable=False),
    ),
)

TOTALS = Table(
    layer="processed",
    domain="test",
    name="totals",
    description="Rows of one day.",
    key=("day",),
    columns=(
        Column("day", pa.date32(), "The day.", is_nullable=False),
        Column("rows", pa.int64(), "How many."),
    ),
)


def rows(day: str, writer: str = "a", count: int = 3) -> pa.Table:
    """`count` rows of one day."""
    return pa.table(
        {"day": [date.fromisoformat(day)] * count, "writer": [writer] * count, "n": list(range(count))},
        schema=DAILY.schema,
    )
