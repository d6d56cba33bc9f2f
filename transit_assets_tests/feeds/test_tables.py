"""Headers and lines of tables, whoever wrote them."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transit_assets.feeds import tables
from transit_assets.feeds.tables import (
    BOM,
    TORN,
    WholeLines,
    csv_header,
    csv_table,
    has_open_quote,
    mended,
    renamed,
)
from transit_assets.lake.errors import PayloadUnreadable


@pytest.mark.parametrize(
    ("line", "names", "delimiter"),
    [
        (b"a,b", ["a", "b"], ","),
        (BOM + "Débit horaire;Libelle\r".encode(), ["Débit horaire", "Libelle"], ";"),
        (b'"a, b"\tc\td', ["a, b", "c", "d"], "\t"),
        (b"", [], ";"),
        (b"\x01\r\x01", ["\x01"], ";"),
    ],
)
def test_a_header_says_its_names_and_its_delimiter(line: bytes, names: list[str], delimiter: str) -> None:
    assert csv_header(line) == (names, delimiter)


def test_a_line_of_megabytes_is_one_name() -> None:
    assert len(csv_header(b"x" * 2**20)[0]) == 1


def test_columns_are_known_in_any_case() -> None:
    assert renamed(["IU_AC", " t_1h ", "other"], {"iu_ac": "arc_id", "t_1h": "t_1h"}) == {
        "IU_AC": "arc_id",
        " t_1h ": "t_1h",
    }


def test_two_columns_of_one_meaning_are_refused() -> None:
    with pytest.raises(PayloadUnreadable, match="two columns hold arc_id: 'iu_ac' and 'IU_AC'"):
        renamed(["iu_ac", "IU_AC"], {"iu_ac": "arc_id"})


@pytest.mark.parametrize(
    ("line", "is_open"),
    [
        ('1;"a;2', True),
        ('"1;a;2', True),
        ('1;a;"', True),
        ('1;"a"";2', True),
        ('1;5" x;"a', True),  # two quotes: one is only a character
        ('1;5";"a;2', True),
        ('1;"a;b";2', False),
        ('1;"a;";2', False),
        ('1;"";2', False),
        ('1;"""a""";2', False),
        ('1;5" x;2', False),
        ('1;"a"b";2', False),
        ("", False),
    ],
)
def test_a_quote_is_open_as_a_csv_reader_sees_it(line: str, is_open: bool) -> None:
    assert has_open_quote(line.encode(), ";") is is_open


@given(st.text('";a\r\n', max_size=40), st.integers(1, 9))
def test_an_open_quote_ends_with_its_line_however_the_bytes_arrive(text: str, size: int) -> None:
    whole = io.BufferedReader(WholeLines(io.BytesIO(text.encode()), ";"), size).read().decode()
    lines = re.split("(?<=\n)|(?<=\r)(?!\n)", whole)
    assert "".join(mended(line, ";") if line.startswith(TORN) else line for line in lines) == text
    assert not any(has_open_quote(line.encode(), ";") for line in lines)


def test_a_line_beyond_all_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_LONGEST_LINE_BYTES", 100)
    stream = WholeLines(io.BytesIO(b"a;b\n" + b"x" * 10_000), ";")
    with pytest.raises(PayloadUnreadable, match="a line in it has more than 100 bytes"):
        io.BufferedReader(stream, 64).read()


def test_a_table_whose_quote_stays_open_is_refused_by_line() -> None:
    """The last column took all rows after it."""
    payload = b'at,said\r\n1,"a, b"\r\n2,"c\r\n3,d\r\n'
    with pytest.raises(PayloadUnreadable, match="a quote in its line 3 is not closed"):
        csv_table(payload)
    assert csv_table(payload.replace(b'"c', b"c")).num_rows == 3
