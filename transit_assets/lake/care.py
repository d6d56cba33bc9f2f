"""Looking after the lake: few large files, short logs, and nothing that no version needs.

`maintain` may run while others read and write: merging files changes no row, and a writer that
meets it tries again by itself. Payloads of the landing are never touched. Lock files live in the
system's temporary folder and are left to it: removing one that is about to be locked would break it.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from deltalake import DeltaTable

from transit_assets.lake.commit import commit
from transit_assets.lake.errors import WriteConflict
from transit_assets.lake.schema import Layer
from transit_assets.lake.snapshot import Snapshot, files_of

if TYPE_CHECKING:
    from transit_assets.lake.lake import Lake

Progress = Callable[[str, int, int], None]

LOG_RETENTION = "delta.logRetentionDuration"
_HALF_WRITTEN_HOURS = 24
_SMALL_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Maintained:
    """What was done to one relation. `deleted_files` are those of versions older than the retention."""

    relation: str
    files_before: int
    files_after: int
    deleted_files: int
    version: int


def maintain(
    lake: "Lake",
    retention_hours: int,
    *,
    relations: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> list[Maintained]:
    """Merge small files, delete those that no version within the retention names, shorten the logs.

    Time travel reaches back as far as the retention. `progress` is told (relation, its number, how many).
    """
    names = lake.relations() if relations is None else sorted(relations)
    done = []
    for number, relation in enumerate(names, start=1):
        if progress:
            progress(relation, number, len(names))
        done.append(_maintain_one(lake, relation, retention_hours))
    _remove_half_written(lake)
    return done


def _maintain_one(lake: "Lake", relation: str, retention_hours: int) -> Maintained:
    delta = lake.open(relation)
    before = len(delta.file_uris())
    compact(lake, delta)
    deleted = vacuum(delta, retention_hours)
    keep_logs(delta, retention_hours)
    delta.update_incremental()
    delta.create_checkpoint()
    delta.cleanup_metadata()
    return Maintained(relation, before, len(delta.file_uris()), len(deleted), delta.version())


def compact(lake: "Lake", delta: DeltaTable, *, at_most: int = 1, partitions: Iterable[str] | None = None) -> int:
    """Merge the files of each partition (default: all) that has more small ones than `at_most`.

    Returns how many files went. A partition that is written meanwhile stays as it is until the next time.

    delta-rs's own `optimize` is not used: two at once both commit, and every row is there twice (1.6.6,
    whatever the retries). An overwrite with its predicate is checked against what others did.
    """
    gone = 0
    wanted = None if partitions is None else set(partitions)
    for partition, files in _small_files(delta).items():
        if len(files) > at_most and (wanted is None or partition in wanted):
            gone += len(files) if _merge(lake, delta, partition) else 0
    return gone


def _small_files(delta: DeltaTable) -> dict[str | None, list[str]]:
    """Paths of the small files of each partition; of the whole table under None where it has no partitions."""
    found: dict[str | None, list[str]] = {}
    for file in files_of(delta).to_pylist():
        if file["bytes"] < _SMALL_BYTES:
            found.setdefault(file["partition"], []).append(file["path"])
    return found


def _merge(lake: "Lake", delta: DeltaTable, partition: str | None) -> bool:
    snapshot = Snapshot.of(delta, None if partition is None else [partition])
    with lake.engine() as connection:
        rows = connection.execute(snapshot.sql).to_arrow_table().cast(snapshot.schema).combine_chunks()
    predicate = "true" if partition is None else f"{snapshot.partition_by} = '{partition}'"
    try:
        commit(delta, rows, "overwrite", predicate, is_tidying=True)
    except WriteConflict:
        delta.update_incremental()
        return False
    return True


def vacuum(delta: DeltaTable, retention_hours: int, *, dry_run: bool = False) -> list[str]:
    """Delete files that no version younger than the retention names, those of killed writers too; returns them."""

    def run(*, dry_run: bool) -> list[str]:
        # Below an hour, a file that no version names may be one that a writer is about to commit.
        full = retention_hours >= 1
        return delta.vacuum(retention_hours, dry_run=dry_run, enforce_retention_duration=False, full=full)

    found = run(dry_run=True)  # a vacuum that finds nothing would still add two commits
    return found if dry_run or not found else run(dry_run=False)


def keep_logs(delta: DeltaTable, retention_hours: int) -> None:
    """Let the log reach back as far as the files do."""
    wanted = f"interval {retention_hours} hours"
    if delta.metadata().configuration.get(LOG_RETENTION) != wanted:
        delta.alter.set_table_properties({LOG_RETENTION: wanted})


def _remove_half_written(lake: "Lake") -> None:
    """Delete what a killed put left in a folder lake (`<name>#<number>`); a bucket has a rule for that."""
    if lake.location.folder is None:
        return
    long_ago = time.time() - _HALF_WRITTEN_HOURS * 3600
    for layer in get_args(Layer):
        for path in (lake.location.folder / layer).rglob("*#*"):
            if path.name.rsplit("#", 1)[1].isdigit() and path.stat().st_mtime < long_ago:
                path.unlink(missing_ok=True)
