"""What payloads of the rail are: told by content, and decoded to records per service date.

A name adds what no content says: the station of polls, and when a payload was heard that does not say it itself
(`20240423001001_disruptions.json`, Paris time). A tar is read member by member; a member that cannot be read is one
record put aside, for an answer that failed is one too.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds.tables import BOM
from transit_assets.lake import tars, zips
from transit_assets.rail.clean import polls, times
from transit_assets.rail.clean.disruptions import BULK_SOURCE, REPORTS_SOURCE, decode_bulk, decode_line_reports
from transit_assets.rail.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.rail.clean.records import ALL_LINES, PAYLOAD, PREDICTIONS, SIGHTINGS, by_date, rows_by_line
from transit_assets.rail.clean.sightings import Row, sightings, table_of_rows
from transit_assets.rail.clean.siri import MESSAGE_SOURCE, PREDICTION_SOURCE, Heard, decode_siri, records_of
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
Decoded: TypeAlias = Heard | list[Row]
"""One answer before it is part of a table."""

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


@dataclass(frozen=True)
class Answer:
    """An answer that a feed of the landing gave."""

    feed: str
    sha256: str
    fetched_at: datetime
    payload: bytes


def decode_answers(answers: Iterable[Answer]) -> Iterator[pa.Table]:
    """Records of answers, many at a time, in their order, with the hash of the payload that each came in.

    An answer that cannot be read is one record put aside.
    """
    held: list[tuple[Answer, Decoded]] = []
    rows = 0
    for answer in answers:
        found = _decode_answer(answer)
        if held and (rows + len(found) > _ROWS_AT_ONCE or isinstance(held[0][1], Heard) != isinstance(found, Heard)):
            yield _with_payloads(held)
            held, rows = [], 0
        held.append((answer, found))
        rows += len(found)
    if held:
        yield _with_payloads(held)


def _with_payloads(held: Sequence[tuple[Answer, Decoded]]) -> pa.Table:
    rows, answer_of = _table([found for _, found in held])
    hashes = pa.array([answer.sha256 for answer, _ in held], pa.string())
    return rows.append_column(PAYLOAD, pa.DictionaryArray.from_arrays(pa.array(answer_of.astype(np.int32)), hashes))


def _decode_answer(answer: Answer) -> Decoded:
    schema, source = _SHAPES[answer.feed]
    try:
        found = _decode_json(answer.payload, answer.fetched_at)
        is_prediction = isinstance(found, Heard)
        if is_prediction != (schema is PREDICTIONS) or (not isinstance(found, Heard) and found[0]["source"] != source):
            raise UnknownFormat(f"an answer of another feed than {answer.feed}")
    except PayloadUnreadable as error:
        return _put_aside(0, str(error), answer.feed, answer.fetched_at)
    return found


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
    counts = {date_of_answer(feed, fetched_at): {ALL_LINES: 0}}
    (rows,) = decode_answers([Answer(feed, "", fetched_at, payload)])
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
        yield _table([_decode_json(stream.read(), _stamp(name))])[0]
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
    """The records of all members, many members at a time."""
    held: list[Decoded] = []
    start, rows, feed = 0, 0, "disruptions"
    for member in tars.members(stream, max_bytes):
        at = _stamp(member.name)
        try:
            found = _decode_json(member.payload, at, start)
            feed = "stop_monitoring" if isinstance(found, Heard) else _FEEDS[found[0]["source"]]
        except PayloadUnreadable as error:
            if at is None:
                error.args = (f"{member.name} in the tar: {error}",)
                raise
            found = _put_aside(start, f"{member.name}: {error}", feed, at)
        start, rows = start + len(found), rows + len(found)
        if held and (rows > _ROWS_AT_ONCE or isinstance(held[0], Heard) != isinstance(found, Heard)):
            yield _table(held)[0]
            held, rows = [], len(found)
        held.append(found)
    if held:
        yield _table(held)[0]


def _table(found: Sequence[Decoded]) -> tuple[pa.Table, np.ndarray]:
    """Records of answers of one kind, and which of the answers each is of."""
    heard = [one for one in found if isinstance(one, Heard)]
    if heard:
        return records_of(heard)
    rows = [row for one in found if not isinstance(one, Heard) for row in one]
    return table_of_rows(rows), np.repeat(np.arange(len(found)), [len(one) for one in found])


def _put_aside(number: int, complaint: str, feed: str, at: datetime) -> Decoded:
    """An answer that cannot be read, as one record."""
    schema, source = _SHAPES[feed]
    bad = {number: f"answer_is_readable: {complaint}"}
    if schema is PREDICTIONS:
        return Heard(at, bad=bad)
    found = sightings([], at, source=source, bad={0: bad[number]})
    return [{**row, "row_number": number} for row in found]


def _decode_json(payload: bytes, at: datetime | None, start: int = 0) -> Decoded:
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
