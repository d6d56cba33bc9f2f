"""Records: what every format is decoded to, one row per station and poll, before status and description part.

Columns are typed here and nowhere else. What could not be read is null and named in a problem column, so that
the row is put aside with its reason instead of passing as "unknown".
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds import values
from transit_assets.lake import UTC_INSTANT

COUNTS = ("bikes", "mechanical", "ebike", "docks_free", "capacity")
FLAGS = ("is_installed", "is_renting", "is_returning")
DESCRIPTION = ("name", "latitude", "longitude", "capacity", "commune", "insee_code", "gbfs_station_id")

RECORDS = pa.schema(
    [
        ("station_code", pa.string()),
        ("polled_at", UTC_INSTANT),
        ("reported_at", UTC_INSTANT),
        ("reported_at_provenance", pa.string()),
        *((name, pa.int32()) for name in COUNTS),
        *((name, pa.bool_()) for name in FLAGS),
        ("name", pa.string()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("commune", pa.string()),
        ("insee_code", pa.string()),
        ("gbfs_station_id", pa.int64()),
        ("source", pa.string()),
        ("has_status", pa.bool_()),
        ("has_description", pa.bool_()),
        ("row_number", pa.int32()),
        ("status_problem", pa.string()),  # `rule: detail`, or null
        ("information_problem", pa.string()),
    ]
)
_STALE_AFTER_US = 3600 * 1_000_000
_NOT_STATUS = ("latitude", "longitude", "gbfs_station_id")
_NOT_INFORMATION = ("bikes", "mechanical", "ebike", "docks_free", "reported_at", *FLAGS)


def records(
    raw: Mapping[str, pa.Array],
    *,
    source: str,
    polled_at: pa.Array,
    row_number: pa.Array,
    has_status: bool = True,
    has_description: bool = True,
) -> pa.Table:
    """Typed records from raw columns that go by the names of `RECORDS`; absent columns are null."""
    count = len(polled_at)
    problems: dict[str, list[pa.Array]] = {"status": [], "information": []}
    columns: dict[str, pa.Array] = {}

    def read(name: str, rule: str, result: values.Read) -> None:
        columns[name] = result.values
        found = values.complaints(f"{name}_{rule}", raw[name], result.unreadable)
        if found is None:
            return
        if name not in _NOT_STATUS:
            problems["status"].append(found)
        if name not in _NOT_INFORMATION:
            problems["information"].append(found)

    for name in COUNTS:
        if name in raw:
            read(name, "is_a_whole_number", values.integer(raw[name], pa.int32()))
    for name in FLAGS:
        if name in raw:
            read(name, "is_yes_or_no", values.flag(raw[name]))
    for name in ("latitude", "longitude"):
        if name in raw:
            read(name, "is_a_number", values.number(raw[name]))
    if "gbfs_station_id" in raw:
        read("gbfs_station_id", "is_a_whole_number", values.integer(raw["gbfs_station_id"]))
    if "reported_at" in raw:
        read("reported_at", "is_an_instant", values.instant(raw["reported_at"]))
    for name in ("station_code", "name", "commune", "insee_code"):
        if name in raw:
            columns[name] = values.text(raw[name])

    given = columns.get("reported_at", pa.nulls(count, UTC_INSTANT))
    columns |= {
        "polled_at": polled_at,
        "reported_at": pc.coalesce(given, polled_at),
        "reported_at_provenance": pc.if_else(pc.is_valid(given), "provider", "poll"),
        "source": pa.repeat(pa.scalar(source), count),
        "has_status": pa.repeat(pa.scalar(has_status), count),
        "has_description": pa.repeat(pa.scalar(has_description), count),
        "row_number": row_number,
        "status_problem": values.first_complaint(problems["status"], count),
        "information_problem": values.first_complaint(problems["information"], count),
    }
    return pa.table([columns.get(field.name, pa.nulls(count, field.type)) for field in RECORDS], schema=RECORDS)


def unreadable(complaints: Mapping[int, str], *, source: str, polled_at: pa.Scalar, **parts: bool) -> pa.Table:
    """Records that could not be read at all, by position: nothing is known of them but the complaint."""
    count = len(complaints)
    rows = records(
        {},
        source=source,
        polled_at=repeated(polled_at, count),
        row_number=pa.array(list(complaints), pa.int32()),
        **parts,
    )
    text = pa.array(list(complaints.values()), pa.string())
    for name in ("status_problem", "information_problem"):
        rows = rows.set_column(rows.column_names.index(name), RECORDS.field(name), text)
    return rows


def is_stale(reported_at: pa.Array, polled_at: pa.Array) -> pa.Array:
    """Whether a report was more than an hour old at a poll."""
    age = pc.subtract(polled_at.cast(pa.int64()), reported_at.cast(pa.int64()))
    return pc.greater(age, _STALE_AFTER_US)


def row_numbers(count: int, start: int = 0) -> pa.Array:
    """Positions of consecutive records in their payload."""
    return pa.array(np.arange(start, start + count, dtype=np.int32))


def repeated(instant: pa.Scalar, count: int) -> pa.Array:
    """One poll instant for every record of a payload."""
    return pa.repeat(instant.cast(UTC_INSTANT), count)
