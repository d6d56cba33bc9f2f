"""Tables in files: which of their columns is which, whatever the header calls it."""

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from transit_assets.lake.errors import PayloadUnreadable

BOM = b"\xef\xbb\xbf"
TORN = "\x1f"
"""What `WholeLines` puts before a line whose quote stays open."""

_LONGEST_LINE_BYTES = 16 * 2**20
_LINE = re.compile(rb"[^\r\n]*+(?:\r\n|[\r\n]|\Z)")


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
    """All columns of a CSV as text, empty fields as null. Raises PayloadUnreadable, also where it has no record.

    No field holds a line break: a quote that stays open would swallow the records after it.
    """
    from pyarrow import csv as arrow

    for number, line in enumerate(payload.splitlines() if _may_have_open_quotes(payload, delimiter) else (), start=1):
        if has_open_quote(line, delimiter):
            raise PayloadUnreadable(f"a quote in its line {number:,} is not closed")
    try:
        table = arrow.read_csv(
            io.BytesIO(payload),
            arrow.ReadOptions(use_threads=False),
            arrow.ParseOptions(delimiter=delimiter),
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
        chunk = self._next(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _next(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        if not chunk.isascii() or self._decoder.getstate()[0]:  # ASCII after a whole character needs no decoding
            self._decoder.decode(chunk, final=not chunk)
        return chunk


class WholeLines(Utf8):
    """A CSV in which every line is one record: a quote that is opened in a line and not closed there ends with it.

    Read as it is, such a quote swallows the lines that follow up to the next one, or to the end of the file. The line
    comes out as a single value that begins with `TORN`, which no header has as many columns as; `mended` gives back
    what was written.
    """

    def __init__(self, stream: BinaryIO, delimiter: str) -> None:
        super().__init__(stream)
        self._delimiter = delimiter
        self._ready, self._rest, self._is_over = b"", b"", False

    def _next(self, size: int) -> bytes:
        while not self._ready and not self._is_over:
            chunk = super()._next(size)
            self._is_over = not chunk
            lines = self._rest + chunk
            end = len(lines) if self._is_over else 1 + max(lines.rfind(b"\n"), lines.rfind(b"\r"))
            self._ready, self._rest = self._closed(lines[:end]), lines[end:]
            if len(self._rest) > _LONGEST_LINE_BYTES:
                raise PayloadUnreadable(f"a line in it has more than {_LONGEST_LINE_BYTES:,} bytes")
        chunk, self._ready = self._ready[:size], self._ready[size:]
        return chunk

    def _closed(self, lines: bytes) -> bytes:
        if not _may_have_open_quotes(lines, self._delimiter):
            return lines
        torn = TORN.encode()
        return b"".join(
            torn + line.replace(self._delimiter.encode(), torn) if has_open_quote(line, self._delimiter) else line
            for line in _LINE.findall(lines)
        )


def has_open_quote(line: bytes, delimiter: str) -> bool:
    """Whether a quote is opened in a line and not closed there."""
    if b'"' not in line:
        return False
    other = b"[^" + re.escape(delimiter.encode()) + b"]*+"
    field = b'(?:"(?:[^"]++|"")*+"' + other + b'|(?!")' + other + b")"
    closed = field + b"(?:" + re.escape(delimiter.encode()) + field + b")*+"
    return re.fullmatch(closed, line.rstrip(b"\r\n")) is None


def mended(line: str, delimiter: str) -> str:
    """A line that `WholeLines` marked, as it was written."""
    return line.removeprefix(TORN).replace(TORN, delimiter)


def _may_have_open_quotes(lines: bytes, delimiter: str) -> bool:
    """Whether a look at all lines at once finds a reason to look at each: fields of exports are full of quotes."""
    if b'"' not in lines:
        return False
    # Begins with the quote itself, for which the search leaps from one to the next: nine times as fast.
    opens = b'"(?<=[\r\n' + re.escape(delimiter.encode()) + b']")[^"\r\n]*+(?:[\r\n]|\\Z)'
    return re.search(opens, b"\n" + lines.replace(b'""', b"")) is not None
