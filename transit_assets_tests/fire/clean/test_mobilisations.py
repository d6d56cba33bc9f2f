"""Vehicles: months of their calls, London time or GMT, both days on which the clock changes, and derived rows."""

from datetime import UTC, datetime

from transit_assets_tests.fire.payloads import call, csv, sent, vehicles


def mobilised(*rows: dict) -> list[datetime]:
    ((found),) = vehicles(csv(*rows)).values()
    assert found.broken == []
    return [row["mobilised_at"] for row in sorted(found.rows, key=lambda row: row["mobilisation_id"])]


def test_a_file_whose_hours_agree_with_those_of_the_calls_is_in_london_time() -> None:
    assert mobilised(sent("01/07/2018 12:02:00")) == [datetime(2018, 7, 1, 11, 2, tzinfo=UTC)]


def test_a_file_an_hour_behind_its_calls_in_summer_is_in_gmt() -> None:
    rows = [sent("01/07/2018 11:02:00", HourOfCall="12", ResourceMobilisationId=str(n)) for n in range(3)]
    late = sent("01/07/2018 12:02:00", HourOfCall="12", ResourceMobilisationId="9")
    assert mobilised(*rows, late)[0] == datetime(2018, 7, 1, 11, 2, tzinfo=UTC)


def test_in_winter_the_two_are_the_same() -> None:
    assert mobilised(sent("01/01/2018 12:02:00")) == [datetime(2018, 1, 1, 12, 2, tzinfo=UTC)]


def test_the_month_is_that_of_the_call() -> None:
    assert list(vehicles(csv(sent("01/02/2018 00:02:00", HourOfCall="23")))) == ["2018-01-01"]
    assert list(vehicles(csv(sent("31/07/2018 23:32:00", HourOfCall="0")))) == ["2018-08-01"]  # a file in GMT
    assert list(vehicles(csv(sent("01/02/2018 00:02:00", HourOfCall="0")))) == ["2018-02-01"]


def test_of_the_hour_that_comes_twice_the_first_is_meant_unless_the_arrival_says_otherwise() -> None:
    first = sent("28/10/2018 01:30:00", ResourceMobilisationId="1")
    across = sent("28/10/2018 01:58:00", ResourceMobilisationId="2") | {
        "DateAndTimeMobile": "28/10/2018 01:59:00",
        "DateAndTimeArrived": "28/10/2018 01:03:19",
        "DateAndTimeLeft": "28/10/2018 01:20:00",
    }
    second = sent("28/10/2018 01:58:00", ResourceMobilisationId="3")  # it arrives at 02:03
    found = mobilised(first, across, second)
    assert [(at.hour, at.minute) for at in found] == [(0, 30), (0, 58), (1, 58)]


def test_an_hour_that_london_left_out_is_put_aside() -> None:
    ((found),) = vehicles(
        csv(sent("26/03/2018 12:02:00"), sent("25/03/2018 01:30:00", ResourceMobilisationId="2"))
    ).values()
    assert [row["broken_rules"][0] for row in found.broken] == ["mobilised_at_exists_in_london"]


def test_across_the_hour_that_london_left_out_a_vehicle_takes_what_it_says() -> None:
    row = sent("25/03/2018 00:58:00") | {
        "DateAndTimeArrived": "25/03/2018 02:03:19",
        "DateAndTimeLeft": "25/03/2018 02:30:00",
    }
    ((found),) = vehicles(csv(row)).values()
    assert (found.rows[0]["arrived_at"] - found.rows[0]["mobilised_at"]).total_seconds() == 319


def test_an_incident_without_vehicles_gives_derived_rows() -> None:
    ((found),) = vehicles(csv(call())).values()
    said = [
        (row["mobilisation_id"], row["station"], row["attendance_seconds"], row["pump_order"]) for row in found.rows
    ]
    assert said == [("000008-01012018/1", "Battersea", 319, 1), ("000008-01012018/2", "Clapham", 342, 2)]
    assert all(row["is_derived"] and row["mobilised_at"] is None for row in found.rows)


def test_a_pump_that_was_not_timed_gives_none() -> None:
    ((found),) = vehicles(
        csv(call(FirstPumpArriving_AttendanceTime="", SecondPumpArriving_AttendanceTime="NULL"))
    ).values()
    assert (found.rows, found.landed) == ([], 0)


def test_derived_rows_of_an_incident_with_vehicles_count_as_duplicates() -> None:
    for payloads in ((csv(call()), csv(sent())), (csv(sent()), csv(call()))):
        ((found),) = vehicles(*payloads).values()
        assert [row["mobilisation_id"] for row in found.rows] == ["38426"]
        assert (found.landed, found.duplicates) == (3, 2)


def test_derived_rows_are_those_of_the_last_record_of_an_incident() -> None:
    ((found),) = vehicles(csv(call()), csv(call(SecondPumpArriving_AttendanceTime=""))).values()
    assert [row["mobilisation_id"] for row in found.rows] == ["000008-01012018/1"]
    assert (found.landed, found.duplicates) == (3, 2)


def test_of_a_mobilisation_that_comes_twice_the_last_is_kept() -> None:
    ((found),) = vehicles(csv(sent(), sent(PumpOrder="2"))).values()
    assert ([row["pump_order"] for row in found.rows], found.duplicates, found.conflicts) == ([2], 1, 1)


def test_attendance_is_turnout_and_travel() -> None:
    ((found),) = vehicles(csv(sent(), sent(ResourceMobilisationId="2", TravelTimeSeconds="100"))).values()
    assert [row["broken_rules"] for row in found.broken] == [["attendance_is_turnout_and_travel"]]


def test_both_pumps_of_a_broken_incident_have_a_place_of_their_own() -> None:
    ((found),) = vehicles(csv(call(), call(IncidentNumber="9", TimeOfCall="never"))).values()
    assert [row["row_number"] for row in found.broken] == [2, 3]
