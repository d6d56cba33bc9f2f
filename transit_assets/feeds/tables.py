"""Tables in files: which of their columns is which, whatever the header calls it."""

import codecs
import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from transit_assets.lake.errors import PayloadUnreadable

BOM = b"\xef\xbb\xbf"


def csv_header(line: bytes) -> tuple[list[str], str]:
    """The names in the first line of a CSV, and its delimiter: `;`, `,` or a tab, whichever is there most."""
    line = line.removeprefix(BOM).split(b"\r", 1)[0]
    delimiter = max(";,\t", key=lambda character: line.count(character.encode()))
    text = line.decode("utf-8", errors="replace")
    try:
        return next(csv.reader([text], delimiter=delimiter), []), delimiter
    except csv.Error:  # a line of megabytes: no header
        return [text], delimiter


def renamed(names: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    """The known columns, in any case, with our own names. Raises PayloadUnreadable where two hold the same."""
    found: dict[str, str] = {}
    for name in names:
        own = known.get(name.strip().lower())
        if own is None:
            continue
        for other, held in found.items():
            if held == own:
                raise PayloadUnreadable(f"two columns hold {own}: {other!r} and {name!r}; leave one of them out")
        found[name] = own
    return found


def csv_table(payload: bytes, delimiter: str = ",") -> pa.Table:
    """All columns of a CSV as text, empty fields as null. Raises PayloadUnreadable, also where it has no record."""
    from pyarrow import csv as arrow

    try:
        table = arrow.read_csv(
            io.BytesIO(payload),
            arrow.ReadOptions(use_threads=False),
            arrow.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            arrow.ConvertOptions(strings_can_be_null=True, default_column_type=pa.string()),
        ).combine_chunks()
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise PayloadUnreadable(f"not the CSV it looks like: {error}") from error
    names = [name.strip().lower() for name in table.column_names]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise PayloadUnreadable(f"two columns are called {doubled!r}; leave one of them out")
    if table.num_rows == 0:
        raise PayloadUnreadable("there are no records in it")
    return table


class Utf8(io.RawIOBase):
    """A stream that raises UnicodeDecodeError where it is no UTF-8.

    pyarrow would print a stack trace for such a byte in a line of another shape.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.read(len(buffer))
        self._decoder.decode(chunk, final=not chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)
