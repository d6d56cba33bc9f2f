"""Rows as a terminal, a script or a file wants them."""

import csv
import json
import math
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO

from transit_assets.cli.mistakes import Mistake, say

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_SHOWN = 100  # of a table on a terminal; the other formats give every row


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def write(rows: "pa.Table", form: Format) -> None:
    """Rows on standard output. Instants are ISO 8601 in UTC; nulls are empty in CSV and null in JSON."""
    match form:
        case Format.TABLE:
            _show(rows)
        case Format.CSV:
            _write_csv(rows, sys.stdout)
        case Format.JSON:
            _write_json(rows, sys.stdout)
        case Format.PARQUET:
            import pyarrow.parquet as pq

            if sys.stdout.isatty():
                raise Mistake("Parquet is not for a terminal: add `> rows.parquet`")
            pq.write_table(rows, sys.stdout.buffer)


def _show(rows: "pa.Table") -> None:
    from rich.table import Table

    from transit_assets.cli.tables import console

    grid = Table(header_style="bold", row_styles=["", "dim"])
    for field in rows.schema:
        grid.add_column(field.name, justify="right" if _is_number(field.type) else "left", overflow="fold")
    for row in _rows(rows.slice(0, _ROWS_SHOWN)):
        grid.add_row(*(_cell(value) for value in row))
    console().print(grid)
    if rows.num_rows > _ROWS_SHOWN:
        say(f"{_ROWS_SHOWN} of {rows.num_rows:,} rows; --format csv, json or parquet gives all of them")
    else:
        say(f"{rows.num_rows} row{'' if rows.num_rows == 1 else 's'}")


def _is_number(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _cell(value: Any) -> str:
    from rich.markup import escape

    plain = _plain(value)
    return "" if plain is None else escape(plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False))


def _write_csv(rows: "pa.Table", out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows.column_names)
    writer.writerows([_cell_of_csv(value) for value in row] for row in _rows(rows))


def _cell_of_csv(value: Any) -> Any:
    plain = _plain(value)
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, (bool, list, dict)) else plain


def _write_json(rows: "pa.Table", out: TextIO) -> None:
    """One array, one object on each line."""
    separator = "[\n"
    for row in _rows(rows):
        named = {name: _plain(value) for name, value in zip(rows.column_names, row, strict=True)}
        out.write(separator + json.dumps(named, ensure_ascii=False, allow_nan=False))
        separator = ",\n"
    out.write("\n]\n" if separator == ",\n" else "[]\n")


def _rows(rows: "pa.Table") -> Iterator[tuple[Any, ...]]:
    """The values of each row, batch by batch."""
    for batch in rows.to_batches():
        yield from zip(*(_values(column) for column in batch.columns), strict=True)


def _values(column: "pa.Array") -> list[Any]:
    """A column in Python; instants and dates beyond the years 1 to 9999, and `infinity`, as DuckDB writes them."""
    try:
        return column.to_pylist()
    except OverflowError:
        return [_value(one, text) for one, text in zip(column, _texts(column), strict=True)]


def _value(one: "pa.Scalar", text: str) -> Any:
    try:
        return one.as_py()
    except OverflowError:
        return text


def _texts(column: "pa.Array") -> list[str]:
    import duckdb
    import pyarrow as pa

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("held", pa.table({"value": column}))
        return connection.execute("SELECT value::VARCHAR AS text FROM held").to_arrow_table()["text"].to_pylist()


def _plain(value: Any) -> Any:
    """A value as JSON has it: ISO 8601 texts for dates and instants, null for what is not a number."""
    match value:
        case bool() | int() | str() | None:
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():  # what DuckDB's sum of integers is in Arrow
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case dict():
            return {str(name): _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case bytes():
            return value.hex()
    return str(value)
