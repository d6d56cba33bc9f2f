"""Zips: read in place, bounded, and never trusted about where their files belong."""

import io
import zipfile

import pytest

from transit_assets.lake.errors import ArchiveTooLarge, PayloadUnreadable
from transit_assets.lake.zips import MAX_MEMBERS, members, unpacked_bytes


def packed(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def contents(payload: bytes) -> dict[str, bytes]:
    found = {}
    for member in members(io.BytesIO(payload)):
        with member.open() as stream:
            found[member.name] = stream.read()
    return found


def test_files_come_in_the_order_of_the_zip_without_folders_and_litter() -> None:
    payload = packed(("b.txt", b"2"), ("folder/", b""), ("folder/a.txt", b"1"), ("__MACOSX/._b.txt", b"?"))
    assert list(contents(payload).items()) == [("b.txt", b"2"), ("folder/a.txt", b"1")]


@pytest.mark.parametrize(
    "name", ["../a.txt", "a/../../b.txt", "/etc/passwd", "..\\a.txt", "C:\\a.txt", "C:a.txt", "\\\\host\\a.txt"]
)
def test_a_name_outside_of_the_zip_is_refused(name: str) -> None:
    with pytest.raises(PayloadUnreadable, match="a place outside of it"):
        contents(packed((name, b"x")))


def test_a_name_with_dots_in_it_is_inside() -> None:
    assert contents(packed(("2019..2020.txt", b"x"))) == {"2019..2020.txt": b"x"}


def test_a_bomb_is_refused_before_it_is_read() -> None:
    payload = packed(("bomb.txt", b"0" * 2**21))
    for read in (contents, lambda payload: unpacked_bytes(io.BytesIO(payload))):
        with pytest.raises(ArchiveTooLarge, match=r"bomb\.txt in the zip unpacks to 2,097,152 bytes from"):
            read(payload)


def test_a_member_gives_no_more_than_the_directory_declares() -> None:
    payload = packed(("a.txt", b"0" * 5000))
    lying = payload.replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    assert unpacked_bytes(io.BytesIO(lying)) == 50
    with pytest.raises(PayloadUnreadable, match=r"a\.txt in the zip is damaged"):
        contents(lying)


def test_too_many_members_are_refused() -> None:
    with pytest.raises(ArchiveTooLarge, match="1,001 members"):
        contents(packed(*((f"{number}.txt", b"") for number in range(MAX_MEMBERS + 1))))


@pytest.mark.parametrize("cut", [10, 40, -1])
def test_a_torn_zip_is_damaged(cut: int) -> None:
    with pytest.raises(PayloadUnreadable, match="damaged zip"):
        contents(packed(("a.txt", b"x" * 100))[:cut])


def test_a_flipped_byte_is_damage_of_its_member() -> None:
    payload = bytearray(packed(("a.txt", b"x" * 100), method=zipfile.ZIP_STORED))
    payload[payload.index(b"xxxx")] = ord("y")
    with pytest.raises(PayloadUnreadable, match=r"a\.txt in the zip is damaged: Bad CRC"):
        contents(bytes(payload))


def test_an_encrypted_member_is_refused() -> None:
    payload = bytearray(packed(("a.txt", b"x")))
    payload[payload.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(PayloadUnreadable, match=r"a\.txt in the zip is encrypted"):
        contents(bytes(payload))


def test_what_is_no_zip_unpacks_to_nothing() -> None:
    assert unpacked_bytes(io.BytesIO(b"iu_ac,t_1h\n")) == 0
    assert unpacked_bytes(io.BytesIO(packed(("a.txt", b"x" * 100)))) == 100
