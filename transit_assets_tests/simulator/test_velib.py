"""The simulator speaks the providers' wire formats, and both providers tell the same."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from transit_assets.simulator import Fault, Request, Response, respond
from transit_assets.simulator.velib import GBFS_PATH, ODS_PATH

NOW = datetime(2026, 3, 2, 7, 30, 20, tzinfo=UTC)


def ask(path: str, instant: datetime = NOW, fault: Fault | None = None, **query: Any) -> Response:
    return respond(Request(path, instant, query={name: str(value) for name, value in query.items()}, fault=fault))


def status(**kwargs: Any) -> list[dict]:
    return json.loads(ask(f"{GBFS_PATH}/station_status.json", **kwargs).body)["data"]["stations"]


def test_station_status_has_the_keys_of_the_recording(recordings):
    real = json.loads((recordings / "bikes/payloads/gbfs_station_status_2025-10-18.json").read_bytes())
    ours = json.loads(ask(f"{GBFS_PATH}/station_status.json").body)
    assert list(ours) == list(real)
    assert {tuple(record) for record in ours["data"]["stations"]} == {
        tuple(record) for record in real["data"]["stations"]
    }


def test_station_information_has_the_keys_of_the_recording(recordings):
    real = json.loads((recordings / "bikes/payloads/gbfs_station_information_2025-10-18.json").read_bytes())
    ours = json.loads(ask(f"{GBFS_PATH}/station_information.json").body)
    assert {tuple(record) for record in ours["data"]["stations"]} == {
        tuple(record) for record in real["data"]["stations"]
    }


def test_opendatasoft_has_the_keys_of_the_recording(recordings):
    real = json.loads((recordings / "bikes/payloads/velib_ods_v21_records_2026-04-02.json").read_bytes())
    ours = json.loads(ask(f"{ODS_PATH}/records").body)
    assert list(ours) == list(real)
    assert list(ours["results"][0]) == list(real["results"][0])


def test_both_providers_tell_the_same_at_every_instant():
    for minutes in (0, 7, 600):
        instant = NOW + timedelta(minutes=minutes)
        ods = {record["stationcode"]: record for record in json.loads(ask(f"{ODS_PATH}/exports/json", instant).body)}
        gbfs = {record["stationCode"]: record for record in status(instant=instant)}
        assert ods.keys() == gbfs.keys()
        for code, record in gbfs.items():
            other = ods[code]
            assert other["numbikesavailable"] == record["num_bikes_available"] == other["mechanical"] + other["ebike"]
            assert other["mechanical"] == record["num_bikes_available_types"][0]["mechanical"]
            assert other["numdocksavailable"] == record["numDocksAvailable"]
            assert (other["is_renting"] == "OUI") == bool(record["is_renting"])
            assert datetime.fromisoformat(other["duedate"]).timestamp() == record["last_reported"]


def test_information_describes_every_station_of_the_status():
    known = json.loads(ask(f"{GBFS_PATH}/station_information.json").body)["data"]["stations"]
    assert {record["station_id"] for record in status()} <= {record["station_id"] for record in known}


def test_some_polls_list_a_station_twice_with_the_same_report():
    repeated = 0
    for minute in range(30):
        records = status(instant=NOW + timedelta(minutes=minute))
        distinct = {json.dumps(record) for record in records}
        assert len(distinct) == len({record["stationCode"] for record in records})
        repeated += len(records) - len(distinct)
    assert 2 <= repeated <= 30


def test_now_and_then_a_record_has_no_station_code():
    polls = [status(instant=NOW + timedelta(minutes=minute)) for minute in range(20, 60)]
    nameless = [record for records in polls for record in records if record["stationCode"] is None]
    assert 2 <= len(nameless) <= 12
    assert sum(len(records) for records in polls) / 40_000 < len(nameless) * 1.5


def test_paging_in_a_unique_order_loses_nothing():
    pages = [
        json.loads(ask(f"{ODS_PATH}/records", limit=100, offset=offset, order_by="stationcode").body)
        for offset in range(0, 1600, 100)
    ]
    codes = [record["stationcode"] for page in pages for record in page["results"]]
    assert len(codes) == pages[0]["total_count"]
    assert set(codes) == {record["stationCode"] for record in status()}
    assert codes == sorted(codes)


def test_paging_without_an_order_loses_and_repeats_stations():
    codes = [
        record["stationcode"]
        for offset in range(0, 1600, 100)
        for record in json.loads(ask(f"{ODS_PATH}/records", limit=100, offset=offset).body)["results"]
    ]
    assert len(set(codes)) < len({record["stationCode"] for record in status()})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": 100, "offset": 0}, 200),
        ({"limit": -1}, 200),
        ({"limit": 101}, 400),
        ({"limit": "many"}, 400),
        ({"offset": -1}, 400),
        ({"limit": 100, "offset": 9_900}, 200),
        ({"limit": 100, "offset": 9_901}, 400),
        ({"order_by": "duedate desc, stationcode"}, 200),
        ({"order_by": "nothing"}, 400),
        ({"order_by": "stationcode sideways"}, 400),
        ({"select": "stationcode,mechanical"}, 200),
        ({"select": "stationcode,nothing"}, 400),
        ({"where": 'stationcode="10001" and is_renting="OUI"'}, 200),
        ({"where": "capacity > 20"}, 200),
        ({"where": "capacity > twenty"}, 400),
        ({"where": "capacity > 20 and"}, 400),
        ({"where": "nothing = 1"}, 400),
        ({"where": "duedate >= date'2026-03-02T07:00:00Z'"}, 200),
        ({"where": "duedate >= date'yesterday'"}, 400),
        ({"timezone": "Europe/Paris"}, 200),
        ({"timezone": "Europe/Nowhere"}, 400),
    ],
)
def test_records_keeps_the_rules_of_the_portal(query: dict, code: int):
    response = ask(f"{ODS_PATH}/records", **query)
    assert response.status == code
    assert code == 200 or json.loads(response.body)["message"]
    assert {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= set(response.headers)


def test_numbers_are_ordered_by_size():
    page = json.loads(ask(f"{ODS_PATH}/exports/json", order_by="capacity desc, stationcode").body)
    keys = [(-record["capacity"], record["stationcode"]) for record in page]
    assert keys == sorted(keys)


def test_where_select_and_timezone_do_what_they_say():
    code = status()[0]["stationCode"]
    page = json.loads(
        ask(
            f"{ODS_PATH}/records", where=f'stationcode="{code}"', select="stationcode,duedate", timezone="Europe/Paris"
        ).body
    )
    assert page["total_count"] == 1
    assert list(page["results"][0]) == ["stationcode", "duedate"]
    assert page["results"][0]["duedate"].endswith("+01:00")


@pytest.mark.parametrize(
    ("query", "starts"),
    [
        ({"use_labels": "true"}, "\ufeffIdentifiant station;Nom station;"),
        ({}, "\ufeffstationcode;name;"),
        ({"with_bom": "false", "delimiter": ","}, "stationcode,name,"),
    ],
)
def test_the_csv_export_is_the_one_people_hold(query: dict, starts: str):
    text = ask(f"{ODS_PATH}/exports/csv", **query).body.decode()
    assert text.startswith(starts)
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=query.get("delimiter", ";")))
    assert len(rows) == len(status()) + 1
    lat, lon = rows[1][11].split(", ")
    assert 48 < float(lat) < 49.5
    assert 2 < float(lon) < 3


def test_the_payload_changes_with_the_minute_and_its_etag_with_it():
    path = f"{GBFS_PATH}/station_status.json"
    first = ask(path)
    known = Request(path, NOW + timedelta(seconds=20), headers={"if-none-match": first.headers["etag"]})
    later = Request(path, NOW + timedelta(seconds=60), headers={"if-none-match": first.headers["etag"]})
    assert respond(known).status == 304
    assert respond(known).body == b""
    assert respond(later).status == 200
    assert respond(later).body != first.body


def test_an_unknown_address_is_told_what_there_is():
    response = ask("/nothing")
    assert response.status == 404
    assert f"{GBFS_PATH}/station_status.json" in json.loads(response.body)["message"]


@pytest.mark.parametrize("path", [f"{GBFS_PATH}/station_status.json", f"{ODS_PATH}/records", "/nothing"])
@pytest.mark.parametrize("fault", [None, *Fault])
def test_every_answer_says_that_it_is_simulated(path: str, fault: Fault | None):
    assert ask(path, fault=fault).headers["x-simulated"] == "true"
