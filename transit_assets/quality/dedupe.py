"""Of several rows with one key, the last in payload order is kept; the others are counted."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Names that all domains share for when and where a row was heard: two polls that repeat one report differ in
# these, and are no conflict. Over the rows of a key the first poll is the earliest, the last poll the latest, and
# the report is stale only where it was so at every poll, the first included.
SMALLEST = ("first_polled_at", "is_stale")
LARGEST = ("polled_at",)
HEARD = (*SMALLEST, *LARGEST, "payload_sha256", "row_number", "problem", "source", "reported_at_provenance")

Positions = np.ndarray


class Kept(NamedTuple):
    """Rows with distinct keys, sorted by key; how many were dropped; how many of those said something else."""

    rows: pa.Table
    duplicates: int
    conflicts: int


def keep_last(rows: pa.Table, key: Sequence[str]) -> Kept:
    """One row per key: the last in the order of `rows`. The result is sorted by key.

    A column of `SMALLEST` takes its smallest value over the rows of the key, one of `LARGEST` its largest. A dropped
    row is a conflict where it differs from the kept one in what it says: in a column not in the key or `HEARD`.
    """
    if rows.num_rows == 0:
        return Kept(rows, 0, 0)
    # Ranks and numpy's stable sort: 2 million rows in 0.4 s, where a DuckDB GROUP BY over text keys took 2 s.
    ranks = [_ranks(rows[name]) for name in key]
    order = np.lexsort(ranks[::-1])
    is_last = np.ones(len(order), dtype=bool)
    is_last[:-1] = np.any([rank[order[1:]] != rank[order[:-1]] for rank in ranks], axis=0)
    kept = order[is_last]
    if len(kept) == len(order):
        is_sorted = np.array_equal(order, np.arange(len(order)))
        return Kept(rows if is_sorted else rows.take(pa.array(order)), 0, 0)

    starts = np.flatnonzero(np.concatenate(([True], is_last[:-1])))
    result = rows.take(pa.array(kept))
    for names, extreme, unknown in (
        (SMALLEST, np.minimum, np.iinfo(np.int64).max),
        (LARGEST, np.maximum, np.iinfo(np.int64).min),
    ):
        for name in names:
            if name in rows.column_names:
                result = _with_extreme(result, rows, name, order, starts, extreme, unknown)
    dropped = order[~is_last]
    last_of_key = kept[np.cumsum(is_last) - is_last][~is_last]
    said = [name for name in rows.column_names if name not in {*key, *HEARD}]
    return Kept(result, len(dropped), _differing(rows.select(said), dropped, last_of_key))


def _ranks(column: pa.ChunkedArray) -> np.ndarray:
    """Integers in the order of the column's values; null comes first and equals null."""
    if pa.types.is_temporal(column.type) or pa.types.is_integer(column.type):
        width = pa.int32() if column.type.bit_width == 32 else pa.int64()
        return column.cast(width).cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy()
    encoded = column.combine_chunks().dictionary_encode()
    # Ranks of the few distinct values stand for the many rows.
    ranks = pc.rank(encoded.dictionary, tiebreaker="dense").to_numpy()
    indices = encoded.indices.fill_null(-1).to_numpy()
    return np.append(ranks, 0).astype(np.int64)[indices]


def _with_extreme(
    result: pa.Table, rows: pa.Table, name: str, order: Positions, starts: Positions, extreme: np.ufunc, unknown: int
) -> pa.Table:
    """The result with one column at its smallest or largest value over the rows of each key; null is no value."""
    column = rows[name]
    ordered = column.take(pa.array(order)).cast(pa.int64()).fill_null(unknown).to_numpy()
    found = extreme.reduceat(ordered, starts)
    values = pa.array(found, mask=found == unknown).cast(column.type)
    return result.set_column(result.column_names.index(name), rows.schema.field(name), values)


def _differing(said: pa.Table, dropped: Positions, kept: Positions) -> int:
    """How many dropped rows differ from the kept row of their key in what they say."""
    differs = np.zeros(len(dropped), dtype=bool)
    for column in said.columns:
        was, now = column.take(pa.array(dropped)), column.take(pa.array(kept))
        unequal = pc.fill_null(pc.not_equal(was, now), False)
        only_one_known = pc.xor(pc.is_null(was), pc.is_null(now))
        differs |= pc.or_(unequal, only_one_known).to_numpy()
    return int(differs.sum())


def changes(ordered: pa.Table, names: Sequence[str]) -> pa.Array:
    """Where a row says something else in these columns than the row before; the first row does, null equals null."""
    found = np.ones(ordered.num_rows, dtype=bool)
    same = np.ones(max(ordered.num_rows - 1, 0), dtype=bool)
    for name in names:
        column = ordered[name].combine_chunks()
        was, now_is = column.slice(0, max(len(column) - 1, 0)), column.slice(1)
        equal = pc.fill_null(pc.equal(was, now_is), False)
        same &= pc.or_(equal, pc.and_(pc.is_null(was), pc.is_null(now_is))).to_numpy(zero_copy_only=False)
    found[1:] = ~same
    return pa.array(found)
