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
from transit_assets.quality.dedupe import changes
from transit_assets.quality.rules import split
from transit_assets.road.clean.records import Landed
from transit_assets.road.schema import COUNTS_HOURLY, LEVEL_BANDS, LEVELS

_SCHEMA = candidate_schema(COUNTS_HOURLY.schema)
_FOLD_ROWS = 4_000_000  # a month of Paris has 2.2 million hours, and polls ask for the last ones again and again
_SAID = ("flow_veh_per_hour", "occupancy_percent", "level", "arc_state")
_AT = "at"


def counts_hourly(month: date, landed: Iterable[Landed], fingerprint: str | None = None) -> Cleaned:
    """The candidate rows of one month, named by its first day, from payloads in the order they were heard."""
    candidates, repeats, limit = _SCHEMA.empty_table(), 0, _FOLD_ROWS
    for one in landed:
        candidates = pa.concat_tables([candidates, _candidates(one, month)])
        if candidates.num_rows > limit:
            candidates, dropped = _without_repeats(in_order(candidates))
            repeats += dropped
            limit = max(_FOLD_ROWS, 2 * candidates.num_rows)
    candidates = in_order(candidates)
    return Cleaned(
        partition=month.isoformat(),
        candidates=candidates,
        landed=candidates.num_rows + repeats,
        duplicates=repeats,
        fingerprint=fingerprint,
    )


def _without_repeats(candidates: pa.Table) -> tuple[pa.Table, int]:
    """Candidates without those that the next one of the same arc and hour repeats, and how many those were.

    One that breaks a rule stays, so that a repair of it finds it.
    """
    numbered = candidates.append_column(_AT, pa.array(np.arange(candidates.num_rows)))
    passing, broken = split(COUNTS_HOURLY, numbered)
    arcs = passing["arc_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    hours = passing["hour_start_at"].cast(pa.int64()).to_numpy()
    ordered = passing.take(pa.array(np.lexsort((hours, arcs))))
    is_last = np.append(changes(ordered, (*COUNTS_HOURLY.key, *_SAID)).to_numpy(zero_copy_only=False)[1:], True)
    kept = np.sort(np.concatenate([ordered[_AT].to_numpy()[is_last[: len(hours)]], broken[_AT].to_numpy()]))
    return candidates.take(pa.array(kept)), candidates.num_rows - len(kept)


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
