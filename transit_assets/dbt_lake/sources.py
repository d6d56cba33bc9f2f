"""The sources of the dbt project, generated from the schemas of the interim tables.

`python -m transit_assets.dbt_lake.sources` writes them again; a test fails where they have drifted.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from transit_assets.dbt_lake.marts import PROJECT
from transit_assets.lake import Column, Table
from transit_assets.lake.snapshot import duckdb_type

_HEADER = "# Generated from the schemas by `python -m transit_assets.dbt_lake.sources`: change those, not this.\n"
_DBT_TYPES = {"TIMESTAMPTZ": "timestamp with time zone"}


def sources_yaml(domain: str, tables: Iterable[Table]) -> str:
    """The dbt source `interim` of one domain: its interim tables, columns, units and asset keys."""
    listed = [_source(table) for table in tables if table.domain == domain and table.layer == "interim"]
    document = {
        "version": 2,
        "sources": [
            {
                "name": f"{domain}_interim",
                "schema": "interim",
                "description": f"Clean tables of {domain}, as they stand when dbt starts.",
                "tables": listed,
            }
        ],
    }
    return _HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def sources_path(domain: str, project: Path = PROJECT) -> Path:
    return project / "models" / "staging" / domain / f"_{domain}__sources.yml"


def _source(table: Table) -> dict[str, Any]:
    partition = {"partition_by": table.partition_by} if table.partition_by else {}
    return {
        "name": table.identifier,
        "description": table.description,
        "config": {"meta": {"dagster": {"asset_key": list(table.asset_key)}, "key": list(table.key), **partition}},
        "columns": [_column(column) for column in table.columns],
    }


def _column(column: Column) -> dict[str, Any]:
    kind = duckdb_type(column.type)
    meta = {"config": {"meta": {"unit": column.unit}}} if column.unit else {}
    return {
        "name": column.name,
        "description": column.description,
        "data_type": _DBT_TYPES.get(kind, kind.lower()),
        **meta,
    }


def main() -> None:
    from transit_assets.catalog import TABLES

    for domain in sorted({table.domain for table in TABLES if table.domain and table.layer == "interim"}):
        path = sources_path(domain)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sources_yaml(domain, TABLES))


if __name__ == "__main__":
    main()
