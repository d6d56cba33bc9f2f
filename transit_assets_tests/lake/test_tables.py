"""Delta tables: what a write leaves, what a scan reads, what is refused."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transit_assets.lake import UTC_INSTANT, Column, Lake, Table
from transit_assets.lake.errors import (
    LakeError,
    LocationRefused,
    SchemaDrift,
    TableMissing,
    UnpartitionedOverwrite,
    VersionMissing,
)
from transit_assets.lake.tables import LakeTable
from transit_assets_tests.lake.tables import DAILY, DAYS, TOTALS, rows


def test_a_replace_leaves_the_other_partitions(any_lake: Lake) -> None:
    table = any_lake.table(DAILY)
    table.replace(pa.concat_tables([rows(DAYS[0]), rows(DAYS[1])]), DAYS[:2])
    table.replace(rows(DAYS[1], "b", 1), [date.fromisoformat(DAYS[1])])
    assert table.read().to_pylist() == rows(DAYS[0]).to_pylist() + rows(DAYS[1], "b", 1).to_pylist()
    assert table.partitions() == list(DAYS[:2])
    assert table.version() == 2


def test_several_partitions_are_one_commit(any_lake: Lake) -> None:
    table = any_lake.table(DAILY)
    assert table.replace(pa.concat_tables([rows(day) for day in DAYS[:5]]), DAYS[:5]).version == 1
    assert len(table.history()) == 2


@pytest.mark.parametrize(("count", "compression"), [(9_999, "SNAPPY"), (10_000, "ZSTD")])
def test_small_files_are_written_without_the_costly_start_of_zstd(lake: Lake, count: int, compression: str) -> None:
    days = pa.concat_tables([rows(day, count=count) for day in DAYS[:2]])
    lake.table(DAILY).replace(days, DAYS[:2])
    files = lake.table(DAILY).snapshot().files
    assert len(files) == 2
    assert {pq.ParquetFile(file).metadata.row_group(0).column(0).compression for file in files} == {compression}


def test_a_partition_replaced_by_nothing_is_empty(any_lake: Lake) -> None:
    table = any_lake.table(DAILY)
    table.replace(pa.concat_tables([rows(DAYS[0]), rows(DAYS[1])]), DAYS[:2])
    table.replace(rows(DAYS[0], count=0), [DAYS[0]])
    assert table.read().to_pylist() == rows(DAYS[1]).to_pylist()
    assert table.partitions() == [DAYS[1]]


@pytest.mark.parametrize(
    ("table", "act", "error", "message"),
    [
        (DAILY, lambda t: t.replace(rows(DAYS[0]), []), UnpartitionedOverwrite, "partitioned by day"),
        (DAILY, lambda t: t.rebuild(lambda: rows(DAYS[0])), UnpartitionedOverwrite, "partitioned by day"),
        (TOTALS, lambda t: t.replace(rows(DAYS[0]), DAYS[:1]), UnpartitionedOverwrite, "no partitions"),
        (DAILY, lambda t: t.replace(rows(DAYS[1]), DAYS[:1]), LakeError, "2026-03-02"),
        (DAILY, lambda t: t.replace(rows(DAYS[0]), ["2026-03-01' OR 'a' = 'a"]), LakeError, "not the name"),
        (DAILY, lambda t: t.replace(rows(DAYS[0]).drop_columns("n"), DAYS[:1]), SchemaDrift, "column n is missing"),
        (DAILY, lambda t: t.append(rows(DAYS[0]).append_column("x", [[1] * 3])), SchemaDrift, "no column x"),
        (
            DAILY,
            lambda t: t.append(rows(DAYS[0]).set_column(2, "n", [["1", "two", "3"]])),
            SchemaDrift,
            "column n is not int64",
        ),
        (
            DAILY,
            lambda t: t.append(rows(DAYS[0]).set_column(2, "n", [[[1], [2], [3]]])),
            SchemaDrift,
            "column n is list",
        ),
    ],
)
def test_a_write_that_does_not_fit_is_refused(lake: Lake, table: Table, act, error, message) -> None:
    lake.table(DAILY).replace(rows(DAYS[0]), [DAYS[0]])
    lake.table(TOTALS).create()
    with pytest.raises(error, match=message):
        act(lake.table(table))
    assert lake.table(DAILY).read().to_pylist() == rows(DAYS[0]).to_pylist()
    assert lake.table(DAILY).version() == 1


def test_a_table_that_was_never_created_is_missing(any_lake: Lake) -> None:
    with pytest.raises(TableMissing, match=r"interim\.test__daily"):
        any_lake.table(DAILY).delta()
    with pytest.raises(TableMissing, match=r"interim\.nothing"):
        any_lake.open("interim.nothing")
    assert any_lake.table(DAILY).partitions() == []
    assert any_lake.table(DAILY).read().num_rows == 0


def test_a_version_and_an_instant_can_be_read_again(any_lake: Lake) -> None:
    table = any_lake.table(DAILY)
    table.replace(rows(DAYS[0], "old"), [DAYS[0]])
    then = _committed_at(table)
    while datetime.now(UTC) <= then + timedelta(milliseconds=1):  # Delta counts in milliseconds
        pass
    table.replace(rows(DAYS[0], "new"), [DAYS[0]])
    assert set(table.read(version=1)["writer"].to_pylist()) == {"old"}
    assert set(table.read(at=then)["writer"].to_pylist()) == {"old"}
    assert set(table.read()["writer"].to_pylist()) == {"new"}
    assert [done["version"] for done in table.history()] == [2, 1, 0]
    with pytest.raises(VersionMissing, match="version 7"):
        table.read(version=7)
    with pytest.raises(VersionMissing, match="2020-01-01"):
        table.read(at=datetime(2020, 1, 1, tzinfo=UTC))


def _committed_at(table: LakeTable) -> datetime:
    return datetime.fromtimestamp(table.history(1)[0]["timestamp"] / 1000, UTC)


@pytest.mark.parametrize("name", ["Mes données", "50 + 50 = 100", "it's", "a&b;c", 'say "no"'])
def test_a_lake_may_have_any_plain_name(tmp_path: Path, s3_lake: Lake, name: str) -> None:
    for lake in (Lake.at(tmp_path / name), Lake.at(f"{s3_lake.location.root}/{name}")):
        lake.table(DAILY).replace(rows(DAYS[0]), [DAYS[0]])
        lake.table(TOTALS).rebuild(TOTALS.schema.empty_table)
        assert lake.relations() == [DAILY.relation, TOTALS.relation]
        assert lake.table(DAILY).read([DAYS[0]]).equals(rows(DAYS[0]))


@pytest.mark.parametrize("name", ["[x]", "50%20", "a*b", "a?b", "a#b"])
def test_a_lake_whose_name_would_be_taken_for_another_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LocationRefused, match="choose another folder"):
        Lake.at(tmp_path / name)
    with pytest.raises(LocationRefused, match="choose another folder"):
        Lake.at(f"s3://bucket/{name}")


def test_a_scan_of_one_partition_opens_no_file_of_another(lake: Lake) -> None:
    table = lake.table(DAILY)
    table.replace(pa.concat_tables([rows(DAYS[0]), rows(DAYS[1])]), DAYS[:2])
    for file in table.snapshot([DAYS[1]]).files:
        Path(file).write_bytes(b"broken")
    assert table.read([DAYS[0]]).to_pylist() == rows(DAYS[0]).to_pylist()
    with lake.engine() as connection:
        lake.register(connection, [DAILY.relation], [DAYS[0]])
        assert connection.execute("SELECT count(*) FROM interim.test__daily").fetchall() == [(3,)]
        lake.register(connection)
        one_day = "SELECT count(*) FROM interim.test__daily WHERE day = '2026-03-01'"
        assert connection.execute(one_day).fetchall() == [(3,)]
        with pytest.raises(Exception, match="too small"):
            connection.execute("SELECT sum(n) FROM interim.test__daily").fetchall()


@pytest.mark.parametrize("days", [1, 2])
def test_the_last_partition_can_be_asked_for_however_few_there_are(lake: Lake, days: int) -> None:
    lake.table(DAILY).replace(pa.concat_tables([rows(day) for day in DAYS[:days]]), DAYS[:days])
    found = lake.table(DAILY).scan("SELECT min(day) AS first, max(day) AS last FROM daily").to_pylist()
    assert found == [{"first": date.fromisoformat(DAYS[0]), "last": date.fromisoformat(DAYS[days - 1])}]
    alone = lake.table(DAILY).scan("SELECT max(day) AS last FROM daily WHERE day = ?", [DAYS[0]])
    assert alone["last"].to_pylist() == [date.fromisoformat(DAYS[0])]


def test_statistics_skip_files_of_a_range(any_lake: Lake) -> None:
    table = any_lake.table(DAILY)
    table.replace(pa.concat_tables([rows(day, day) for day in DAYS]), DAYS)
    assert len(table.snapshot(where=f"writer >= '{DAYS[8]}'").files) == 2
    assert len(table.snapshot(DAYS[:9], where=f"writer >= '{DAYS[8]}'").files) == 1
    assert table.snapshot([]).files == ()


def test_lists_of_structs_come_back_as_they_were_and_empty_where_there_is_none(lake: Lake) -> None:
    periods = pa.list_(pa.struct([("begin_at", UTC_INSTANT), ("end_at", UTC_INSTANT)]))
    columns = Column("day", pa.date32(), "Day."), Column("periods", periods, "Periods.")
    table = lake.table(Table("interim", "bikes", "p", "One.", columns, ("day",), partition_by="day"))
    assert table.read().schema.field("periods").type == periods
    day, at = date(2025, 1, 1), datetime(2025, 1, 1, tzinfo=UTC)
    table.replace(pa.table({"day": [day], "periods": [[{"begin_at": at, "end_at": None}]]}, table.table.schema), [day])
    assert table.read().to_pylist() == [{"day": day, "periods": [{"begin_at": at, "end_at": None}]}]
    assert table.read(["2025-01-02"]).num_rows == 0


def test_no_partition_wanted_gives_no_rows(any_lake: Lake) -> None:
    table = any_lake.table(DAILY)
    table.replace(rows(DAYS[0]), [DAYS[0]])
    assert table.read([]).schema.names == DAILY.schema.names
    assert table.read([]).num_rows == 0
    assert table.read([DAYS[4]]).num_rows == 0


def test_an_added_column_is_null_in_older_rows(any_lake: Lake) -> None:
    table = any_lake.table(DAILY)
    table.replace(rows(DAYS[0]), [DAYS[0]])
    added = Column("weight", pa.float64(), "Added later.", unit="kg")
    wider = Table(**{**vars(DAILY), "columns": (*DAILY.columns, added)})
    with pytest.raises(SchemaDrift, match="no column weight"):
        any_lake.table(wider).replace(rows(DAYS[1]).append_column("weight", [[1.5] * 3]), [DAYS[1]])
    any_lake.table(wider).add_column(added)
    any_lake.table(wider).replace(rows(DAYS[1]).append_column("weight", [[1.5] * 3]), [DAYS[1]])
    assert any_lake.table(wider).read()["weight"].to_pylist() == [None] * 3 + [1.5] * 3
    assert any_lake.table(wider).read([DAYS[0]])["weight"].to_pylist() == [None] * 3
    with pytest.raises(SchemaDrift, match="has a column weight"):
        table.replace(rows(DAYS[1]), [DAYS[1]])
    any_lake.table(wider).append(rows(DAYS[0]).append_column("weight", [[2.5] * 3]))
    assert any_lake.table(wider).compact() == 2
    assert sorted(any_lake.table(wider).read([DAYS[0]])["weight"].to_pylist(), key=str) == [2.5] * 3 + [None] * 3


def test_an_added_column_must_be_nullable(lake: Lake) -> None:
    lake.table(DAILY).create()
    with pytest.raises(SchemaDrift, match="weight"):
        lake.table(DAILY).add_column(Column("weight", pa.float64(), "Added later.", is_nullable=False))


def test_order_within_a_partition_is_kept(lake: Lake) -> None:
    chunks = pa.concat_tables([rows(DAYS[0], str(number), 5_000) for number in range(40)])
    lake.table(DAILY).replace(chunks, [DAYS[0]])
    stored = lake.table(DAILY).scan("SELECT writer, n FROM daily")
    assert stored.to_pydict() == chunks.select(["writer", "n"]).to_pydict()


def test_relations_are_found_by_looking(any_lake: Lake) -> None:
    assert any_lake.relations() == []
    for table in (DAILY, TOTALS):
        any_lake.table(table).create()
    any_lake.ledger.latest("nothing")
    any_lake.landing.fetches("bikes")
    assert any_lake.relations() == ["interim.test__daily", "processed.test__totals"]  # looking creates nothing
    with any_lake.engine() as connection:
        assert any_lake.register(connection, ["interim.test__daily"]) == {"interim.test__daily": 0}
        assert set(any_lake.register(connection)) == set(any_lake.relations())


EVERY_TYPE = Table(
    layer="interim",
    domain="test",
    name="types",
    description="One value of each type.",
    key=("n",),
    columns=(
        Column("n", pa.int64(), "."),
        Column("small", pa.int32(), "."),
        Column("real", pa.float64(), "."),
        Column("flag", pa.bool_(), "."),
        Column("text", pa.string(), "."),
        Column("day", pa.date32(), "."),
        Column("seen_at", UTC_INSTANT, "."),
        Column("words", pa.list_(pa.string()), "."),
    ),
)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "small": st.none() | st.integers(-(2**31), 2**31 - 1),
            "real": st.none() | st.floats(allow_nan=False),
            "flag": st.none() | st.booleans(),
            "text": st.none() | _TEXT,
            "day": st.none() | st.dates(date(1900, 1, 1), date(2200, 1, 1)),
            "seen_at": st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
            "words": st.none() | st.lists(st.none() | _TEXT, max_size=3),
        }
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=_ROWS)
def test_every_value_comes_back_as_it_was(lake: Lake, values: list[dict]) -> None:
    written = pa.Table.from_pylist([{"n": n, **row} for n, row in enumerate(values)], schema=EVERY_TYPE.schema)
    lake.table(EVERY_TYPE).rebuild(lambda: written)
    read = lake.table(EVERY_TYPE).read()
    assert read.to_pylist() == written.to_pylist()
    assert read.schema.names == written.schema.names
