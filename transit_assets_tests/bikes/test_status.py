"""A day of polls: what is new becomes a row, what is repeated moves its last poll."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from benchmarks.bikes_interim import COMPARED, reference
from transit_assets.bikes.clean.status import station_status
from transit_assets.bikes.schema import STATION_STATUS
from transit_assets.simulator.faults import Fault
from transit_assets.simulator.messages import Request
from transit_assets.simulator.respond import respond
from transit_assets_tests.bikes.payloads import (
    NOON,
    archives,
    gbfs,
    poll,
    polled,
    record,
    ruled,
    station,
)

MINUTE = timedelta(minutes=1)


def test_a_repeated_report_only_moves_its_last_poll() -> None:
    found = polled(*[(NOON + number * MINUTE, gbfs([station()], number)) for number in range(5)])
    assert [(row["first_polled_at"], row["polled_at"]) for row in found.rows] == [(NOON, NOON + 4 * MINUTE)]
    assert (found.landed, found.duplicates, found.conflicts) == (5, 4, 0)


def test_a_payload_that_was_not_modified_is_one_more_observation() -> None:
    same = gbfs([station("10003"), station("10004")])
    found = polled((NOON, same), (NOON + MINUTE, same), (NOON + 2 * MINUTE, same))
    assert {row["polled_at"] for row in found.rows} == {NOON + 2 * MINUTE}
    assert (found.landed, found.duplicates) == (6, 4)


def test_a_new_report_is_a_new_row_and_the_old_one_ends() -> None:
    later = station(reported_at=NOON + MINUTE, ebike=4)
    found = polled((NOON, gbfs([station()])), (NOON + MINUTE, gbfs([later])), (NOON + 2 * MINUTE, gbfs([later], 1)))
    assert [(row["ebike"], row["first_polled_at"], row["polled_at"]) for row in found.rows] == [
        (3, NOON, NOON),
        (4, NOON + MINUTE, NOON + 2 * MINUTE),
    ]


def test_of_two_rows_with_one_key_the_last_is_kept_and_the_conflict_counted() -> None:
    found = polled((NOON, gbfs([station(ebike=3), station(ebike=7)])), (NOON + MINUTE, gbfs([station(ebike=1)])))
    assert [(row["ebike"], row["first_polled_at"]) for row in found.rows] == [(1, NOON)]
    assert (found.landed, found.duplicates, found.conflicts) == (3, 2, 2)


@pytest.mark.parametrize(
    ("polls", "kept"),
    [
        ([[3, 7], [3, 7], [3]], 3),  # the second listing goes away again
        ([[3], [3, 7], [3]], 3),
        ([[3], [3, 7], [7]], 7),
        ([[3, 7], [3, 7]], 7),
        ([[3], [7], [3]], 3),
    ],
)
def test_the_last_in_payload_order_holds_however_stations_are_listed(polls: list[list[int]], kept: int) -> None:
    payloads = [
        (NOON + number * MINUTE, gbfs([station("20001"), *(station(ebike=ebike) for ebike in listed)], number))
        for number, listed in enumerate(polls)
    ]
    found = [row for row in polled(*payloads).rows if row["station_code"] == "10003"]
    assert [row["ebike"] for row in found] == [kept]
    assert (found[0]["first_polled_at"], found[0]["polled_at"]) == (NOON, payloads[-1][0])


def test_a_station_that_vanishes_and_returns_keeps_its_row() -> None:
    both = [station("10003"), station("10004")]
    found = polled((NOON, gbfs(both)), (NOON + MINUTE, gbfs(both[1:])), (NOON + 2 * MINUTE, gbfs(both, 1)))
    assert [(row["first_polled_at"], row["polled_at"]) for row in found.rows] == [(NOON, NOON + 2 * MINUTE)] * 2


@pytest.mark.parametrize(
    ("age", "is_stale"), [(timedelta(minutes=59), False), (timedelta(hours=1), False), (timedelta(seconds=3601), True)]
)
def test_a_report_is_stale_after_an_hour(age: timedelta, is_stale: bool) -> None:
    found = polled((NOON, gbfs([station(reported_at=NOON - age)])))
    assert [row["is_stale"] for row in found.rows] == [is_stale]


def test_a_station_that_never_reported_stands_at_its_poll() -> None:
    (row,) = polled((NOON, gbfs([station(last_reported=0)]))).rows
    assert (row["reported_at"], row["reported_at_provenance"], row["is_stale"]) == (NOON, "poll", False)


def test_unknown_is_never_counted_as_empty() -> None:
    unknown = dict.fromkeys(("num_bikes_available", "num_docks_available", "is_installed", "is_renting"))
    (row,) = polled((NOON, gbfs([station(num_bikes_available_types=[], **unknown)]))).rows
    said = ("bikes", "mechanical", "ebike", "docks_free", "capacity", "is_installed", "is_renting")
    assert {row[name] for name in said} == {None}


@pytest.mark.parametrize(
    ("payload", "flavour"),
    [
        (gbfs([station()]), "1.x"),
        (
            b'{"last_updated":1760788800,"ttl":60,"version":"2.3","data":{"stations":[{"station_id":"10003",'
            b'"num_bikes_available":5,"num_docks_available":10,"is_installed":true,"is_renting":true,'
            b'"is_returning":true,"last_reported":1760788800,"vehicle_types_available":['
            b'{"vehicle_type_id":"mechanical","count":2},{"vehicle_type_id":"ebike","count":3}]}]}}',
            "2.x",
        ),
        (
            b'{"last_updated":"2025-10-18T12:00:00Z","ttl":60,"version":"3.0","data":{"stations":[{'
            b'"station_id":"10003","num_vehicles_available":5,"num_docks_available":10,"is_installed":true,'
            b'"is_renting":true,"is_returning":true,"last_reported":"2025-10-18T14:00:00+02:00",'
            b'"vehicle_types_available":[{"vehicle_type_id":"mechanical","count":2},'
            b'{"vehicle_type_id":"ebike","count":3}]}]}}',
            "3.0",
        ),
    ],
)
def test_the_three_flavours_of_gbfs_say_the_same(payload: bytes, flavour: str) -> None:
    (row,) = polled((NOON, payload)).rows
    said = ("station_code", "reported_at", "bikes", "mechanical", "ebike", "docks_free", "is_installed")
    assert tuple(row[name] for name in said) == ("10003", NOON, 5, 2, 3, 10, True), flavour


def test_a_poll_of_opendatasoft_is_a_poll_at_its_arrival() -> None:
    import json

    (row,) = polled((NOON + MINUTE, json.dumps([record()]).encode())).rows
    said = ("station_code", "reported_at", "polled_at", "is_renting", "is_returning", "capacity", "source")
    assert tuple(row[name] for name in said) == (
        "10003", NOON, NOON + MINUTE, True, False, 17, "opendatasoft_v21",
    )  # fmt: skip


@pytest.mark.parametrize("broken", [b"", b"<html>", b"{", b"null", b'{"data": {"stations": 3}}'])
def test_a_broken_payload_costs_only_itself(broken: bytes) -> None:
    found = polled((NOON, gbfs([station()])), (NOON + MINUTE, broken), (NOON + 2 * MINUTE, gbfs([station()], 1)))
    assert [row["polled_at"] for row in found.rows] == [NOON + 2 * MINUTE]
    assert [row["broken_rules"][0] for row in found.broken] == ["payload_is_readable"]
    assert found.landed == 3


@pytest.mark.parametrize("broken", [{"station_id": 7, "num_bikes_available": "many"}, 3, None, "x", []])
def test_a_broken_record_costs_only_itself_and_says_where_it_was(broken: Any) -> None:
    found = polled((NOON, gbfs([station("10003"), broken, station("10004")])))
    assert [(row["station_code"], row["row_number"]) for row in found.rows] == [("10003", 0), ("10004", 2)]
    (bad,) = found.broken
    assert (bad["row_number"], bad["broken_rules"][0]) == (1, "record_is_readable")


def test_a_provider_time_beats_a_poll_time_of_the_same_key() -> None:
    import json

    given = json.dumps([record(numbikesavailable=9)]).encode()
    stands_in = json.dumps([record(duedate=None, numbikesavailable=1), record("10004")]).encode()
    (day, archive) = next(iter(archives(stands_in).items()))
    late = poll(given, NOON - MINUTE)  # the station's clock is a little ahead
    for observations in ([archive, late], [late, archive]):
        found = ruled(STATION_STATUS, station_status(day, observations))
        row = next(row for row in found.rows if row["station_code"] == "10003")
        assert (row["bikes"], row["reported_at_provenance"]) == (9, "provider")


def _simulated(minutes: int, fault: Fault | None = None) -> list[tuple[datetime, bytes]]:
    path = "/opendata/Velib_Metropole/station_status.json"
    instants = [NOON + number * MINUTE for number in range(minutes)]
    return [(at, respond(Request(path, at, fault=fault if number % 3 else None)).body) for number, at in
            enumerate(instants)]  # fmt: skip


@pytest.mark.parametrize("fault", [None, Fault.REORDERED, Fault.DUPLICATED])
def test_polls_of_a_city_give_the_rows_of_a_naive_reference(fault: Fault | None) -> None:
    polls = _simulated(25, fault)
    found = polled(*polls)
    compared = [name for name in COMPARED if name != "payload_sha256"]
    assert [{name: row[name] for name in compared} for row in found.rows] == [
        {name: row[name] for name in compared} for row in reference(iter(polls))
    ]
    assert len(found.broken) <= 8  # now and then the city sends a record without its station's code


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25)])
def test_a_day_on_which_the_clock_changes_holds_all_its_hours(day: date, hours: int) -> None:
    import json

    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    stamps = [start + number * timedelta(hours=1) for number in range(80)]
    records = [
        {"recordid": "a" * 40, "fields": record(duedate=at.isoformat()), "record_timestamp": at.isoformat()}
        for at in stamps
    ]
    found = ruled(STATION_STATUS, station_status(day, [archives(json.dumps(records).encode())[day]]))
    assert len(found.rows) == hours
