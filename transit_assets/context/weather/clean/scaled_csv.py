"""The hourly weather of Paris as one collector kept it: scaled for a model, with true instants.

Temperatures are divided by 30 and visibility by 10 (its cap at the source): a year has a mean of 0.44 and never more
than 1.43, each day's extremes are whole thirtieths, and times 30 the months are those of Paris (23.8 degrees in July
2022, 5.3 in December). Rain is in millimetres as it is: 545 in the 14 months. Hours between the source's three-hourly
ones are interpolated. The offset is +01:00 all year, sunrise included, and is taken at its word. The daily columns
(sunrise, extremes, snow of the day) are not used. A file of the same shape that exceeds these scales is not scaled.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context.weather.clean import records as typed
from transit_assets.feeds import values
from transit_assets.feeds.tables import csv_table

HEADER = {"datetime", "tempC", "precipMM", "visibility"}
_SCALES = {"tempC": 30.0, "visibility": 10.0}
_MOST = {"tempC": 2.0, "visibility": 1.0}  # 60 degrees and 10 km, scaled
_COLUMNS = {"tempC": "temperature_celsius", "precipMM": "precipitation_mm", "visibility": "visibility_km"}


def decode_csv(payload: bytes) -> pa.Table:
    """The records of a file. Raises PayloadUnreadable."""
    table = csv_table(payload, ";")
    written = {name: table[name].combine_chunks() for name in HEADER}
    read = {name: values.number(written[name]) for name in _COLUMNS}
    is_scaled = all(np.nanmax(np.abs(_floats(read[name].values)), initial=0) <= most for name, most in _MOST.items())
    raw = {
        column: _times(read[name].values, _SCALES.get(name, 1.0) if is_scaled else 1.0)
        for name, column in _COLUMNS.items()
    }
    start = values.instant(written["datetime"])
    complaints = [values.complaints("datetime_is_an_instant", written["datetime"], _lost(start))]
    complaints += [
        values.complaints(f"{column}_is_a_number", written[name], read[name].unreadable)
        for name, column in _COLUMNS.items()
    ]
    return typed.records(
        raw,
        place=pa.repeat("paris", table.num_rows),
        hour_start_at=start.values,
        source="paris_csv",
        units="metric",
        row_number=pa.array(np.arange(table.num_rows), pa.int32()),
        problems=complaints,
    )


def _floats(figures: pa.Array) -> np.ndarray:
    return figures.to_numpy(zero_copy_only=False).astype(np.float64)


def _times(figures: pa.Array, factor: float) -> pa.Array:
    """Scaled back, without the noise of binary fractions."""
    return pa.array(np.round(_floats(figures) * factor, 6), pa.float64(), from_pandas=True)


def _lost(start: values.Read) -> pa.Array:
    return pc.is_null(start.values)
