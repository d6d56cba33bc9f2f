"""`interim.road__counts_hourly`: the counts of one Paris month, from whatever landed of it.

The candidates are in the order of precedence: history extracts before exports and answers of the API, an earlier
payload before a later one, an earlier record before a later one. Of one arc and hour the last is kept.
"""

from collections.abc import Iterable
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.quality.cleaned import Cleaned, candidate_schema
from transit_assets.road.clean.records import Landed
from transit_assets.road.schema import COUNTS_HOURLY, LEVEL_BANDS, LEVELS

_SCHEMA = candidate_schema(COUNTS_HOURLY.schema)


def counts_hourly(month: date, landed: Iterable[Landed], fingerprint: str | None = None) -> Cleaned:
    """The candidate rows of one month, named by its first day, from payloads in the order they were heard."""
    found = [_candidates(one, month) for one in landed]
    candidates = in_order(pa.concat_tables([_SCHEMA.empty_table(), *found]))
    return Cleaned(
        partition=month.isoformat(),
        candidates=candidates,
        landed=candidates.num_rows,
        fingerprint=fingerprint,
    )


def in_order(candidates: pa.Table) -> pa.Table:
    """History extracts before all others, otherwise as they are."""
    is_history = pc.equal(candidates["source"], "history_csv").to_numpy()
    if is_history.all() or not is_history.any():
        return candidates
    order = np.argsort(~is_history, kind="stable")
    return candidates.take(pa.array(order))


def level_of(occupancy: pa.ChunkedArray) -> pa.Array:
    """The level of traffic by the bands of occupancy; unknown without it."""
    is_known = pc.is_valid(occupancy).to_numpy()
    percent = occupancy.fill_null(0.0).to_numpy()
    band = np.searchsorted(np.array(LEVEL_BANDS), percent, side="right")
    codes = np.where(is_known, band, len(LEVELS) - 1)
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(LEVELS)).cast(pa.string())


def _candidates(one: Landed, month: date) -> pa.Table:
    rows = one.records
    columns = {name: rows[name] for name in rows.column_names}
    columns |= {
        "month": pa.repeat(pa.scalar(month, pa.date32()), rows.num_rows),
        "level_of_occupancy": level_of(rows["occupancy_percent"]),
        "payload_sha256": pa.repeat(one.sha256, rows.num_rows),
        "problem": rows["counts_problem"],
    }
    return pa.table([columns[field.name].cast(field.type) for field in _SCHEMA], schema=_SCHEMA)
