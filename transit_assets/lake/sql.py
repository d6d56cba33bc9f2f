"""Read-only SQL over every relation of the lake, for people: one statement that reads, and nothing else.

Two walls. The first parses the statement and lets only queries pass, with table functions from a
fixed list (so no `read_text`, no `query('…')`, no `enable_profiling`). The second is the engine:
it may open exactly the files of the snapshots, and its configuration is locked.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from transit_assets.lake.errors import QueryFailed, QueryRefused, TableUnreadable

if TYPE_CHECKING:
    from transit_assets.lake.lake import Lake
    from transit_assets.lake.snapshot import Snapshot

_TABLE_FUNCTIONS = {
    *("duckdb_columns", "duckdb_functions", "duckdb_keywords", "duckdb_schemas", "duckdb_tables", "duckdb_types"),
    *("duckdb_views", "generate_series", "histogram", "histogram_values", "icu_calendar_names", "json_each"),
    *("json_tree", "pg_timezone_names", "pragma_show", "pragma_table_info", "range", "repeat", "summary", "unnest"),
}
_READ_ERRORS = (
    *(duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException, duckdb.InternalException),
    duckdb.PermissionException,  # a file of a relation that is gone is looked for as a folder, which is not allowed
)


def query(lake: "Lake", sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
    """The rows of one SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE, PIVOT or EXPLAIN over the relations.

    Raises QueryRefused where the statement would do anything but read the lake, QueryFailed where it is wrong,
    TableUnreadable where a file of a relation that it names is damaged; the other relations do not mind.
    """
    with lake.engine() as connection:
        _check(connection, sql)
        snapshots, damaged = _show(lake, connection)
        _lock(connection, [file for snapshot in snapshots.values() for file in snapshot.files])
        try:
            return _with_unique_names(connection.execute(sql, parameters).to_arrow_table())
        except duckdb.Error as error:
            found = _damage(connection, sql, snapshots, damaged, error)
            if found:
                raise found from error
            if isinstance(error, duckdb.PermissionException):
                raise QueryRefused(f"a query reads the lake's relations only: {_first_line(error)}") from error
            raise QueryFailed(str(error)) from error


def _show(
    lake: "Lake", connection: duckdb.DuckDBPyConnection
) -> "tuple[dict[str, Snapshot], dict[str, TableUnreadable]]":
    """Views of all relations; and those that can have none, because their log or a file cannot be read."""
    from transit_assets.lake.lake import create_views

    damaged: dict[str, TableUnreadable] = {}
    snapshots = lake.snapshots(on_unreadable=damaged.__setitem__)
    for relation, snapshot in snapshots.items():
        try:
            create_views(connection, {relation: snapshot})
        except duckdb.Error as error:
            damaged[relation] = TableUnreadable(f"{relation} has a damaged or missing file: {_first_line(error)}")
    return snapshots, damaged


def _damage(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    snapshots: "dict[str, Snapshot]",
    damaged: dict[str, TableUnreadable],
    error: duckdb.Error,
) -> TableUnreadable | None:
    """The damaged relation that made a query fail, or None. Its files are read one by one: DuckDB seldom says which."""
    for relation in sorted({*snapshots, *damaged}):
        layer, name = relation.split(".", 1)
        if not re.search(rf'\b{layer}"?\s*\.\s*"?{name}\b', sql, re.IGNORECASE):
            continue
        may_be = relation in damaged or isinstance(error, _READ_ERRORS) or type(error) is duckdb.Error
        for file in snapshots[relation].files if may_be and relation in snapshots else ():
            quoted = file.replace("'", "''")
            try:
                connection.execute(f"SELECT max(hash(COLUMNS(*))) FROM read_parquet('{quoted}')").fetchone()
            except duckdb.Error as found:
                return TableUnreadable(f"{relation}: the file {file} is damaged or missing: {_first_line(found)}")
        if relation in damaged:
            return damaged[relation]
    return None


def _check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise QueryRefused unless the text is one query; its parse tree is read, nothing is run."""
    row = connection.execute("SELECT json_serialize_sql(?)", [_without_explain(sql)]).fetchone()
    tree = json.loads(row[0]) if row else {}
    if tree.get("error"):
        if tree.get("error_type") == "parser":
            raise QueryFailed(f"Parser Error: {tree['error_message']}")
        if _is_pivot(connection, sql):
            return
        raise QueryRefused(
            "only statements that read are run: SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE, PIVOT, EXPLAIN"
        )
    if len(tree["statements"]) != 1:
        raise QueryRefused(f"one statement at a time, not {len(tree['statements'])}")
    for name in _table_functions(tree):
        if name.lower() not in _TABLE_FUNCTIONS:
            raise QueryRefused(f"a query reads the lake's relations only: {name}() is not run")


def _is_pivot(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Whether a text is one PIVOT of values found in the data. Raises QueryRefused where it may call another function.

    DuckDB turns it into a temporary type, without a text of its own, and the query; it has no parse tree to look at, so
    every word in it counts as the function of that name.
    """
    try:
        *types, last = [(one.type, one.query) for one in connection.extract_statements(sql)]
    except (duckdb.Error, ValueError):  # no statement at all, or one that is run while it is parsed
        return False
    if not types or last[0] != duckdb.StatementType.SELECT:
        return False
    if any(kind != duckdb.StatementType.CREATE or text for kind, text in types):
        return False
    found = connection.execute(
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type NOT IN"
        " ('scalar', 'aggregate', 'macro')"
    ).fetchall()
    for word in re.findall(r"\w+", sql.lower()):
        if (word,) in found and word not in _TABLE_FUNCTIONS:
            raise QueryRefused(f"a query reads the lake's relations only: {word}() is not run")
    return True


def _with_unique_names(rows: pa.Table) -> pa.Table:
    """Repeated column names numbered, as in DuckDB's own tables (`a`, `a_1`): a row is shown as a mapping."""
    names: list[str] = []
    for name in rows.column_names:
        number = 0
        while (unique := f"{name}_{number}" if number else name) in names:
            number += 1
        names.append(unique)
    return rows.rename_columns(names)


def _without_explain(sql: str) -> str:
    """The statement that an EXPLAIN explains: what is explained must itself be allowed, for ANALYZE runs it."""
    text = sql.encode()  # the tokenizer counts bytes, not characters
    tokens = [offset for offset, _ in duckdb.tokenize(sql)]
    words = [found.group().lower() for start in tokens if (found := re.match(rb"\w+|.", text[start:], re.DOTALL))]
    if words[:1] != [b"explain"]:
        return sql
    position = 2 if words[1:2] == [b"analyze"] else 1
    if words[position : position + 1] == [b"("]:
        position = words.index(b")", position) + 1 if b")" in words else len(words)
    return text[tokens[position] :].decode() if position < len(tokens) else ""


def _table_functions(node: Any) -> Iterator[str]:
    """Names of the table functions that a parse tree calls, at any depth."""
    if isinstance(node, dict):
        if node.get("type") == "TABLE_FUNCTION":
            yield node["function"]["function_name"]
        for value in node.values():
            yield from _table_functions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _table_functions(value)


def _lock(connection: duckdb.DuckDBPyConnection, files: list[str]) -> None:
    """Let the connection open these files and nothing else, for good."""
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET allowed_paths = [" + ", ".join("'" + file.replace("'", "''") + "'" for file in files) + "]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
