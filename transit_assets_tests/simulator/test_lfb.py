"""The brigade's files in the form in which the London Datastore has them."""

import csv
import io
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from transit_assets.simulator import Fault, Request, Response, respond
from transit_assets.simulator.lfb import INCIDENTS_PATH, MOBILISATIONS_PATH

NOW = datetime(2026, 7, 22, 12, tzinfo=UTC)
INCIDENTS, MOBILISATIONS = "em8xy", "24r65"


def ask(path: str, instant: datetime = NOW, fault: Fault | None = None, **changes: Any) -> Response:
    return respond(Request(path, instant, fault=fault, **changes))


def file(dataset: str, name: str, instant: datetime = NOW, **changes: Any) -> bytes:
    return ask(f"/download/{dataset}/{name}/whatever.csv", instant, **changes).body


def rows(dataset: str, name: str = "2026-07", instant: datetime = NOW, **changes: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file(dataset, name, instant, **changes).decode())))


def listed(path: str = INCIDENTS_PATH, instant: datetime = NOW, **changes: Any) -> dict[str, dict[str, Any]]:
    return json.loads(ask(path, instant, **changes).body)["resources"]


@pytest.mark.parametrize(
    ("dataset", "recording"),
    [
        (INCIDENTS, "LFB Incident data (first 20 rows).csv"),
        (MOBILISATIONS, "LFB Mobilisation data (first 20 rows).csv"),
    ],
)
def test_files_have_the_columns_of_the_published_ones(dataset: str, recording: str, recordings: Path):
    real = (recordings / "fire/archive" / recording).read_bytes()
    ours = file(dataset, "2026-07")
    assert ours.split(b"\n")[0] == real.split(b"\n")[0].rstrip(b"\r")
    assert ours.endswith(b"\n")
    assert len({len(row) for row in csv.reader(io.StringIO(ours.decode()))}) == 1


def test_the_listing_names_a_file_per_year_and_per_month_of_the_last_two_years():
    titles = [resource["title"] for resource in listed().values()]
    assert titles[:2] == ["LFB Incident data - 2018.csv", "LFB Incident data - 2019.csv"]
    assert "LFB Incident data - January 2025.csv" in titles
    assert titles[-2:] == ["LFB Incident data - July 2026.csv", "LFB station locations.csv"]
    assert len(titles) == len(set(titles)) == 7 + 12 + 7 + 1
    assert len(listed(MOBILISATIONS_PATH)) == 7 + 12 + 7


def test_every_listed_file_is_there_and_no_other():
    for path in (INCIDENTS_PATH, MOBILISATIONS_PATH):
        for resource in listed(path).values():
            if "-" not in resource["title"] or "2026" in resource["title"]:
                assert ask(resource["url"].removeprefix("https://data.london.gov.uk")).status == 200
    for name in ("2026-08", "2026", "2017", "x", ""):
        assert ask(f"/download/{INCIDENTS}/{name}/x.csv").status == 404
    assert ask("/download/other/2026-07/x.csv").status == 404


def test_a_month_is_there_from_its_second_day_on():
    first = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert "2026-07" not in listed(instant=first)
    assert "2026-07" in listed(instant=first + timedelta(days=1))


def test_files_end_with_yesterday_as_london_has_it():
    assert {row["DateOfCall"] for row in rows(INCIDENTS)} == {f"{day:02} Jul 2026" for day in range(1, 22)}
    late = datetime(2026, 7, 22, 23, 30, tzinfo=UTC)  # the 23rd in London
    assert max(row["DateOfCall"] for row in rows(INCIDENTS, instant=late)) == "22 Jul 2026"


def test_what_was_published_stays_as_it_was():
    for dataset in (INCIDENTS, MOBILISATIONS):
        earlier, later = file(dataset, "2026-07"), file(dataset, "2026-07", NOW + timedelta(days=5))
        assert later.startswith(earlier)
        assert len(later) > len(earlier)
        assert file(dataset, "2026-06") == file(dataset, "2026-06", NOW + timedelta(days=30))


def test_a_year_is_its_months():
    year = rows(INCIDENTS, "2019")
    assert {row["CalYear"] for row in year} == {"2019"}
    assert len({row["DateOfCall"][3:6] for row in year}) == 12
    while_young = datetime(2020, 7, 1, tzinfo=UTC)
    assert [row for row in year if row["DateOfCall"][3:6] == "Feb"] == rows(INCIDENTS, "2019-02", while_young)


def test_an_unchanged_file_is_not_sent_again():
    path = f"/download/{INCIDENTS}/2026-06/x.csv"
    etag = ask(path).headers["etag"]
    assert ask(path, NOW + timedelta(days=1), headers={"if-none-match": etag}).status == 304
    path = path.replace("06", "07")
    etag = ask(path).headers["etag"]
    assert ask(path, headers={"if-none-match": etag}).status == 304
    assert ask(path, NOW + timedelta(days=1), headers={"if-none-match": etag}).status == 200


def test_incidents_have_the_habits_of_the_published_ones():
    found = rows(INCIDENTS, "2026-06", calls_per_day=280)
    dwellings = [row for row in found if row["PropertyCategory"] == "Dwelling"]
    assert {(row["Postcode_full"], row["Easting_m"], row["Latitude"]) for row in dwellings} == {("", "", "")}
    assert {row["UPRN"] for row in dwellings} == {"0.0", ""}
    assert all(row["Postcode_full"].startswith(row["Postcode_district"]) for row in found if row["Postcode_full"])
    assert all(row["PropertyType"].endswith(" ") for row in found)
    assert {row["Easting_rounded"][-2:] + row["Northing_rounded"][-2:] for row in found} == {"5050"}
    border = [row for row in found if row["FRS"] == "OverTheBorder"]
    assert {(row["IncGeo_BoroughName"], row["IncidentStationGround"]) for row in border} == {
        ("NOT GEO-CODED", "OverTheBorder")
    }
    assert len({row["IncGeo_BoroughName"] for row in found}) == 34
    untimed = [row for row in found if not row["FirstPumpArriving_AttendanceTime"]]
    assert len(untimed) / len(found) == pytest.approx(0.056, abs=0.02)
    assert {row["SecondPumpArriving_DeployedFromStation"] for row in untimed} == {"NULL"}
    assert {row["SpecialServiceType"] for row in found if row["IncidentGroup"] == "Fire"} == {"NULL"}
    assert any(not row["NumPumpsAttending"] for row in found)
    assert all(row["IncidentNumber"][6:] == f"-{row['DateOfCall'][:2]}062026" for row in found)


def test_mobilisations_belong_to_the_timed_incidents_and_agree_with_them():
    incidents = {row["IncidentNumber"]: row for row in rows(INCIDENTS)}
    sent = rows(MOBILISATIONS)
    timed = {number for number, row in incidents.items() if row["FirstPumpArriving_AttendanceTime"]}
    assert {row["IncidentNumber"] for row in sent} == timed
    for row in sent:
        call = incidents[row["IncidentNumber"]]
        assert row["HourOfCall"] == call["HourOfCall"]
        which = {"1": "FirstPumpArriving", "2": "SecondPumpArriving"}.get(row["PumpOrder"])
        if which:
            assert call[f"{which}_AttendanceTime"] == f"{row['AttendanceTimeSeconds']}.0"
            assert call[f"{which}_DeployedFromStation"] == row["DeployedFromStation_Name"]
        assert row["Resource_Code"].startswith(row["DeployedFromStation_Code"])
        if row["TurnoutTimeSeconds"]:
            parts = float(row["TurnoutTimeSeconds"]) + float(row["TravelTimeSeconds"])
            assert parts == float(row["AttendanceTimeSeconds"])


def test_mobilisations_are_timed_in_gmt():
    call = {row["IncidentNumber"]: row for row in rows(INCIDENTS)}
    for row in rows(MOBILISATIONS):
        told = datetime.strptime(row["DateAndTimeMobilised"], "%d/%m/%Y %H:%M:%S")
        one = call[row["IncidentNumber"]]
        called = datetime.strptime(f"{one['DateOfCall']} {one['TimeOfCall']}", "%d %b %Y %H:%M:%S")
        assert timedelta(0) < told + timedelta(hours=1) - called < timedelta(minutes=10)


def test_a_few_mobilisations_are_there_twice():
    found = rows(MOBILISATIONS, "2026-06", calls_per_day=280)
    counts = Counter(row["ResourceMobilisationId"] for row in found)
    assert 0 < sum(count - 1 for count in counts.values()) < 0.01 * len(found)
    assert 0.6 < sum(not row["DelayCodeId"] for row in found) / len(found) < 0.9
    assert all(bool(row["DelayCodeId"]) == bool(row["DelayCode_Description"]) for row in found)
    assert {row["PlusCode_Code"] for row in found} == {"Initial", "rca"}
    assert {row["DeployedFromLocation"] for row in found} == {"Home Station", "Other Station"}


def test_stations_are_those_of_the_calls():
    stations = {row["Station_Name"] for row in rows(INCIDENTS, "stations")}
    assert len(stations) == 102
    assert {row["DeployedFromStation_Name"] for row in rows(MOBILISATIONS)} <= stations


def test_addresses_are_of_the_host_that_was_asked():
    for host, start in (
        ("127.0.0.1:8010", "http://127.0.0.1:8010/download/"),
        ("localhost:8010", "http://localhost:8010/download/"),
        ("data.example", "https://data.example/download/"),
        ("localhost.example", "https://localhost.example/download/"),
    ):
        assert all(one["url"].startswith(start) for one in listed(headers={"host": host}).values())


def test_a_fault_repeats_a_tenth_of_the_records_half_of_them_in_conflict():
    for dataset in (INCIDENTS, MOBILISATIONS):
        plain = file(dataset, "2026-07").splitlines()
        doubled = file(dataset, "2026-07", fault=Fault.DUPLICATED).splitlines()
        again = doubled[len(plain) :]
        assert len(again) == (len(plain) - 1) // 10
        assert 0.25 < sum(line not in set(plain) for line in again) / len(again) <= 0.5
        assert len({len(row) for row in csv.reader(line.decode() for line in doubled)}) == 1


def test_a_fault_lists_records_and_files_in_another_order():
    plain, mixed = rows(INCIDENTS), rows(INCIDENTS, fault=Fault.REORDERED)
    assert plain != mixed
    assert sorted(map(str, plain)) == sorted(map(str, mixed))
    assert list(listed(fault=Fault.REORDERED)) == list(reversed(listed()))


def test_a_clock_that_is_ahead_publishes_a_day_early():
    evening = datetime(2026, 7, 22, 22, tzinfo=UTC)
    assert len(rows(INCIDENTS, instant=evening, fault=Fault.CLOCK_AHEAD)) > len(rows(INCIDENTS, instant=evening))
