"""Tar archives, plain or packed with gzip or xz, read member by member without unpacking them to disk.

A packed tar has no directory that says what it unpacks to, so what is read is counted as it comes.
"""

import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO, cast

from transit_assets.lake.errors import ArchiveTooLarge, PayloadUnreadable

MAX_MEMBERS = 100_000
MAX_MEMBER_BYTES = 64 * 2**20  # a payload of the providers has up to 15 MB
MAX_RATIO = 500  # unpacked to packed; three weeks of payloads that repeat one another pack 91 times
_SMALL_BYTES = 2**20  # below it no ratio is suspicious
_CHUNK_BYTES = 2**16
_LZMA_BYTES = 256 * 2**20  # what a packed file may ask for: `xz -9` needs 65 MB
_LITTER = (".DS_Store",)
_XZ, _GZIP, _TAR, _TAR_AT = b"\xfd7zXZ\x00", b"\x1f\x8b", b"ustar", 257
HEAD_BYTES = _TAR_AT + len(_TAR)


@dataclass(frozen=True)
class Member:
    """One file in a tar."""

    name: str
    payload: bytes


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so is a tar, or is packed as tars are; `head` has `HEAD_BYTES`."""
    return head.startswith((_XZ, _GZIP)) or head[_TAR_AT:] == _TAR


def members(stream: BinaryIO, max_bytes: int | None = None) -> Iterator[Member]:
    """The files of a tar in its own order, without folders and what macOS adds.

    Raises PayloadUnreadable where it is damaged, names a file outside of itself or holds a link or a device, and
    ArchiveTooLarge where it unpacks to more than `max_bytes` or is packed too tightly to be true.
    """
    try:
        with tarfile.open(fileobj=_unpacked(stream, max_bytes), mode="r|") as archive:
            for number, info in enumerate(archive):
                if number >= MAX_MEMBERS:
                    raise ArchiveTooLarge(f"the tar has more than {MAX_MEMBERS:,} members")
                name = PurePosixPath(info.name).name
                if _is_wanted(info) and name not in _LITTER and not name.startswith("._"):
                    content = archive.extractfile(info)
                    yield Member(info.name, content.read() if content else b"")
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise PayloadUnreadable(f"damaged tar: {error}") from error


def _is_wanted(info: tarfile.TarInfo) -> bool:
    """Whether a member is a file. Raises where it is nothing that an archive of payloads holds."""
    windows = PureWindowsPath(info.name)
    if windows.drive or windows.root or ".." in windows.parts:
        raise PayloadUnreadable(f"the tar names {info.name!r}, a place outside of it")
    if info.isdir():
        return False
    if not info.isreg():
        raise PayloadUnreadable(f"{info.name} in the tar is a link or a device, not a file")
    if info.size > MAX_MEMBER_BYTES:
        raise ArchiveTooLarge(f"{info.name} in the tar has {info.size:,} bytes, more than {MAX_MEMBER_BYTES:,}")
    return True


def _unpacked(stream: BinaryIO, max_bytes: int | None) -> BinaryIO:
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    limit = max(_SMALL_BYTES, MAX_RATIO * size)
    said = f"it unpacks to more than {MAX_RATIO} times its size"
    if max_bytes is not None and max_bytes < limit:
        limit, said = max_bytes, f"it unpacks to more than TRANSIT_ARCHIVE_MAX_BYTES allows ({max_bytes:,})"
    for magic, opened in ((_XZ, _xz), (_GZIP, _Gzip)):
        if head.startswith(magic):
            return cast("BinaryIO", _Unpacked(stream, opened, limit, said))
    return stream


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_BYTES)


class _Gzip:
    """zlib's decompressor with the words of lzma's."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


class _Unpacked(io.RawIOBase):
    """The unpacked bytes of a stream, a chunk at a time; raises ArchiveTooLarge as soon as they are too many."""

    def __init__(self, stream: BinaryIO, opened: Callable[[], Any], limit: int, said: str) -> None:
        self._stream, self._opened, self._limit, self._said = stream, opened, limit, said
        self._inner, self._given = opened(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._next(min(len(buffer), _CHUNK_BYTES))
        self._given += len(chunk)
        if self._given > self._limit:
            raise ArchiveTooLarge(self._said)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _next(self, size: int) -> bytes:
        while True:
            data = b""
            if self._inner.eof:
                data = self._inner.unused_data or self._stream.read(_CHUNK_BYTES)
                if not data.strip(b"\0"):  # padding may follow the end
                    return b""
                self._inner = self._opened()  # packed files may be joined end to end
            elif self._inner.needs_input:
                data = self._stream.read(_CHUNK_BYTES)
                if not data:
                    raise EOFError("it ends too early")
            chunk = self._inner.decompress(data, size)
            if chunk:
                return bytes(chunk)
