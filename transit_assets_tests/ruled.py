"""What a load makes of one partition, for tests of clean functions: rules, then one row per key."""

from typing import Any, NamedTuple

from transit_assets.lake import Table
from transit_assets.quality.cleaned import Cleaned
from transit_assets.quality.dedupe import keep_last
from transit_assets.quality.rules import split


class Ruled(NamedTuple):
    """The kept rows of one partition and its accounting."""

    rows: list[dict[str, Any]]
    broken: list[dict[str, Any]]
    landed: int
    duplicates: int
    conflicts: int


def ruled(table: Table, cleaned: Cleaned) -> Ruled:
    """Rules, then one row per key, as the load does."""
    passing, broken = split(table, cleaned.candidates)
    kept, duplicates, conflicts = keep_last(passing, table.key)
    found = Ruled(
        kept.to_pylist(),
        broken.to_pylist(),
        cleaned.landed,
        cleaned.duplicates + duplicates,
        cleaned.conflicts + conflicts,
    )
    assert found.landed == len(found.rows) + found.duplicates + len(found.broken)
    return found
