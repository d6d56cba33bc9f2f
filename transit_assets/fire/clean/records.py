"""Records: what every format is decoded to. What all kinds of them share; the kinds are `calls` and `vehicles`.

Columns are typed at decoding and nowhere else. What could not be read is null and named in `problem`, so that the row
is put aside with its reason instead of passing as unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds import coded, values
from transit_assets.feeds.coded import CODED

Complaints = list[pa.Array | None]

NOTHING = ("NULL", "null", "None", "nan", "NaN", "NaT", "N/A", "#N/A")
"""What the brigade, pandas and Excel write where there is no value."""

ENDS = [("source", CODED), ("row_number", pa.int32()), ("problem", pa.string())]  # `rule: detail`, or null


@dataclass(frozen=True)
class Landed:
    """The records of one payload that belong to one month, and when it was heard."""

    sha256: str
    fetched_at: datetime
    source: str
    records: pa.Table

    @property
    def kind(self) -> str:
        """`incidents` or `mobilisations`."""
        return kind_of(self.source)


def kind_of(source: str) -> str:
    """Of a format (`lfb_incidents_csv`), what its records are."""
    return source.split("_")[1]


class Columns:
    """The typed columns of some records in the making, and what could not be read of them."""

    def __init__(self, raw: Mapping[str, pa.Array], count: int) -> None:
        self._raw = raw
        self._count = count
        self.typed: dict[str, pa.Array] = {}
        self.complaints: Complaints = []

    def has(self, *names: str) -> bool:
        """Whether any of these columns was read. Of the others all is null, and to make them takes time."""
        return any(name in self._raw for name in names)

    def raw(self, name: str) -> pa.Array:
        """What was written, nulls where the file has no such column."""
        return self._raw.get(name, pa.nulls(self._count, pa.string()))

    def complain(self, rule: str, written: pa.Array, unreadable: pa.Array) -> None:
        """Put rows aside in which something is written that cannot be read."""
        self.complaints.append(values.complaints(rule, written, unreadable))

    def complain_silently(self, rule: str, unreadable: pa.Array) -> None:
        """The same without showing what was written, which may be what a table is not to hold."""
        if pc.any(unreadable).as_py():
            complaint = pa.scalar(f"{rule}: it is not")
            self.complaints.append(pc.if_else(unreadable, complaint, pa.scalar(None, pa.string())))

    def add_ids(self, *names: str) -> None:
        """Numbers that are names: as text, without the `.0` or `.00` of a spreadsheet."""
        for name in filter(self.has, names):
            texts = values.text(self.raw(name))
            if pc.any(pc.match_substring(texts, ".")).as_py():
                texts = pc.replace_substring_regex(texts, r"^([0-9]+)\.0+$", r"\1")
            self.typed[name] = texts

    def add_texts(self, *names: str) -> None:
        """Texts that repeat, trimmed."""
        for name in filter(self.has, names):
            self.typed[name] = self.texts(name)

    def texts(self, name: str) -> pa.DictionaryArray:
        """One column of texts that repeat, trimmed."""
        column = coded.encoded(self.raw(name))
        return coded.recoded(column, values.text(column.dictionary))

    def add_whole(self, *names: str) -> None:
        """Whole numbers that repeat."""
        for name in filter(self.has, names):
            self.typed[name] = self.whole(name)

    def whole(self, name: str) -> pa.Array:
        """One column of whole numbers that repeat."""
        column = coded.encoded(self.raw(name))
        read = coded.read(column, lambda distinct: values.integer(distinct, pa.int32()))
        self.complain(f"{name}_is_a_whole_number", column, read.unreadable)
        return read.values

    def number(self, name: str, *, shows: bool = True) -> pa.Array:
        """One column of numbers that repeat; a complaint shows what was written, or does not."""
        column = coded.encoded(self.raw(name))
        read = coded.read(column, values.number)
        if shows:
            self.complain(f"{name}_is_a_number", column, read.unreadable)
        else:
            self.complain_silently(f"{name}_is_a_number", read.unreadable)
        return read.values

    def table(self, schema: pa.Schema, source: str, row_number: pa.Array) -> pa.Table:
        """The records; columns that were not added are null."""
        self.typed |= {
            "source": coded.constant(source, self._count),
            "row_number": row_number,
            "problem": values.first_complaint(self.complaints, self._count),
        }
        found = [self.typed.get(field.name, pa.nulls(self._count, field.type)) for field in schema]
        return pa.table(found, schema=schema)


def unreadable(schema: pa.Schema, complaints: Mapping[int, str], source: str, month: date | None = None) -> pa.Table:
    """Records that could not be read at all, by position: nothing is known of them but the complaint."""
    count = len(complaints)
    rows = Columns({}, count).table(schema, source, pa.array(list(complaints), pa.int32()))
    known = {
        "problem": pa.array(list(complaints.values()), pa.string()),
        "month": pa.repeat(pa.scalar(month, pa.date32()), count),
    }
    return pa.table([known.get(name, rows[name]) for name in schema.names], schema=schema)


def blanked(raw: pa.Array) -> pa.Array:
    """Texts without the words for no value; other columns as they are."""
    if isinstance(raw, pa.ChunkedArray):
        raw = raw.combine_chunks()
    if pa.types.is_dictionary(raw.type):
        written = raw.dictionary
        distinct = blanked(written)
        return raw if distinct is written else coded.recoded(raw, distinct)
    if not (pa.types.is_string(raw.type) or pa.types.is_large_string(raw.type)):
        return raw
    texts = raw if pa.types.is_string(raw.type) else raw.cast(pa.string())
    is_nothing = pc.is_in(texts, pa.array(NOTHING))
    return pc.if_else(is_nothing, pa.scalar(None, pa.string()), texts) if pc.any(is_nothing).as_py() else texts


def mask(found: np.ndarray) -> pa.Array:
    """A numpy mask as a column."""
    return pa.array(found, pa.bool_())
