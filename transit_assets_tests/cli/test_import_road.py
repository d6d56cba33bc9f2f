"""`transit import road`: files that people hold, told by content, with one line for each mistake."""

from pathlib import Path

import pytest

from transit_assets_tests.cli.conftest import Transit
from transit_assets_tests.road.payloads import export, exported, historic, history, zipped


def file(folder: Path, name: str, payload: bytes) -> str:
    (folder / name).write_bytes(payload)
    return str(folder / name)


def test_the_months_that_files_touch_are_printed(transit: Transit, tmp_path: Path) -> None:
    year = file(tmp_path, "year.zip", zipped(w1=history(historic()), w2=history(historic("2019-06-03 13:00:00"))))
    other = file(tmp_path, "export.csv", export(exported()))
    result = transit("import", "road", year, other)
    assert (result.exit_code, result.stdout) == (
        0,
        "year.zip: history_csv, 2 rows\n  2019-05-01 2019-06-01\nexport.csv: export_csv, 1 rows\n  2019-05-01\n",
    )
    assert "`transit run road` builds them" in result.stderr
    assert "imported before: nothing changed" in transit("import", "road", year).stdout


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"a;b\n1;2\n", "error: file: unknown format: text that begins with 'a;b'. Known for road: "),
        (zipped(w=history(historic()))[:90], "error: file: damaged zip: "),
        (zipped(**{"../w": history(historic())}), "error: file: the zip names '../w.txt', a place outside of it"),
        (zipped(w=history(historic()) + b"\n" * 2**21), "error: file: w.txt in the zip unpacks to 2,"),
        (history(historic("2035-01-01 13:00:00")), "error: file: it holds hours of 2035-01, which is not from 2010-01"),
    ],
)
def test_a_file_that_cannot_be_taken_is_one_line_and_exit_code_2(
    transit: Transit, tmp_path: Path, payload: bytes, says: str
) -> None:
    result = transit("import", "road", file(tmp_path, "file", payload))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(says)
    assert result.stderr.count("\n") == 1


def test_a_file_beyond_the_cap_is_one_line_and_exit_code_2(transit: Transit, tmp_path: Path) -> None:
    result = transit("import", "road", file(tmp_path, "file", history(historic())), archive_max_bytes="10")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "more than TRANSIT_ARCHIVE_MAX_BYTES allows (10)" in result.stderr
