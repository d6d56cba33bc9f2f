"""The lake that the settings name, as the commands open it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transit_assets.lake import Lake


def open_lake() -> "Lake":
    """The lake of `TRANSIT_LAKE`, with the bounds that the settings put on each DuckDB connection."""
    from transit_assets.lake import Lake
    from transit_assets.settings import settings

    configured = settings()
    return Lake.at(configured.lake, threads=configured.duckdb_threads, memory_limit=configured.duckdb_memory_limit)
