"""Calls: every form of date, the two days on which the clock changes, places, and what must never leave the landing."""

from datetime import UTC, datetime

import pytest

from transit_assets_tests.fire.payloads import PRIVATE, call, calls, csv

JANUARY = "2018-01-01"


def one(**said: object) -> dict:
    ((found),) = calls(csv(call(**said))).values()
    assert found.broken == []
    return found.rows[0]


@pytest.mark.parametrize(
    "written",
    ["01 Jan 2018", "01/01/2018", "2018-01-01", "2018-01-01 00:00:00", "2018-01-01T00:00:00.000", " 01 Jan 2018 "],
)
def test_dates_are_read_in_every_form_of_the_years(written: str) -> None:
    assert one(DateOfCall=written)["called_at"] == datetime(2018, 1, 1, 12, 0, 37, tzinfo=UTC)


def test_a_call_of_summer_is_in_london_time() -> None:
    said = {"DateOfCall": "01 Jul 2018", "TimeOfCall": "00:30:00"}
    assert one(**said)["called_at"] == datetime(2018, 6, 30, 23, 30, tzinfo=UTC)
    assert list(calls(csv(call(**said)))) == ["2018-07-01"]


def test_of_the_hour_that_comes_twice_the_first_is_meant() -> None:
    found = [one(DateOfCall="28 Oct 2018", TimeOfCall=f"{hour:02}:30:00")["called_at"] for hour in (0, 1, 2)]
    assert [(at.day, at.hour) for at in found] == [(27, 23), (28, 0), (28, 2)]


def test_an_hour_that_london_left_out_is_put_aside() -> None:
    ((found),) = calls(csv(call(DateOfCall="25 Mar 2018", TimeOfCall="01:30:00"))).values()
    assert found.broken[0]["problem"] == "time_of_call_exists_in_london: '01:30:00'"


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"DateOfCall": "31/02/2018"}, "date_of_call_is_a_date"),
        ({"DateOfCall": "01 Jan 1999"}, "date_of_call_is_from_2009_to_2049"),
        ({"TimeOfCall": "25:00:00"}, "time_of_call_is_a_time"),
        ({"TimeOfCall": "NULL"}, "called_at_is_known"),
        ({"IncidentNumber": "NULL"}, "incident_number_is_known"),
        ({"FirstPumpArriving_AttendanceTime": "1201"}, "first_pump_attendance_seconds_maximum"),
        ({"FirstPumpArriving_AttendanceTime": "soon"}, "first_pump_attendance_seconds_is_a_whole_number"),
        ({"FRS": "Mars"}, "frs_is_known"),
        ({"Easting_rounded": "TQ 28"}, "easting_rounded_is_a_number"),
        ({"IncidentGroup": "Party"}, "incident_group_values"),
    ],
)
def test_what_cannot_be_read_is_put_aside_with_its_rule_and_its_place(said: dict, rule: str) -> None:
    ((found),) = calls(csv(call(), call(IncidentNumber="9") | said)).values()
    (broken,) = found.broken
    assert (broken["broken_rules"][0], broken["row_number"]) == (rule, 1)


def test_a_missing_attendance_time_is_null_and_never_0() -> None:
    row = one(FirstPumpArriving_AttendanceTime="NULL", SecondPumpArriving_AttendanceTime="")
    assert (row["first_pump_attendance_seconds"], row["second_pump_attendance_seconds"]) == (None, None)


def test_texts_are_trimmed_and_numbers_of_incidents_stay_text() -> None:
    row = one(IncidentNumber="235138081.00")
    assert (row["incident_number"], row["property_type"]) == ("235138081", "Car")
    assert one(IncidentNumber="000008-01012018 ")["incident_number"] == "000008-01012018"


def test_boroughs_have_their_proper_names() -> None:
    assert one()["borough"] == "Kensington and Chelsea"
    assert one(IncGeo_BoroughName="CITY OF LONDON")["borough"] == "City of London"
    assert one(IncGeo_BoroughName="NULL")["borough"] == "Kensington and Chelsea"
    unplaced = one(
        IncGeo_BoroughName="NOT GEO-CODED", IncGeo_BoroughCode="E00000000", IncGeo_WardNameNew="Not geo-coded"
    )
    assert (unplaced["borough"], unplaced["borough_code"], unplaced["ward"]) == (None, None, None)


def test_the_place_is_that_of_the_rounded_grid() -> None:
    row = one()
    assert (row["easting_m"], row["northing_m"]) == (528_650, 176_850)
    assert abs(row["latitude"] - 51.47598) < 1e-4
    assert abs(row["longitude"] + 0.14894) < 1e-4


def test_0_is_no_place() -> None:
    row = one(Easting_rounded="0", Northing_rounded="0", Latitude="0", Longitude="0")
    assert {row[name] for name in ("easting_m", "northing_m", "latitude", "longitude")} == {None}


def test_a_place_finer_than_50_metres_is_made_coarse() -> None:
    row = one(Easting_rounded="528652", Northing_rounded="176831")
    assert (row["easting_m"], row["northing_m"]) == (528_650, 176_850)


def test_hours_of_pumps_of_older_files_are_minutes() -> None:
    row = call(PumpHoursRoundUp="2")
    del row["PumpMinutesRounded"]
    ((found),) = calls(csv(row)).values()
    assert found.rows[0]["pump_minutes"] == 120


@pytest.mark.parametrize(
    "broken", [{}, {"TimeOfCall": "never"}, {"Easting_rounded": "528652.x"}, {"Postcode_district": "SW11 4LB"}]
)
def test_nothing_that_points_to_a_home_leaves_the_landing(broken: dict) -> None:
    ((found),) = calls(csv(call(**broken))).values()
    shown = str(found.rows) + str(found.broken)
    assert [text for text in PRIVATE if text in shown] == []


def test_a_line_that_is_no_record_is_put_aside_without_being_shown() -> None:
    payload = csv(call(), call(IncidentNumber="9")) + b"\r\n1,2,SW11 4LB\r\n"
    ((found),) = calls(payload).values()
    (broken,) = found.broken
    assert (broken["problem"], broken["row_number"]) == ("record_is_readable: 3 values for 39 columns", 2)


def test_the_later_payload_beats_the_earlier_one() -> None:
    ((found),) = calls(csv(call()), csv(call(NumCalls="3"))).values()
    assert ([row["calls"] for row in found.rows], found.landed, found.duplicates) == ([3], 2, 1)
