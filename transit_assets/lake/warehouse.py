"""The warehouse: one DuckDB file for analysts and their tools, published whole.

Processed and model tables are copied, partition after partition, so that a filter on days reads
little. Every other relation is a view over the files of the snapshot of the moment, by absolute
name: such a view stops working once a vacuum has deleted those files (after the retention) or the lake
has moved, and on S3 it needs the reader's own `httpfs` and credentials. Publishing again renews it.

The file is built beside the old one and renamed over it. Whoever has the old one open keeps
reading it; a process that had it open before must close it to see the new one.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from filelock import FileLock

from transit_assets.lake.lake import create_views

if TYPE_CHECKING:
    import duckdb

    from transit_assets.lake.lake import Lake
    from transit_assets.lake.snapshot import Snapshot

_COPIED_LAYERS = ("processed.", "models.")


def publish(lake: "Lake", path: Path) -> dict[str, int]:
    """Build the warehouse and put it in place of the one at `path`. Returns the rows of each relation.

    One publisher at a time; killed at any moment, the old file stands and the next publisher clears up.
    `main.publication` in it says which version of each relation it shows, and whether the data is real.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lake.lock_path("publish")):
        for left_over in path.parent.glob(f".{path.name}.*.building*"):
            left_over.unlink(missing_ok=True)
        building = path.with_name(f".{path.name}.{uuid4().hex}.building")
        try:
            counts = _build(lake, building)
            _sync(building)
            building.replace(path)
            _sync(path.parent)
        finally:
            for left_over in path.parent.glob(f"{building.name}*"):
                left_over.unlink()
    return counts


def _build(lake: "Lake", path: Path) -> dict[str, int]:
    snapshots = lake.snapshots()
    connection = lake.connect(str(path))
    try:
        copied = {name: snapshot for name, snapshot in snapshots.items() if name.startswith(_COPIED_LAYERS)}
        for relation, snapshot in copied.items():
            _copy(connection, relation, snapshot)
        create_views(connection, {name: snapshot for name, snapshot in snapshots.items() if name not in copied})
        counts = {name: _count(connection, name) for name in snapshots}
        _describe(lake, connection, snapshots, counts)
        connection.execute("CHECKPOINT")
    finally:
        connection.close()
    return counts


def _copy(connection: "duckdb.DuckDBPyConnection", relation: str, snapshot: "Snapshot") -> None:
    layer, name = relation.split(".", 1)
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{layer}"')
    # The snapshot lists its files by partition, and DuckDB keeps that order: its zone maps then skip by day.
    connection.execute(f'CREATE TABLE "{layer}"."{name}" AS {snapshot.sql}')


def _count(connection: "duckdb.DuckDBPyConnection", relation: str) -> int:
    layer, name = relation.split(".", 1)
    row = connection.execute(f'SELECT count(*) FROM "{layer}"."{name}"').fetchone()
    return row[0] if row else 0


def _describe(
    lake: "Lake", connection: "duckdb.DuckDBPyConnection", snapshots: "dict[str, Snapshot]", counts: dict[str, int]
) -> None:
    connection.execute(
        "CREATE TABLE publication (relation VARCHAR PRIMARY KEY, version BIGINT, rows BIGINT, is_copied BOOLEAN,"
        " origin VARCHAR, published_at TIMESTAMPTZ)"
    )
    origin = lake.landing.origin()
    for relation, snapshot in snapshots.items():
        layer, name = relation.split(".", 1)
        is_copied = relation.startswith(_COPIED_LAYERS)
        connection.execute(
            "INSERT INTO publication VALUES (?, ?, ?, ?, ?, now())",
            [relation, snapshot.version, counts[relation], is_copied, origin],
        )
        if snapshot.description:
            text = snapshot.description.replace("'", "''")
            connection.execute(f'COMMENT ON {"TABLE" if is_copied else "VIEW"} "{layer}"."{name}" IS \'{text}\'')


def _sync(path: Path) -> None:
    """Make a file or a folder's entries survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
