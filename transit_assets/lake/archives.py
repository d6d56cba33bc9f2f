"""Imports of files that people hold: read whole before anything is landed, kept as received, decoded once.

What a file is, and which files go together, is for the domain to say (`Reader`).
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from transit_assets.lake.decoded import Decode
from transit_assets.lake.errors import ArchiveTooLarge, PayloadUnreadable
from transit_assets.lake.landing import Fetch

if TYPE_CHECKING:
    from transit_assets.lake.lake import Lake

FEED = "archive"


@dataclass(frozen=True)
class Contents:
    """What a file holds: its format, how many records of which partitions, and what else its row is to say."""

    format: str
    rows: int
    partitions: tuple[str, ...]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Imported:
    """One file: what it is, the partitions it touches, and its row in `raw.fetches`.

    `is_new` is false where the lake held the same bytes already; nothing was touched then.
    """

    path: Path
    format: str
    rows: int
    partitions: tuple[str, ...]
    fetch: Fetch
    is_new: bool


@dataclass(frozen=True)
class Reader:
    """How a domain reads its archives.

    `survey` reads a file once and refuses what it cannot take, with PayloadUnreadable; `unpacked_bytes` says what it
    unpacks to by its own account (0 where it is as it is); `accept` refuses a file beside the other archives. Where
    the name of a file tells something, `survey` finds it as the `name` of its stream, and `decode_of` in the `url` of
    its row; it goes before `decode`. `accept_again` refuses a file whose bytes another name had already.
    """

    domain: str
    survey: Callable[[BinaryIO], Contents]
    decode: Decode
    version: int
    unpacked_bytes: Callable[[BinaryIO], int]
    accept: Callable[[Fetch, Sequence[Fetch]], None] = lambda fetch, others: None
    decode_of: Callable[[Fetch], Decode] | None = None
    accept_again: Callable[[str, Fetch], None] = lambda name, held: None


def import_files(
    lake: "Lake",
    paths: Sequence[Path],
    reader: Reader,
    *,
    now: datetime,
    max_bytes: int,
    on_file: Callable[[Path], None] = lambda path: None,
) -> list[Imported]:
    """Land files, all or none, and decode them; `on_file` hears of each as it is read.

    Raises PayloadUnreadable, ArchiveTooLarge, OriginMismatch (a lake of simulated data), FileNotFoundError and what
    the reader raises, each before anything is landed.
    """
    if lake.landing.origin() == "simulated":
        lake.landing.claim("real")  # raises, and says the way out
    # Two imports at once would each see only what the other has not landed yet.
    with FileLock(lake.lock_path(f"import-{reader.domain}")):
        return _import_files(lake, paths, reader, now, max_bytes, on_file)


def _import_files(
    lake: "Lake",
    paths: Sequence[Path],
    reader: Reader,
    now: datetime,
    max_bytes: int,
    on_file: Callable[[Path], None],
) -> list[Imported]:
    held = {fetch.sha256: fetch for fetch in lake.landing.fetches(reader.domain, [FEED])}
    results: dict[str, Imported] = {}
    new: dict[str, tuple[Path, Fetch]] = {}
    order: list[str] = []
    for path in paths:
        on_file(path)
        sha256 = _hash(path, max_bytes)
        order.append(sha256)
        if sha256 in held:
            reader.accept_again(shown_name(path), held[sha256])
            results[sha256] = _imported(path, held[sha256], is_new=False)
        elif sha256 in new:
            reader.accept_again(shown_name(path), new[sha256][1])
        else:
            # One after the other, as records of two files take the order of their files.
            fetched_at = now + timedelta(microseconds=len(new))
            fetch = _fetch(path, _survey(path, reader, max_bytes), reader.domain, fetched_at)
            reader.accept(fetch, [*held.values(), *(other for _, other in new.values())])
            new[sha256] = (path, fetch)
    landed = lake.landing.land([(fetch, path) for path, fetch in new.values()])
    for fetch, (path, _) in zip(landed, new.values(), strict=True):
        results[fetch.sha256 or ""] = _imported(path, fetch, is_new=True)
        if fetch.partitions:  # a file of stations has none
            decode = reader.decode if reader.decode_of is None else reader.decode_of(fetch)
            lake.decoded(fetch, fetch.partitions[0], decode, reader.version)
    return [results[sha256] for sha256 in dict.fromkeys(order)]


def check_file(path: Path, reader: Reader, *, max_bytes: int) -> None:
    """Refuse a file as `import_files` would, and land nothing: for files that go to several readers, all or none."""
    _refuse(path, max_bytes)
    _survey(path, reader, max_bytes)


def whole(path: Path, max_bytes: int) -> bytes:
    """All of a file. Raises PayloadUnreadable and ArchiveTooLarge before it is read."""
    _refuse(path, max_bytes)
    return path.read_bytes()


def shown_name(path: Path) -> str:
    """The name of a file as text: bytes in it that are no UTF-8 are shown by their numbers."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def parquet_bytes(stream: BinaryIO) -> int:
    """The size of what a Parquet file unpacks to, by its own account; 0 for other files, which are as they are."""
    is_parquet = stream.read(4) == b"PAR1"
    stream.seek(0)
    if not is_parquet:
        return 0
    try:
        metadata = pq.read_metadata(stream)
    except (pa.ArrowInvalid, OSError):
        return 0  # damaged, as its survey will say
    finally:
        stream.seek(0)
    return sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))


def _refuse(path: Path, max_bytes: int) -> None:
    if path.exists() and not path.is_dir() and not path.is_file():
        raise PayloadUnreadable(f"{shown_name(path)} is a pipe or a device, not a file")
    size = path.stat().st_size
    if size > max_bytes:
        raise ArchiveTooLarge(
            f"{shown_name(path)} has {size:,} bytes, more than TRANSIT_ARCHIVE_MAX_BYTES allows ({max_bytes:,})"
        )


def _hash(path: Path, max_bytes: int) -> str:
    _refuse(path, max_bytes)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _survey(path: Path, reader: Reader, max_bytes: int) -> Contents:
    with path.open("rb") as stream:
        try:
            size = reader.unpacked_bytes(stream)
            if size > max_bytes:
                raise ArchiveTooLarge(
                    f"it unpacks to {size:,} bytes, more than TRANSIT_ARCHIVE_MAX_BYTES allows ({max_bytes:,})"
                )
            return reader.survey(stream)
        except (PayloadUnreadable, ArchiveTooLarge) as error:
            error.args = (f"{shown_name(path)}: {error}",)
            raise


def _fetch(path: Path, found: Contents, domain: str, fetched_at: datetime) -> Fetch:
    return Fetch(
        domain=domain,
        feed=FEED,
        fetched_at=fetched_at,
        provider="file",
        url=shown_name(path),
        outcome="landed",
        is_simulated=False,
        headers={"format": found.format, "rows": str(found.rows), **found.headers},
        partitions=found.partitions,
    )


def _imported(path: Path, fetch: Fetch, *, is_new: bool) -> Imported:
    headers = fetch.headers
    return Imported(path, headers["format"], int(headers["rows"]), fetch.partitions, fetch, is_new)
