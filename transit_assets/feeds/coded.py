"""Columns whose values repeat, as dictionaries: each distinct text is looked at once, however many rows hold it."""

from collections.abc import Callable, Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds import values

CODED = pa.dictionary(pa.int32(), pa.string())


def encoded(raw: pa.Array) -> pa.DictionaryArray:
    """A column as one dictionary array."""
    if isinstance(raw, pa.ChunkedArray):
        raw = raw.combine_chunks()
    return raw if pa.types.is_dictionary(raw.type) else raw.dictionary_encode()


def recoded(column: pa.DictionaryArray, distinct: pa.Array) -> pa.DictionaryArray:
    """A coded column with other texts in the place of its distinct values; several may become one, or null."""
    merged = distinct.cast(pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(merged.indices.take(column.indices), merged.dictionary)


def taken(mask: pa.Array, indices: pa.Array) -> pa.Array:
    """A mask of distinct values as one of rows; false where the row is null."""
    return pc.fill_null(mask.take(indices), False)


def read(column: pa.DictionaryArray, reader: Callable[[pa.Array], values.Read]) -> values.Read:
    """What a reader of `feeds.values` makes of a coded column."""
    of_distinct = reader(column.dictionary)
    return values.Read(of_distinct.values.take(column.indices), taken(of_distinct.unreadable, column.indices))


def constant(text: str, count: int) -> pa.DictionaryArray:
    """The same text in so many rows."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), pa.array([text]))


def row_numbers(count: int, start: int = 0) -> pa.Array:
    """Positions of consecutive records in their payload."""
    return pa.array(np.arange(start, start + count, dtype=np.int32))


def between(at: int, count: int, misfits: Collection[int]) -> np.ndarray:
    """Positions from `at` on of so many records that are no misfits: what is no record has a position, too."""
    found = np.arange(at, at + count + len(misfits), dtype=np.int32)
    return found[~np.isin(found, list(misfits))][:count]


def in_order(rows: pa.Table, others: pa.Table) -> pa.Table:
    """Records and the lines between them that are none, by `row_number`, as they stand in the file."""
    both = pa.concat_tables([rows, others]).unify_dictionaries().combine_chunks()
    return both.take(pa.array(np.argsort(both["row_number"].to_numpy(), kind="stable")))
