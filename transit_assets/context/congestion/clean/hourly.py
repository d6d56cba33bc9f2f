"""`interim.congestion__hourly`: the hours of one UTC month, from every file that has some of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context.congestion.clean.formats import RECORDS
from transit_assets.context.congestion.schema import CONGESTION_HOURLY, RESOLUTIONS
from transit_assets.lake import UTC_INSTANT
from transit_assets.quality.cleaned import Cleaned, candidate_schema

_SCHEMA = candidate_schema(CONGESTION_HOURLY.schema)


@dataclass(frozen=True)
class Observation:
    """The records of one file that belong to a month (columns of `RECORDS`), and when it landed."""

    fetched_at: datetime
    sha256: str
    records: pa.Table


def congestion_hourly(month: date, observations: Iterable[Observation], fingerprint: str | None = None) -> Cleaned:
    """The candidate hours of a month, in the order in which the last of a key is kept: hours after days."""
    found = [_candidates(month, one) for one in observations]
    rows = pa.concat_tables(found).combine_chunks() if found else _SCHEMA.empty_table()
    rank = pc.index_in(rows["resolution"], pa.array(RESOLUTIONS)).to_numpy()
    rows = rows.take(pa.array(np.lexsort((np.arange(rows.num_rows), rank))))
    return Cleaned(partition=month.isoformat(), candidates=rows, landed=rows.num_rows, fingerprint=fingerprint)


def _candidates(month: date, one: Observation) -> pa.Table:
    count = one.records.num_rows
    columns = {name: one.records[name] for name in RECORDS.names} | {
        "month": pa.repeat(pa.scalar(month, pa.date32()), count),
        "fetched_at": pa.repeat(pa.scalar(one.fetched_at, UTC_INSTANT), count),
        "payload_sha256": pa.repeat(one.sha256, count),
    }
    return pa.table([columns[field.name] for field in _SCHEMA], schema=_SCHEMA)
