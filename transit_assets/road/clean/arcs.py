"""`interim.road__arc_descriptions` and `interim.road__arcs`: how each arc was described, and over which months.

A month has up to 744 records of an arc that mostly say the same; only what differs becomes a candidate. Arcs keep
their number for life, so a place that a later export gives holds for the history extracts, which give none.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.quality.cleaned import Cleaned, candidate_schema
from transit_assets.quality.dedupe import changes
from transit_assets.road.clean.counts import in_order
from transit_assets.road.clean.records import DESCRIPTION, NODES, PLACE, Landed
from transit_assets.road.clean.zones import zones_of
from transit_assets.road.schema import ARC_DESCRIPTIONS, ARCS

_SCHEMA = candidate_schema(ARC_DESCRIPTIONS.schema)
_NAMED = ("name", *NODES)  # what makes a description another one

_Row: TypeAlias = dict[str, Any]


def arc_descriptions(month: date, landed: Iterable[Landed], fingerprint: str | None = None) -> Cleaned:
    """The candidate descriptions of one month from payloads in the order they were heard, the latest hour last."""
    found = []
    count = 0
    for one in landed:
        count += one.records.num_rows
        found.append(_candidates(_distinct(one.records), one.sha256, month))
    candidates = in_order(pa.concat_tables([_SCHEMA.empty_table(), *found]))
    return Cleaned(
        partition=month.isoformat(),
        candidates=candidates,
        landed=count,
        duplicates=count - candidates.num_rows,
        fingerprint=fingerprint,
    )


def _distinct(records: pa.Table) -> pa.Table:
    """The last of the records that describe an arc alike, by hour; all that cannot be read or name no arc."""
    codes = [_codes(records[name]) for name in ("arc_id", *DESCRIPTION)]
    at = records["hour_start_at"].cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy()
    order = np.lexsort((at, *codes))
    is_last = np.ones(len(order), dtype=bool)
    is_last[:-1] = np.any([code[order[1:]] != code[order[:-1]] for code in codes], axis=0)
    is_bad = pc.or_(pc.is_null(records["arc_id"]), pc.is_valid(records["description_problem"])).to_numpy()
    kept = np.flatnonzero(is_bad | np.isin(np.arange(len(order)), order[is_last]))
    return records.take(pa.array(kept[np.argsort(at[kept], kind="stable")]))


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """Integers that differ where the values do; null is -1."""
    return column.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy()


def _candidates(records: pa.Table, sha256: str, month: date) -> pa.Table:
    columns = {name: records[name] for name in records.column_names}
    columns |= {
        "month": pa.repeat(pa.scalar(month, pa.date32()), records.num_rows),
        "payload_sha256": pa.repeat(sha256, records.num_rows),
        "problem": records["description_problem"],
    }
    return pa.table([columns[field.name].cast(field.type) for field in _SCHEMA], schema=_SCHEMA)


def arcs(descriptions: pa.Table) -> pa.Table:
    """Arcs with validity from all months of `interim.road__arc_descriptions` (see ARCS)."""
    ordered = descriptions.sort_by([("arc_id", "ascending"), ("month", "ascending")]).combine_chunks()
    said = ordered.filter(changes(ordered, ("arc_id", *_NAMED, *PLACE)))
    periods: list[_Row] = []
    for _, rows in groupby(said.to_pylist(), key=lambda row: row["arc_id"]):
        of_arc = list(_periods(rows))
        _share_places(of_arc)
        periods += of_arc
    zones = zones_of(
        np.array([period["latitude"] for period in periods], dtype=float),
        np.array([period["longitude"] for period in periods], dtype=float),
    )
    for period, zone in zip(periods, zones, strict=True):
        period["zone"] = zone
    return pa.Table.from_pylist(periods, schema=ARCS.schema)


def _periods(rows: Iterator[_Row]) -> Iterator[_Row]:
    """Months in which name and nodes are the same; one that leaves a field out does not change it."""
    period: _Row | None = None
    for row in rows:
        if period is not None and all(row[name] in (None, period[name]) or period[name] is None for name in _NAMED):
            period |= {name: row[name] for name in (*_NAMED, *PLACE) if row[name] is not None}
            continue
        known = {name: period[name] for name in _NAMED} if period else dict.fromkeys(_NAMED)
        if period is not None:
            yield period | {"valid_to": row["month"]}
        known |= {name: row[name] for name in _NAMED if row[name] is not None}
        place = {name: row[name] for name in PLACE}
        period = {"arc_id": row["arc_id"], "valid_from": row["month"], "valid_to": None, **known, **place}
    if period is not None:
        yield period


def _share_places(periods: list[_Row]) -> None:
    """Give periods without a place that of the period before, else that of the first one that has any."""
    for names in (("latitude", "longitude"), ("geometry", "bearing_degrees")):
        held = next((period for period in periods if period[names[0]] is not None), None)
        for period in periods:
            if period[names[0]] is not None:
                held = period
            elif held is not None:
                period |= {name: held[name] for name in names}
