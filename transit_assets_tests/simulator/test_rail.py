"""The simulated RER B: its answers have the form of the recorded ones, and tell the same at every instant."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from transit_assets.feeds import gtfs
from transit_assets.simulator import Fault, Request, Response, respond
from transit_assets.simulator.prim import BASE, LINE_REF
from transit_assets.simulator.rail import runs
from transit_assets.simulator.rail_gtfs import PATH, ROUTE
from transit_assets.simulator.rail_incidents import incidents_of, notices
from transit_assets.simulator.rail_line import STOPS

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
MONDAY = (date(2026, 3, 2) - date(1970, 1, 1)).days
GARE_DU_NORD = "STIF:StopArea:SP:71410:"
REPORTS = f"{BASE}/v2/navitia/line_reports/lines/line:IDFM:C01743/line_reports"
# The first incident of this Monday; the answers about it are asked for while it is told.
[INCIDENT, *_] = incidents_of(7, MONDAY)
TOLD = datetime.fromtimestamp(INCIDENT.told_at, UTC) + timedelta(minutes=1)


def ask(path: str, instant: datetime = NOW, fault: Fault | None = None, **query: Any) -> Response:
    return respond(Request(path, instant, query={name: str(value) for name, value in query.items()}, fault=fault))


def delivery(answer: Response, name: str) -> dict:
    return json.loads(answer.body)["Siri"]["ServiceDelivery"][name][0]


def visits(instant: datetime = NOW, area: str = GARE_DU_NORD, **others: Any) -> list[dict]:
    answer = ask(f"{BASE}/stop-monitoring", instant, MonitoringRef=area, LineRef=LINE_REF, **others)
    return delivery(answer, "StopMonitoringDelivery")["MonitoredStopVisit"]


def journeys(instant: datetime = NOW, **others: Any) -> list[dict]:
    answer = ask(f"{BASE}/estimated-timetable", instant, LineRef=LINE_REF, **others)
    return delivery(answer, "EstimatedTimetableDelivery")["EstimatedJourneyVersionFrame"][0]["EstimatedVehicleJourney"]


def bulk(instant: datetime = TOLD) -> dict:
    return json.loads(ask(f"{BASE}/disruptions_bulk/disruptions/v2", instant).body)


def messages(instant: datetime = TOLD) -> list[dict]:
    answer = ask(f"{BASE}/general-message", instant, LineRef=LINE_REF)
    return delivery(answer, "GeneralMessageDelivery")["InfoMessage"]


def shape(value: Any) -> Any:
    """The keys of a record, at every depth; of lists those of the first record."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def test_visits_have_the_keys_of_the_recording(recordings):
    real = json.loads((recordings / "rail/payloads/siri_stop_monitoring_2025-01-24.json").read_bytes())
    ours = json.loads(ask(f"{BASE}/stop-monitoring", MonitoringRef=GARE_DU_NORD).body)
    service, other = (answer["Siri"]["ServiceDelivery"] for answer in (ours, real))
    assert list(service) == list(other)
    listed, known = (one["StopMonitoringDelivery"][0].pop("MonitoredStopVisit") for one in (service, other))
    assert shape(service) == shape(other)
    assert {json.dumps(shape(visit), sort_keys=True) for visit in listed} <= {
        json.dumps(shape(visit), sort_keys=True) for visit in known
    }


def test_disruptions_and_messages_have_the_keys_of_the_recordings(recordings):
    real = json.loads((recordings / "rail/payloads/disruptions_bulk_2024-05-06T0800.json").read_bytes())
    ours = bulk()
    assert list(ours) == list(real)
    for name in ("disruptions", "lines"):
        assert {tuple(one) for one in ours[name]} == {tuple(one) for one in real[name]}
    [impacted, *_] = ours["lines"][0]["impactedObjects"]
    assert list(impacted) == list(next(line for line in real["lines"] if line["impactedObjects"])["impactedObjects"][0])
    said = json.loads((recordings / "rail/payloads/siri_general_message_rerb_2023-01-14.json").read_bytes())
    [known, *_] = said["Siri"]["ServiceDelivery"]["GeneralMessageDelivery"][0]["InfoMessage"]
    [message, *_] = messages()
    message["Content"].pop("LineRef")
    assert shape(message) == shape(known)


def test_the_timetable_breaks_no_rule_and_runs_on_every_date():
    for instant in (NOW, datetime(2026, 6, 20, tzinfo=UTC), datetime(2026, 12, 31, 22, tzinfo=UTC)):
        feed = gtfs.survey(io.BytesIO(ask(PATH, instant).body))
        assert feed.findings == ()
        calls = feed.calls_by_date(ROUTE)
        assert feed.first_date is not None
        assert feed.last_date is not None
        assert len(calls) == (feed.last_date - feed.first_date).days + 1
        assert feed.first_date <= instant.date() <= feed.last_date
    assert {stop for stops in feed.stops_of.values() for stop in stops} == set(range(len(STOPS), 2 * len(STOPS)))


def test_a_holiday_has_the_trains_of_a_sunday_and_late_trains_run_past_midnight():
    body = ask(PATH, datetime(2026, 5, 5, tzinfo=UTC)).body
    feed = gtfs.read(io.BytesIO(body))
    calls = feed.calls_by_date(ROUTE)
    assert calls[date(2026, 5, 8)] == calls[date(2026, 5, 10)] != calls[date(2026, 5, 7)]
    assert feed.stop_times is not None
    assert feed.stop_times.arrival.max() > 24 * 3600


def test_the_zip_changes_with_the_month_and_an_unchanged_one_is_not_sent_again():
    march = ask(PATH)
    assert ask(PATH, NOW + timedelta(days=20)).body == march.body
    assert ask(PATH, NOW + timedelta(days=31)).body != march.body
    again = respond(Request(PATH, NOW, headers={"if-none-match": march.headers["etag"]}))
    assert (again.status, again.body) == (304, b"")


def test_trains_leave_no_station_before_their_time_and_keep_their_distance():
    of = runs(7, MONDAY)
    same = of.table.trip[1:] == of.table.trip[:-1]
    ran = ~of.is_cancelled[of.table.trip]
    assert np.all(of.ran_departure[ran] >= of.departure[ran])
    assert np.all((of.ran_arrival[1:] > of.ran_departure[:-1])[same])
    for stop in (14, 15, 16):
        for direction in (0, 1):
            here = [of.table.trips[trip].direction == direction for trip in of.table.trip]
            chosen = np.flatnonzero((of.table.stop == stop) & ran & np.array(here))
            order = chosen[np.argsort(of.ran_arrival[chosen])]
            assert np.all(of.ran_arrival[order[1:]] - of.ran_departure[order[:-1]] >= 60)


def test_a_train_held_by_an_incident_delays_the_trains_behind_it():
    of = runs(7, MONDAY)
    late = of.ran_arrival - of.arrival
    ran = ~of.is_cancelled[of.table.trip]
    blocking = next(one for one in incidents_of(7, MONDAY) if one.is_blocking)
    during = ran & (of.arrival >= blocking.start) & (of.arrival < blocking.end) & np.isin(of.table.stop, blocking.stops)
    before = ran & (of.arrival < min(one.start for one in incidents_of(7, MONDAY)))
    assert np.median(late[during]) > 4 * np.median(late[before])


@pytest.mark.parametrize("minutes", [0, 45, 400, 930])
def test_both_ways_to_ask_for_trains_tell_the_same_of_each(minutes: int):
    instant = NOW + timedelta(minutes=minutes)
    here = {}
    for journey in journeys(instant):
        for call in journey["EstimatedCalls"]["EstimatedCall"]:
            if call["StopPointRef"]["value"] == "STIF:StopArea:SP:462394:":
                here[journey["DatedVehicleJourneyRef"]["value"]] = call
    shown = {
        visit["MonitoredVehicleJourney"]["FramedVehicleJourneyRef"]["DatedVehicleJourneyRef"]: visit
        for visit in visits(instant)
    }
    assert here.keys() <= shown.keys()
    assert here
    for reference, call in here.items():
        other = shown[reference]["MonitoredVehicleJourney"]["MonitoredCall"]
        for name in ("AimedArrivalTime", "AimedDepartureTime", "ExpectedArrivalTime", "ExpectedDepartureTime"):
            assert call.get(name) == other.get(name)


def test_what_is_predicted_never_knows_what_comes():
    """A train's last prediction before it comes differs from when it came; one after it left does not."""
    of = runs(7, MONDAY)
    trip = next(
        trip for trip in of.table.trips if of.ran_departure[trip.first + 5] - of.departure[trip.first + 5] > 200
    )
    call = trip.first + 5
    area = f"STIF:StopArea:SP:{STOPS[of.table.stop[call]].area}:"
    truth = datetime.fromtimestamp(of.ran_departure[call], UTC)

    def said(instant: datetime) -> datetime:
        [visit] = [one for one in visits(instant, area) if trip.reference in json.dumps(one)]
        expected = visit["MonitoredVehicleJourney"]["MonitoredCall"]["ExpectedDepartureTime"]
        return datetime.fromisoformat(expected)

    leaves = datetime.fromtimestamp(of.ran_departure[trip.first], UTC)
    assert said(truth + timedelta(minutes=5)) == truth
    assert abs(said(leaves - timedelta(minutes=30)) - truth) > timedelta(seconds=150)
    assert abs(said(truth - timedelta(seconds=20)) - truth) < timedelta(seconds=90)


def test_trains_that_left_linger_at_the_stop_and_cancelled_ones_have_nothing_expected():
    calls = [visit["MonitoredVehicleJourney"]["MonitoredCall"] for visit in visits(NOW + timedelta(hours=2))]
    gone = [call for call in calls if call.get("ExpectedDepartureTime", "9") < "2026-03-02T09:30:00.000Z"]
    assert len(gone) > 5
    assert all(call["VehicleAtStop"] for call in gone)
    of = runs(7, MONDAY)
    number = int(np.flatnonzero(of.is_cancelled)[0])
    known = datetime.fromtimestamp(of.known_at[number], UTC)

    def statuses(instant: datetime) -> set[str]:
        found = [one for one in journeys(instant) if of.table.trips[number].reference in json.dumps(one)]
        told = [call for one in found for call in one["EstimatedCalls"]["EstimatedCall"]]
        assert all(("ExpectedDepartureTime" in call) != (call["DepartureStatus"] == "CANCELLED") for call in told)
        return {call["DepartureStatus"] for call in told}

    assert statuses(known - timedelta(seconds=1)) <= {"ON_TIME"}
    assert statuses(max(known, datetime.fromtimestamp(of.departure[of.table.trips[number].first], UTC))) == {
        "CANCELLED"
    }


def test_all_feeds_tell_of_the_same_disruptions_at_every_instant():
    for minutes in range(0, 24 * 60, 97):
        instant = NOW + timedelta(minutes=minutes)
        told = {one["id"] for one in bulk(instant)["disruptions"]}
        assert told == {one["id"] for one in json.loads(ask(REPORTS, instant).body)["disruptions"]}
        assert told == {one["InfoMessageIdentifier"]["value"].split("MSG.")[1][:36] for one in messages(instant)}
        assert told == {notice.id for notice in notices(7, int(instant.timestamp()))}


def test_a_disruption_is_told_once_noticed_changes_its_id_with_each_change_and_goes():
    def ids(at: int) -> set[str]:
        return {one.id for one in notices(7, at) if one.incident.key == INCIDENT.key}

    assert ids(INCIDENT.told_at - 1) == set()
    seen = [ids(at) for at in range(INCIDENT.told_at, INCIDENT.closed_at, 60)]
    assert all(len(one) == 1 for one in seen)
    assert len(set.union(*seen)) >= 2
    assert ids(INCIDENT.closed_at) == set()


def test_the_same_faults_are_had_on_request():
    once, twice = journeys(), journeys(fault=Fault.DUPLICATED)
    assert len(twice) > len(once)
    assert twice[: len(once)] == once
    other = journeys(fault=Fault.REORDERED)
    assert other != once
    assert sorted(map(json.dumps, other)) == sorted(map(json.dumps, once))
    assert ask(f"{BASE}/general-message", fault=Fault.RATE_LIMITED, LineRef=LINE_REF).status == 429
    ahead = ask(f"{BASE}/estimated-timetable", fault=Fault.CLOCK_AHEAD, LineRef=LINE_REF)
    assert b'"ResponseTimestamp":"2026-03-02T09:30:00.000Z"' in ahead.body


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("stop-monitoring", {}),
        ("stop-monitoring", {"MonitoringRef": "71410"}),
        ("estimated-timetable", {}),
        ("general-message", {}),
        ("general-message", {"LineRef": LINE_REF, "StopPointRef": GARE_DU_NORD}),
    ],
)
def test_a_question_without_its_parameters_is_refused(path: str, query: dict[str, str]):
    assert ask(f"{BASE}/{path}", **query).status == 400


def test_now_and_then_disruptions_are_not_found_as_in_the_recording(recordings):
    real = json.loads((recordings / "rail/payloads/disruptions_bulk_error_body.json").read_bytes())
    path = f"{BASE}/disruptions_bulk/disruptions/v2"
    answers = [ask(path, NOW + timedelta(minutes=minute)) for minute in range(1500)]
    failed = [answer for answer in answers if answer.status == 404]
    assert 0 < len(failed) < 15
    assert all(json.loads(answer.body) == real for answer in failed)
