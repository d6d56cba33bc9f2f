"""From the zip to columns of text: members in place, blocks of rows, and where each row stands."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds.gtfs.files import FILES, File, Findings
from transit_assets.feeds.tables import BOM, TORN, WholeLines, csv_header, mended
from transit_assets.lake import zips
from transit_assets.lake.errors import PayloadUnreadable

CODED = pa.dictionary(pa.int32(), pa.string())
LINE = "line"  # the column that says where a row stands

_BLOCK_BYTES = 4 * 2**20  # of 16 MB five copies are in flight: 300 MB more
_HEAD_BYTES = 64 * 2**10
_TELLING = {"stops.txt", "routes.txt", "trips.txt", "stop_times.txt"}

Members = Mapping[str, zips.Member]


def is_feed(stream: BinaryIO) -> bool:
    """Whether a file is a GTFS zip, complete or not: one with at least two of its four main files. Leaves it at 0.

    Raises PayloadUnreadable and ArchiveTooLarge where it is a zip that may not be read.
    """
    is_zip = stream.read(len(zips.MAGIC)) == zips.MAGIC
    stream.seek(0)
    if not is_zip:
        return False
    names = {PurePosixPath(member.name).name for member in zips.members(stream)}
    stream.seek(0)
    return len(names & _TELLING) >= 2


def members(stream: BinaryIO, findings: Findings) -> Members:
    """The files of the feed by name. A feed in a folder of the zip is read there, and the folder is noted.

    Raises PayloadUnreadable where the zip is damaged or has a file twice, and ArchiveTooLarge.
    """
    folders: dict[str, dict[str, zips.Member]] = {}
    for member in zips.members(stream):
        path = PurePosixPath(member.name)
        if path.name in FILES:
            held = folders.setdefault(str(path.parent), {})
            if path.name in held:
                raise PayloadUnreadable(f"the zip has {member.name} twice")
            held[path.name] = member
    if not folders:
        raise PayloadUnreadable("the zip has no file of GTFS")
    folder = max(folders, key=lambda name: (len(folders[name]), -len(name)))
    if folder != ".":
        file = FILES[next(iter(folders[folder]))]
        findings.add(file, "invalid_input_files_in_subfolder", f"the feed is in the folder {folder!r}", is_error=False)
    return folders[folder]


def table(member: zips.Member, file: File, findings: Findings) -> pa.Table:
    """All rows of a small file: its columns as text, empty ones as null, and `LINE`."""
    schema = pa.schema([*((name, pa.string()) for name in file.columns), (LINE, pa.int32())])
    found = [
        pa.table([column.cast(kind.type) for column, kind in zip(batch.columns, schema, strict=True)], schema=schema)
        for batch in batches(member, file, findings)
    ]
    rows = pa.concat_tables([schema.empty_table(), *found]).combine_chunks()
    if rows.num_rows == 0:
        findings.add(file, "empty_file", "it has no rows", is_error=file.is_required)
    return rows


def batches(member: zips.Member, file: File, findings: Findings) -> Iterator[pa.RecordBatch]:
    """Blocks of rows: the columns of the file as coded text (null where it has no such column), and `LINE`.

    Rows of another shape are noted and left out. Raises PayloadUnreadable for what is no CSV in UTF-8.
    """
    import pyarrow.csv

    names = _header(member, file, findings)
    if names is None:
        return
    misfits: dict[int, str] = {}

    def keep_misfit(row: Any) -> str:
        misfits[row.number] = _misfit(file, row, findings)
        return "skip"

    there = [name for name in file.columns if name in names]
    convert = pyarrow.csv.ConvertOptions(
        include_columns=there,
        column_types=dict.fromkeys(there, CODED),
        null_values=[""],
        strings_can_be_null=True,
    )
    parse = pyarrow.csv.ParseOptions(invalid_row_handler=keep_misfit)
    read = pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, column_names=names, skip_rows=1)
    at = 2
    try:
        with member.open() as stream, pyarrow.csv.open_csv(WholeLines(stream, ","), read, parse, convert) as reader:
            for batch in reader:
                lines = np.arange(at, at + batch.num_rows + len(misfits), dtype=np.int32)
                lines = lines[~np.isin(lines, list(misfits))][: batch.num_rows] if misfits else lines
                at = int(lines[-1]) + 1 if len(lines) else at
                for line in [line for line in list(misfits) if line < at]:
                    del misfits[line]
                yield _filled(batch, file, pa.array(lines), findings)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        if "Empty CSV" in str(error):
            return
        raise PayloadUnreadable(f"{member.name} is not the CSV it should be: {error}") from error


def _header(member: zips.Member, file: File, findings: Findings) -> list[str] | None:
    """The names of the columns, each once; None where the file is empty."""
    with member.open() as stream:
        line = stream.read(_HEAD_BYTES).removeprefix(BOM).split(b"\n", 1)[0]
    if not line.strip():
        return None
    found, delimiter = csv_header(line)
    if delimiter != "," and len(found) > 1:
        raise PayloadUnreadable(f"{member.name} is separated by {delimiter!r}, GTFS by commas")
    names: list[str] = []
    for number, name in enumerate(one.strip().lower() for one in found):
        if name in names:
            findings.add(file, "duplicated_column", f"two columns are called {name!r}", 1)
        if not name:
            findings.add(file, "empty_column_name", f"column {number + 1} has no name", 1, is_error=False)
        names.append(f"{name}#{number}" if not name or name in names else name)
    for name in file.required:
        if name not in names:
            findings.add(file, "missing_required_column", f"there is no column {name}", 1)
    return names


def _misfit(file: File, row: Any, findings: Findings) -> str:
    text = row.text or ""
    if text.startswith(TORN):
        detail = f"a quote is not closed in {mended(text, ',')[:200]!r}"
        findings.add(file, "csv_parsing_failed", detail, row.number)
    elif text.strip():
        detail = f"{row.actual_columns} values for {row.expected_columns} columns in {text[:200]!r}"
        findings.add(file, "invalid_row_length", detail, row.number)
    else:
        findings.add(file, "empty_row", "it holds spaces only", row.number, is_error=False)
    return text


def _filled(batch: pa.RecordBatch, file: File, lines: pa.Array, findings: Findings) -> pa.RecordBatch:
    """All columns of the file, trimmed; a row without any value is left out, one that lacks a required value noted."""
    columns = [
        _trimmed(batch.column(name), file, findings) if name in batch.schema.names else pa.nulls(batch.num_rows, CODED)
        for name in file.columns
    ]
    full = pa.record_batch([*columns, lines], names=[*file.columns, LINE])
    if any(column.null_count for column in columns[: len(file.required)]):
        has_any = np.any([column.is_valid().to_numpy(zero_copy_only=False) for column in columns], axis=0)
        if not has_any.all():
            line = int(lines.to_numpy()[~has_any][0])
            count = int((~has_any).sum())
            findings.add(file, "empty_row", "it has no value", line, rows=count, is_error=False)
            full = full.filter(pa.array(has_any))
    return full


def _trimmed(column: pa.DictionaryArray, file: File, findings: Findings) -> pa.DictionaryArray:
    texts = pc.utf8_trim_whitespace(column.dictionary)
    if texts.equals(column.dictionary):
        return column
    padded = column.dictionary.filter(pc.not_equal(texts, column.dictionary))[0].as_py()
    findings.add(file, "leading_or_trailing_whitespaces", f"{padded!r} has spaces around it", is_error=False)
    return pa.DictionaryArray.from_arrays(column.indices, pc.if_else(pc.equal(texts, ""), None, texts))
