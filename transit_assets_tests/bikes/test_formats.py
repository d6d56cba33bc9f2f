"""Files are told by their content, and decoded to the same rows whichever form they have."""

import io
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transit_assets.bikes.clean.errors import PayloadUnreadable, UnknownFormat
from transit_assets.bikes.clean.formats import decode_archive, survey
from transit_assets.bikes.clean.information import station_information
from transit_assets.bikes.clean.json_payloads import decode_json, decode_status
from transit_assets.bikes.schema import STATION_INFORMATION
from transit_assets_tests.bikes.payloads import NOON, archives, described, gbfs, imported, record, ruled, station

LABELS = (
    "Identifiant station;Nom station;Station en fonctionnement;Capacité de la station;Nombre bornettes libres;"
    "Nombre total vélos disponibles;Vélos mécaniques disponibles;Vélos électriques disponibles;"
    "Borne de paiement disponible;Retour vélib possible;Actualisation de la donnée;Coordonnées géographiques;"
    "Nom communes équipées;Code INSEE communes équipées;station_opening_hours"
)
FIELDS = (
    "stationcode;name;is_installed;capacity;numdocksavailable;numbikesavailable;mechanical;ebike;is_renting;"
    "is_returning;duedate;coordonnees_geo;nom_arrondissement_communes;code_insee_commune;station_opening_hours"
)
SAID = {
    "station_code": "10003",
    "reported_at": NOON,
    "polled_at": NOON,
    "bikes": 5,
    "mechanical": 2,
    "ebike": 3,
    "docks_free": 10,
    "capacity": 17,
    "is_installed": True,
    "is_renting": True,
    "is_returning": False,
}


def _csv(header: str, due: str, code: str = "10003") -> bytes:
    line = f'{code};"Hauteville; Bonne";OUI;17;10;5;2;3;OUI;NON;{due};48.87, 2.35;Paris;75056;'
    return f"\ufeff{header}\r\n{line}\r\n".encode()


def _parquet(**columns: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


FLAT = {name: [value] for name, value in record().items() if name not in ("coordonnees_geo", "duedate")}
WKB = b"\x01\x01\x00\x00\x00" + b"\xcd\xcc\xcc\xcc\xcc\xcc\x02@" + b"\x8f\xc2\xf5(\\oH@"
SAME = {
    "a CSV export with labels, Paris time": _csv(LABELS, "2025-10-18T14:00:00+02:00"),
    "a CSV export with labels, UTC": _csv(LABELS, "2025-10-18T12:00:00+00:00"),
    "a CSV export with field names": _csv(FIELDS, "2025-10-18T14:00:00+02:00"),
    "a CSV export with commas": _csv(FIELDS.replace(";", ","), "").replace(
        b'10003;"Hauteville; Bonne";OUI;17;10;5;2;3;OUI;NON;;48.87, 2.35;Paris;75056;',
        b'10003,Hauteville,OUI,17,10,5,2,3,OUI,NON,2025-10-18T12:00:00Z,"48.87, 2.35",Paris,75056,',
    ),
    "a v2.1 answer": json.dumps({"total_count": 1, "results": [record()]}).encode(),
    "a v2.1 export": json.dumps([record()]).encode(),
    "a v1 answer": json.dumps(
        {
            "nhits": 1,
            "records": [
                {
                    "recordid": "a" * 40,
                    "fields": record(coordonnees_geo=[48.87, 2.35]),
                    "record_timestamp": "2025-10-18T14:00:00+02:00",
                }
            ],
        }
    ).encode(),
    "a Parquet export": _parquet(**FLAT, duedate=[NOON], coordonnees_geo=[{"lon": 2.35, "lat": 48.87}]),
    "a Parquet export with geometry": _parquet(**FLAT, duedate=["2025-10-18T14:00:00+02:00"], coordonnees_geo=[WKB]),
    "a Parquet of snapshots": _parquet(**FLAT, duedate=[NOON], polled_at_utc=[NOON.replace(tzinfo=None)], lat=[48.87]),
}


@pytest.mark.parametrize("payload", SAME.values(), ids=SAME)
def test_every_form_of_opendatasoft_says_the_same(payload: bytes) -> None:
    ((row,),) = [found.rows for found in imported(payload)]
    assert {name: row[name] for name in SAID} == SAID


@pytest.mark.parametrize(
    ("payload", "seen"),
    [
        (b"", "an empty file"),
        (b"   ", "an empty file"),
        (b"<!DOCTYPE html><html>", "HTML or XML"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\x1f\x8brest", "a gzip file"),
        (b"\x00\x01\x02", "binary data"),
        (b"a;b;c\n1;2;3\n", "text that begins with 'a;b;c'"),
        (b'{"a": 1, "b": 2}', "JSON with a, b"),
        (b'[{"t_1h": 1}]', "JSON records with t_1h"),
        (gbfs([{"vehicle_id": 1}]), "GBFS stations with vehicle_id"),
        (_parquet(q=[1], k=[2]), "Parquet with columns q, k"),
    ],
)
def test_an_unknown_format_names_what_it_saw_and_what_it_knows(payload: bytes, seen: str) -> None:
    with pytest.raises(UnknownFormat, match="Known for bikes: the operator's GBFS") as caught:
        survey(io.BytesIO(payload))
    assert seen in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        gbfs([station()])[:-30],
        _parquet(**FLAT, polled_at_utc=[NOON])[:-20],
        _parquet(**FLAT, polled_at_utc=pa.nulls(1, pa.timestamp("us"))),
        _parquet(**FLAT),
        _csv(FIELDS, ""),
        json.dumps([record(duedate=None)]).encode(),
        b"[]",
        gbfs([]),
        gbfs([station()], 10**14),
        gbfs([station()], 5),
        gbfs([station()]).replace(b'"lastUpdatedOther": 1760788800', b'"last_updated": "9999-12-31T23:59:59Z"'),
    ],
)
def test_a_damaged_or_timeless_file_is_refused(payload: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        survey(io.BytesIO(payload))


def test_a_line_of_a_csv_with_too_few_values_is_put_aside() -> None:
    (found,) = imported(_csv(LABELS, "2025-10-18T12:00:00Z") + b"10004;short\r\n")
    assert (len(found.rows), [row["broken_rules"][0] for row in found.broken]) == (1, ["record_is_readable"])


def test_a_value_that_cannot_be_read_puts_its_row_aside_by_name() -> None:
    (found,) = imported(_csv(LABELS, "2025-10-18T12:00:00Z").replace(b";17;10;", b";many;10;"))
    (bad,) = found.broken
    assert (bad["broken_rules"], bad["problem"]) == (
        ["capacity_is_a_whole_number"],
        "capacity_is_a_whole_number: 'many'",
    )


@pytest.mark.parametrize("place", ["north, south", "48.87", [48.87], [48.87, 2.35, 0.0], "1,2,3"])
def test_a_place_that_is_none_costs_the_description_and_not_the_status(place: Any) -> None:
    payload = json.dumps([record(coordonnees_geo=place)]).encode()
    ((day, archive),) = archives(payload).items()
    described_so = ruled(STATION_INFORMATION, station_information(day, [archive]))
    assert [row["broken_rules"][0] for row in described_so.broken] == ["latitude_is_a_number"]
    ((row,),) = [found.rows for found in imported(payload)]
    assert row["bikes"] == 5


def test_the_poll_of_an_export_is_its_latest_report() -> None:
    payload = json.dumps([record(), record("10004", duedate="2024-04-28T06:33:55+00:00")]).encode()
    (found,) = imported(payload)
    assert [(row["polled_at"], row["is_stale"]) for row in found.rows] == [(NOON, False), (NOON, True)]


def test_an_imported_gbfs_poll_stands_at_its_own_update() -> None:
    (found,) = imported(gbfs([station(), station("10004")], int(NOON.timestamp()) + 90))
    assert {row["polled_at"] for row in found.rows} == {datetime(2025, 10, 18, 12, 1, 30, tzinfo=UTC)}


RECORDED = [
    # file, landed, kept, duplicates, conflicts, quarantined
    ("archive/velib_snapshots_2025-09-07_to_13.parquet", 407_096, 383_690, 22_906, 12_941, 500),
    ("archive/velib_15min_weather_2025-09-07_to_16.parquet", 484_712, 484_711, 0, 0, 1),
    ("payloads/gbfs_station_status_2025-10-18.json", 1_495, 1_495, 0, 0, 0),
    ("payloads/velib_ods_v1_records_2022-08-31.json", 1_435, 1_435, 0, 0, 0),
    ("payloads/velib_ods_v21_records_2026-04-02.json", 2, 2, 0, 0, 0),
]


@pytest.mark.parametrize(("file", "landed", "kept", "duplicates", "conflicts", "quarantined"), RECORDED)
def test_every_row_of_a_recording_is_accounted_for(
    recordings: Path, file: str, landed: int, kept: int, duplicates: int, conflicts: int, quarantined: int
) -> None:
    found = imported(recordings / "bikes" / file)
    sums = [
        sum(one.landed for one in found),
        sum(len(one.rows) for one in found),
        sum(one.duplicates for one in found),
        sum(one.conflicts for one in found),
        sum(len(one.broken) for one in found),
    ]
    assert sums == [landed, kept, duplicates, conflicts, quarantined]
    assert {row["broken_rules"][0] for one in found for row in one.broken} <= {"station_code_is_known"}


def test_flags_that_an_archive_lacks_stay_unknown(recordings: Path) -> None:
    with (recordings / "bikes/archive/velib_snapshots_2025-09-07_to_13.parquet").open("rb") as stream:
        rows = pa.concat_tables([part for _, part in decode_archive(stream)])
    assert rows["is_renting"].null_count == 276_361


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([*record(), *station(), *described(), "fields", "recordid", "record_timestamp"])
RECORD = JSON | st.dictionaries(NAMES, JSON, max_size=8)
ENVELOPE = (
    st.lists(RECORD, max_size=4)
    | st.fixed_dictionaries({"results": st.lists(RECORD, max_size=4)})
    | st.fixed_dictionaries({"records": st.lists(RECORD | st.fixed_dictionaries({"fields": RECORD}), max_size=4)})
    | st.fixed_dictionaries(
        {"lastUpdatedOther": JSON, "data": st.fixed_dictionaries({"stations": st.lists(RECORD, max_size=4)})}
    )
    | JSON
)


@settings(max_examples=300, deadline=None)
@given(ENVELOPE)
def test_arbitrary_json_is_read_or_refused_but_never_crashes(top: Any) -> None:
    payload = json.dumps(top).encode()
    for read in (decode_json, decode_status, lambda body: survey(io.BytesIO(body))):
        with suppress(PayloadUnreadable):
            read(payload)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_in_words(payload: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        survey(io.BytesIO(payload))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.text(st.characters(exclude_characters=";\r\n"), max_size=12), max_size=15), max_size=4))
def test_an_arbitrary_csv_accounts_for_every_line_or_is_refused(lines: list[list[str]]) -> None:
    body = "\n".join(";".join(line) for line in lines)
    with suppress(PayloadUnreadable):
        found = imported(_csv(FIELDS, "2025-10-18T12:00:00Z") + body.encode(errors="replace"))
        assert sum(one.landed for one in found) >= 1


CSV_HEAD = "stationcode;name;capacity;numdocksavailable;numbikesavailable;duedate"
CSV_ROW = "10003;{name};17;10;5;2025-10-18T12:00:00+00:00"


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["stationcode", "numbikesavailable", "numdocksavailable", "numbikesavailable"], "two columns hold bikes"),
        (["stationcode", "Nombre bornettes libres", "numbikesavailable", "numdocksavailable"], "hold docks_free"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_two_columns_of_one_meaning_are_refused_by_name(names: list[str], says: str, form: str) -> None:
    buffer = io.BytesIO()
    if form == "csv":
        buffer.write((";".join(names) + "\n1;2;3;4\n").encode())
    else:
        pq.write_table(pa.table([[1]] * 4, names=names), buffer)
    buffer.seek(0)
    with pytest.raises(PayloadUnreadable, match=says):
        list(decode_archive(buffer))


def test_a_text_of_megabytes_in_a_csv_is_read() -> None:
    """pyarrow reads a megabyte at a time, and no record may be longer than that."""
    text = "\n".join([CSV_HEAD, CSV_ROW.format(name="a"), CSV_ROW.format(name="x" * 3_000_000), ""])
    ((_, rows),) = decode_archive(io.BytesIO(text.encode()))
    assert [len(name) for name in rows["name"].to_pylist()] == [1, 3_000_000]


def test_a_torn_line_that_is_no_utf8_makes_the_csv_unreadable() -> None:
    """pyarrow printed a stack trace of its own."""
    payload = f"{LABELS}\n".encode() + b"1001;Caf\xe9\n"
    with pytest.raises(PayloadUnreadable, match="not the CSV it looks like"):
        list(decode_archive(io.BytesIO(payload)))
