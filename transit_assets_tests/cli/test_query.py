"""`transit sql` and `transit export`: rows out of the lake, in every format, and nothing else."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transit_assets.export import export
from transit_assets.lake import Lake
from transit_assets.lake.ledger import Load
from transit_assets_tests.cli.conftest import Transit

NOON = datetime(2025, 9, 8, 12, tzinfo=UTC)
QUERY = (
    "SELECT 1 AS one, NULL AS unknown, 'é;\"x' AS text, TRUE AS flag, DATE '2025-09-08' AS day, [1, 2] AS list,"
    " TIMESTAMPTZ '2025-09-08 12:00:00+00' AS seen_at, sum(i) AS total, 'nan'::DOUBLE AS nothing FROM range(4) r(i)"
)


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """A lake whose ledger has three loads."""
    lake.ledger.record([Load("interim.x", f"2025-09-0{day}", "committed", loaded_at=NOON) for day in (1, 2, 3)])
    return lake


def test_json_is_one_array_of_what_json_can_hold(transit: Transit) -> None:
    (row,) = json.loads(transit("sql", QUERY, "--format", "json").stdout)
    assert row == {
        "one": 1,
        "unknown": None,
        "text": 'é;"x',
        "flag": True,
        "day": "2025-09-08",
        "list": [1, 2],
        "seen_at": "2025-09-08T12:00:00+00:00",
        "total": 6,
        "nothing": None,
    }


def test_no_row_is_an_empty_array(transit: Transit) -> None:
    assert json.loads(transit("sql", "SELECT 1 WHERE false", "--format", "json").stdout) == []


def test_csv_can_be_read_back(transit: Transit) -> None:
    (row,) = csv.DictReader(io.StringIO(transit("sql", QUERY, "--format", "csv").stdout))
    assert (row["unknown"], row["text"], row["flag"], row["list"], row["total"]) == ("", 'é;"x', "true", "[1, 2]", "6")


def test_parquet_goes_to_standard_output(transit: Transit) -> None:
    result = transit("sql", "SELECT * FROM range(3)", "--format", "parquet")
    assert pq.read_table(pa.BufferReader(result.stdout_bytes)).num_rows == 3


def test_a_long_table_says_how_much_it_does_not_show(transit: Transit) -> None:
    result = transit("sql", "SELECT * FROM range(1234)")
    assert "100 of 1,234 rows" in result.stderr
    assert transit("sql", "SELECT * FROM range(1234)", "--format", "csv").stdout.count("\n") == 1235


def test_brackets_in_a_value_are_not_markup(transit: Transit) -> None:
    assert "[red]x" in transit("sql", "SELECT '[red]x' AS text").stdout


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM interim.nothing", "nothing"),
        ("COPY (SELECT 1) TO 'x.csv'", "only statements that read"),
        ("SELECT * FROM read_text('/etc/hostname')", "read_text() is not run"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
    ],
)
def test_what_sql_does_not_run_is_one_line_and_exit_code_2(transit: Transit, statement: str, says: str) -> None:
    result = transit("sql", statement)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "options", "reader"),
    [
        ("loads.csv", [], lambda path: len(path.read_text().splitlines()) - 1),
        ("loads.parquet", [], lambda path: pq.read_table(path).num_rows),
        ("loads", [], lambda path: pq.read_table(path).num_rows),
        ("loads.txt", ["--format", "csv"], lambda path: len(path.read_text().splitlines()) - 1),
    ],
)
def test_an_export_is_the_whole_relation(
    transit: Transit, filled: Lake, tmp_path: Path, name: str, options: list[str], reader: object
) -> None:
    result = transit("export", "quality.loads", "--to", tmp_path / name, *options)
    assert result.exit_code == 0, result.stderr
    assert reader(tmp_path / name) == 3  # type: ignore[operator]
    assert "3 rows" in result.stderr


@pytest.mark.parametrize(
    ("relation", "to", "says"),
    [
        ("interim.nothing", "out.csv", "the lake has no relation interim.nothing"),
        ("quality.loads; DROP TABLE x", "out.csv", "the lake has no relation"),
        ("quality.loads", "out.xlsx", "out.xlsx: no file is written as .xlsx; say --format csv or --format parquet"),
        ("quality.loads", "x" * 246 + ".csv", ".csv cannot be written"),
        ("quality.loads", "missing/out.csv", "is not a file in a folder that exists"),
        ("quality.loads", "lake/raw/out.csv", "is inside the lake"),
        ("quality.loads", "s3://", "is not s3://bucket/key"),
    ],
)
def test_an_export_that_cannot_be_leaves_nothing(
    transit: Transit, filled: Lake, tmp_path: Path, relation: str, to: str, says: str
) -> None:
    before = sorted(tmp_path.iterdir())
    result = transit("export", relation, "--to", to if to.startswith("s3:") else tmp_path / to)
    assert result.exit_code == 2
    assert says in result.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_an_export_that_fails_keeps_the_file_that_was_there(
    filled: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "loads.csv"
    target.write_text("before")

    def fail(*_: object) -> int:
        raise OSError("disk full")

    monkeypatch.setattr("transit_assets.export._write", fail)
    with pytest.raises(OSError, match="disk full"):
        export(filled, "quality.loads", str(target), "csv")
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["loads.csv"]


def test_an_export_goes_to_s3_in_one_put(s3_lake: Lake) -> None:
    import boto3

    s3_lake.ledger.record([Load("interim.x", "2025-09-01", "committed", loaded_at=NOON)])
    bucket = s3_lake.location.root.split("/")[2]
    assert export(s3_lake, "quality.loads", f"s3://{bucket}/exports/loads.csv", "csv") == 1
    body = boto3.client("s3").get_object(Bucket=bucket, Key="exports/loads.csv")["Body"].read().decode()
    assert body.count("\n") == 2
    assert "2025-09-08T12:00:00.000000Z" in body


def test_columns_of_one_name_keep_their_values(transit: Transit) -> None:
    """Rows went through mappings, which kept the last value of a name and shifted the rest."""
    result = transit("sql", "SELECT 1 AS a, 2 AS b, 3 AS a", "--format", "csv")
    assert result.stdout.split() == ["a,b,a_1", "1,2,3"]


BEYOND = (
    "SELECT n, CASE n WHEN 1 THEN TIMESTAMPTZ 'infinity' ELSE TIMESTAMPTZ '2025-09-08 12:00:00+00' END AS seen_at,"
    " DATE '290000-01-01' AS day, [TIMESTAMP '-infinity'] AS list FROM range(2) AS r(n)"
)


def test_an_instant_that_python_does_not_hold_is_printed_as_text(transit: Transit) -> None:
    first, second = json.loads(transit("sql", BEYOND, "--format", "json").stdout)
    assert first == {"n": 0, "seen_at": "2025-09-08T12:00:00+00:00", "day": "290000-01-01", "list": "[-infinity]"}
    assert second == {"n": 1, "seen_at": "infinity", "day": "290000-01-01", "list": "[-infinity]"}
    rows = list(csv.reader(io.StringIO(transit("sql", BEYOND, "--format", "csv").stdout)))
    assert rows[2] == ["1", "infinity", "290000-01-01", "[-infinity]"]
    assert "infinity" in transit("sql", BEYOND).stdout


def test_a_pivot_of_what_is_in_the_data_runs(transit: Transit) -> None:
    result = transit("sql", "PIVOT (FROM range(3) AS r(n)) ON n % 2 USING sum(n)", "--format", "csv")
    assert result.stdout == "0,1\n2,1\n"
