"""SIRI Lite answers, to predicted calls and sightings of messages."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from transit_assets.rail.clean.errors import PayloadUnreadable
from transit_assets.rail.clean.predicted import predicted_calls
from transit_assets.rail.clean.records import Landed, of_line, rows_by_line
from transit_assets.rail.clean.sightings import table_of_rows
from transit_assets.rail.clean.siri import Heard, decode_siri, records_of
from transit_assets.rail.schema import PREDICTED_CALLS
from transit_assets_tests.rail.payloads import MITRY, NOON, NORD, monitoring, visit
from transit_assets_tests.ruled import Ruled, ruled

DAY = date(2025, 1, 24)


def visits(payload: bytes) -> pa.Table:
    found = decode_siri(payload, NOON)
    assert isinstance(found, Heard)
    return records_of([found])[0]


def calls(*found: Any) -> Ruled:
    return ruled(PREDICTED_CALLS, predicted_calls(DAY, [Landed("sha", visits(monitoring(*found)))]))


@pytest.mark.parametrize("name", ["siri_stop_monitoring_2025-01-24", "siri_stop_monitoring_area_2025-01-24"])
def test_all_recorded_visits_are_typed(recordings: Path, name: str) -> None:
    rows = visits((recordings / f"rail/payloads/{name}.json").read_bytes())
    assert (rows.num_rows, rows["problem"].null_count) == (64, 64)
    assert rows_by_line(rows) == {"C01727": 41, "C01737": 23}
    assert of_line(rows, "C01743").num_rows == 0
    assert of_line(rows, "*").num_rows == 64


def test_recorded_departed_and_cancelled_visits_are_told_apart(recordings: Path) -> None:
    rows = visits((recordings / "rail/payloads/siri_stop_monitoring_2025-01-24.json").read_bytes()).to_pylist()
    departed = [row for row in rows if row["is_at_stop"]]
    assert len(departed) == 11
    assert all(row["expected_departure_at"] < row["observed_at"] for row in departed)
    (cancelled,) = (row for row in rows if row["is_cancelled"])
    assert (cancelled["expected_arrival_at"], cancelled["expected_departure_at"]) == (None, None)
    assert (cancelled["train_number"], cancelled["direction"], cancelled["status"]) == ("145052", "south", "cancelled")
    coming = [row for row in rows if not row["is_at_stop"] and not row["is_cancelled"]]
    assert len(coming) == 52
    assert all(row["expected_departure_at"] >= row["observed_at"] for row in coming)


def test_a_visit_is_an_observation_at_the_instant_of_the_answer() -> None:
    (row,) = calls(visit()).rows
    assert row["observed_at"] == datetime(2025, 1, 24, 11, 0, tzinfo=UTC)
    assert row["recorded_at"] == datetime(2025, 1, 24, 10, 59, tzinfo=UTC)
    assert (row["station"], row["destination"], row["stop_ref"]) == (NORD, MITRY, "STIF:StopPoint:Q:41087:")
    assert (row["journey_id"], row["train_number"], row["mission"]) == (
        "SNCF:VehicleJourney::147347:LOC",
        "147347",
        "IRMA",
    )
    assert (row["platform"], row["status"], row["is_at_stop"], row["is_real_time"]) == ("41", "onTime", False, True)


def test_lists_may_be_empty_and_values_bare_or_absent() -> None:
    one = visit("", StopPointName="Gare du Nord", ArrivalPlatformName=None, ArrivalStatus=None, VehicleAtStop=None)
    journey = one["MonitoredVehicleJourney"]
    journey |= {"JourneyNote": [{"value": ""}], "DestinationName": [], "DestinationRef": None, "LineRef": "C01743"}
    (row,) = calls(one).rows
    assert (row["train_number"], row["mission"], row["destination"], row["platform"]) == (None, None, None, None)
    assert (row["station"], row["line"], row["direction"], row["is_at_stop"]) == (NORD, "C01743", None, None)


def test_without_a_number_the_destination_tells_the_direction() -> None:
    (row,) = calls(visit("", ref="SNCF:VehicleJourney::x:LOC")).rows
    assert row["direction"] == "north"


def test_a_train_without_a_reference_is_its_number() -> None:
    assert calls(visit(ref=None)).rows[0]["journey_id"] == "147347"


def test_a_bad_visit_is_put_aside_and_costs_itself_only() -> None:
    found = calls(visit(), "no visit", visit("2", ExpectedDepartureTime="soon"), visit("4", stop="Franconville"))
    assert (found.landed, len(found.rows)) == (4, 1)
    assert sorted((row["row_number"], row["broken_rules"][0]) for row in found.broken) == [
        (1, "record_is_readable"),
        (2, "expected_departure_at_is_a_time"),
        (3, "station_is_known"),
    ]


def test_a_visit_of_a_far_date_is_put_aside_on_the_date_of_its_answer() -> None:
    times = ("AimedArrivalTime", "AimedDepartureTime", "ExpectedArrivalTime", "ExpectedDepartureTime")
    later = dict.fromkeys(times, "2026-01-24T11:05:00Z")
    found = calls(visit("2"), visit("4", **later))
    assert (found.landed, len(found.rows)) == (2, 1)
    assert [row["broken_rules"][0] for row in found.broken] == ["is_of_these_days"]


def test_a_cancelled_train_needs_no_time_and_one_that_runs_does() -> None:
    gone = dict.fromkeys(
        ("AimedArrivalTime", "AimedDepartureTime", "ExpectedArrivalTime", "ExpectedDepartureTime"), None
    )
    found = calls(visit("2", DepartureStatus="cancelled", **gone), visit("4", **gone))
    assert [row["train_number"] for row in found.rows] == ["2"]
    assert [row["broken_rules"] for row in found.broken] == [["has_a_time"]]


def test_an_answer_without_visits_is_no_record_and_an_error_is_no_answer() -> None:
    assert visits(monitoring()).num_rows == 0
    with pytest.raises(PayloadUnreadable, match="an error of the provider"):
        visits(monitoring(Status="false", ErrorCondition={"ErrorInformation": {"ErrorText": "no such stop"}}))
    with pytest.raises(PayloadUnreadable, match="not the SIRI Lite answer"):
        visits(b'{"Siri": []}')
    with pytest.raises(PayloadUnreadable, match="no delivery"):
        visits(b'{"Siri": {"ServiceDelivery": {}}}')


def test_recorded_messages_are_sightings(recordings: Path) -> None:
    found = decode_siri((recordings / "rail/payloads/siri_general_message_rerb_2023-01-14.json").read_bytes(), None)
    assert isinstance(found, list)
    first, second = table_of_rows(found).to_pylist()
    assert first["disruption_id"] == "RATP-SIV:InfoMessage::MSG.IVC.4023779067181503019:LOC"
    assert first["observed_at"] == datetime(2023, 1, 14, 20, 43, 21, 864_000, tzinfo=UTC)
    assert first["message"].endswith("en direction de Paris en raison de travaux")
    assert (first["cause"], first["lines"], first["is_active"]) == ("Perturbation", None, True)
    assert second["title"].splitlines()[1] == "Bus de remplacement."
    assert second["periods"] == [{"begin_at": None, "end_at": datetime(2023, 3, 18, 2, tzinfo=UTC)}]


def test_a_message_is_of_the_lines_that_it_names_also_in_its_identifier() -> None:
    def lines(message: dict[str, Any]) -> Any:
        delivery = {"InfoMessage": [{"InfoMessageIdentifier": {"value": "m"}, **message}]}
        service = {"ResponseTimestamp": "2025-01-24T11:00:00Z", "GeneralMessageDelivery": [delivery]}
        found = decode_siri(json.dumps({"Siri": {"ServiceDelivery": service}}).encode(), NOON)
        assert isinstance(found, list)
        return found[0]["lines"]

    assert lines({"Content": {"LineRef": [{"value": "STIF:Line::C01743:"}]}}) == ["STIF:Line::C01743:"]
    assert lines({"ItemIdentifier": "x:STIF:Line::C01743::LOC"}) == ["STIF:Line::C01743:"]
    assert lines({}) is None


def estimated(*journeys: Any) -> bytes:
    """An answer of estimated-timetable."""
    delivery = {"EstimatedJourneyVersionFrame": [{"EstimatedVehicleJourney": list(journeys)}]}
    service = {"ResponseTimestamp": "2025-01-24T11:00:00.000Z", "EstimatedTimetableDelivery": [delivery]}
    return json.dumps({"Siri": {"ServiceDelivery": service}}).encode()


def test_the_calls_of_an_estimated_timetable_are_observations_of_their_stops() -> None:
    call = {"ExpectedDepartureTime": "2025-01-24T11:06:40.000Z", "DepartureStatus": "onTime"}
    journey = {
        "LineRef": {"value": "STIF:Line::C01743:"},
        "DatedVehicleJourneyRef": {"value": "SNCF:VehicleJourney::x:LOC"},
        "VehicleJourneyName": [{"value": "147347"}],
        "DestinationName": [{"value": "Mitry - Claye"}],
        "EstimatedCalls": {
            "EstimatedCall": [
                call | {"StopPointRef": {"value": "STIF:StopArea:SP:71410:"}},
                call | {"StopPointRef": {"value": "x"}, "StopPointName": [{"value": "Drancy"}]},
            ]
        },
    }
    rows = visits(estimated(journey, "no journey"))
    assert rows["station"].to_pylist() == [NORD, "87271403", None]
    assert rows["row_number"].to_pylist() == [0, 1, 2]
    first, _, bad = rows.to_pylist()
    assert (first["journey_id"], first["train_number"]) == ("SNCF:VehicleJourney::x:LOC", "147347")
    assert (first["destination"], first["direction"]) == (MITRY, "north")
    assert bad["problem"].startswith("record_is_readable")
