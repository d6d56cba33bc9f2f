"""What people hold as files of congestion: told by content, never by name, and decoded to records of hours.

TomTom's answers name no city: that stands in their address, so whoever imports them says it. Live figures come with the
millisecond of an update; they are those of the hour it is in. A day's figure is told for each of its 23 to 25 hours.
"""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context import hours
from transit_assets.context.congestion.clean.errors import UnknownFormat
from transit_assets.context.local_time import utc_seconds
from transit_assets.context.places import Place, known_places, place_named
from transit_assets.feeds import values
from transit_assets.feeds.tables import BOM, csv_header, csv_table, renamed
from transit_assets.lake import UTC_INSTANT
from transit_assets.lake.errors import PayloadUnreadable

DECODER_VERSION = 1  # of what decode_archive gives; part of the path of decoded archives

RECORDS = pa.schema(
    [
        ("place", pa.string()),
        ("hour_start_at", UTC_INSTANT),
        ("congestion_percent", pa.float64()),
        ("resolution", pa.string()),
        ("known_at", UTC_INSTANT),
        ("source", pa.string()),
        ("row_number", pa.int32()),
        ("problem", pa.string()),  # `rule: detail`, or null
    ]
)
_KNOWN = {
    "hour_start_at": "hour",
    "hour": "hour",
    "datetime": "hour",
    "time": "hour",
    "day": "day",
    "date": "day",
    "congestion_percent": "value",
    "congestion": "value",
    "trafficindexlive": "value",
    "place": "place",
    "city": "place",
}
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_HOUR, _DAY_SECONDS = 3600, 86_400


class _Raw(NamedTuple):
    """The columns of a file: when (texts of hours or days, or instants), how much, where (or None)."""

    source: str
    resolution: str
    when: pa.Array
    value: pa.Array
    place: pa.Array | None


def recognises(payload: bytes) -> bool:
    """Whether a file looks like congestion: of a known format, if perhaps damaged."""
    try:
        return bool(_raw(payload))
    except UnknownFormat:
        return False
    except PayloadUnreadable:
        return True


def decode(payload: bytes, place: str | None = None) -> pa.Table:
    """The records of a file; `place` is that of files that name none. Raises UnknownFormat, PayloadUnreadable."""
    raw = _raw(payload)
    places = _places(raw, place)
    return _of_days(raw, places) if raw.resolution == "day" else _of_hours(raw, places)


def decode_archive(stream: BinaryIO, place: str | None = None) -> Iterator[tuple[str, pa.Table]]:
    """Records of a file by UTC month (`2021-12-01`), in the order of the file."""
    yield from hours.by_month(decode(stream.read(), place))


def _raw(payload: bytes) -> _Raw:
    text = payload.removeprefix(BOM).lstrip()
    if text[:1] in (b"{", b"["):
        return _of_json(text)
    names, delimiter = csv_header(text.split(b"\n", 1)[0])
    own = renamed(names, _KNOWN)
    if "value" not in own.values() or not {"hour", "day"} & set(own.values()):
        raise UnknownFormat(f"text that begins with {text[:80].decode('utf-8', 'replace')!r}")
    if {"hour", "day"} <= set(own.values()):
        raise PayloadUnreadable("it has a column of hours and one of days; leave one of them out")
    table = csv_table(text, delimiter)
    column = {ours: table[theirs].combine_chunks() for theirs, ours in own.items()}
    resolution = "hour" if "hour" in column else "day"
    return _Raw("congestion_csv", resolution, column[resolution], column["value"], column.get("place"))


def _of_json(text: bytes) -> _Raw:
    try:
        found: Any = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise UnknownFormat(f"JSON that cannot be read: {error}") from error
    rows = found.get("data") if isinstance(found, dict) else found
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise UnknownFormat("JSON without records")
    if "UpdateTime" in rows[0] and "TrafficIndexLive" in rows[0]:
        updates = [_whole_hour(row.get("UpdateTime")) for row in rows]
        return _Raw("tomtom_hours_json", "hour", values.column(updates), _column(rows, "TrafficIndexLive"), None)
    if "date" in rows[0] and "congestion" in rows[0]:
        return _Raw("tomtom_days_json", "day", _column(rows, "date"), _column(rows, "congestion"), None)
    raise UnknownFormat(f"JSON with records of {', '.join(list(rows[0])[:5])}")


def _column(rows: list[Mapping[str, Any]], name: str) -> pa.Array:
    return values.column([row.get(name) for row in rows])


def _whole_hour(milliseconds: Any) -> Any:
    is_number = isinstance(milliseconds, int) and not isinstance(milliseconds, bool)
    return milliseconds // (1000 * _HOUR) * _HOUR if is_number else milliseconds


def _places(raw: _Raw, said: str | None) -> list[Place]:
    """The place of each record. Raises PayloadUnreadable where none is told, or one that is not kept."""
    names = [said] * len(raw.when) if raw.place is None else values.text(raw.place).to_pylist()
    if names[0] is None and said is None and raw.place is None:
        raise PayloadUnreadable(f"nothing in it tells its place: say with --place which it is, {known_places()}")
    known = {name: place_named(name) for name in set(names)}
    unknown = next((name for name, place in known.items() if place is None), None)
    if None in known.values():
        raise PayloadUnreadable(f"the congestion of {unknown or 'an unnamed place'} is not kept; {known_places()} is")
    return [place for name in names if (place := known[name]) is not None]


def _of_hours(raw: _Raw, places: list[Place]) -> pa.Table:
    name, zone = np.array([place.name for place in places]), np.array([place.zone for place in places])
    start, problems = hours.of_wall_clock(raw.when, name, zone)
    over = pc.add(start, pa.scalar(_HOUR * 1_000_000, pa.duration("us")))
    return _records(raw, np.arange(len(name)), name, start, over, problems)


def _of_days(raw: _Raw, places: list[Place]) -> pa.Table:
    """Each day as its hours; one that cannot be read as a single record without an hour."""
    texts = values.text(raw.when)
    is_day = pc.fill_null(pc.match_substring_regex(texts, _DAY), False)
    read = values.instant(pc.if_else(is_day, pc.binary_join_element_wise(texts, "T00:00:00Z", ""), pa.scalar(None)))
    micro = read.values.cast(pa.int64()).fill_null(0).to_numpy()
    wall = micro // 1_000_000
    is_sane = (wall >= hours.FIRST_SECOND) & (wall < hours.END_SECOND - _DAY_SECONDS)
    first, end = np.zeros(len(wall), np.int64), np.full(len(wall), _HOUR)
    zones = np.array([place.zone for place in places])
    for zone in np.unique(zones):
        mine = np.flatnonzero((zones == zone) & is_sane)
        first[mine], end[mine] = utc_seconds(wall[mine], zone)[0], utc_seconds(wall[mine] + _DAY_SECONDS, zone)[0]
    counts = (end - first) // _HOUR
    row = np.repeat(np.arange(len(wall)), counts)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    known = is_sane[row]
    complaint = values.complaints("day_is_a_date_from_2009_to_2049", raw.when, pa.array(~is_sane))
    problems = [None if complaint is None else complaint.take(pa.array(row))]
    name = np.array([place.name for place in places])
    start = hours.instants(first[row] + nth * _HOUR, known)
    return _records(raw, row, name, start, hours.instants(end[row], known), problems)


def _records(
    raw: _Raw, row: np.ndarray, name: np.ndarray, start: pa.Array, over: pa.Array, problems: list[pa.Array | None]
) -> pa.Table:
    """Records of hours from the columns of a file; `row` is the record of the file that each of them is from."""
    read, count = values.number(raw.value), len(row)
    is_lost = pc.or_(read.unreadable, pc.is_null(read.values))
    complaint = values.complaints("congestion_percent_is_a_number", raw.value, is_lost)
    problems = [*problems, None if complaint is None else complaint.take(pa.array(row))]
    columns = {
        "place": pa.array(name[row], pa.string()),
        "hour_start_at": start,
        "congestion_percent": read.values.take(pa.array(row)).cast(pa.float64()),
        "resolution": pa.repeat(raw.resolution, count),
        "known_at": over,
        "source": pa.repeat(raw.source, count),
        "row_number": pa.array(row, pa.int32()),
        "problem": values.first_complaint(problems, count),
    }
    return pa.table([columns[field.name] for field in RECORDS], schema=RECORDS)
