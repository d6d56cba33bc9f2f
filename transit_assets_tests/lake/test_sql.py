"""`transit sql` reads every relation and can do nothing else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from transit_assets.lake import Fetch, Lake
from transit_assets.lake.errors import LakeError, QueryFailed, QueryRefused
from transit_assets.lake.sql import query
from transit_assets_tests.lake.tables import DAILY, DAYS, rows

WRITES = [
    "COPY (SELECT 1) TO '{lake}/stolen.csv'",
    "EXPLAIN ANALYZE COPY (SELECT 2 AS n) TO '{file}'",
    "/* a */ explain -- b\n analyze copy (select 1) to '{lake}/stolen.csv'",
    "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{lake}/stolen.csv'",
    "EXPLAIN (FORMAT JSON) CREATE TABLE t AS SELECT 1",
    "EXPLAIN ANALYZE INSERT INTO interim.test__daily VALUES (1)",
    "EXPLAIN EXPLAIN SELECT 1",
    "EXPLAIN",
    "EXPLAIN (",
    "INSERT INTO interim.test__daily VALUES ('2026-03-01', 'x', 1)",
    "WITH gone AS (DELETE FROM interim.test__daily RETURNING *) SELECT * FROM gone",
    "CREATE TABLE t AS SELECT 1",
    "CREATE OR REPLACE VIEW interim.test__daily AS SELECT 1",
    "DROP VIEW interim.test__daily",
    "DELETE FROM interim.test__daily",
    "UPDATE interim.test__daily SET n = 1",
    "ATTACH '{outside}' AS other",
    "DETACH memory",
    "USE other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET threads = 8",
    "SET enable_external_access = true",
    "RESET enable_external_access",
    "PRAGMA database_list",
    "PRAGMA version",
    "PRAGMA enable_profiling",
    "CALL pragma_version()",
    "CALL enable_logging()",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "EXPORT DATABASE '{lake}/stolen'",
    "IMPORT DATABASE '{lake}/stolen'",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "CREATE SECRET stolen (TYPE s3)",
    "CREATE TEMP TABLE t AS FROM range(2); PIVOT t ON range",
    "CREATE TABLE t AS (PIVOT interim.test__daily ON n)",
    "COPY (PIVOT interim.test__daily ON n) TO '{lake}/stolen.csv'",
    "PIVOT interim.test__daily ON n; COPY (SELECT 1) TO '{lake}/stolen.csv'",
    "PIVOT interim.test__daily ON n; PIVOT interim.test__daily ON n",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY (SELECT 1) TO '{lake}/stolen.csv'",
    "",
    "-- nothing",
]

READS = [
    "FROM read_text('{outside}')",
    "FROM read_blob('{outside}')",
    "FROM read_csv('{outside}')",
    "FROM '{outside}'",
    "FROM '{lake}/../{outside_name}'",
    "FROM read_text('{lake}/../{outside_name}')",
    "FROM read_text('{lake}/link.csv')",
    "FROM '{lake}/link.csv'",
    "FROM '{lake}/_dagster/secret.csv'",
    "FROM read_parquet('{file}')",
    "FROM glob('{lake}/*')",
    "FROM sniff_csv('{outside}')",
    "FROM parquet_metadata('{outside}')",
    "FROM 'https://example.org/a.csv'",
    "FROM 's3://elsewhere/a.parquet'",
    "FROM duckdb_secrets()",
    "FROM which_secret('s3://a', 's3')",
    "FROM query('FROM duckdb_secrets()')",
    "FROM query_table('interim.test__daily')",
    "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "FROM enable_profiling(save_location = '{lake}/stolen.json')",
    "FROM enable_logging(storage = 'file', storage_config = {{'path': '{lake}/stolen'}})",
    "FROM truncate_duckdb_logs()",
    "WITH a AS (FROM read_text('{outside}')) FROM a",
    "SELECT (SELECT content FROM read_text('{outside}'))",
    "SELECT * FROM interim.test__daily WHERE EXISTS (FROM read_text('{outside}'))",
    "DESCRIBE FROM read_csv('{outside}')",
    "SUMMARIZE FROM read_csv('{outside}')",
    "EXPLAIN FROM read_csv('{outside}')",
    "PIVOT read_text('{outside}') ON filename",
    "PIVOT (FROM read_csv('{outside}')) ON secret",
    "PIVOT \"read_csv\"/* a */('{outside}') ON secret",
    "PIVOT '{outside}' ON secret",
    "PIVOT interim.test__daily ON n IN (SELECT content FROM read_text('{outside}'))",
    "WITH a AS (FROM read_text('{outside}')) PIVOT a ON filename",
    "PIVOT (FROM duckdb_secrets()) ON name",
    "PIVOT enable_profiling(save_location = '{lake}/stolen.json') ON a",
]


@pytest.fixture
def filled(any_lake: Lake) -> Lake:
    any_lake.table(DAILY).replace(rows(DAYS[0]), [DAYS[0]])
    any_lake.landing.land([(_fetch(), b"payload")])
    return any_lake


def _fetch() -> Fetch:
    return Fetch("test", "feed", datetime(2026, 3, 1, tzinfo=UTC), "host", "https://host/", "landed", True)


def _places(lake: Lake, tmp_path: Path) -> dict[str, str]:
    """Something outside the lake, and in a folder lake a link to it and another program's file."""
    outside = tmp_path / "outside.csv"
    outside.write_text("secret\n1\n")
    if lake.location.folder:
        (lake.location.folder / "link.csv").symlink_to(outside)
        (lake.location.folder / "_dagster").mkdir()
        (lake.location.folder / "_dagster" / "secret.csv").write_text("secret\n1\n")
    return {
        "lake": lake.location.root,
        "outside": str(outside),
        "outside_name": outside.name,
        "file": lake.table(DAILY).snapshot().files[0],
    }


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT count(*) AS n FROM interim.test__daily", [{"n": 3}]),
        ("from raw.fetches select url", [{"url": "https://host/"}]),
        ("WITH a AS (SELECT max(n) AS n FROM interim.test__daily) SELECT n FROM a", [{"n": 2}]),
        ("VALUES (1)", [{"col0": 1}]),
        ("SELECT * FROM range(2)", [{"range": 0}, {"range": 1}]),
        ("SELECT unnest([1]) AS n;", [{"n": 1}]),
        ("PIVOT (FROM range(2)) ON range", [{"0": 1, "1": 1}]),
        ('FROM (PIVOT (FROM range(2)) ON range USING sum(range) AS n) SELECT "1_n" AS one', [{"one": 1}]),
        ("PIVOT (FROM range(2)) ON range IN (0, 1)", [{"0": 1, "1": 1}]),
        ("UNPIVOT (SELECT 1 AS a) ON a INTO NAME name VALUE n", [{"name": "a", "n": 1}]),
    ],
)
def test_a_query_sees_every_relation(filled: Lake, sql: str, expected: list[dict]) -> None:
    assert query(filled, sql).to_pylist() == expected


@pytest.mark.parametrize(
    "sql",
    [
        "DESCRIBE interim.test__daily",
        "SUMMARIZE interim.test__daily",
        "SHOW ALL TABLES",
        "EXPLAIN SELECT * FROM interim.test__daily",
        "EXPLAIN ANALYZE SELECT * FROM interim.test__daily",
        "explain -- why\n ( format json ) select * from interim.test__daily",
        "PIVOT interim.test__daily ON n IN (0, 1) USING count(*)",
    ],
)
def test_what_explores_the_lake_runs(filled: Lake, sql: str) -> None:
    assert query(filled, sql).num_rows > 0


@pytest.mark.parametrize("sql", WRITES)
def test_what_would_change_anything_is_refused(lake: Lake, tmp_path: Path, sql: str) -> None:
    lake.table(DAILY).replace(rows(DAYS[0]), [DAYS[0]])
    places = _places(lake, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises((QueryRefused, QueryFailed)):
        query(lake, sql.format(**places))
    assert sorted(tmp_path.rglob("*")) == before
    assert query(lake, "SELECT count(*) AS n FROM interim.test__daily").to_pylist() == [{"n": 3}]


@pytest.mark.parametrize("sql", READS)
def test_what_would_read_beside_the_relations_is_refused(filled: Lake, tmp_path: Path, sql: str) -> None:
    with pytest.raises(QueryRefused):
        query(filled, sql.format(**_places(filled, tmp_path)))


def test_the_engine_alone_refuses_what_the_parser_would_let_pass(filled: Lake, tmp_path: Path) -> None:
    from transit_assets.lake.sql import _lock

    places = _places(filled, tmp_path)
    with filled.engine() as connection:
        _lock(connection, list(filled.table(DAILY).snapshot().files))
        for sql in [*READS[:11], "COPY (SELECT 1) TO '{lake}/stolen.csv'", "SET threads = 8", "ATTACH '{outside}'"]:
            if sql == "FROM read_parquet('{file}')":
                assert len(connection.execute(sql.format(**places)).fetchall()) == 3
                continue
            with pytest.raises(Exception, match=r"file system operations are disabled|has been locked"):
                connection.execute(sql.format(**places)).fetchall()


def test_python_variables_are_not_relations(lake: Lake) -> None:
    hidden = rows(DAYS[0])
    assert hidden.num_rows == 3
    with pytest.raises(QueryFailed, match="hidden"):
        query(lake, "SELECT * FROM hidden")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT nothing FROM interim.test__daily", "nothing"),
        ("SELECT * FROM interim.nowhere", "nowhere"),
        ("SELECT getenv('HOME')", "getenv"),
        ("SELECT 1/'a'", "Conversion"),
    ],
)
def test_a_wrong_query_says_what_is_wrong(lake: Lake, sql: str, message: str) -> None:
    lake.table(DAILY).create()
    with pytest.raises(QueryFailed, match=message):
        query(lake, sql)


def test_parameters_are_bound(filled: Lake) -> None:
    assert query(filled, "SELECT n FROM interim.test__daily WHERE n = ?", [2]).to_pylist() == [{"n": 2}]


def test_a_query_larger_than_memory_spills_outside_of_the_lake(tmp_path: Path) -> None:
    lake = Lake.at(tmp_path / "lake", memory_limit="60MB")
    sql = "SELECT count(*) AS n FROM (SELECT range, md5(range::VARCHAR) AS h FROM range(1500000) ORDER BY h)"
    assert query(lake, sql).to_pylist() == [{"n": 1500000}]


def test_every_error_of_the_lake_is_a_lake_error() -> None:
    assert issubclass(QueryRefused, LakeError)
    assert issubclass(QueryFailed, LakeError)
