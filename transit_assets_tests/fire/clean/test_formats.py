"""What is told of a payload by its content, in every form in which the brigade's files are held."""

import io
import zipfile
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transit_assets.fire.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.fire.clean.formats import decode_archive, survey
from transit_assets.fire.clean.tabular import AsUtf8
from transit_assets_tests.fire.payloads import call, calls, csv, sent, vehicles, workbook

_KEY = [["Column", "Sample record", "Description"], ["IncidentNumber", "000008-01012018", "LFB Incident Number"]]


def surveyed(payload: bytes) -> tuple[str, int, dict[str, int]]:
    found = survey(io.BytesIO(payload))
    return found.format, found.rows, dict(found.rows_by_month)


def sheet(*rows: dict[str, Any]) -> list[list[Any]]:
    return [list(rows[0]), *(list(row.values()) for row in rows)]


def spreadsheet_call(**said: Any) -> dict[str, Any]:
    """A call as a spreadsheet holds it: dates as dates, numbers as numbers."""
    return call(DateOfCall=datetime(2018, 1, 1), TimeOfCall=time(12, 0, 37), **said)


@pytest.mark.parametrize(
    "payload",
    [
        csv(call()),
        b"\xef\xbb\xbf" + csv(call()),
        csv(call(), encoding="cp1252"),
        csv(call()).replace("(£)".encode(), "(Â£)".encode()),
        "ï»¿".encode() + csv(call()),
        csv(call()).replace(b",", b";"),
    ],
    ids=["utf-8", "bom", "windows", "windows read as utf-8", "bom read as windows", "semicolons"],
)
def test_a_csv_is_read_in_every_encoding(payload: bytes) -> None:
    ((found),) = calls(payload).values()
    (row,) = found.rows
    assert (row["incident_number"], row["notional_cost_gbp"], row["source"]) == (
        "000008-01012018",
        255.0,
        "lfb_incidents_csv",
    )


def test_snake_case_names_are_known_in_csv_and_parquet(recordings: Path) -> None:
    table = pq.read_table(recordings / "fire/archive/lfb_incidents_2017-01_to_04.parquet").slice(0, 50)
    buffer, text = io.BytesIO(), io.BytesIO()
    pq.write_table(table, buffer)
    pa.csv.write_csv(table, text)
    ((of_parquet),) = calls(buffer.getvalue()).values()
    ((of_csv),) = calls(text.getvalue()).values()
    apart = ("source", "payload_sha256")

    def said(rows: list[dict]) -> list[dict]:
        return [{name: value for name, value in row.items() if name not in apart} for row in rows]

    assert said(of_parquet.rows) == said(of_csv.rows)
    assert of_parquet.landed == 50


def test_a_workbook_with_a_key_and_several_sheets_gives_its_records() -> None:
    payload = workbook(
        Key=_KEY,
        First=sheet(spreadsheet_call(IncidentNumber=235138081.0)),
        Second=[["London Fire Brigade"], *sheet(spreadsheet_call(Notes="x"))],
    )
    assert surveyed(payload) == ("lfb_incidents_xlsx", 2, {"2018-01-01": 2})
    ((found),) = calls(payload).values()
    assert [row["incident_number"] for row in found.rows] == ["000008-01012018", "235138081"]
    assert {row["called_at"] for row in found.rows} == {datetime(2018, 1, 1, 12, 0, 37, tzinfo=UTC)}


def test_a_workbook_of_vehicles_takes_dates_texts_and_null_beside_each_other() -> None:
    row = sent(DateAndTimeMobilised=datetime(2018, 1, 1, 12, 2, 27), AttendanceTimeSeconds=319)
    ((found),) = vehicles(workbook(Data=sheet(row, sent(ResourceMobilisationId=2)))).values()
    assert [one["mobilised_at"] for one in found.rows] == [datetime(2018, 1, 1, 12, 2, 27, tzinfo=UTC)] * 2
    assert [one["returned_at"] for one in found.rows] == [None, None]


def test_a_zip_of_files_is_read_member_by_member() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("2018.csv", csv(call()))
        archive.writestr("2019.csv", csv(call(IncidentNumber="2", DateOfCall="01 Jan 2019")))
    assert surveyed(buffer.getvalue()) == ("lfb_incidents_csv", 2, {"2018-01-01": 1, "2019-01-01": 1})


def test_a_zip_of_two_kinds_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", csv(call()))
        archive.writestr("b.csv", csv(sent()))
    with pytest.raises(PayloadUnreadable, match=r"b\.csv in the zip: mobilisations beside incidents"):
        surveyed(buffer.getvalue())


def test_missing_columns_are_named() -> None:
    row = {name: value for name, value in call().items() if name not in ("DateOfCall", "IncidentStationGround")}
    with pytest.raises(UnknownFormat, match="incidents without the columns DateOfCall, IncidentStationGround"):
        surveyed(csv(row))


@pytest.mark.parametrize(
    "payload",
    [b"", b"<html>", b"a,b\n1,2\n", b"\x1f\x8b\x08", b"\x00\x01\x02", workbook(Key=_KEY), b"PK\x03\x04 not a zip"],
)
def test_what_is_none_of_the_known_formats_is_refused(payload: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        surveyed(payload)


def test_other_recorded_references_are_no_records(recordings: Path) -> None:
    for name in ("delay_codes_2019.csv", "Incidents_Metadata.xlsx", "Mobilisations_Metadata.xlsx"):
        with pytest.raises(UnknownFormat, match="unknown format"):
            surveyed((recordings / "fire/reference" / name).read_bytes())


def test_a_record_without_a_date_stands_in_the_month_of_the_one_before_it() -> None:
    payload = csv(call(), call(IncidentNumber="2", DateOfCall="NULL"))
    assert surveyed(payload) == ("lfb_incidents_csv", 2, {"2018-01-01": 2})


def test_a_file_in_no_order_gives_each_month_its_records_in_order() -> None:
    rows = [call(IncidentNumber=str(n), DateOfCall=f"01 {'Feb' if n % 2 else 'Jan'} 2018") for n in range(6)]
    found = calls(csv(*rows))
    assert {month: [row["incident_number"] for row in one.rows] for month, one in found.items()} == {
        "2018-01-01": ["0", "2", "4"],
        "2018-02-01": ["1", "3", "5"],
    }


def test_a_survey_counts_the_pumps_that_may_become_vehicles() -> None:
    found = survey(io.BytesIO(csv(call(), call(IncidentNumber="2", SecondPumpArriving_AttendanceTime=""))))
    assert dict(found.pumps_by_month) == {"2018-01-01": 3}


@pytest.mark.parametrize("word", ["NULL", "null", "None", "nan", "NaN", "NaT", "N/A", "#N/A", ""])
def test_a_word_for_no_value_is_none_whether_a_column_repeats_or_not(word: str) -> None:
    payload = csv(call(), call(IncidentNumber="2", TimeOfCall=word, StopCodeDescription=word, NumCalls=word))
    ((_, records),) = decode_archive(io.BytesIO(payload))
    without = records.to_pylist()[1]
    assert [without[name] for name in ("called_at", "stop_code", "calls", "problem")] == [None] * 4


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_character_between_two_reads_is_one(encoding: str) -> None:
    class Slowly(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(1)

    stream = AsUtf8(Slowly("Cost (£),é,plain".encode(encoding)))
    assert b"".join(iter(lambda: stream.read(16), b"")).decode() == "Cost (£),é,plain"
