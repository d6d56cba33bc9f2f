"""Records: what every format is decoded to, one row per arc and hour with its description.

Columns are typed here and nowhere else. What could not be read is null and named in a problem column, so that the
row is put aside with its reason instead of passing as "unknown". What repeats from hour to hour is coded: a month of
Paris has 2.2 million records of 3,000 arcs, and each distinct text is looked at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds import coded, values
from transit_assets.feeds.coded import CODED
from transit_assets.feeds.places import coordinates
from transit_assets.lake import UTC_INSTANT
from transit_assets.road.clean import geometry
from transit_assets.road.clean.hours import hours
from transit_assets.road.schema import ARC_STATES, LEVELS

IDS = ("arc_id", "upstream_node_id", "downstream_node_id")
NODES = ("upstream_node_id", "upstream_node_name", "downstream_node_id", "downstream_node_name")
PLACE = ("latitude", "longitude", "geometry", "bearing_degrees")
DESCRIPTION = ("name", *NODES, *PLACE)

RECORDS = pa.schema(
    [
        ("month", pa.date32()),
        ("arc_id", CODED),
        ("hour_start_at", UTC_INSTANT),
        ("flow_veh_per_hour", pa.float64()),
        ("occupancy_percent", pa.float64()),
        ("level", CODED),
        ("arc_state", CODED),
        ("name", CODED),
        *((name, CODED) for name in NODES),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("geometry", CODED),
        ("bearing_degrees", pa.float64()),
        ("source", CODED),
        ("row_number", pa.int32()),
        ("counts_problem", pa.string()),  # `rule: detail`, or null
        ("description_problem", pa.string()),
    ]
)

# The words of the API, and the numbers of the history extracts.
_LEVEL_WORDS = {"fluide": 1, "pré-saturé": 2, "saturé": 3, "bloqué": 4, "inconnu": 0}
_STATE_WORDS = {"ouvert": 1, "barré": 2, "invalide": 3, "inconnu": 0}
_LEVELS = {0: "unknown", **dict(enumerate(LEVELS[:4], start=1))}
_STATES = {0: "unknown", **dict(enumerate(ARC_STATES[:3], start=1))}


@dataclass(frozen=True)
class Landed:
    """The records of one payload that belong to one month (columns of `RECORDS`), and when it was heard."""

    sha256: str
    fetched_at: datetime
    source: str
    records: pa.Table


def records(raw: Mapping[str, pa.Array], *, source: str, row_number: pa.Array) -> pa.Table:
    """Typed records from raw columns: those of `RECORDS` and `t_1h`, `place`; absent columns are null."""
    count = len(row_number)
    hour = hours(raw.get("t_1h", pa.nulls(count, pa.string())))
    columns: dict[str, pa.Array] = {"hour_start_at": hour.start_at, "month": hour.month}
    of_counts, of_description = list(hour.complaints), []

    for name in ("flow_veh_per_hour", "occupancy_percent"):
        if name in raw:
            read = values.number(raw[name])
            columns[name] = read.values
            of_counts.append(values.complaints(f"{name}_is_a_number", raw[name], read.unreadable))
    for name, words, meanings in (("level", _LEVEL_WORDS, _LEVELS), ("arc_state", _STATE_WORDS, _STATES)):
        if name in raw:
            columns[name], unknown = _worded(raw[name], words, meanings)
            of_counts.append(values.complaints(f"{name}_is_known", raw[name], unknown))
    for name in ("arc_id", "name", *NODES):
        if name in raw:
            columns[name] = _texts(raw[name], is_id=name in IDS)
    for name, written, read in _places(raw):
        columns[name] = read.values
        of_description.append(values.complaints(f"{name}_is_a_number", written, read.unreadable))
    if "geometry" in raw:
        columns["geometry"], columns["bearing_degrees"], complaint = _lines(raw["geometry"])
        of_description.append(complaint)

    columns |= {
        "source": coded.constant(source, count),
        "row_number": row_number,
        "counts_problem": values.first_complaint(of_counts, count),
        "description_problem": values.first_complaint(of_description, count),
    }
    return pa.table([columns.get(field.name, pa.nulls(count, field.type)) for field in RECORDS], schema=RECORDS)


def unreadable(complaints: Mapping[int, str], *, source: str, month: date | None = None) -> pa.Table:
    """Records that could not be read at all, by position: nothing is known of them but the complaint."""
    count = len(complaints)
    rows = records({}, source=source, row_number=pa.array(list(complaints), pa.int32()))
    text = pa.array(list(complaints.values()), pa.string())
    known = dict.fromkeys(("counts_problem", "description_problem"), text)
    known["month"] = pa.repeat(pa.scalar(month, pa.date32()), count)
    return pa.table([known.get(name, rows[name]) for name in RECORDS.names], schema=RECORDS)


def _texts(raw: pa.Array, *, is_id: bool) -> pa.DictionaryArray:
    encoded = coded.encoded(raw)
    distinct = values.text(encoded.dictionary)
    return coded.recoded(encoded, pc.replace_substring_regex(distinct, r"^([0-9]+)\.0$", r"\1") if is_id else distinct)


def _worded(
    raw: pa.Array, words: Mapping[str, int], meanings: Mapping[int, str]
) -> tuple[pa.DictionaryArray, pa.Array]:
    """What words or their numbers mean, and where something is written that has no meaning."""
    known = {**words, **{str(number): number for number in meanings}}
    encoded = coded.encoded(raw)
    texts = values.text(encoded.dictionary).to_pylist()
    written = [None if text is None else text.lower().removesuffix(".0") for text in texts]
    distinct = pa.array([meanings[known[text]] if text in known else None for text in written], pa.string())
    unknown = pa.array([text is not None and text not in known for text in written], pa.bool_())
    return coded.recoded(encoded, distinct), coded.taken(unknown, encoded.indices)


def _places(raw: Mapping[str, pa.Array]) -> list[tuple[str, pa.Array, values.Read]]:
    """Latitude and longitude: the name, what was written, and what was read of it."""
    place = raw.get("place")
    if place is None:
        return []
    if pa.types.is_struct(place.type):
        return [
            (name, written, values.number(written))
            for name, written in zip(("latitude", "longitude"), coordinates(place), strict=True)
        ]
    encoded = coded.encoded(place)
    found = []
    for name, written in zip(("latitude", "longitude"), coordinates(encoded.dictionary), strict=True):
        read = values.number(written)
        taken = values.Read(read.values.take(encoded.indices), coded.taken(read.unreadable, encoded.indices))
        found.append((name, written.take(encoded.indices), taken))
    return found


def _lines(raw: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array | None]:
    """Geometry, bearing and complaint of each line."""
    encoded = coded.encoded(raw)
    lines = [geometry.line(written) for written in encoded.dictionary.to_pylist()]
    problems = pa.array([one.problem for one in lines], pa.string())
    bearings = pa.array([one.bearing for one in lines], pa.float64()).take(encoded.indices)
    complaint = problems.take(encoded.indices) if problems.null_count < len(problems) else None
    return coded.recoded(encoded, pa.array([one.geometry for one in lines], pa.string())), bearings, complaint
