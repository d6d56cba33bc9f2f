"""Stations by day, over time, and as they are now."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from transit_assets.bikes.clean.information import station_information
from transit_assets.bikes.clean.stations import station_latest, stations
from transit_assets.bikes.clean.status import station_status
from transit_assets.bikes.clean.zones import zone_of
from transit_assets.bikes.schema import STATION_INFORMATION, STATION_LATEST, STATION_STATUS
from transit_assets.quality.dedupe import keep_last
from transit_assets.quality.rules import split
from transit_assets.simulator.city import stations as simulated_stations
from transit_assets_tests.bikes.payloads import (
    DAY,
    NOON,
    Ruled,
    archives,
    described,
    gbfs,
    poll,
    record,
    ruled,
    station,
)

MINUTE = timedelta(minutes=1)


def _described(*payloads: bytes) -> Ruled:
    polls = [poll(payload, NOON + number * MINUTE) for number, payload in enumerate(payloads)]
    return ruled(STATION_INFORMATION, station_information(DAY, polls))


def _days(*days: list[dict[str, Any]]) -> pa.Table:
    """Information of consecutive days, each a list of the operator's stations."""
    tables = []
    for number, listed in enumerate(days):
        cleaned = station_information(DAY + timedelta(days=number), [poll(gbfs(listed, number))])
        tables.append(cleaned.candidates.select(STATION_INFORMATION.column_names))
    return pa.concat_tables(tables)


def test_a_day_has_one_description_of_each_station() -> None:
    found = _described(*[gbfs([described("10003"), described("10004")], number) for number in range(4)])
    assert [row["station_code"] for row in found.rows] == ["10003", "10004"]
    assert (found.landed, found.duplicates, found.conflicts) == (8, 6, 0)


def test_the_last_description_of_the_day_holds() -> None:
    found = _described(gbfs([described(capacity=17)]), gbfs([described(capacity=20)]))
    assert ([row["capacity"] for row in found.rows], found.conflicts) == ([20], 1)


def test_what_one_source_lacks_another_supplies() -> None:
    found = _described(json.dumps([record("43001", nom_arrondissement_communes="Vincennes")]).encode(),
                       gbfs([described("43001", capacity=30)]))  # fmt: skip
    (row,) = found.rows
    said = (row["commune"], row["capacity"], row["gbfs_station_id"], row["zone"], row["zone_provenance"])
    assert said == ("Vincennes", 30, 36255, "Vincennes", "provider")


def test_the_status_of_the_operator_describes_nothing() -> None:
    found = _described(gbfs([station()]), gbfs([described()]))
    assert (found.landed, len(found.rows), found.broken) == (1, 1, [])


def test_station_ids_beyond_32_bits_are_whole() -> None:
    (row,) = _described(gbfs([described(station_id=19_179_944_124)])).rows
    assert row["gbfs_station_id"] == 19_179_944_124


def test_unchanged_days_are_one_period() -> None:
    (row,) = stations(_days(*[[described()]] * 5)).to_pylist()
    assert (row["valid_from"], row["valid_to"]) == (DAY, None)


def test_a_change_of_capacity_opens_a_period() -> None:
    found = stations(_days([described()], [described(capacity=30)], [described(capacity=30)])).to_pylist()
    next_day = DAY + timedelta(days=1)
    assert [(row["capacity"], row["valid_from"], row["valid_to"]) for row in found] == [
        (17, DAY, next_day),
        (30, next_day, None),
    ]


def test_rounded_coordinates_and_a_missing_name_are_no_change() -> None:
    found = stations(_days([described(name=None)], [described(lat=48.87004)], [described(name=None)])).to_pylist()
    assert [(row["name"], row["valid_from"], row["valid_to"]) for row in found] == [("Hauteville", DAY, None)]


def test_a_station_not_described_for_a_week_is_closed() -> None:
    days = [[described("10003"), described("10004")], *[[described("10004")]] * 7]
    found = {row["station_code"]: row["valid_to"] for row in stations(_days(*days)).to_pylist()}
    assert found == {"10003": DAY + timedelta(days=1), "10004": None}
    assert stations(_days(*days[:-1]))["valid_to"].null_count == 2


def test_a_station_that_comes_back_under_another_code_keeps_its_first() -> None:
    moved = described("10099", lat=48.8705)
    namesake = described("18001", lat=48.89)
    found = stations(_days([described()], *[[moved, namesake]] * 8)).to_pylist()
    assert {row["station_code"]: row["first_station_code"] for row in found} == {
        "10003": "10003",
        "10099": "10003",
        "18001": "18001",
    }


def test_two_stations_of_one_name_at_one_time_stay_two() -> None:
    found = stations(_days(*[[described("10003"), described("10099")]] * 2)).to_pylist()
    assert {row["first_station_code"] for row in found} == {"10003", "10099"}


def test_no_information_gives_no_stations() -> None:
    assert stations(STATION_INFORMATION.schema.empty_table()).num_rows == 0


def _status(day: date, *payloads: bytes) -> pa.Table:
    polls = [poll(payload, NOON + (day - DAY) + number * MINUTE) for number, payload in enumerate(payloads)]
    passing, _ = split(STATION_STATUS, station_status(day, polls).candidates)
    return keep_last(passing, STATION_STATUS.key).rows.select(STATION_STATUS.column_names)


def test_the_latest_state_is_the_last_report_with_name_and_zone() -> None:
    status = _status(DAY, gbfs([station()]), gbfs([station(reported_at=NOON + MINUTE, ebike=7)]))
    (row,) = station_latest(status, stations(_days([described()]))).to_pylist()
    said = ("ebike", "name", "zone", "capacity", "reported_at")
    assert tuple(row[name] for name in said) == (7, "Hauteville", "Paris 10e", 17, NOON + MINUTE)
    assert list(row) == list(STATION_LATEST.column_names)


def test_a_station_that_today_does_not_mention_keeps_its_last_state() -> None:
    described_ = stations(_days([described("10003"), described("10004")]))
    before = station_latest(_status(DAY, gbfs([station("10003"), station("10004")])), described_)
    tomorrow = DAY + timedelta(days=1)
    report = station("10003", reported_at=NOON + timedelta(days=1), ebike=9)
    found = station_latest(_status(tomorrow, gbfs([report])), described_, before).to_pylist()
    assert {row["station_code"]: row["ebike"] for row in found} == {"10003": 9, "10004": 3}


@pytest.mark.parametrize(
    ("poll_hours", "report_hours", "ebikes"),
    [
        (-2, 2, 3),  # polled by a clock that is two hours back
        (1, -2, 9),  # polled later, of a provider whose clock is two hours back: it may have corrected itself
    ],
)
def test_the_live_state_is_that_of_the_latest_poll(poll_hours: int, report_hours: int, ebikes: int) -> None:
    described_ = stations(_days([described()]))
    held = station_latest(_status(DAY, gbfs([station()])), described_)
    report = gbfs([station(reported_at=NOON + timedelta(hours=report_hours), ebike=9)])
    rows = station_status(DAY, [poll(report, NOON + timedelta(hours=poll_hours))]).candidates
    (row,) = station_latest(rows.select(STATION_STATUS.column_names), described_, held).to_pylist()
    assert row["ebike"] == ebikes


def test_no_report_gives_no_live_state() -> None:
    empty = STATION_STATUS.schema.empty_table()
    assert station_latest(empty, stations(_days([described()]))).num_rows == 0


def test_every_recorded_station_has_a_zone(recordings: Path) -> None:
    ((day, archive),) = archives(recordings / "bikes/payloads/gbfs_station_information_2025-10-18.json").items()
    found = ruled(STATION_INFORMATION, station_information(day, [archive]))
    assert (len(found.rows), found.broken) == (1495, [])
    assert all(row["zone"] for row in found.rows)


def test_an_archive_describes_its_stations_too(recordings: Path) -> None:
    found = archives(recordings / "bikes/archive/velib_snapshots_2025-09-07_to_13.parquet")
    days = [ruled(STATION_INFORMATION, station_information(day, [archive])) for day, archive in found.items()]
    assert [sum(one.landed for one in days), sum(len(one.rows) for one in days)] == [407_096, 8_804]
    assert {row["broken_rules"][0] for one in days for row in one.broken} == {"station_code_is_known"}


@pytest.mark.parametrize("seed", range(5))
def test_the_simulated_codes_tell_the_zones_that_its_portal_names(seed: int) -> None:
    city = simulated_stations(seed)
    assert len(set(city.code)) == len(city)
    for code, commune in zip(city.code, city.commune, strict=True):
        zone, _ = zone_of(code, None)
        assert len(code) in (4, 5)
        assert zone == commune or (commune == "Paris" and zone is not None and zone.startswith("Paris "))
