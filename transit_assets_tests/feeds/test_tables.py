"""Headers of tables, whoever wrote them."""

import pytest

from transit_assets.feeds.tables import BOM, csv_header, renamed
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
