"""What the landing holds of a service date: read for each table, counted apart from decoding, made into events."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from transit_assets.automation.arrivals import stale_partitions
from transit_assets.automation.flows import Flow
from transit_assets.automation.partitions import PARIS_DAYS
from transit_assets.lake import Fetch, Lake, Load, Table
from transit_assets.quality.load import load
from transit_assets.rail import landed
from transit_assets.rail.archive import import_files
from transit_assets.rail.clean.formats import survey_answer
from transit_assets.rail.clean.predicted import predicted_calls
from transit_assets.rail.clean.schedule import scheduled_calls
from transit_assets.rail.clean.versions import disruption_sightings
from transit_assets.rail.landed import FEEDS_OF, MADE_OF, events_of_date, observed_until, payloads_of
from transit_assets.rail.schema import (
    DISRUPTION_SIGHTINGS,
    DISRUPTIONS,
    PREDICTED_CALLS,
    SCHEDULED_CALLS,
    STOP_EVENTS,
    STOPS,
)
from transit_assets.rail.tables import rebuild_disruptions, rebuild_stops
from transit_assets.settings import Settings
from transit_assets_tests.rail.payloads import NOON, NORD, PLAINE, bulk, disruption, monitoring, poll, polls, tar, visit

DAY, RECORDED = "2025-01-24", "2022-06-24"
FLOW = Flow("rail", PARIS_DAYS, FEEDS_OF, True, MADE_OF)
SETTINGS = Settings(_env_file=None, now=NOON)
BUILDS: dict[str, tuple[Any, Any]] = {
    SCHEDULED_CALLS.relation: (landed.schedules_by_date, scheduled_calls),
    PREDICTED_CALLS.relation: (landed.predictions_by_date, predicted_calls),
    DISRUPTION_SIGHTINGS.relation: (landed.sightings_by_date, disruption_sightings),
}


@pytest.fixture(autouse=True)
def _of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landed, "settings", lambda: SETTINGS)


def answered(lake: Lake, feed: str, *payloads: bytes, minutes: float = 0, is_counted: bool = True) -> None:
    """Answers of a feed as its poller lands them, one a minute."""
    items = []
    for number, payload in enumerate(payloads):
        at = NOON + timedelta(minutes=minutes + number)
        found = survey_answer(payload, feed, at)
        headers = found.headers if is_counted else {}
        items.append(
            (Fetch("rail", feed, at, "x", "x", "landed", False, headers=headers, partitions=found.dates), payload)
        )
    lake.landing.land(items)


def imported(lake: Lake, folder: Path, **payloads: bytes) -> None:
    """Files by name; `nord` and `plaine` are polls of these stations."""
    names = {"nord": f"data-reel-{NORD}.csv", "plaine": f"data-reel-{PLAINE}.csv"}
    paths = [folder / names.get(name, name) for name in payloads]
    for path, payload in zip(paths, payloads.values(), strict=True):
        path.write_bytes(payload)
    import_files(lake, paths, SETTINGS)


def build(lake: Lake, table: Table, *dates: str) -> list[Load]:
    """Load some dates of a table, whose accounts must fit the payloads."""
    by_date, clean = BUILDS[table.relation]
    fingerprints = FLOW.fingerprints(lake, table.relation)
    found: Iterator[tuple[str, Any]] = by_date(lake, FEEDS_OF[table.relation], dates)
    loads = load(lake, table, (clean(date.fromisoformat(day), one, fingerprints.get(day)) for day, one in found))
    counted = payloads_of(table)(lake, dates)
    assert [(counted[day].records, counted[day].fingerprint) for day in dates] == [
        (one.landed_rows, one.fingerprint) for one in loads
    ]
    return loads


def make(lake: Lake, *dates: str) -> list[Load]:
    """Load the events of some dates."""
    built = FLOW.built(lake, STOP_EVENTS.relation)
    return load(lake, STOP_EVENTS, [events_of_date(lake, day, built.get(day)) for day in dates])


def rows(lake: Lake, table: Table, dates: Sequence[str] | None = None) -> list[dict[str, Any]]:
    return lake.table(table).read(dates).to_pylist()


def test_each_table_reads_what_is_its_own(lake: Lake, tmp_path: Path, recordings: Path) -> None:
    answered(lake, "stop_monitoring", monitoring(visit()))
    answered(lake, "disruptions", bulk(disruption()))
    imported(lake, tmp_path, **{"a.tar.xz": tar({"20250124100001.json": bulk()}), "b.json": monitoring(visit("2"))})
    import_files(lake, [recordings / "rail/gtfs/rer_b_2022-06-24_gtfs.zip"], SETTINGS)
    assert [one.kept_rows for one in build(lake, PREDICTED_CALLS, DAY, RECORDED)] == [2, 0]
    assert [one.kept_rows for one in build(lake, DISRUPTION_SIGHTINGS, DAY, RECORDED)] == [2, 0]
    assert [one.kept_rows for one in build(lake, SCHEDULED_CALLS, DAY, RECORDED)] == [0, 8_192]


def test_a_date_gets_the_trains_of_each_file_that_are_its_own(lake: Lake, tmp_path: Path) -> None:
    lines = poll(), poll("23:49:01", "PITO44", "25/06/2022 00:41"), poll("23:50:01", "ILER21", "25/06/2022 04:50")
    imported(lake, tmp_path, nord=polls(*lines), plaine=polls(poll()))
    build(lake, PREDICTED_CALLS, RECORDED, "2022-06-25")
    found = {
        (row["service_date"].isoformat(), row["station"], row["train_number"]) for row in rows(lake, PREDICTED_CALLS)
    }
    assert found == {
        (RECORDED, NORD, "ECHO37"),
        (RECORDED, NORD, "PITO44"),
        (RECORDED, PLAINE, "ECHO37"),
        ("2022-06-25", NORD, "ILER21"),
    }


def test_other_lines_are_counted_and_go_no_further(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(lake, "stop_monitoring", monitoring(visit(), visit("2", line="STIF:Line::C01742:")))
    answered(lake, "stop_monitoring", monitoring(visit("4", line="STIF:Line::C01742:")), minutes=1, is_counted=False)
    assert build(lake, PREDICTED_CALLS, DAY)[0].landed_rows == 1
    monkeypatch.setattr(landed, "settings", lambda: Settings(_env_file=None, rail_line="*"))
    assert build(lake, PREDICTED_CALLS, DAY)[0].landed_rows == 3


def test_the_same_answer_heard_again_says_nothing_twice(lake: Lake) -> None:
    answered(lake, "stop_monitoring", monitoring(visit()), monitoring(visit()))
    (found,) = build(lake, PREDICTED_CALLS, DAY)
    assert (found.landed_rows, found.kept_rows, found.duplicate_rows, found.conflict_rows) == (2, 1, 1, 0)


def test_disruptions_that_stay_the_same_are_seen_at_each_poll(lake: Lake) -> None:
    answered(lake, "disruptions", bulk(disruption()), bulk(disruption()))
    assert build(lake, DISRUPTION_SIGHTINGS, DAY)[0].kept_rows == 2
    rebuild_disruptions(lake)
    (row,) = rows(lake, DISRUPTIONS)
    assert (row["sightings"], row["last_seen_at"] - row["first_seen_at"]) == (2, timedelta(minutes=1))


@pytest.mark.parametrize("payload", [b"", b"<html>", b'{"statusCode":404,"message":"NO_NEWS_FOUND"}', bulk()])
def test_an_answer_that_cannot_be_read_is_one_record_put_aside(lake: Lake, payload: bytes) -> None:
    answered(lake, "stop_monitoring", monitoring(*(visit(str(number)) for number in range(30))), payload)
    (found,) = build(lake, PREDICTED_CALLS, DAY)
    assert (found.outcome, found.landed_rows, found.quarantined_rows) == ("committed", 31, 1)


def test_an_answer_without_trains_still_says_that_someone_looked(lake: Lake) -> None:
    soon = dict.fromkeys(("ExpectedArrivalTime", "ExpectedDepartureTime"), "2025-01-24T11:01:00Z")
    answered(lake, "stop_monitoring", monitoring(visit(**soon)))
    assert observed_until(lake, DAY) == NOON
    build(lake, PREDICTED_CALLS, DAY)
    make(lake, DAY)
    assert rows(lake, STOP_EVENTS)[0]["rule"] == "on_show_at_end"
    answered(lake, "stop_monitoring", monitoring(at="2025-01-24T11:10:00.000Z"), minutes=10)
    assert observed_until(lake, DAY) == NOON + timedelta(minutes=10)
    build(lake, PREDICTED_CALLS, DAY)
    make(lake, DAY)
    assert rows(lake, STOP_EVENTS)[0]["rule"] == "last_announced"
    assert observed_until(lake, "2025-01-23") is None


def test_polls_become_events_beside_the_schedule(lake: Lake, tmp_path: Path, recordings: Path) -> None:
    imported(lake, tmp_path, nord=polls(poll("11:15:01"), poll("11:30:01", "PITO44", "11:40")))
    import_files(lake, [recordings / "rail/archive/transilien-gtfs-2022-06-24.csv"], SETTINGS)
    build(lake, PREDICTED_CALLS, RECORDED)
    build(lake, SCHEDULED_CALLS, RECORDED)
    (made,) = make(lake, RECORDED)
    assert made.landed_rows == made.kept_rows == 2 + 8_192
    passed = [row for row in rows(lake, STOP_EVENTS) if row["provenance"] == "observed"]
    assert [(row["journey_id"], row["observed_at"]) for row in passed] == [
        ("ECHO37", datetime(2022, 6, 24, 9, 16, tzinfo=UTC))
    ]
    rebuild_stops(lake)
    assert len(rows(lake, STOPS)) == 46


def test_events_are_due_until_they_are_made_of_what_landed(lake: Lake, tmp_path: Path) -> None:
    calls = PREDICTED_CALLS.relation
    flow = Flow("rail", PARIS_DAYS, {calls: FEEDS_OF[calls]}, True, {STOP_EVENTS.relation: (calls,)})

    def make_events() -> None:
        load(lake, STOP_EVENTS, [events_of_date(lake, RECORDED, flow.built(lake, STOP_EVENTS.relation).get(RECORDED))])

    imported(lake, tmp_path, nord=polls(poll()))
    build(lake, PREDICTED_CALLS, RECORDED)
    assert list(stale_partitions(lake, flow)) == [RECORDED]
    make_events()
    assert stale_partitions(lake, flow) == {}
    # Made again after more has landed, they still are of what the calls were built from.
    imported(lake, tmp_path, plaine=polls(poll("11:15:01")))
    make_events()
    build(lake, PREDICTED_CALLS, RECORDED)
    assert list(stale_partitions(lake, flow)) == [RECORDED]
    make_events()
    assert stale_partitions(lake, flow) == {}


def test_a_source_that_has_nothing_of_a_date_is_part_of_what_events_are_made_of(lake: Lake, tmp_path: Path) -> None:
    imported(lake, tmp_path, nord=polls(poll()))
    build(lake, PREDICTED_CALLS, RECORDED)
    (content,) = FLOW.fingerprints(lake, PREDICTED_CALLS.relation).values()
    assert FLOW.built(lake, STOP_EVENTS.relation) == {RECORDED: f"{content}+none"}
    # The archive may hold a schedule: the calls of the date are due, and after them the events.
    assert FLOW.fingerprints(lake, STOP_EVENTS.relation) == {RECORDED: f"{content}+{content}"}


def test_a_disruption_is_of_its_paris_day_and_a_train_of_its_service_date(lake: Lake) -> None:
    night = 14 * 60  # 02:00 in Paris
    answered(lake, "disruptions", bulk(disruption()), minutes=night)
    answered(lake, "stop_monitoring", monitoring(at="2025-01-25T01:00:00.000Z"), minutes=night)
    by_feed = {fetch.feed: fetch.partitions for fetch in lake.landing.fetches("rail")}
    assert by_feed == {"disruptions": ("2025-01-25",), "stop_monitoring": (DAY,)}
