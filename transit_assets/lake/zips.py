"""Zip archives, read member by member without unpacking them to disk.

A member never gives more than the bytes that the archive's directory declares for it, so caps on what is declared
bound what is read.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import BinaryIO, cast

from transit_assets.lake.errors import ArchiveTooLarge, PayloadUnreadable

MAGIC = b"PK\x03\x04"
MAX_MEMBERS = 1000
MAX_RATIO = 200  # unpacked to packed; recorded years of road counts pack 13 to 19 times
_SMALL_BYTES = 2**20  # below it no ratio is suspicious
_LITTER = ("__MACOSX/", ".DS_Store")
_ENCRYPTED = 0x1
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Member:
    """One file in a zip."""

    name: str
    _archive: zipfile.ZipFile
    _info: zipfile.ZipInfo

    @property
    def size(self) -> int:
        """Bytes that it unpacks to, at most."""
        return self._info.file_size

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The unpacked bytes as a stream. Raises PayloadUnreadable where they are damaged."""
        try:
            with self._archive.open(self._info) as stream:
                yield cast("BinaryIO", stream)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise PayloadUnreadable(f"{self.name} in the zip is damaged: {error}") from error


def unpacked_bytes(stream: BinaryIO) -> int:
    """The size of what a zip unpacks to, by its own directory; 0 for other files.

    Raises ArchiveTooLarge where it has too many members, or one that is packed too tightly to be true.
    """
    is_zip = stream.read(len(MAGIC)) == MAGIC
    stream.seek(0)
    if not is_zip:
        return 0
    size = sum(info.file_size for info in _infos(_opened(stream)))
    stream.seek(0)
    return size


def members(stream: BinaryIO) -> Iterator[Member]:
    """The files of a zip in its own order, without folders and what macOS adds.

    Raises PayloadUnreadable where it is damaged, encrypted or names a file outside of itself, and ArchiveTooLarge.
    """
    archive = _opened(stream)
    for info in _infos(archive):
        yield Member(info.filename, archive, info)


def _opened(stream: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(stream)
    except _DAMAGE as error:
        raise PayloadUnreadable(f"damaged zip: {error}") from error


def _infos(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise ArchiveTooLarge(f"the zip has {len(infos):,} members, more than {MAX_MEMBERS:,}")
    for info in infos:
        if _is_outside(info.filename):
            raise PayloadUnreadable(f"the zip names {info.filename!r}, a place outside of it")
        if info.flag_bits & _ENCRYPTED:
            raise PayloadUnreadable(f"{info.filename} in the zip is encrypted")
        if info.file_size > max(_SMALL_BYTES, MAX_RATIO * info.compress_size):
            raise ArchiveTooLarge(
                f"{info.filename} in the zip unpacks to {info.file_size:,} bytes from {info.compress_size:,}, "
                f"more than {MAX_RATIO} times as much"
            )
    return [info for info in infos if not info.is_dir() and not info.filename.startswith(_LITTER)]


def _is_outside(name: str) -> bool:
    """Whether a path leaves the folder it would be unpacked to, on any system."""
    windows = PureWindowsPath(name)
    return bool(windows.drive or windows.root) or PurePosixPath(name).is_absolute() or ".." in windows.parts
