from pathlib import Path

import pytest

from transit_assets.catalog import TABLES, dictionary, main, marts


def test_the_dictionary_says_what_the_schemas_say() -> None:
    assert main(["--check"]) == 0, "data/dictionary.md has drifted: run `make docs` and commit it"


def test_a_drifted_dictionary_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stale = tmp_path / "dictionary.md"
    stale.write_text(dictionary().replace("| INTEGER |", "| BIGINT |", 1))
    assert main(["--check", str(stale)]) == 1
    assert "make docs" in capsys.readouterr().err
    assert main(["--check", str(tmp_path / "missing.md")]) == 1
    assert main(["--write", str(stale)]) == 0
    assert main(["--check", str(stale)]) == 0


def test_the_dictionary_names_every_table_and_column() -> None:
    text = dictionary()
    for table in (*TABLES, *marts()):
        assert f"### {table.relation}\n" in text
        assert all(f"| `{name}` |" in text for name in table.column_names)
    assert "### quarantine.bikes__station_status\n" in text
    assert "- `polls_in_order`: the first poll of a report is not after the last" in text


def test_every_column_is_described() -> None:
    for table in (*TABLES, *marts()):
        assert all(column.description.strip() for column in table.columns), table.relation
