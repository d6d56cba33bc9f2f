"""Row rules: which rows of a load break a rule of their table, and which one.

Rules come from the table's columns (`Table.row_rules`) and from the decoder, which leaves its
complaint about a row in `problem`. A rule is broken where its expression is FALSE: null passes.
"""

import duckdb
import numpy as np
import pyarrow as pa

from transit_assets.lake import Table
from transit_assets.lake.engine import prepare

PROBLEM, ROW_NUMBER = "problem", "row_number"
_POSITION = "position_in_load"
BROKEN = pa.field("broken_rules", pa.list_(pa.string()), nullable=False)


def split(
    table: Table, candidates: pa.Table, connection: duckdb.DuckDBPyConnection | None = None
) -> tuple[pa.Table, pa.Table]:
    """Candidates that keep every rule, and those that break one, both in the order they came in.

    Broken rows gain `broken_rules`, first broken first; a decoder's complaint comes before any rule.
    """
    if connection is not None:
        return _split(connection, table, candidates)
    with duckdb.connect(config={"threads": 2}) as own:
        prepare(own, is_s3=False)
        return _split(own, table, candidates)


def _split(connection: duckdb.DuckDBPyConnection, table: Table, candidates: pa.Table) -> tuple[pa.Table, pa.Table]:
    rules = table.row_rules()
    complains = PROBLEM in candidates.column_names
    tests = [f"({rule.holds})" for rule in rules]
    holds = " AND ".join(f"coalesce({test}, true)" for test in tests) or "true"
    verdict = f'({holds}) AND "{PROBLEM}" IS NULL' if complains else holds
    # One pass over all rows for the verdict; only the few broken ones are asked which rule it was. Of an Arrow
    # table in chunks DuckDB gives rows in no order once a list of values becomes a join: a position tells them apart.
    numbered = _numbered(candidates)
    query = f"SELECT {_POSITION} FROM candidates WHERE NOT ({verdict}) ORDER BY {_POSITION}"
    at = _select(connection, numbered, query)[_POSITION]
    if not len(at):
        return candidates, candidates.slice(0, 0).append_column(BROKEN, pa.array([], BROKEN.type))
    broken = candidates.take(at)
    names = [f"CASE WHEN {test} IS FALSE THEN '{rule.name}' END" for test, rule in zip(tests, rules, strict=True)]
    if complains:
        names.insert(0, f"trim(split_part(\"{PROBLEM}\", ':', 1))")
    listed = f"list_filter([{', '.join(names)}], lambda name: name IS NOT NULL)"
    which = _select(connection, _numbered(broken), f"SELECT {listed} AS rules FROM candidates ORDER BY {_POSITION}")
    keeps = np.ones(candidates.num_rows, dtype=bool)
    keeps[at.to_numpy()] = False
    return candidates.filter(pa.array(keeps)), broken.append_column(BROKEN, which["rules"].cast(BROKEN.type))


def _numbered(rows: pa.Table) -> pa.Table:
    return rows.append_column(_POSITION, pa.array(np.arange(rows.num_rows)))


def _select(connection: duckdb.DuckDBPyConnection, candidates: pa.Table, query: str) -> pa.Table:
    connection.register("candidates", candidates)
    try:
        return connection.execute(query).to_arrow_table()
    finally:
        connection.unregister("candidates")
