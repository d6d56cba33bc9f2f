"""Records: what every format is decoded to, one row per train and station, or per disruption, in one answer.

They hold all lines; which of them are kept is for the landing's readers to say (`of_line`). What could not be read is
null and named in `problem`, so that the row is put aside with its reason instead of passing as "unknown". Texts are
coded: a day of polls repeats them a million times.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds.coded import CODED
from transit_assets.lake import Table
from transit_assets.quality.cleaned import Cleaned, candidate_schema
from transit_assets.rail.schema import DISRUPTION_SIGHTINGS, PREDICTED_CALLS

ALL_LINES = "*"
NO_LINE = ""
"""The line of records that name none: they may be of any."""
_OF_NONE = "none"

PAYLOAD = "payload_sha256"
_CODE = re.compile(r"(?<![A-Z0-9])C\d{5}(?!\d)")


def _records_of(table: Table) -> pa.Schema:
    """The columns of a table as records have them: coded texts, no payload, position and problem."""
    return pa.schema(
        [
            pa.field(field.name, CODED if field.type == pa.string() and field.name != "problem" else field.type)
            for field in candidate_schema(table.schema)
            if field.name != PAYLOAD
        ]
    )


PREDICTIONS = _records_of(PREDICTED_CALLS)
SIGHTINGS = _records_of(DISRUPTION_SIGHTINGS)


@dataclass(frozen=True)
class Landed:
    """The records of one payload, or of many, that belong to one service date.

    `sha256` is the hash of the payload; None where the records have it, each its own (`payload_sha256`).
    """

    sha256: str | None
    records: pa.Table


def table_of(columns: Mapping[str, pa.Array], schema: pa.Schema, count: int) -> pa.Table:
    """Columns as records; those that are not there are null."""
    made = []
    for field in schema:
        column = columns.get(field.name)
        if column is None:
            made.append(pa.nulls(count, field.type))
        elif pa.types.is_dictionary(field.type) and not pa.types.is_dictionary(column.type):
            made.append(column.cast(pa.string()).dictionary_encode().cast(CODED))
        else:
            made.append(column.cast(field.type))
    return pa.table(made, schema=schema)


def unreadable(
    complaints: Mapping[int, str], schema: pa.Schema, *, source: str, day: date | None, observed_at: datetime | None
) -> pa.Table:
    """Records that could not be read at all, by position: nothing is known of them but when they were heard."""
    count = len(complaints)
    return table_of(
        {
            "service_date": pa.array([day] * count, pa.date32()),
            "observed_at": pa.array([observed_at] * count, schema.field("observed_at").type),
            "source": pa.array([source] * count, pa.string()),
            "row_number": pa.array(list(complaints), pa.int32()),
            "problem": pa.array(list(complaints.values()), pa.string()),
        },
        schema,
        count,
    )


def by_date(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Records by service date, each in the order of the payload."""
    dates, date_of = np.unique(rows["service_date"].to_numpy(), return_inverse=True)
    for number, name in enumerate(dates.astype("datetime64[D]").astype(str).tolist()):
        yield name, rows if len(dates) == 1 else rows.filter(pa.array(date_of == number))


def code_of(line: str | None) -> str:
    """`C01743` of `STIF:Line::C01743:` and `line:IDFM:C01743`; a line without such a code is its own."""
    if line is None:
        return NO_LINE
    found = _CODE.search(line)
    return found.group() if found else line


def rows_by_line(rows: pa.Table) -> dict[str, int]:
    """How many records there are of each line; one of several lines counts for each of them."""
    counts: Counter[str] = Counter()
    for codes, count in _lines(rows):
        for code in codes:
            counts[code] += count
    return dict(counts)


def of_line(rows: pa.Table, line: str) -> pa.Table:
    """The records of a line, and those that name none."""
    if line == ALL_LINES or rows.num_rows == 0:
        return rows
    wanted = {line, NO_LINE}
    if "line" in rows.column_names:
        encoded = rows["line"].combine_chunks()
        keeps = pa.array([bool(_codes(name) & wanted) for name in encoded.dictionary.to_pylist()], pa.bool_())
        mask = pc.fill_null(keeps.take(encoded.indices), True)
    else:
        mask = pa.array([bool(_codes(names) & wanted) for names in rows["lines"].to_pylist()], pa.bool_())
    return rows if pc.all(mask).as_py() else rows.filter(mask)


def of_lines(counts: Mapping[str, int], line: str) -> int:
    """How many records `of_line` keeps, from the counts of `rows_by_line` and those of all lines (`*`)."""
    return counts.get(line, 0) + (0 if line == ALL_LINES else counts.get(NO_LINE, 0))


def cleaned(table: Table, service_date: date, landed: Sequence[Landed], fingerprint: str | None) -> Cleaned:
    """The candidates of a service date: records as they are, with the payload that each came in."""
    schema = candidate_schema(table.schema)
    parts = [_candidates(one, schema, service_date) for one in landed]
    candidates = pa.concat_tables(parts) if parts else schema.empty_table()
    return Cleaned(service_date.isoformat(), candidates, candidates.num_rows, fingerprint=fingerprint)


def _candidates(one: Landed, schema: pa.Schema, service_date: date) -> pa.Table:
    count = one.records.num_rows
    known = {"service_date": pa.repeat(pa.scalar(service_date, pa.date32()), count)}
    if one.sha256 is not None:
        known[PAYLOAD] = pa.repeat(pa.scalar(one.sha256), count)
    columns = [known.get(field.name) for field in schema]
    return pa.table(
        [
            one.records[field.name].cast(field.type) if column is None else column
            for field, column in zip(schema, columns, strict=True)
        ],
        schema=schema,
    )


def _codes(names: str | Sequence[str] | None) -> set[str]:
    """The codes of one line or of several; what names none may be of any, what touches none is of none."""
    if names is None:
        return {NO_LINE}
    return {code_of(name) for name in ([names] if isinstance(names, str) else names)} or {_OF_NONE}


def _lines(rows: pa.Table) -> Iterator[tuple[set[str], int]]:
    """The lines that records name, and how many records name them."""
    if "line" in rows.column_names:
        for one in rows["line"].combine_chunks().dictionary_decode().value_counts().to_pylist():
            yield _codes(one["values"]), one["counts"]
    else:
        listed = rows["lines"].to_pylist()
        for names, count in Counter(None if names is None else tuple(names) for names in listed).items():
            yield _codes(names), count
