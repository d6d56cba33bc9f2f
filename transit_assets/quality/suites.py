"""Suites: what a table must be after a load, as Great Expectations read over frames of the lake.

A suite asks its question of a frame: the rows of the table themselves, or one row per partition with
what rows alone cannot say (accounts, completeness, shares, drift, relations to another table). Every
expectation is about rows of the frame, so that one validation of many partitions tells which of them
failed. Nothing here imports Great Expectations, which costs three seconds; `evaluate` does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from transit_assets.lake import Column, Lake, Table

PARTITION = "partition"


@dataclass(frozen=True)
class Expectation:
    """One expectation: the name of its type in Great Expectations, and its arguments."""

    name: str
    type: str
    description: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scope:
    """What a frame is asked for: partitions of a lake, none for an unpartitioned table, as of an instant."""

    lake: Lake
    partitions: tuple[str, ...]
    now: datetime

    def query(
        self,
        sql: str,
        tables: Sequence[Table],
        partitions: Sequence[str] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> pa.Table:
        """One query over a snapshot of some tables, narrowed to some partitions (default: those of the scope)."""
        with self.lake.engine() as connection:
            wanted = self.partitions if partitions is None else partitions
            self.lake.register(connection, tables, wanted or None)
            return connection.execute(sql, dict(parameters or {})).to_arrow_table()


@dataclass(frozen=True)
class Suite:
    """Expectations about one table. `frame` gives their rows, with a text column `partition` (null for none).

    `is_blocking`: a failure stops what is downstream; else it warns. `is_row_level`: the frame holds rows of the
    table, so that partitions are taken a few at a time.
    """

    name: str
    table: Table
    description: str
    expectations: tuple[Expectation, ...]
    frame: Callable[[Scope], pa.Table]
    is_blocking: bool = False
    is_row_level: bool = False


def partition_sql(table: Table) -> str:
    """The column `partition` of a frame over a table."""
    return f'CAST("{table.partition_by}" AS VARCHAR) AS {PARTITION}' if table.partition_by else f"NULL AS {PARTITION}"


def between(column: str, minimum: float | None, maximum: float | None, description: str) -> Expectation:
    kwargs = {"column": column, "min_value": minimum, "max_value": maximum}
    return Expectation(f"{column}_bounds", "expect_column_values_to_be_between", description, kwargs)


def rows_suite(table: Table) -> Suite:
    """What `schema.py` says of each row: known, within bounds, of the listed values, own rules, unique key."""
    columns = [column for column in table.columns if column.name != table.partition_by]
    expectations = [expectation for column in columns for expectation in _column_expectations(column)]
    expectations += [_rule_expectation(rule.name, rule.description) for rule in table.rules]
    expectations.append(_key_expectation(table))
    asked = {expectation.kwargs.get("column") for expectation in expectations} | set(table.key)
    selected = [partition_sql(table), *(_selected(column) for column in columns if column.name in asked)]
    selected += [f'coalesce({rule.holds}, true) AS "{rule.name}"' for rule in table.rules]
    query = f"SELECT {', '.join(selected)} FROM {table.relation}"
    return Suite(
        name="rows",
        table=table,
        description=f"Each row of {table.relation} is what its schema says, and its key occurs once.",
        expectations=tuple(expectations),
        frame=lambda scope: scope.query(query, [table]),
        is_blocking=True,
        is_row_level=True,
    )


def _selected(column: Column) -> str:
    # A date becomes an instant: pandas would make two million Python objects of it.
    return (
        f'CAST("{column.name}" AS TIMESTAMP) AS "{column.name}"'
        if pa.types.is_date(column.type)
        else (f'"{column.name}"')
    )


def _column_expectations(column: Column) -> list[Expectation]:
    found = []
    if not column.is_nullable:
        known = f"{column.name} is never null"
        itself = {"column": column.name}
        found.append(Expectation(f"{column.name}_is_known", "expect_column_values_to_not_be_null", known, itself))
    if column.minimum is not None or column.maximum is not None:
        low = "" if column.minimum is None else f" at least {column.minimum:g}"
        high = "" if column.maximum is None else f" at most {column.maximum:g}"
        text = f"{column.name} is{' and'.join(part for part in (low, high) if part)}"
        found.append(between(column.name, column.minimum, column.maximum, text))
    if column.values is not None:
        text = f"{column.name} is one of {', '.join(column.values)}"
        among = {"column": column.name, "value_set": list(column.values)}
        found.append(Expectation(f"{column.name}_values", "expect_column_values_to_be_in_set", text, among))
    return found


def _rule_expectation(name: str, description: str) -> Expectation:
    kwargs = {"column": name, "value_set": [True]}
    return Expectation(name, "expect_column_values_to_be_in_set", description, kwargs)


def _key_expectation(table: Table) -> Expectation:
    columns = [*([PARTITION] if table.partition_by else []), *table.key]
    text = f"{', '.join(table.key)} occur once" + (" within a partition" if table.partition_by else "")
    if len(columns) == 1:
        return Expectation("key_is_unique", "expect_column_values_to_be_unique", text, {"column": columns[0]})
    return Expectation("key_is_unique", "expect_compound_columns_to_be_unique", text, {"column_list": columns})


def relation_suite(child: Table, parent: Table, column: str, parent_column: str | None = None) -> Suite:
    """Whether every value of a column stands in the same partition of another table (or in it, unpartitioned)."""
    other = parent_column or column
    same = f"AND p.{parent.partition_by} = c.{child.partition_by}" if parent.partition_by else ""
    query = f"""
        SELECT DISTINCT {partition_sql(child)}, c."{column}", EXISTS (
            SELECT 1 FROM {parent.relation} AS p WHERE p."{other}" = c."{column}" {same}) AS is_described
        FROM {child.relation} AS c ORDER BY ALL
    """
    text = f"every {column} of {child.relation} stands in {parent.relation}"
    return Suite(
        name=f"relation_to_{parent.name}",
        table=child,
        description=f"{text[0].upper()}{text[1:]}.",
        expectations=(_rule_expectation("is_described", text),),
        frame=lambda scope: scope.query(query, [child, parent]),
        is_row_level=True,
    )


def shares_suite(table: Table, shares: Mapping[str, tuple[str, float, float]], among: str) -> Suite:
    """Whether shares of the rows of a partition lie within bounds: name -> (SQL condition, least, most).

    A share is taken among the rows for which `among` holds and the condition is known.
    """
    taken = [
        f"avg(CAST(({condition}) AS INTEGER)) FILTER ({among}) AS {name}" for name, (condition, _, _) in shares.items()
    ]
    query = f"""
        SELECT {partition_sql(table)}, count(*) FILTER ({among}) AS rows, {", ".join(taken)}
        FROM {table.relation} GROUP BY ALL ORDER BY ALL
    """
    return Suite(
        name="distribution",
        table=table,
        description=f"Shares of the rows of {table.relation} are what a city can show.",
        expectations=tuple(
            between(name, least, most, f"{name} is between {least:g} and {most:g}")
            for name, (_, least, most) in shares.items()
        ),
        frame=lambda scope: scope.query(query, [table]),
    )
