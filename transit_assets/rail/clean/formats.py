"""What payloads of the rail are: told by content, and decoded to records per service date.

A name adds what no content says: the station of polls, and when a payload was heard that does not say it itself
(`20240423001001_disruptions.json`, Paris time). A tar is read member by member; a member that cannot be read is one
record put aside, for an answer that failed is one too.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds.tables import BOM
from transit_assets.lake import tars, zips
from transit_assets.rail.clean import polls, times
from transit_assets.rail.clean.disruptions import BULK_SOURCE, REPORTS_SOURCE, decode_bulk, decode_line_reports
from transit_assets.rail.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.rail.clean.records import ALL_LINES, PREDICTIONS, SIGHTINGS, by_date, rows_by_line, unreadable
from transit_assets.rail.clean.sightings import Row, sightings, table_of_rows
from transit_assets.rail.clean.siri import MESSAGE_SOURCE, PREDICTION_SOURCE, decode_siri
from transit_assets.rail.schema import PREDICTION_SOURCES

DECODER_VERSION = 1  # of what decode_archive gives; part of the path of decoded archives

_STAMP = re.compile(r"(?<!\d)(\d{14})(?!\d)")
_HEAD_BYTES = 4096
_ROWS_AT_ONCE = 20_000
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PACKED = {zips.MAGIC: "a zip that is no GTFS", b"(\xb5/\xfd": "a zstd file; unpack it first", b"PAR1": "Parquet"}
_SHAPES = {
    "stop_monitoring": (PREDICTIONS, PREDICTION_SOURCE),
    "general_message": (SIGHTINGS, MESSAGE_SOURCE),
    "disruptions": (SIGHTINGS, BULK_SOURCE),
    "line_reports": (SIGHTINGS, REPORTS_SOURCE),
}
"""What answers of each feed of the landing are decoded to."""
_FEEDS = {source: feed for feed, (_, source) in _SHAPES.items()}


@dataclass(frozen=True)
class Survey:
    """What is in a payload: its format, and how many records of which service dates and lines.

    `rows_by_date` has for each date the records of each line (`records.rows_by_line`) and those of all of them (`*`).
    """

    format: str
    rows_by_date: Mapping[str, Mapping[str, int]]
    first_observed_at: datetime
    last_observed_at: datetime

    @property
    def rows(self) -> int:
        return sum(counts[ALL_LINES] for counts in self.rows_by_date.values())

    @property
    def dates(self) -> tuple[str, ...]:
        return tuple(sorted(self.rows_by_date))

    @property
    def headers(self) -> dict[str, str]:
        """The same for the row of a fetch."""
        return {
            "rows_by_date": json.dumps(self.rows_by_date, sort_keys=True),
            "first_observed_at": self.first_observed_at.isoformat(),
            "last_observed_at": self.last_observed_at.isoformat(),
        }


def decode_archive(stream: BinaryIO, name: str, max_bytes: int | None = None) -> Iterator[tuple[str, pa.Table]]:
    """Records of a file by service date, in the order of the file; a date may come several times.

    Raises UnknownFormat, PayloadUnreadable, or ArchiveTooLarge where a tar unpacks to more than `max_bytes`.
    """
    for rows in _decode(stream, name, max_bytes):
        if rows.num_rows:
            yield from by_date(rows)


def decode_answer(payload: bytes, feed: str, fetched_at: datetime) -> pa.Table:
    """Records of an answer that a feed of the landing gave; one that cannot be read is one record put aside."""
    try:
        rows = _table(_decode_json(payload, fetched_at))
        if rows.schema != _SHAPES[feed][0]:
            raise UnknownFormat(f"an answer of another feed than {feed}")
    except PayloadUnreadable as error:
        return _table(_put_aside(0, str(error), feed, fetched_at))
    return rows


def survey(stream: BinaryIO, name: str, max_bytes: int | None = None) -> Survey:
    """Read a file once to say what is in it. Raises what `decode_archive` raises, and where it has no records."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    sources: set[str] = set()
    first = last = None
    for date, rows in decode_archive(stream, name, max_bytes):
        counts[date].update(rows_by_line(rows))
        counts[date][ALL_LINES] += rows.num_rows
        sources.update(pc.unique(rows["source"].combine_chunks().dictionary_decode()).to_pylist())
        span = pc.min_max(rows["observed_at"]).as_py()
        first, last = (min(first or span["min"], span["min"]), max(last or span["max"], span["max"]))
    if first is None or last is None:
        raise PayloadUnreadable("there are no records in it")
    return Survey(" and ".join(sorted(sources)), {date: dict(found) for date, found in counts.items()}, first, last)


def survey_answer(payload: bytes, feed: str, fetched_at: datetime) -> Survey:
    """What an answer of a feed of the landing holds; the date on which it was heard is always among its dates.

    So an answer without trains still belongs to a date: it says that someone was looking.
    """
    rows = decode_answer(payload, feed, fetched_at)
    counts = {date_of_answer(feed, fetched_at): {ALL_LINES: 0}}
    for date, found in by_date(rows):
        counts[date] = {**rows_by_line(found), ALL_LINES: found.num_rows}
    span = pc.min_max(rows["observed_at"]).as_py()
    return Survey(_SHAPES[feed][1], counts, span["min"] or fetched_at, span["max"] or fetched_at)


def date_of_answer(feed: str, fetched_at: datetime) -> str:
    """The service date on which an answer was heard; of disruptions the Paris day."""
    is_prediction = _SHAPES[feed][1] in PREDICTION_SOURCES
    return (times.service_date if is_prediction else times.paris_day)(fetched_at).isoformat()


def _decode(stream: BinaryIO, name: str, max_bytes: int | None) -> Iterator[pa.Table]:
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    text = head.removeprefix(BOM).lstrip()
    if tars.is_tar(head[: tars.HEAD_BYTES]):
        yield from _decode_tar(stream, max_bytes)
    elif text[:1] in (b"{", b"["):
        yield _table(_decode_json(stream.read(), _stamp(name)))
    elif polls.is_poll(head):
        yield from polls.decode_csv(stream, polls.station_of_name(name))
    else:
        raise UnknownFormat(_seen(head, text))


def _seen(head: bytes, text: bytes) -> str:
    for magic, name in _PACKED.items():
        if head.startswith(magic):
            return name
    if not text:
        return "an empty file"
    if text[:1] == b"<":
        return "HTML or XML"
    if b"\x00" in head:
        return "binary data"
    line = text.split(b"\n", 1)[0][:80].decode("utf-8", errors="replace")
    return f"text that begins with {line!r}"


def _decode_tar(stream: BinaryIO, max_bytes: int | None) -> Iterator[pa.Table]:
    """The records of all members. An answer of a disruption feed is a few rows: many of them make one table."""
    rows: list[Row] = []
    start, feed = 0, "disruptions"
    for member in tars.members(stream, max_bytes):
        at = _stamp(member.name)
        try:
            found = _decode_json(member.payload, at, start)
            feed = "stop_monitoring" if isinstance(found, pa.Table) else _FEEDS[found[0]["source"]]
        except PayloadUnreadable as error:
            if at is None:
                error.args = (f"{member.name} in the tar: {error}",)
                raise
            found = _put_aside(start, f"{member.name}: {error}", feed, at)
        start += len(found)
        if isinstance(found, pa.Table):
            yield found
            continue
        rows += found
        if len(rows) >= _ROWS_AT_ONCE:
            yield table_of_rows(rows)
            rows = []
    if rows:
        yield table_of_rows(rows)


def _table(found: pa.Table | list[Row]) -> pa.Table:
    return found if isinstance(found, pa.Table) else table_of_rows(found)


def _put_aside(number: int, complaint: str, feed: str, at: datetime) -> pa.Table | list[Row]:
    """An answer that cannot be read, as one record."""
    schema, source = _SHAPES[feed]
    problem = f"answer_is_readable: {complaint}"
    if schema is SIGHTINGS:
        return sightings([], at, source=source, start=number, bad={0: problem})
    return unreadable({number: problem}, schema, source=source, day=times.service_date(at), observed_at=at)


def _decode_json(payload: bytes, at: datetime | None, start: int = 0) -> pa.Table | list[Row]:
    """The records of one answer. Raises UnknownFormat, PayloadUnreadable."""
    payload = payload.removeprefix(BOM)
    if not payload.strip():
        raise PayloadUnreadable("the answer is empty")
    try:
        fields = _FIELDS.decode(payload)
    except msgspec.DecodeError as error:
        raise PayloadUnreadable(f"not the JSON it looks like: {error}") from error
    if "Siri" in fields:
        return decode_siri(payload, at, start)
    if "line_reports" in fields or {"disruptions", "pagination"} <= set(fields):
        return decode_line_reports(payload, at, start)
    if "disruptions" in fields and ("lines" in fields or "statusCode" in fields):
        return decode_bulk(payload, at, start)
    if "statusCode" in fields or "error" in fields:
        raise PayloadUnreadable(f"an error in the place of an answer: {payload[:200].decode(errors='replace')}")
    raise UnknownFormat(f"JSON with {', '.join(sorted(fields)[:8]) or 'nothing in it'}")


def _stamp(name: str) -> datetime | None:
    found = _STAMP.search(name.rsplit("/", 1)[-1])
    return times.of_stamp(found.group(1)) if found else None
