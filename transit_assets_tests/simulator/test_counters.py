"""The counters of Paris in the wire format of the portal."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from transit_assets.simulator import Fault, Request, Response, respond
from transit_assets.simulator.counters import COUNTERS

NOW = datetime(2026, 6, 22, 12, tzinfo=UTC)
DAY = "t_1h >= date'2026-06-20T23:00:00Z' and t_1h < date'2026-06-21T23:00:00Z'"
BANDS = {"Fluide": (0, 15), "Pré-saturé": (15, 30), "Saturé": (30, 50), "Bloqué": (50, 100)}


def ask(way: str, instant: datetime = NOW, fault: Fault | None = None, arcs: int = 40, **query: Any) -> Response:
    asked = {name: str(value) for name, value in query.items()}
    return respond(Request(f"{COUNTERS.path}/{way}", instant, query=asked, fault=fault, arcs=arcs))


def export(**kwargs: Any) -> list[dict]:
    return json.loads(ask("exports/json", **{"where": DAY, **kwargs}).body)


def key(record: dict) -> tuple:
    return record["t_1h"], record["iu_ac"], str(record["k"])


def test_a_record_has_the_keys_and_types_of_the_recording(recordings: Path):
    real = json.loads((recordings / "road/payloads/ods_v21_results_2026-06-21.json").read_bytes())
    ours = json.loads(ask("records", where=DAY).body)
    assert list(ours) == ["total_count", "results"]
    assert {tuple(record) for record in ours["results"]} == {tuple(record) for record in real}
    for name in real[0]:
        types = {type(record[name]) for record in real} | {type(None)}
        assert {type(record[name]) for record in export()} <= types, name
    shapes = (
        {tuple(record["geo_shape"]) for record in real},
        {tuple(record["geo_shape"]["geometry"]) for record in real},
    )
    assert shapes == (
        {tuple(record["geo_shape"]) for record in export()},
        {tuple(record["geo_shape"]["geometry"]) for record in export()},
    )


def test_levels_and_states_are_words_of_the_provider_and_levels_follow_occupancy():
    records = export(arcs=600)
    for record in records:
        low, high = BANDS.get(record["etat_trafic"], (None, None))
        assert (record["k"] is None) if low is None else low <= record["k"] < high
    assert {record["etat_trafic"] for record in records} == {*BANDS, "Inconnu"}
    states = [record["etat_barre"] for record in records]
    assert set(states) == {"Ouvert", "Barré", "Invalide", "Inconnu"}
    assert 0.6 < states.count("Invalide") / len(states) < 0.8


def test_the_same_question_has_the_same_answer_and_the_etag_of_what_is_published():
    first = ask("exports/json", where=DAY)
    assert ask("exports/json", where=DAY).body == first.body
    again = Request(
        f"{COUNTERS.path}/exports/json", NOW, query={"where": DAY}, headers={"if-none-match": first.headers["etag"]}
    )
    assert respond(again).status == 304


def test_an_export_has_every_arc_in_every_hour_that_is_asked_for():
    records = export()
    assert len({record["t_1h"] for record in records}) == 24
    assert len({record["iu_ac"] for record in records}) == 40
    assert 24 * 40 * 0.98 < len(records) < 24 * 40 * 1.02
    assert all(record["t_1h"].endswith("+00:00") for record in records)


def test_pages_in_a_unique_order_have_every_record_once():
    order = "t_1h,iu_ac,k"
    pages = [json.loads(ask("records", where=DAY, order_by=order, limit=100, offset=100 * n).body) for n in range(10)]
    records = [record for page in pages for record in page["results"]]
    assert sorted(map(key, records)) == sorted(map(key, export()))
    assert {page["total_count"] for page in pages} == {len(records)}


def test_pages_without_an_order_lose_and_repeat_records():
    pages = [json.loads(ask("records", where=DAY, limit=100, offset=100 * n).body) for n in range(10)]
    records = [record for page in pages for record in page["results"]]
    assert len(set(map(key, records))) < len(set(map(key, export())))


@pytest.mark.parametrize(
    ("where", "hours"),
    [
        ("t_1h >= date'2026-06-21' and t_1h < date'2026-06-22'", 24),
        ("t_1h > date'2026-06-21' AND t_1h <= date'2026/06/22'", 24),
        ("t_1h >= date'2026-06-21T00:00:00+02:00' and t_1h < date'2026-06-21T03:00:00+02:00'", 3),
        ("t_1h = date'2026-06-21T05:00:00Z'", 1),
        ("t_1h >= date'2026-06-22T10:00:00Z'", 3),
        ("t_1h >= date'2026-06-23'", 0),
        ("t_1h >= date'2026-06-22T12:00:01Z'", 0),
    ],
)
def test_where_leaves_the_hours_that_it_asks_for(where: str, hours: int):
    assert len({record["t_1h"] for record in export(where=where)}) == hours


def test_a_date_without_an_offset_is_read_in_the_time_zone_of_the_answer():
    found = {record["t_1h"] for record in export(where="t_1h = date'2026-06-21T05:00:00'", timezone="Europe/Paris")}
    assert found == {"2026-06-21T05:00:00+02:00"}


def test_one_arc_can_be_asked_for():
    arc = export()[0]["iu_ac"]
    records = export(where=f"iu_ac = '{arc}' and {DAY}", order_by="t_1h desc", select="iu_ac, t_1h, q")
    assert {record["iu_ac"] for record in records} == {arc}
    times = [record["t_1h"] for record in records]
    assert times == sorted(times, reverse=True)
    assert list(records[0]) == ["iu_ac", "t_1h", "q"]
    busy = export(where=f"q > 100 and k < 5.5 and libelle != 'Nowhere' and {DAY}")
    assert busy
    assert all(record["q"] > 100 and record["k"] < 5.5 for record in busy)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"where": "t_1h >= '2026-06-21'"}, 400),
        ({"where": "t_1h >= date'soon'"}, 400),
        ({"where": f"{DAY} or q > 5"}, 400),
        ({"where": f"{DAY} and nothing = 5"}, 400),
        ({"where": DAY, "order_by": "t_1h sideways"}, 400),
        ({"limit": 101}, 400),
        ({"limit": 100, "offset": 9_901}, 400),
        ({"where": DAY, "timezone": "Europe/Nowhere"}, 400),
        ({"where": 'iu_ac = "1\' and \\"x"', "limit": 1}, 200),
        ({"where": DAY, "order_by": "k desc, q", "limit": 100, "offset": 0}, 200),
    ],
)
def test_records_keeps_the_rules_of_the_portal(query: dict, status: int):
    response = ask("records", **query)
    assert response.status == status
    assert status == 200 or json.loads(response.body)["message"]
    assert "x-ratelimit-remaining" in response.headers


def test_a_question_for_too_much_is_refused_by_name():
    response = ask("records", arcs=3000)
    assert response.status == 400
    assert "name an earliest hour" in json.loads(response.body)["message"]


def test_without_an_earliest_hour_the_portal_has_fourteen_months():
    arc = export()[0]["iu_ac"]
    times = [datetime.fromisoformat(record["t_1h"]) for record in export(where=f"iu_ac = '{arc}'", select="t_1h")]
    assert timedelta(days=420) < max(times) - min(times) < timedelta(days=430)
    assert export(where=f"iu_ac = '{arc}' and t_1h >= date'2020-01-01' and t_1h < date'2020-01-02'")


def test_the_autumn_night_has_two_oclock_once_and_the_spring_night_none():
    autumn = {"where": "t_1h >= date'2025-10-25T22:00:00Z' and t_1h < date'2025-10-26T04:00:00Z'"}
    found = sorted({record["t_1h"] for record in export(**autumn, timezone="Europe/Paris")})
    assert [text for text in found if "T02" in text] == ["2025-10-26T02:00:00+01:00"]
    spring = {"where": "t_1h >= date'2026-03-28T23:00:00Z' and t_1h < date'2026-03-29T03:00:00Z'"}
    found = sorted({record["t_1h"] for record in export(**spring, timezone="Europe/Paris")})
    assert [text[11:] for text in found] == ["00:00:00+01:00", "01:00:00+01:00", "03:00:00+02:00", "04:00:00+02:00"]


def test_the_csv_export_is_the_one_people_hold(recordings: Path):
    text = ask("exports/csv", where=DAY, use_labels="true", timezone="Europe/Paris").body.decode()
    real = (recordings / "road/archive/export/champs_elysees_2021-12_to_2023-01.csv").read_text("utf-8")
    assert text.splitlines()[0] == real.splitlines()[0]
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=";"))
    assert len(rows) == len(export())
    lat, lon = map(float, rows[0]["geo_point_2d"].split(", "))
    assert 48 < lat < 49 < 49 + lon
    assert json.loads(rows[0]["geo_shape"])["type"] == "LineString"
    assert {row["Débit horaire"] for row in rows} >= {""}
    assert ask("exports/csv", where=DAY).body.decode().startswith("\ufeffiu_ac;libelle;t_1h;q;k;")


def test_an_export_of_nothing_still_has_its_header():
    text = ask("exports/csv", where="t_1h >= date'2027-01-01'", select="t_1h,q", with_bom="false").body.decode()
    assert text.strip() == "t_1h;q"


def test_a_fault_repeats_a_tenth_of_the_records_half_of_them_in_conflict():
    plain, doubled = export(), export(fault=Fault.DUPLICATED)
    assert len(doubled) == len(plain) + len(plain) // 10
    listed = {json.dumps(record) for record in plain}
    assert 0.2 < sum(json.dumps(record) not in listed for record in doubled) / (len(plain) // 10) <= 0.51


def test_a_fault_lists_the_records_in_another_order():
    plain, mixed = export(), export(fault=Fault.REORDERED)
    assert plain != mixed
    assert sorted(map(key, plain)) == sorted(map(key, mixed))


def test_a_clock_that_is_ahead_tells_of_hours_to_come():
    future = {"where": "t_1h > date'2026-06-22T12:00:00Z'"}
    assert export(**future) == []
    assert {record["t_1h"] for record in export(**future, fault=Fault.CLOCK_AHEAD)} == {
        "2026-06-22T13:00:00+00:00",
        "2026-06-22T14:00:00+00:00",
    }
