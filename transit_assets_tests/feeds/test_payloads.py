"""Typed payloads: every flavour of GBFS, both versions of Opendatasoft, the recordings, and bad records."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transit_assets.feeds import gbfs, opendatasoft, velib_records
from transit_assets.feeds.errors import PayloadUnreadable

OPERATOR = {
    "station_id": 19179944124,
    "num_bikes_available": 20,
    "numBikesAvailable": 20,
    "num_bikes_available_types": [{"mechanical": 12}, {"ebike": 8}],
    "num_docks_available": 7,
    "numDocksAvailable": 7,
    "is_installed": 1,
    "is_returning": 0,
    "is_renting": 1,
    "last_reported": 1760776741,
    "stationCode": "40001",
    "station_opening_hours": None,
}
SECOND = {
    "station_id": "40001",
    "num_bikes_available": 20,
    "vehicle_types_available": [
        {"vehicle_type_id": "mechanical", "count": 12},
        {"vehicle_type_id": "ebike", "count": 8},
        {"vehicle_type_id": "cargo", "count": 0},
    ],
    "num_docks_available": 7,
    "is_installed": True,
    "is_returning": False,
    "is_renting": True,
    "last_reported": 1760776741,
}
THIRD = {
    "station_id": "40001",
    "num_vehicles_available": 20,
    "vehicle_types_available": SECOND["vehicle_types_available"],
    "num_docks_available": 7,
    "num_vehicles_disabled": 1,
    "is_installed": True,
    "is_returning": False,
    "is_renting": True,
    "last_reported": "2025-10-18T10:39:01+02:00",
}
HEADS: dict[str, dict[str, Any]] = {
    "operator": {"lastUpdatedOther": 1760778556, "ttl": 3600},
    "2": {"last_updated": 1760778556, "ttl": 0, "version": "2.3"},
    "3": {"last_updated": "2025-10-18T11:09:16+02:00", "ttl": 0, "version": "3.0"},
}


def payload(flavour: str, *stations: Any) -> bytes:
    return json.dumps(HEADS[flavour] | {"data": {"stations": stations}}).encode()


@pytest.mark.parametrize(("flavour", "record"), [("operator", OPERATOR), ("2", SECOND), ("3", THIRD)])
def test_the_three_flavours_of_gbfs_say_the_same(flavour: str, record: dict):
    found = gbfs.decode_status(payload(flavour, record))
    [station] = found.stations
    assert station.station_code == "40001"
    assert (station.bikes, station.mechanical, station.ebike, station.num_docks_available) == (20, 12, 8, 7)
    assert [bool(flag) for flag in (station.is_installed, station.is_returning, station.is_renting)] == [1, 0, 1]
    assert station.reported_at == datetime(2025, 10, 18, 8, 39, 1, tzinfo=UTC)
    assert found.updated_at == datetime(2025, 10, 18, 9, 9, 16, tzinfo=UTC)
    assert found.unreadable == ()


@pytest.mark.parametrize("name", ["num_bikes_available_types", "num_docks_available", "is_renting", "last_reported"])
def test_what_a_station_does_not_say_is_unknown_and_not_zero(name: str):
    [station] = gbfs.decode_status(
        payload("operator", {key: OPERATOR[key] for key in OPERATOR if key != name})
    ).stations
    found = {
        "num_bikes_available_types": (station.mechanical, station.ebike),
        "num_docks_available": (station.num_docks_available, None),
        "is_renting": (station.is_renting, None),
        "last_reported": (station.reported_at, None),
    }
    assert found[name] == (None, None)


def test_types_of_vehicle_that_mean_nothing_alone_are_unknown():
    record = SECOND | {"vehicle_types_available": [{"vehicle_type_id": "1", "count": 12}]}
    [station] = gbfs.decode_status(payload("2", record)).stations
    assert (station.bikes, station.mechanical, station.ebike) == (20, None, None)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Hôpital Mondor", "Hôpital Mondor"),
        (
            [{"text": "Mondor Hospital", "language": "en"}, {"text": "Hôpital Mondor", "language": "fr-FR"}],
            "Hôpital Mondor",
        ),
        ([{"text": "Mondor Hospital", "language": "en"}], "Mondor Hospital"),
        ([], None),
        (None, None),
    ],
)
def test_a_station_has_one_name_whatever_the_languages(name: Any, label: str | None):
    record = {"station_id": 1, "stationCode": "40001", "name": name, "lat": 48.8, "lon": 2.4, "capacity": 28}
    [station] = gbfs.decode_information(payload("3", record)).stations
    assert (station.label, station.station_code, station.lat, station.capacity) == (label, "40001", 48.8, 28)


def test_one_bad_record_costs_that_record_only():
    bad = OPERATOR | {"num_bikes_available": "three"}
    found = gbfs.decode_status(payload("operator", OPERATOR, bad, OPERATOR | {"stationCode": "40002"}))
    assert [station.station_code for station in found.stations] == ["40001", "40002"]
    [unreadable] = found.unreadable
    assert unreadable.row_number == 1
    assert json.loads(unreadable.record) == bad
    assert "num_bikes_available" in unreadable.problem
    assert found.updated_at is not None


BAD_BODIES = [
    (b"", "the body is empty"),
    (b"  \n", "the body is empty"),
    (b"<!DOCTYPE html><html>", "HTML"),
    (b'{"data": {"stations": [{"station_id": 1', "not the expected JSON"),
    (b'{"error": "not found"}', "data"),
    (b"null", "not the expected JSON"),
    (b"\xff\xfe", "not the expected JSON"),
]


@pytest.mark.parametrize(("body", "reason"), BAD_BODIES)
def test_bytes_that_are_no_stations_say_what_they_are(body: bytes, reason: str):
    assert reason in str(gbfs.problem_of_stations(body))
    for decode in (gbfs.decode_status, gbfs.decode_information):
        with pytest.raises(PayloadUnreadable, match=reason):
            decode(body)


def test_a_list_without_a_station_is_no_poll():
    assert gbfs.problem_of_stations(payload("operator")) == "the list of stations is empty"
    assert gbfs.problem_of_stations(payload("operator", OPERATOR)) is None


@pytest.mark.parametrize(("body", "reason"), [*BAD_BODIES[:4], (b'{"error": 1}', "neither `results` nor `records`")])
def test_bytes_that_are_no_records_say_what_they_are(body: bytes, reason: str):
    assert reason in str(opendatasoft.problem_of_records(body))


@given(st.binary(max_size=200))
@example(b"[]")
@example(b'{"results": []}')
def test_no_bytes_break_a_decoder(body: bytes):
    assert gbfs.problem_of_stations(body)
    if opendatasoft.problem_of_records(body) is None:
        assert velib_records.decode_stations(body).stations == []
    for decode in (gbfs.decode_status, gbfs.decode_information):
        with pytest.raises(PayloadUnreadable):
            decode(body)


values = st.none() | st.booleans() | st.integers(-5, 2**40) | st.text(max_size=5) | st.just([1])
changes = st.tuples(st.sampled_from(sorted(OPERATOR)), values)


@given(st.lists(changes.map(lambda change: OPERATOR | dict([change])), max_size=8))
def test_every_record_is_a_station_or_unreadable(records: list[dict]):
    found = gbfs.decode_status(payload("operator", *records))
    assert len(found.stations) + len(found.unreadable) == len(records)
    for unreadable in found.unreadable:
        assert json.loads(unreadable.record) == records[unreadable.row_number]
    for station, row_number in zip(found.stations, found.row_numbers, strict=True):
        assert station.num_docks_available == records[row_number]["num_docks_available"]


@given(
    bikes=st.tuples(st.integers(0, 80), st.integers(0, 80)),
    docks=st.integers(0, 80),
    flags=st.tuples(*[st.booleans()] * 3),
    reported=st.datetimes(datetime(2018, 1, 1), datetime(2030, 1, 1)),
)
def test_what_a_flavour_writes_is_read_back(bikes: tuple, docks: int, flags: tuple, reported: datetime):
    instant = reported.replace(microsecond=0, tzinfo=UTC)
    common = {"station_id": 5, "num_docks_available": docks}
    types = [{"vehicle_type_id": name, "count": n} for name, n in zip(("bike", "electric"), bikes, strict=True)]
    names = ("is_installed", "is_renting", "is_returning")
    written = {
        "operator": {
            "num_bikes_available": sum(bikes),
            "num_bikes_available_types": [{"mechanical": bikes[0]}, {"ebike": bikes[1]}],
            "last_reported": int(instant.timestamp()),
        }
        | {name: int(value) for name, value in zip(names, flags, strict=True)},
        "3": {
            "num_vehicles_available": sum(bikes),
            "vehicle_types_available": types,
            "last_reported": instant.isoformat(),
        }
        | dict(zip(names, flags, strict=True)),
    }
    for flavour, record in written.items():
        [station] = gbfs.decode_status(payload(flavour, common | record)).stations
        assert (station.mechanical, station.ebike, station.bikes) == (*bikes, sum(bikes))
        assert (station.num_docks_available, station.reported_at) == (docks, instant)
        assert tuple(bool(getattr(station, name)) for name in names) == flags


def test_the_recorded_pair_of_gbfs_is_read_whole(recordings: Path):
    folder = recordings / "bikes/payloads"
    status = gbfs.decode_status((folder / "gbfs_station_status_2025-10-18.json").read_bytes())
    information = gbfs.decode_information((folder / "gbfs_station_information_2025-10-18.json").read_bytes())
    assert len(status.stations) == len(information.stations) == 1495
    assert (status.unreadable, information.unreadable) == ((), ())
    assert {station.station_code for station in status.stations} == {
        found.station_code for found in information.stations
    }
    for station in status.stations:
        assert station.mechanical is not None
        assert station.ebike is not None
        assert station.mechanical + station.ebike == station.bikes
    assert max(int(station.station_id) for station in status.stations) > 2**32
    assert status.updated_at == datetime(2025, 10, 18, 9, 9, 16, tzinfo=UTC)


def test_the_recorded_answer_of_v21_is_read_whole(recordings: Path):
    body = (recordings / "bikes/payloads/velib_ods_v21_records_2026-04-02.json").read_bytes()
    found = velib_records.decode_stations(body)
    assert opendatasoft.decode_records(body).total == 994
    first, second = found.stations
    assert (first.station_code, first.capacity, first.bikes, first.docks_free) == ("12507", 105, 3, 97)
    assert second.reported_at == datetime(2024, 4, 28, 6, 33, 55, tzinfo=UTC)
    assert second.insee_code is None


def test_the_recorded_records_of_v1_are_read_whole(recordings: Path):
    body = (recordings / "bikes/payloads/velib_ods_v1_records_2022-08-31.json").read_bytes()
    found = velib_records.decode_archived(body)
    assert (len(found.stations), found.unreadable) == (1435, ())
    first = found.stations[0]
    assert first.recordid == "ecd839c794c6f9582109270c21e29dc06081fc3a"
    assert (first.fields.station_code, first.fields.bikes, first.fields.docks_free) == (None, 3, 17)
    assert first.fields.reported_at == datetime(2022, 8, 31, 9, 2, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("1760788800", 1760788800),
        ("1760788800000", 1760788800),
        ('"2025-10-18T12:00:00Z"', 1760788800),
        ('"noon"', None),
        ("1e300", None),
        ("-5", None),
        ("true", None),
        ("[1]", None),
        ("null", None),
    ],
)
@pytest.mark.parametrize("name", ["lastUpdatedOther", "last_updated"])
def test_an_odd_time_of_update_costs_no_station(name: str, time: str, expected: int | None):
    body = f'{{"{name}":{time},"data":{{"stations":[{{"station_id":1,"last_reported":1}}]}}}}'.encode()
    found = gbfs.decode_status(body)
    assert len(found.stations) == 1
    assert (found.updated_at and found.updated_at.timestamp()) == expected
    assert gbfs.problem_of_stations(body) is None
