"""Stop events of a service date: what is a passing, and what is not."""

import io
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from transit_assets.quality.cleaned import Cleaned
from transit_assets.rail.clean.events import stop_events
from transit_assets.rail.clean.polls import decode_csv, station_of_name
from transit_assets.rail.clean.predicted import predicted_calls
from transit_assets.rail.clean.records import Landed
from transit_assets.rail.schema import PREDICTED_CALLS, SCHEDULED_CALLS, STOP_EVENTS
from transit_assets_tests.rail.payloads import CDG2, NORD, PLAINE, poll, polls
from transit_assets_tests.ruled import ruled

DAY = date(2022, 6, 24)
FOLDER = "rail/archive/transilien_polls_2022-06-24"
AT = datetime(2025, 1, 24, 11, 0, tzinfo=UTC)
UUID = "7057d5db-4167-45fb-80fd-acde4637e487"
_NO_CALLS = SCHEDULED_CALLS.schema.empty_table()


def predicted(*landed: pa.Table) -> pa.Table:
    found = predicted_calls(DAY, [Landed(str(number), rows) for number, rows in enumerate(landed)])
    rows = ruled(PREDICTED_CALLS, found).rows
    return pa.Table.from_pylist(rows, schema=found.candidates.schema).select(PREDICTED_CALLS.column_names)


def polled(**stations: list[str]) -> pa.Table:
    """Polls of 2022 by station (`nord`, `plaine`, `cdg2`)."""
    codes = {"nord": NORD, "plaine": PLAINE, "cdg2": CDG2}
    return predicted(*(table for name, lines in stations.items() for table in of(lines, codes[name])))


def of(lines: list[str], station: str) -> list[pa.Table]:
    return list(decode_csv(io.BytesIO(polls(*lines)), station))


def events(rows: pa.Table, scheduled: pa.Table = _NO_CALLS, **said: Any) -> list[dict[str, Any]]:
    found = ruled(STOP_EVENTS, stop_events(DAY, rows, scheduled, **said))
    assert found.broken == []
    return found.rows


def seen(minutes: float, **said: Any) -> dict[str, Any]:
    """One observation of SIRI so many minutes after `AT`; a number for a time is minutes after `AT`."""
    row = {
        "service_date": DAY,
        "observed_at": AT + timedelta(minutes=minutes),
        "station": NORD,
        "journey_id": f"SNCF:VehicleJourney::{UUID}:LOC",
        "train_number": "147347",
        "direction": "north",
        "is_cancelled": False,
        "source": "siri_json",
        "payload_sha256": "sha",
        **said,
    }
    times = {
        name: AT + timedelta(minutes=value) for name, value in row.items() if name[-3:] == "_at" and is_number(value)
    }
    return row | times


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def siri(*observations: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(observations), schema=PREDICTED_CALLS.schema)


def call(minutes: float, trip: str, **said: Any) -> dict[str, Any]:
    return {
        "service_date": DAY,
        "trip_id": trip,
        "route_id": "IDFM:C01743",
        "direction": "north",
        "stop_sequence": 1,
        "stop_id": "s",
        "station": NORD,
        "departure_at": AT + timedelta(minutes=minutes),
        "feed_version": "v",
        **said,
    }


def schedule(*calls: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(calls), schema=SCHEDULED_CALLS.schema)


@pytest.fixture(scope="module")
def recorded(recordings: Path) -> Cleaned:
    paths = sorted((recordings / FOLDER).iterdir())
    tables = [rows for path in paths for rows in decode_csv(io.BytesIO(path.read_bytes()), station_of_name(path.name))]
    landed = [Landed(str(number), rows) for number, rows in enumerate(tables)]
    rows = predicted_calls(DAY, landed).candidates.select(PREDICTED_CALLS.column_names)
    return stop_events(DAY, rows, _NO_CALLS)


def test_the_recorded_day_has_2058_passings_of_248_trains(recorded: Cleaned) -> None:
    rows = recorded.candidates.to_pylist()
    passed = [row for row in rows if row["observed_at"] is not None]
    assert (len(passed), len({row["journey_id"] for row in passed})) == (2_058, 248)
    assert Counter(row["rule"] for row in rows) == {
        "last_announced": 2_058,
        "vanished_early": 727,
        "cancelled": 192,
        "on_show_at_end": 166,
    }
    assert all(row["time_at"] == row["predicted_departure_at"] is not None for row in rows)


def test_on_the_recorded_day_direction_by_number_is_that_of_the_stops(recorded: Cleaned) -> None:
    rows = recorded.candidates.to_pylist()
    ordered = [row for row in rows if row["direction_by_order"] is not None]
    assert len({row["journey_id"] for row in ordered}) == 301
    assert all(row["direction"] == row["direction_by_order"] for row in ordered)


def test_a_collector_outage_invents_no_passing(recorded: Cleaned) -> None:
    """From 13:40 to 14:47 nobody asked: what was announced for that time is a prediction."""
    out, back = datetime(2022, 6, 24, 11, 40, 1, tzinfo=UTC), datetime(2022, 6, 24, 12, 47, 1, tzinfo=UTC)
    rows = [row for row in recorded.candidates.to_pylist() if row["last_seen_at"] == out and not row["is_cancelled"]]
    assert rows
    for row in rows:
        late = row["predicted_departure_at"] - out
        assert row["rule"] == ("last_announced" if late <= timedelta(minutes=2.1) else "vanished_early")
        if row["rule"] == "last_announced":
            assert row["uncertainty_seconds"] == (60 + (back - out).total_seconds()) / 2


@pytest.mark.parametrize(
    ("last_poll", "minute", "rule"),
    [
        ("11:16:01", "11:16", "last_announced"),
        ("11:15:01", "11:17", "last_announced"),
        ("11:14:54", "11:17", "last_announced"),  # 2.1 minutes ahead
        ("11:14:53", "11:17", "vanished_early"),
        ("11:18:00", "11:16", "last_announced"),
        ("11:18:01", "11:16", "lingered"),
    ],
)
def test_a_passing_lies_between_2_minutes_before_and_2_1_after_the_last_sighting(
    last_poll: str, minute: str, rule: str
) -> None:
    other = poll("11:30:01", "PITO44", "11:40")
    (row,) = (
        one for one in events(polled(nord=[poll(last_poll, minute=minute), other])) if one["journey_id"] == "ECHO37"
    )
    assert row["rule"] == rule
    assert (row["observed_at"] is not None) == (rule == "last_announced") == (row["provenance"] == "observed")


def test_the_last_announced_minute_counts_and_all_that_was_said_last_is_kept() -> None:
    lines = [
        poll("11:14:01", minute="11:16"),
        poll("11:15:01", minute="11:18"),
        poll("11:17:01", minute="11:18", term=NORD),
    ]
    rows = events(polled(nord=lines, plaine=[poll("11:30:01", "PITO44", "11:40")]))
    row = next(one for one in rows if one["journey_id"] == "ECHO37")
    assert row["observed_at"] == row["predicted_departure_at"] == datetime(2022, 6, 24, 9, 18, tzinfo=UTC)
    assert (row["observations"], row["destination"], row["mission"]) == (3, NORD, "ECHO")
    assert (row["first_seen_at"].minute, row["last_seen_at"].minute) == (14, 17)


def test_a_train_still_on_show_when_the_polls_end_has_not_passed() -> None:
    rows = polled(nord=[poll("11:15:01", minute="11:16")])
    assert events(rows)[0]["rule"] == "on_show_at_end"
    end = datetime(2022, 6, 24, 9, 15, 1, tzinfo=UTC)
    assert events(rows, observed_until=end + timedelta(minutes=2))[0]["rule"] == "on_show_at_end"
    (row,) = events(rows, observed_until=end + timedelta(minutes=3))
    assert (row["rule"], row["uncertainty_seconds"]) == ("last_announced", 120)


def test_a_train_that_was_last_cancelled_has_not_passed_and_one_that_runs_after_all_has() -> None:
    after = poll("11:30:01", "PITO44", "11:40")
    gone = [poll("11:14:01"), poll("11:15:01", state="Supprimé"), after]
    back = [poll("11:14:01", state="Supprimé"), poll("11:15:01"), after]
    for lines, rule, is_cancelled in ((gone, "cancelled", True), (back, "last_announced", False)):
        row = next(one for one in events(polled(nord=lines)) if one["journey_id"] == "ECHO37")
        assert (row["rule"], row["is_cancelled"]) == (rule, is_cancelled)


def test_the_uncertainty_is_half_of_the_minute_and_of_the_time_until_the_next_poll() -> None:
    lines = [poll("11:15:01"), poll("11:21:01", "PITO44", "11:40"), poll("11:40:01", "PITO44", "11:40")]
    row = next(one for one in events(polled(nord=lines)) if one["journey_id"] == "ECHO37")
    assert row["uncertainty_seconds"] == (60 + 360) / 2


def test_a_departed_train_that_lingers_passed_when_it_left_not_when_it_was_last_shown() -> None:
    observations = [seen(0, expected_departure_at=1, expected_arrival_at=0.5, is_at_stop=False)]
    observations += [seen(minute, expected_departure_at=1.2, is_at_stop=True) for minute in (1, 2, 15, 30)]
    (row,) = events(siri(*observations), observed_until=AT + timedelta(hours=1))
    assert (row["rule"], row["observed_at"]) == ("last_announced", AT + timedelta(minutes=1.2))
    assert (row["last_seen_at"], row["observations"]) == (AT + timedelta(minutes=1), 5)
    assert row["uncertainty_seconds"] == 31


def test_a_train_that_was_only_seen_after_it_left_has_no_passing() -> None:
    (row,) = events(siri(seen(20, expected_departure_at=1, is_at_stop=True)), observed_until=AT + timedelta(hours=1))
    assert (row["rule"], row["provenance"]) == ("lingered", "predicted")


def test_a_train_that_left_is_not_on_show_at_the_end() -> None:
    rows = siri(seen(0, expected_departure_at=1, is_at_stop=False), seen(2, expected_departure_at=1, is_at_stop=True))
    assert events(rows)[0]["rule"] == "last_announced"


def test_a_train_without_any_expected_time_is_where_the_timetable_says() -> None:
    (row,) = events(siri(seen(0, aimed_departure_at=3)), observed_until=AT + timedelta(hours=1))
    assert (row["rule"], row["provenance"], row["time_at"]) == (
        "no_observation",
        "scheduled",
        AT + timedelta(minutes=3),
    )


def test_a_trip_is_found_by_the_identifier_in_the_reference_of_its_train() -> None:
    trip = f"IDFM:TN:SNCF:{UUID}"
    scheduled = schedule(call(2, trip), call(5, trip, station=PLAINE, stop_sequence=2), call(9, trip, station=None))
    first, second = events(siri(seen(0, expected_departure_at=3)), scheduled, observed_until=AT + timedelta(hours=1))
    assert {first["journey_id"], second["journey_id"]} == {f"SNCF:VehicleJourney::{UUID}:LOC"}
    assert (first["station"], second["station"]) == (PLAINE, NORD)
    assert (second["trip_id"], second["scheduled_departure_at"]) == (trip, AT + timedelta(minutes=2))
    assert (first["rule"], first["provenance"], first["source"]) == ("no_observation", "scheduled", None)
    assert (first["time_at"], first["observations"]) == (AT + timedelta(minutes=5), 0)


def test_a_trip_is_found_by_its_number_only_where_one_train_and_one_trip_have_it() -> None:
    rows = siri(seen(0, journey_id="a", expected_departure_at=3))
    one = schedule(call(2, "t", train_number="147347"))
    two = schedule(call(2, "t", train_number="147347"), call(4, "u", train_number="147347"))
    assert [row["trip_id"] for row in events(rows, one)] == ["t"]
    assert [(row["journey_id"], row["trip_id"]) for row in events(rows, two)] == [("a", None), ("t", "t"), ("u", "u")]


def test_a_train_without_a_number_goes_as_its_stops_do() -> None:
    rows = siri(
        *(seen(0, station=station, train_number=None, direction=None, expected_departure_at=minute)
          for station, minute in ((PLAINE, 3), (NORD, 8)))
    )  # fmt: skip
    assert {(row["direction"], row["direction_by_order"]) for row in events(rows)} == {("south", "south")}
    (alone,) = events(siri(seen(0, direction=None, train_number=None, expected_departure_at=1)))
    assert (alone["direction"], alone["direction_by_order"]) == (None, None)


def test_a_date_without_anything_has_no_events() -> None:
    assert events(PREDICTED_CALLS.schema.empty_table()) == []
