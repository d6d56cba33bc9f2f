"""`interim.fire__incidents`: the calls of one London month, from whatever landed of it.

The candidates are in the order of precedence: an earlier payload before a later one, an earlier record before a later
one. Of one incident number the last is kept.
"""

from collections.abc import Iterable
from datetime import date

import pyarrow as pa

from transit_assets.fire.clean.records import Landed
from transit_assets.fire.schema import INCIDENTS
from transit_assets.quality.cleaned import Cleaned, candidate_schema

_SCHEMA = candidate_schema(INCIDENTS.schema)


def incidents(month: date, landed: Iterable[Landed], fingerprint: str | None = None) -> Cleaned:
    """The candidate rows of one month, named by its first day, from payloads in the order they were heard."""
    found = [_candidates(one, month) for one in landed if one.kind == "incidents"]
    candidates = pa.concat_tables([_SCHEMA.empty_table(), *found])
    return Cleaned(
        partition=month.isoformat(), candidates=candidates, landed=candidates.num_rows, fingerprint=fingerprint
    )


def _candidates(one: Landed, month: date) -> pa.Table:
    rows = one.records
    columns = {name: rows[name] for name in rows.column_names}
    columns |= {
        "month": pa.repeat(pa.scalar(month, pa.date32()), rows.num_rows),
        "payload_sha256": pa.repeat(one.sha256, rows.num_rows),
    }
    return pa.table([columns[field.name].cast(field.type) for field in _SCHEMA], schema=_SCHEMA)
