"""The tables that dbt reads and builds, as the YAML of `dbt_project/models` describes them.

The contract of a mart is the one place where its columns stand; storage, the data dictionary and the
plugin read them here as `Table` values. Sources are generated from the schemas (see `sources`). No
manifest is needed, so this costs milliseconds.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from transit_assets.lake import UTC_INSTANT, Column, Table
from transit_assets.lake.schema import Layer
from transit_assets.settings import CHECKOUT

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads the contracts in 30 ms instead of 330
PROJECT = CHECKOUT / "dbt_project"

_ARROW_TYPES = {
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp with time zone": UTC_INSTANT,
    "timestamptz": UTC_INSTANT,  # inside of a struct
    "varchar": pa.string(),
}
_STRUCT = re.compile(r"struct\((.*)\)")
_FIELD = re.compile(r'"(\w+)" ([\w ]+)')


@cache
def source_tables(project: Path = PROJECT) -> tuple[Table, ...]:
    """Every table of the lake that the dbt project reads, sorted by relation."""
    sources = _entries(project / "models" / "staging", "sources")
    tables = [_table(source["schema"], table) for source in sources for table in source["tables"]]
    return tuple(sorted(tables, key=lambda table: table.relation))


@cache
def mart_tables(project: Path = PROJECT) -> tuple[Table, ...]:
    """Every mart of the dbt project, sorted by relation.

    Raises ValueError where a contract lacks a key or has a type that the lake does not store.
    """
    models = _entries(project / "models" / "marts", "models")
    return tuple(sorted((_table("processed", model) for model in models), key=lambda table: table.relation))


def _entries(folder: Path, kind: str) -> list[dict[str, Any]]:
    files = sorted(folder.rglob("*.yml"))
    return [entry for file in files for entry in (yaml.load(file.read_text(), _LOADER) or {}).get(kind, [])]  # noqa: S506


def _table(layer: Layer, entry: dict[str, Any]) -> Table:
    domain, name = entry["name"].split("__", 1)
    meta = entry.get("config", {}).get("meta", {})
    if not meta.get("key"):
        raise ValueError(f"dbt, {layer}.{entry['name']}: config.meta.key must name the columns that identify a row")
    return Table(
        layer=layer,
        domain=domain,
        name=name,
        description=_text(entry["description"]),
        columns=tuple(_column(entry["name"], column) for column in entry["columns"]),
        key=tuple(meta["key"]),
        partition_by=meta.get("partition_by"),
        owner=domain,
    )


def _column(model: str, column: dict[str, Any]) -> Column:
    kind = _arrow_type(column["data_type"].lower())
    if kind is None:
        raise ValueError(
            f"dbt model {model}, column {column['name']}: {column['data_type']} is not one of {', '.join(_ARROW_TYPES)}"
        )
    meta = column.get("config", {}).get("meta", {})
    is_required = any(constraint["type"] == "not_null" for constraint in column.get("constraints", []))
    return Column(
        column["name"], kind, _text(column["description"]), unit=meta.get("unit"), is_nullable=not is_required
    )


def _arrow_type(text: str) -> pa.DataType | None:
    """The type that a contract names, lists and structs of plain ones among them; None for one that is not stored."""
    if text.endswith("[]"):
        of = _arrow_type(text.removesuffix("[]"))
        return pa.list_(of) if of else None
    struct = _STRUCT.fullmatch(text)
    if struct is None:
        return _ARROW_TYPES.get(text)
    fields = {name: _ARROW_TYPES.get(kind) for name, kind in _FIELD.findall(struct[1])}
    return pa.struct(fields.items()) if fields and all(fields.values()) else None


def _text(folded: str) -> str:
    return " ".join(folded.split())
