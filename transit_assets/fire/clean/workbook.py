"""Workbooks (XLSX) as the brigade publishes them, read row by row.

openpyxl's streaming reader keeps what it reads bounded: python-calamine holds a whole sheet, 780 MB for 300,000 calls,
and a published one has three times as many.
"""

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import pyarrow as pa

from transit_assets.feeds import values
from transit_assets.feeds.coded import row_numbers
from transit_assets.fire.clean import names
from transit_assets.fire.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.fire.clean.records import blanked
from transit_assets.fire.clean.tabular import KINDS, Wanted

_HEADER_WITHIN = 10  # rows: a title may stand above
_BATCH_ROWS = 20_000
_DAMAGE = (zipfile.BadZipFile, ParseError, KeyError, ValueError, TypeError, EOFError, IndexError)


def is_workbook(stream: BinaryIO) -> bool:
    """Whether a zip is a workbook."""
    stream.seek(0)
    try:
        return "xl/workbook.xml" in zipfile.ZipFile(stream).namelist()
    except (zipfile.BadZipFile, ValueError):
        return False
    finally:
        stream.seek(0)


def decode_xlsx(stream: BinaryIO, wanted: Wanted = None) -> Iterator[pa.Table]:
    """The records of every sheet that holds any, numbered on from sheet to sheet; other sheets, as of notes, are not.

    Raises UnknownFormat where no sheet has the columns of records, PayloadUnreadable.
    """
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of styles and validations that say nothing of the values
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            yield from _decode(book.worksheets, wanted)
    except _DAMAGE as error:
        raise PayloadUnreadable(f"damaged workbook: {error}") from error


def _decode(sheets: Sequence[Any], wanted: Wanted) -> Iterator[pa.Table]:
    start, found, refused = 0, None, []
    for sheet in sheets:
        sheet.reset_dimensions()  # what a file says of them may cut it short
        rows = sheet.iter_rows(values_only=True)
        try:
            kind, positions = _header(rows, sheet.title)
        except UnknownFormat as error:
            refused.append(error)
            continue
        if found not in (None, kind):
            raise PayloadUnreadable(f"sheet {sheet.title} has {kind}, another has {found}; give each its own file")
        found = kind
        chosen = {own: at for own, at in positions.items() if wanted is None or own in wanted[kind]}
        own = KINDS[kind]
        written = (row for row in rows if any(value is not None for value in row))
        while batch := list(islice(written, _BATCH_ROWS)):
            raw = {name: _column(batch, at) for name, at in chosen.items()}
            numbers = row_numbers(len(batch), start)
            yield own.records(raw, source=f"lfb_{kind}_xlsx", row_number=numbers)
            start += len(batch)
    if found is None:
        # Of sheets that are none, one that lacks a column says more than one of notes.
        raise max(refused, key=lambda error: "without the column" in str(error), default=UnknownFormat("no sheet"))


def _header(rows: Iterator[Sequence[Any]], title: str) -> tuple[str, dict[str, int]]:
    """What the records below a header are, and where each of our columns stands. Raises UnknownFormat."""
    refused = UnknownFormat(f"sheet {title} of a workbook, which is empty")
    for row in islice(rows, _HEADER_WITHIN):
        header = [str(value) if value is not None else "" for value in row]
        try:
            kind, named = names.kind_of(header, f"sheet {title} of a workbook, with {', '.join(header[:12])!r}")
        except UnknownFormat as error:
            refused = error
            continue
        if kind not in KINDS:
            raise UnknownFormat(f"{kind} in a workbook; CSV is known")
        return kind, {own: header.index(name) for name, own in named.items()}
    raise refused


def _column(rows: Sequence[Sequence[Any]], at: int) -> pa.Array:
    """One column of some rows; as text where its types differ, as of numbers beside `NULL`."""
    cells = [row[at] if at < len(row) else None for row in rows]
    found = values.column(cells)
    return pa.nulls(len(cells), pa.string()) if pa.types.is_null(found.type) else blanked(found)
