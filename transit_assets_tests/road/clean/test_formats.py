"""What files are, told by content: every known form gives the same records, anything else is refused in words."""

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transit_assets.lake.errors import ArchiveTooLarge
from transit_assets.road.clean import tabular
from transit_assets.road.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.road.clean.formats import decode_archive, survey, unpacked_bytes
from transit_assets.road.clean.records import RECORDS
from transit_assets_tests.road.payloads import (
    answer,
    answered,
    counts,
    export,
    exported,
    historic,
    history,
    months,
    zipped,
)

MAY = date(2019, 5, 1)
SAID = {
    "month": MAY,
    "arc_id": "4264",
    "hour_start_at": datetime(2019, 5, 1, 10, tzinfo=UTC),
    "flow_veh_per_hour": 900.0,
    "occupancy_percent": 12.5,
    "level": "fluid",
    "level_of_occupancy": "fluid",
    "arc_state": "invalid",
}


def parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    known = {"iu_ac": ["4264"], "q": [900.0], "k": [12.5], "etat_trafic": ["Fluide"], "etat_barre": ["Invalide"]}
    pq.write_table(pa.table(known | {"libelle": ["AV_Champs_Elysees"]} | columns), buffer)
    return buffer.getvalue()


TEXT = "2019-05-01T13:00:00+02:00"
NAIVE, AWARE = datetime(2019, 5, 1, 13), datetime(2019, 5, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("payload", "source"),
    [
        (history(historic()), "history_csv"),
        (history(historic() | {"dessin": "x"}, extra=["dessin"]), "history_csv"),
        (history(historic(iu_ac="4264.0", etat_trafic="1.0", etat_barre="3.0")), "history_csv"),
        (history(historic()).replace(b"\n", b"\r\n"), "history_csv"),
        (zipped(week=history(historic())), "history_csv"),
        (export(exported()), "export_csv"),
        (export(exported(), bom=False, labels=False), "export_csv"),
        (export(exported("2019-05-01 11:00:00+00:00"), first="t_1h"), "export_csv"),
        (answer(answered()), "ods_v21"),
        (json.dumps([answered()]).encode(), "ods_v21"),
        (json.dumps({"results": [answered(iu_ac=4264, q="900")]}).encode(), "ods_v21"),
        (parquet(t_1h=[TEXT]), "ods_parquet"),
        (parquet(t_1h=pa.array([AWARE], pa.timestamp("ms", "UTC"))), "ods_parquet"),
        (parquet(t_1h=pa.array([NAIVE], pa.timestamp("s"))), "ods_parquet"),
        (parquet(t_1h=[TEXT], iu_ac=pa.array([4264], pa.int32())), "ods_parquet"),
    ],
)
def test_every_format_says_the_same(payload: bytes, source: str) -> None:
    ((month, found),) = counts(payload).items()
    assert month == MAY
    (row,) = found.rows
    assert row.items() >= (SAID | {"source": source}).items()


def test_every_record_of_the_recorded_files_is_decoded(recordings: Path) -> None:
    for path in sorted((recordings / "road/archive").rglob("*.csv")):
        with path.open("rb") as stream:
            found = survey(stream)
        assert found.format == ("history_csv" if path.parent.name == "history" else "export_csv")
        assert found.rows == len(path.read_text(encoding="utf-8-sig").splitlines()) - 1
    with (recordings / "road/payloads/ods_v21_results_2026-06-21.json").open("rb") as stream:
        found = survey(stream)
    assert (found.format, found.rows_by_month) == ("ods_v21", {"2026-06-01": 100})


def test_records_have_one_schema_whatever_their_format(recordings: Path) -> None:
    payloads = [history(historic()), export(exported()), answer(answered()), parquet(t_1h=[TEXT])]
    assert [months(payload)["2019-05-01"].schema for payload in payloads] == [RECORDS] * 4


def test_blocks_and_batches_are_numbered_on(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [historic(f"2019-{month:02}-01 {hour:02}:00:00") for month in range(1, 13) for hour in range(1, 24)]
    monkeypatch.setattr(tabular, "_BLOCK_BYTES", 2000)
    whole = b"".join(history(*rows).splitlines(keepends=True))
    found = months(whole)
    assert len(list(decode_archive(io.BytesIO(whole)))) > 12
    assert sorted(number for part in found.values() for number in part["row_number"].to_pylist()) == [*range(len(rows))]
    monkeypatch.setattr(tabular, "_BATCH_ROWS", 5)
    found = months(parquet(**{name: [value] * 12 for name, value in {"t_1h": TEXT, **PLAIN}.items()}))
    assert found["2019-05-01"]["row_number"].to_pylist() == [*range(12)]


PLAIN = {"iu_ac": "4264", "q": 1.0, "k": 1.0, "etat_trafic": "Fluide", "etat_barre": "Ouvert", "libelle": "x"}


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
@pytest.mark.parametrize("written", [{}, {"use_dictionary": False}, {"store_schema": False}])
def test_texts_of_parquet_are_read_alike_however_they_are_held(kind: pa.DataType, written: dict[str, Any]) -> None:
    arcs, names = ["1", "2", "1", None, "3", "2"], ["a", "b", "b", "c", None, "a"]
    columns = {name: pa.array([value] * len(arcs)) for name, value in {"t_1h": TEXT, **PLAIN}.items()}
    columns |= {"iu_ac": pa.array(arcs).cast(kind), "libelle": pa.array(names).cast(kind)}
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, row_group_size=2, **written)
    found = months(buffer.getvalue())["2019-05-01"]
    assert found["arc_id"].to_pylist() == arcs
    assert found["name"].to_pylist() == names


def test_months_in_no_order_keep_the_order_of_their_records() -> None:
    of = [7, 5, 6, 5, 7, 7, 5]
    payload = history(*(historic(f"2019-{month:02}-01 {hour:02}:00:00") for hour, month in enumerate(of, start=1)))
    found = {month: rows["row_number"].to_pylist() for month, rows in months(payload).items()}
    assert found == {"2019-05-01": [1, 3, 6], "2019-06-01": [2], "2019-07-01": [0, 4, 5]}
    seen = survey(io.BytesIO(payload))
    assert seen.rows_by_month == {month: len(rows) for month, rows in found.items()}
    assert seen.first_of_month == {month: rows[0] for month, rows in found.items()}


def test_the_texts_of_a_zip_are_one_payload() -> None:
    weeks = [history(*(historic(f"2019-05-{day:02} 0{hour}:00:00") for hour in (1, 2))) for day in (1, 8)]
    found = months(zipped(w1=weeks[0], w2=weeks[1]))["2019-05-01"]
    assert found["row_number"].to_pylist() == [0, 1, 2, 3]
    assert survey(io.BytesIO(zipped(w1=weeks[0], w2=weeks[1]))).rows == 4


def test_a_text_in_a_zip_that_is_no_table_is_named() -> None:
    with pytest.raises(UnknownFormat, match=r"readme\.txt in the zip: unknown format: text that begins with 'Bonjour'"):
        months(zipped(week=history(historic()), readme=b"Bonjour"))


def test_a_zip_with_a_path_out_of_it_is_refused() -> None:
    with pytest.raises(PayloadUnreadable, match=r"'\.\./week\.txt', a place outside of it"):
        months(zipped(**{"../week": history(historic())}))


def test_a_bomb_is_refused() -> None:
    bomb = zipped(week=history(historic()) + b"\n" * 2**22)
    for read in (months, lambda payload: unpacked_bytes(io.BytesIO(payload))):
        with pytest.raises(ArchiveTooLarge, match=r"week\.txt in the zip unpacks to"):
            read(bomb)


def test_a_damaged_text_in_a_zip_is_named() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("week.txt", history(historic()))
    with pytest.raises(PayloadUnreadable, match=r"week\.txt in the zip is damaged: Bad CRC"):
        months(buffer.getvalue().replace(b"900.0", b"800.0"))


def test_a_line_of_another_shape_costs_itself_only() -> None:
    payload = history(historic(), historic("2019-05-01 14:00:00")) + b"4264,torn\n"
    (found,) = counts(payload).values()
    assert len(found.rows) == 2
    assert [(row["row_number"], row["broken_rules"][0]) for row in found.broken] == [(2, "record_is_readable")]
    assert found.broken[0]["problem"] == "record_is_readable: 2 values for 11 columns: '4264,torn'"


def test_a_line_of_another_shape_is_put_aside_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    good = history(*(historic(f"2019-05-01 {hour:02}:00:00") for hour in range(1, 21))).splitlines()
    torn = {2: b"torn", 3: b"4264,torn", 9: b"", 14: b"torn,again", 23: b"at the end"}
    lines = good[:1]
    for place in range(24):
        lines.append(torn.get(place, good[min(len(lines), 20)]))
    monkeypatch.setattr(tabular, "_BLOCK_BYTES", 500)
    for payload in (
        b"\n".join(lines),
        b"\n\n" + b"\r\n".join(lines),
        zipped(first=history(historic()), w=b"\n".join(lines)),
    ):
        shift = 1 if payload[:2] == b"PK" else 0
        found = months(payload)["2019-05-01"]
        assert found["row_number"].to_pylist() == [*range(23 + shift)]  # the empty line is none
        aside = found.filter(pc.is_valid(found["counts_problem"]))
        assert aside["row_number"].to_pylist() == [2 + shift, 3 + shift, 13 + shift, 22 + shift]
        assert aside["counts_problem"][1].as_py() == "record_is_readable: 2 values for 11 columns: '4264,torn'"


def test_a_line_of_another_shape_stands_in_the_month_of_the_one_before_it() -> None:
    lines = history(historic(), historic("2019-06-01 13:00:00"), historic("2019-07-01 13:00:00")).splitlines()
    found = counts(b"\n".join([*lines[:3], b"torn", lines[3]]))
    assert [(month.month, [row["row_number"] for row in one.broken]) for month, one in found.items()] == [
        (5, []),
        (6, [2]),
        (7, []),
    ]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    ("rows", "row", "field"),
    [(history, historic, "libelle_nd_aval"), (export, exported, "libelle"), (export, exported, "t_1h")],
)
def test_a_quote_that_stays_open_costs_its_own_line_only(rows: Any, row: Any, field: str, line_end: bytes) -> None:
    """In a history extract it swallowed the lines up to the next quote, or to the end of the file."""
    offset = "" if rows is history else "+02:00"
    good = [row(f"2019-05-01 {hour:02}:00:00{offset}") for hour in range(1, 21)]
    lines = rows(*good).splitlines()
    torn = lines[6].replace(str(good[5][field]).encode(), b'"' + str(good[5][field]).encode(), 1)
    assert torn != lines[6]
    (found,) = counts(line_end.join([*lines[:6], torn, *lines[7:]]) + line_end).values()
    assert len(found.rows) == 19
    assert [(one["row_number"], one["broken_rules"][0]) for one in found.broken] == [(5, "record_is_readable")]
    # In an export the quotes of its line on the map close it again, in the middle of other columns.
    problem = found.broken[0]["problem"]
    assert problem.endswith(f": '{torn.decode()[:200]}'")
    assert ("a quote in it is not closed" if rows is history else "values for 15 columns") in problem


def test_an_open_quote_in_the_header_is_refused() -> None:
    payload = history(historic(), historic("2019-05-01 14:00:00")).replace(b"etat_barre", b'"etat_barre', 1)
    with pytest.raises(PayloadUnreadable, match="a quote in its header is not closed"):
        months(payload)


@pytest.mark.parametrize("bad", [7, "x", None, [1]])
def test_a_record_of_another_shape_costs_itself_only(bad: Any) -> None:
    (found,) = counts(answer(answered(), bad)).values()
    assert (len(found.rows), [row["row_number"] for row in found.broken]) == (1, [1])
    assert found.broken[0]["broken_rules"][0] == "record_is_readable"


def test_a_first_record_without_an_arc_costs_itself_only() -> None:
    """By it alone the whole answer was taken for another data set's."""
    nameless = {name: value for name, value in answered("2019-05-01T14:00:00+02:00").items() if name != "iu_ac"}
    (found,) = counts(answer(nameless, answered())).values()
    assert (len(found.rows), [row["row_number"] for row in found.broken]) == (1, [0])


@pytest.mark.parametrize("first", [False, True])
def test_a_record_without_a_time_stands_in_the_month_beside_it(first: bool) -> None:
    rows = [historic("soon"), historic("2019-06-01 13:00:00")]
    found = counts(history(*(rows if first else rows[::-1])))
    assert [(month.month, len(one.rows), len(one.broken)) for month, one in found.items()] == [(6, 1, 1)]
    assert found[date(2019, 6, 1)].broken[0]["problem"] == "t_1h_is_a_time: 'soon'"


@pytest.mark.parametrize(("rows", "source"), [(history, "history_csv"), (export, "export_csv")])
def test_a_first_time_that_cannot_be_read_makes_no_other_format(rows: Any, source: str) -> None:
    row = historic if source == "history_csv" else exported
    assert survey(io.BytesIO(rows(row("soon"), row()))).format == source


def test_a_file_without_any_time_is_unreadable() -> None:
    with pytest.raises(PayloadUnreadable, match="none of its first 1 records says an hour: t_1h_is_a_time: 'soon'"):
        months(history(historic("soon")))


def test_an_answer_without_records_has_none() -> None:
    assert months(answer()) == {}
    with pytest.raises(PayloadUnreadable, match="there are no records in it"):
        survey(io.BytesIO(answer()))


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "an empty file"),
        (b"<html>", "HTML or XML"),
        (b"\x1f\x8b\x08", "a gzip file; unpack it first"),
        (b"\x00\x01\x02", "binary data"),
        (b"a;b\n1;2\n", "text that begins with 'a;b'"),
        (b"iu_ac,t_1h\n1,2\n", "text that begins with 'iu_ac,t_1h'"),
        (b'[{"stationcode": "1"}]', "JSON records with stationcode"),
        (b"[7, 8]", "JSON records that are no objects"),
    ],
)
def test_other_files_are_of_unknown_format(payload: bytes, says: str) -> None:
    with pytest.raises(UnknownFormat, match="Known for road: yearly history") as error:
        months(payload)
    assert f"unknown format: {says}" in str(error.value)


def test_other_parquet_is_of_unknown_format() -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"stationcode": ["1"]}), buffer)
    with pytest.raises(UnknownFormat, match="Parquet with columns stationcode"):
        months(buffer.getvalue())


@pytest.mark.parametrize("damage", [lambda good: good[:60], lambda good: good[:-30] + b"PAR1"])
def test_damaged_parquet_is_unreadable(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(PayloadUnreadable, match="damaged Parquet"):
        months(damage(parquet(t_1h=[TEXT])))


@pytest.mark.parametrize("payload", [history(historic(libelle="é")), history(historic()) + "é,torn".encode()])
def test_text_that_is_no_utf8_is_unreadable(payload: bytes) -> None:
    """pyarrow printed a stack trace of its own where the line had another shape too."""
    with pytest.raises(PayloadUnreadable, match="not the CSV it looks like"):
        months(payload.replace("é".encode(), b"\xe9"))


@pytest.mark.parametrize("payload", [b"{", b"[1,", b'{"results": 3}', b'{"error_code": "x"}'])
def test_damaged_json_is_unreadable(payload: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        months(payload)


MAGIC = st.sampled_from([b"", b"PK\x03\x04", b"PAR1", b"[", b"{", b"\xef\xbb\xbf", b"iu_ac,t_1h,q,k\n", history()])
VALUE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.just(TEXT)
)
RECORD = st.dictionaries(
    st.sampled_from(sorted(exported())), VALUE | st.lists(VALUE) | st.dictionaries(st.text(), VALUE)
)


@settings(deadline=None)
@given(MAGIC, st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_in_words(magic: bytes, payload: bytes) -> None:
    with suppress(PayloadUnreadable, ArchiveTooLarge):
        months(magic + payload)


@settings(deadline=None, max_examples=50)  # each example rules on its rows in DuckDB
@given(st.lists(RECORD | VALUE, max_size=4))
def test_arbitrary_records_are_accounted_for(records: list[Any]) -> None:
    payload = json.dumps([answered(), *records]).encode()
    assert sum(found.landed for found in counts(payload).values()) == len(records) + 1
