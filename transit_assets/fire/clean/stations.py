"""Files of fire stations, and `interim.fire__stations`: where each station stood, and until when."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import pyarrow as pa

from transit_assets.context.hours import FIRST_MONTH
from transit_assets.feeds import values
from transit_assets.feeds.tables import csv_header, csv_table, renamed
from transit_assets.fire.clean import names, places, tabular
from transit_assets.fire.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.fire.clean.records import blanked
from transit_assets.fire.schema import STATIONS

FORMAT = "lfb_stations_csv"
CLOSED_ON = date(2014, 1, 9)
CLOSED = (
    "Belsize",
    "Bow",
    "Clerkenwell",
    "Downham",
    "Kingsland",
    "Knightsbridge",
    "Silvertown",
    "Southwark",
    "Westminster",
    "Woolwich",
)
"""The ten stations that the brigade closed on that day."""

_OVER_THE_BORDER = "overtheborder"  # the ground of calls outside London, which has no station
# Recorded stations lie at most 2.8 km from the middle of their calls; a file that puts Kingsland, in Hackney, beside
# Belsize is 6 km off.
_FARTHEST_METRES = 5_000.0
_ENOUGH_CALLS = 50

_Row: TypeAlias = dict[str, Any]


def survey(stream: BinaryIO) -> int | None:
    """How many stations a text file describes; None where it is of something else. Raises what `read` raises."""
    kind, _ = tabular.header(lambda: _again(stream))
    return len(read(stream)) if kind == "stations" else None


def read(stream: BinaryIO) -> list[_Row]:
    """The stations of a file: name, easting and northing where given, borough where the file says.

    Raises UnknownFormat, PayloadUnreadable, which names the record (from 0).
    """
    stream.seek(0)
    payload = stream.read()
    line = payload.split(b"\n", 1)[0]
    header, delimiter = csv_header(line)
    kind, named = names.kind_of(header, f"text that begins with {line[:80].decode('utf-8', errors='replace')!r}")
    if kind != "stations":
        raise UnknownFormat(f"{kind}, where stations belong")
    table = csv_table(payload, delimiter)
    own = {one: blanked(table[name]) for name, one in renamed(table.column_names, names.STATIONS).items()}
    columns = {"station": values.text(own["station"]).to_pylist()}
    for name in ("easting_m", "northing_m"):
        number = values.number(own[name])
        if True in number.unreadable.to_pylist():
            at = number.unreadable.to_pylist().index(True)
            raise PayloadUnreadable(f"record {at} (from 0): {named_in(named, name)} is no number")
        columns[name] = [metres or None for metres in number.values.to_pylist()]
    boroughs = values.text(own["borough"]).to_pylist() if "borough" in own else [None] * table.num_rows
    columns["borough"] = [places.borough(written) for written in boroughs]
    if None in columns["station"]:
        raise PayloadUnreadable(f"record {columns['station'].index(None)} (from 0) names no station")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def named_in(named: dict[str, str], own: str) -> str:
    """What a file calls one of our columns."""
    return next(name for name, one in named.items() if one == own)


def stations(files: Sequence[Sequence[_Row]], grounds: pa.Table, codes: pa.Table) -> pa.Table:
    """Stations with validity (see STATIONS), from files in the order they were heard.

    `grounds` has the middle (median) of the calls in each station's ground and how many they are, `codes` the code
    under which most vehicles left each station. A file that says the borough goes before one that does not, a later
    one before an earlier one. No file says since when a station stands: since the first month of all.
    """
    middles = {row["station"].casefold(): row for row in grounds.to_pylist()}
    middles.pop(_OVER_THE_BORDER, None)
    code_of = {row["station"].casefold(): row["station_code"] for row in codes.to_pylist()}
    described = _described(files)
    closed = {name.casefold() for name in CLOSED}
    rows = []
    for key in sorted(described.keys() | middles.keys()):
        place = _place(described.get(key), middles.get(key))
        name = middles[key]["station"] if key in middles else described[key]["station"]
        valid_to = CLOSED_ON if key in closed else None
        ends = {"valid_from": FIRST_MONTH, "valid_to": valid_to, "station_code": code_of.get(key)}
        rows.append({"station": name, **ends, "borough": described.get(key, {}).get("borough"), **place})
    return _with_degrees(rows)


def _described(files: Iterable[Sequence[_Row]]) -> dict[str, _Row]:
    """What the files say of each station, by its name in small letters."""
    found: dict[str, _Row] = {}
    for row in sorted((row for rows in files for row in rows), key=lambda row: row["borough"] is not None):
        said = {name: value for name, value in row.items() if value is not None}
        found[row["station"].casefold()] = {**found.get(row["station"].casefold(), {}), **said}
    return found


def _place(said: _Row | None, middle: _Row | None) -> _Row:
    """Where a station stands and who says so: a file, unless it is far from where the station's calls are."""
    if said and "easting_m" in said and "northing_m" in said:
        is_likely = not middle or middle["calls"] < _ENOUGH_CALLS or _metres(said, middle) <= _FARTHEST_METRES
        if is_likely:
            return {"easting_m": said["easting_m"], "northing_m": said["northing_m"], "source": FORMAT}
    if middle:
        return {"easting_m": middle["easting_m"], "northing_m": middle["northing_m"], "source": "incidents"}
    return {"easting_m": None, "northing_m": None, "source": FORMAT}


def _metres(one: _Row, other: _Row) -> float:
    return math.hypot(one["easting_m"] - other["easting_m"], one["northing_m"] - other["northing_m"])


def _with_degrees(rows: Sequence[_Row]) -> pa.Table:
    grid = [np.array([row[name] for row in rows], dtype=float) for name in ("easting_m", "northing_m")]
    degrees = dict(zip(("latitude", "longitude"), places.wgs84(*grid), strict=True))
    for name, found in degrees.items():
        for row, value in zip(rows, found.tolist(), strict=True):
            row[name] = None if np.isnan(value) else value
    return pa.Table.from_pylist(list(rows), schema=STATIONS.schema)


@contextmanager
def _again(stream: BinaryIO) -> Iterator[BinaryIO]:
    stream.seek(0)
    yield stream
