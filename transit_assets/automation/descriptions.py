"""How a table of the lake is shown in Dagster: everything comes from its `Table`, nothing is said twice."""

from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from transit_assets.lake import Column, Table


def described(table: "Table", *kinds: str) -> dict[str, Any]:
    """The arguments of `@dg.asset` that say what a table is: key, text, group, kinds, owner, tags, columns."""
    return {
        "key": list(table.asset_key),
        "description": table.description,
        "group_name": f"{table.domain}_{table.layer}" if table.domain else "lake",
        "kinds": set(kinds) or {"python", "deltalake"},
        "owners": [f"team:{table.owner}"],
        "tags": {"layer": table.layer, "domain": table.domain or "lake"},
        "metadata": {
            "dagster/column_schema": column_schema(table),
            "dagster/relation_identifier": table.relation,
            "key": ", ".join(table.key),
        },
    }


def column_schema(table: "Table") -> dg.TableSchema:
    """The table's columns with units, bounds and sources."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=str(column.type),
                description=_sentence(column),
                constraints=dg.TableColumnConstraints(nullable=column.is_nullable, other=_bounds(column)),
            )
            for column in table.columns
        ]
    )


def _sentence(column: "Column") -> str:
    return column.description + (f" Unit: {column.unit}." if column.unit else "")


def _bounds(column: "Column") -> list[str]:
    bounds = []
    if column.minimum is not None:
        bounds.append(f">= {column.minimum:g}")
    if column.maximum is not None:
        bounds.append(f"<= {column.maximum:g}")
    if column.values is not None:
        bounds.append(" | ".join(column.values))
    return bounds
