"""`interim.weather__hourly`: the hours of one UTC month, from every payload that has some of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context.weather.clean.records import NAMES
from transit_assets.context.weather.schema import SOURCES, WEATHER_HOURLY
from transit_assets.lake import UTC_INSTANT
from transit_assets.quality.cleaned import Cleaned, candidate_schema

_SCHEMA = candidate_schema(WEATHER_HOURLY.schema)
_HOUR = timedelta(hours=1)
_TEXTS = ("precipitation_types", "conditions", "source")
_AS_THEY_ARE = ("place", "hour_start_at", *NAMES, *_TEXTS, "row_number", "problem")


@dataclass(frozen=True)
class Observation:
    """The records of one payload that belong to a month (columns of `RECORDS`), and when it landed."""

    fetched_at: datetime
    sha256: str
    records: pa.Table


def weather_hourly(month: date, observations: Iterable[Observation], fingerprint: str | None = None) -> Cleaned:
    """The candidate hours of a month, in the order in which the last of a key is kept.

    Observations go after forecasts, then Visual Crossing after the scaled file of Paris, then payloads as they landed.
    """
    found = [_candidates(month, one) for one in observations]
    rows = pa.concat_tables(found).combine_chunks() if found else _SCHEMA.empty_table()
    if rows.num_rows:
        rank = pc.index_in(rows["source"], pa.array(SOURCES)).to_numpy()
        is_observed = ~rows["is_forecast"].to_numpy()
        rows = rows.take(pa.array(np.lexsort((np.arange(rows.num_rows), rank, is_observed))))
    return Cleaned(partition=month.isoformat(), candidates=rows, landed=rows.num_rows, fingerprint=fingerprint)


def _candidates(month: date, one: Observation) -> pa.Table:
    rows, count = one.records, one.records.num_rows
    fetched_at = pa.scalar(one.fetched_at, UTC_INSTANT)
    over_at = pc.add(rows["hour_start_at"].combine_chunks(), pa.scalar(_HOUR, pa.duration("us")))
    still_runs = pc.fill_null(pc.greater(over_at, fetched_at), False)
    is_forecast = pc.coalesce(rows["is_forecast"], still_runs)
    known_at = pc.if_else(pc.or_(is_forecast, still_runs), fetched_at, over_at)
    columns = {name: rows[name] for name in _AS_THEY_ARE} | {
        "month": pa.repeat(pa.scalar(month, pa.date32()), count),
        "is_forecast": is_forecast,
        "known_at": known_at,
        "fetched_at": pa.repeat(fetched_at, count),
        "payload_sha256": pa.repeat(one.sha256, count),
    }
    return pa.table([columns[field.name] for field in _SCHEMA], schema=_SCHEMA)
