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
from deltalake.exceptions import CommitFailedError

from transit_assets.lake.schema import Layer

if TYPE_CHECKING:
    from transit_assets.lake.lake import Lake

Progress = Callable[[str, int, int], None]

LOG_RETENTION = "delta.logRetentionDuration"
_HALF_WRITTEN_HOURS = 24


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
        done.append(_maintain_one(lake.open(relation), relation, retention_hours))
    _remove_half_written(lake)
    return done


def _maintain_one(delta: DeltaTable, relation: str, retention_hours: int) -> Maintained:
    before = len(delta.file_uris())
    compact(delta)
    deleted = vacuum(delta, retention_hours)
    keep_logs(delta, retention_hours)
    delta.update_incremental()
    delta.create_checkpoint()
    delta.cleanup_metadata()
    return Maintained(relation, before, len(delta.file_uris()), len(deleted), delta.version())


def compact(delta: DeltaTable) -> int:
    """Merge small files within each partition; returns how many files went.

    A partition that is replaced meanwhile wins: nothing is merged then, and the next time will do.
    """
    try:
        return delta.optimize.compact()["numFilesRemoved"]
    except CommitFailedError:
        delta.update_incremental()
        return 0


def vacuum(delta: DeltaTable, retention_hours: int, *, dry_run: bool = False) -> list[str]:
    """Delete files that no version younger than the retention names, those of killed writers too; returns them."""

    def run(*, dry_run: bool) -> list[str]:
        return delta.vacuum(retention_hours, dry_run=dry_run, enforce_retention_duration=False, full=True)

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
