"""How a table is described: once, here, for storage, quality, dbt and the data dictionary.

A domain's `schema.py` holds `Table` values and nothing else. Everything that needs to know a
column (Delta, Great Expectations, row rules, Dagster metadata, the dictionary) reads them.
"""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Layer = Literal["raw", "interim", "processed", "models", "quality", "quarantine"]

UTC_INSTANT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Column:
    """One column. A bound or a list of values is a row rule: a row that breaks it is quarantined."""

    name: str
    type: pa.DataType
    description: str
    unit: str | None = None
    is_nullable: bool = True
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None
    source: str | None = None

    @property
    def field(self) -> pa.Field:
        return pa.field(self.name, self.type, nullable=True)


@dataclass(frozen=True)
class Rule:
    """A rule over one row: `holds` is a DuckDB SQL expression, broken where it is FALSE (null passes)."""

    name: str
    holds: str
    description: str


@dataclass(frozen=True)
class Table:
    """A table of the lake. Key = path = relation: `interim`, `bikes`, `station_status`.

    `description` starts with what one row is. `key` is unique within a partition.
    `partition_by` names the partition column (a date); None for an unpartitioned table.
    """

    layer: Layer
    domain: str | None
    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition_by: str | None = None
    rules: tuple[Rule, ...] = ()
    max_quarantined_share: float = 0.05
    owner: str = "data-platform"

    def __post_init__(self) -> None:
        missing = {*self.key, *([self.partition_by] if self.partition_by else [])} - set(self.column_names)
        if missing:
            raise ValueError(f"{self.relation}: no such column: {', '.join(sorted(missing))}")

    @property
    def identifier(self) -> str:
        """`bikes__station_status`: the name within the layer's SQL schema."""
        return f"{self.domain}__{self.name}" if self.domain else self.name

    @property
    def relation(self) -> str:
        """`interim.bikes__station_status`."""
        return f"{self.layer}.{self.identifier}"

    @property
    def asset_key(self) -> tuple[str, ...]:
        """`("interim", "bikes", "station_status")`."""
        return tuple(part for part in (self.layer, self.domain, self.name) if part)

    @property
    def path(self) -> str:
        """`interim/bikes/station_status`, below the root of the lake."""
        return "/".join(self.asset_key)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([column.field for column in self.columns])

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def row_rules(self) -> tuple[Rule, ...]:
        """The table's own rules after those that its columns imply, in a stable order."""
        return tuple(rule for column in self.columns for rule in _column_rules(column)) + self.rules


def _column_rules(column: Column) -> list[Rule]:
    name, rules = column.name, []
    if not column.is_nullable:
        rules.append(Rule(f"{name}_is_known", f'"{name}" IS NOT NULL', f"{name} is never null"))
    if column.minimum is not None:
        text = f"{name} is at least {column.minimum:g}"
        rules.append(Rule(f"{name}_minimum", f'"{name}" >= {column.minimum!r}', text))
    if column.maximum is not None:
        text = f"{name} is at most {column.maximum:g}"
        rules.append(Rule(f"{name}_maximum", f'"{name}" <= {column.maximum!r}', text))
    if column.values is not None:
        listed = ", ".join("'" + value.replace("'", "''") + "'" for value in column.values)
        rules.append(Rule(f"{name}_values", f'"{name}" IN ({listed})', f"{name} is one of {', '.join(column.values)}"))
    return rules
