"""The one place where rows are written to Delta: as one commit, in order, or not at all."""

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError

from transit_assets.lake.errors import SchemaDrift, WriteConflict

# Eight writers of different days lose a handful of commits at delta-rs's default of 15; none at 100.
_COMMIT_RETRIES = 100
# Zstd sets itself up for each column of each file: 0.1 ms to write and as much to read, whatever it holds. A year of
# station-hours of 20 stations (24 columns, 480 rows a day) is written and read in half the time without it, and is 6%
# larger.
_SMALL_FILE_ROWS = 10_000
_SMALL, _LARGE = WriterProperties(compression="SNAPPY"), WriterProperties(compression="ZSTD", compression_level=3)
_TIDIED = "transit.tidied"
_TIDYING = {"CREATE TABLE", "OPTIMIZE", "SET TBLPROPERTIES", "VACUUM START", "VACUUM END"}


def commit(
    delta: DeltaTable, rows: pa.Table, mode: str, predicate: str | None = None, *, is_tidying: bool = False
) -> int:
    """Write rows onto the version that `delta` has open, and return the version it became.

    `is_tidying` marks a commit that changes files but no row. Raises WriteConflict where another commit
    touched, since that version, what this one overwrites, SchemaDrift where the stored columns are others.
    """
    relation, stored = delta.metadata().name, pa.schema(delta.schema()).names
    for column in rows.column_names:
        if column not in stored:
            raise SchemaDrift(f"the stored {relation} has no column {column}; add it with add_column() first")
    for column in stored:
        if column not in rows.column_names:
            raise SchemaDrift(f"the stored {relation} has a column {column} that the rows do not have")
    try:
        write_deltalake(  # type: ignore[call-overload]  # each mode has its own overload
            delta,
            rows,
            mode=mode,
            predicate=predicate,
            storage_options=delta._storage_options,
            writer_properties=_SMALL if _rows_per_file(delta, rows) < _SMALL_FILE_ROWS else _LARGE,
            commit_properties=CommitProperties(
                max_commit_retries=_COMMIT_RETRIES, custom_metadata={_TIDIED: "true"} if is_tidying else None
            ),
        )
    except CommitFailedError as error:
        raise WriteConflict(f"{relation}: another writer was first ({error})") from error
    return delta.version()


def _rows_per_file(delta: DeltaTable, rows: pa.Table) -> float:
    by = delta.metadata().partition_columns
    return rows.num_rows / max(1, len(rows[by[0]].unique()) if by else 1)


def was_only_tidied(latest: DeltaTable, since: int, partitions: list[str]) -> bool:
    """Whether a write of partitions lost to care of the table alone: that changes no row, so it may try again."""
    commits = [done for done in latest.history(latest.version() - since) if done["version"] > since]
    tidying = [done for done in commits if done["operation"] in _TIDYING or done.get(_TIDIED) == "true"]
    return bool(tidying) and all(done in tidying or _is_elsewhere(done, partitions) for done in commits)


def _is_elsewhere(done: dict, partitions: list[str]) -> bool:
    predicate = done.get("operationParameters", {}).get("predicate", "")
    return "'" in predicate and not any(f"'{partition}'" in predicate for partition in partitions)
