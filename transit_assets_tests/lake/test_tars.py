"""Tar archives, read member by member within caps."""

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable

import pytest

from transit_assets.lake import tars
from transit_assets.lake.errors import ArchiveTooLarge, PayloadUnreadable

FILES = {"a.json": b"{}", "folder/b.json": b"[1]"}


def tar(files: dict[str, bytes], mode: str = "w:xz", change: Callable[[tarfile.TarInfo], None] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, payload in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            if change:
                change(info)
            archive.addfile(info, io.BytesIO(payload))
    return buffer.getvalue()


def read(payload: bytes, max_bytes: int | None = None) -> dict[str, bytes]:
    return {member.name: member.payload for member in tars.members(io.BytesIO(payload), max_bytes)}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_gives_its_files_in_order_however_it_is_packed(mode: str) -> None:
    payload = tar(FILES, mode)
    assert tars.is_tar(payload[: tars.HEAD_BYTES])
    assert list(read(payload).items()) == list(FILES.items())


def test_files_packed_in_pieces_are_joined() -> None:
    whole = tar(FILES, "w")
    pieces = whole[:700], whole[700:]
    assert read(b"".join(lzma.compress(piece) for piece in pieces)) == FILES
    assert read(b"".join(gzip.compress(piece) for piece in pieces)) == FILES


def test_folders_and_litter_are_no_files() -> None:
    def of_kind(info: tarfile.TarInfo) -> None:
        info.type = tarfile.DIRTYPE if info.name == "folder" else info.type

    assert read(tar({"folder": b"", "._a.json": b"x", "x/.DS_Store": b"x", **FILES}, change=of_kind)) == FILES


@pytest.mark.parametrize("name", ["../a", "/etc/a", "x/../../a", "C:/a", "x\\..\\a"])
def test_a_tar_that_reaches_out_is_refused_by_name(name: str) -> None:
    with pytest.raises(PayloadUnreadable, match="a place outside of it"):
        read(tar({name: b"x"}))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(kind: bytes) -> None:
    def linked(info: tarfile.TarInfo) -> None:
        info.type, info.linkname, info.size = kind, "/etc/passwd", 0

    with pytest.raises(PayloadUnreadable, match="a link or a device"):
        read(tar({"a": b""}, change=linked))


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
def test_a_tar_that_is_packed_too_tightly_is_refused(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tars, "MAX_RATIO", 100)
    with pytest.raises(ArchiveTooLarge, match="more than 100 times its size"):
        read(tar({"a": bytes(2 * 2**20)}, mode))


def test_a_tar_beyond_the_cap_is_refused() -> None:
    with pytest.raises(ArchiveTooLarge, match=r"TRANSIT_ARCHIVE_MAX_BYTES allows \(10,000\)"):
        read(tar({"a": bytes(20_000)}), max_bytes=10_000)


def test_members_too_many_or_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tars, "MAX_MEMBERS", 1)
    with pytest.raises(ArchiveTooLarge, match="more than 1 members"):
        read(tar(FILES))
    monkeypatch.setattr(tars, "MAX_MEMBER_BYTES", 1)
    with pytest.raises(ArchiveTooLarge, match=r"a\.json in the tar has 2 bytes, more than 1"):
        read(tar(FILES))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_damaged_tar_is_told(mode: str) -> None:
    whole = tar({"a": bytes(range(256)) * 100}, mode)
    with pytest.raises(PayloadUnreadable, match="damaged tar"):
        read(whole[: len(whole) // 2])
    with pytest.raises(PayloadUnreadable, match="damaged tar"):
        read(whole[:20] + b"\xff" * (len(whole) - 20))


def test_a_packed_file_that_asks_for_gigabytes_is_refused() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 2**29, "mode": lzma.MODE_FAST}]
    # The size of the dictionary stands in the header; a small one is changed to 1 GiB, as packing with it needs it.
    small = bytearray(lzma.compress(tar(FILES, "w"), filters=[{**filters[0], "dict_size": 2**20}]))
    header_size = (small[12] + 1) * 4
    at = small.index(b"\x21\x01", 12, 12 + header_size) + 2
    small[at] = 36  # 1 GiB
    import zlib

    end = 12 + header_size - 4
    small[end : end + 4] = zlib.crc32(bytes(small[12:end])).to_bytes(4, "little")
    with pytest.raises(PayloadUnreadable, match="Memory usage limit"):
        read(bytes(small))
