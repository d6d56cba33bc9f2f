"""The sensor that watches the landing: exactly the days that received data, each content once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from transit_assets.automation.arrivals import Cursor, landing_sensor, next_days
from transit_assets.automation.partitions import PARIS_DAYS
from transit_assets.automation.resources import LakeResource
from transit_assets.lake import Fetch, Lake, Load

RELATION = "interim.bikes__station_status"


@dg.asset(partitions_def=PARIS_DAYS)
def clean_day() -> None: ...


JOB = dg.define_asset_job("clean_days", selection=[clean_day])
SENSOR = landing_sensor("bikes", {RELATION: ("station_status", "archive")}, JOB)
REPOSITORY = dg.Definitions(assets=[clean_day], jobs=[JOB], sensors=[SENSOR]).get_repository_def()


def land(lake: Lake, content: str, *days: str, feed: str = "station_status") -> None:
    """Land one payload that touches some days."""
    fetch = Fetch(
        domain="bikes",
        feed=feed,
        fetched_at=datetime(2025, 9, 10, 12, tzinfo=UTC),
        provider="file",
        url=content,
        outcome="landed",
        is_simulated=False,
        partitions=days,
    )
    lake.landing.land([(fetch, content.encode())])


def built(lake: Lake, *days: str, outcome: Any = "committed") -> None:
    """Say in the ledger that days were built from what has landed by now."""
    lake.table(_table()).create()
    fingerprints = lake.landing.fingerprints("bikes", ("station_status", "archive"))
    lake.ledger.record([Load(RELATION, day, outcome, fingerprint=fingerprints[day], table_version=0) for day in days])


def tick(lake: Lake, cursor: str | None = None) -> tuple[Sequence[dg.RunRequest], str | None]:
    """One evaluation: what it requests and the cursor it leaves."""
    context = dg.build_sensor_context(
        cursor=cursor,
        repository_def=REPOSITORY,
        resources={"lake": LakeResource(root=lake.location.root)},
    )
    found = SENSOR.evaluate_tick(context)
    return found.run_requests or [], found.cursor or cursor


def days_of(requests: Sequence[dg.RunRequest]) -> list[str | None]:
    return [request.partition_key for request in requests]


def test_an_empty_landing_requests_nothing(lake: Lake) -> None:
    assert tick(lake) == ([], None)


def test_exactly_the_days_that_received_data_are_requested(any_lake: Lake) -> None:
    land(any_lake, "a", "2025-09-09", "2025-09-07")
    land(any_lake, "b", "2024-02-29", feed="archive")
    land(any_lake, "another feed", "2025-09-01", feed="elsewhere")
    requests, _ = tick(any_lake)
    assert days_of(requests) == ["2024-02-29", "2025-09-07", "2025-09-09"]


def test_nothing_new_since_the_last_tick_is_skipped(lake: Lake) -> None:
    land(lake, "a", "2025-09-09")
    _, cursor = tick(lake)
    assert tick(lake, cursor)[0] == []


def test_a_late_row_reopens_its_day_and_no_other(lake: Lake) -> None:
    land(lake, "a", "2025-09-07", "2025-09-08")
    first, cursor = tick(lake)
    built(lake, "2025-09-07", "2025-09-08")
    land(lake, "late", "2025-09-07")
    second, _ = tick(lake, cursor)
    assert days_of(second) == ["2025-09-07"]
    assert second[0].run_key != first[0].run_key


def test_the_same_content_is_requested_once_while_its_run_is_on_its_way(lake: Lake) -> None:
    land(lake, "a", "2025-09-07")
    first, cursor = tick(lake)
    land(lake, "another day", "2025-09-08")
    second, _ = tick(lake, cursor)
    assert (days_of(first), days_of(second)) == (["2025-09-07"], ["2025-09-08"])


def test_new_content_before_the_first_was_built_has_another_run_key(lake: Lake) -> None:
    land(lake, "a", "2025-09-07")
    first, cursor = tick(lake)
    land(lake, "b", "2025-09-07")
    second, _ = tick(lake, cursor)
    assert days_of(second) == ["2025-09-07"]
    assert first[0].run_key != second[0].run_key


def test_a_refused_day_waits_for_new_data(lake: Lake) -> None:
    land(lake, "a", "2025-09-07")
    built(lake, "2025-09-07", outcome="refused")
    assert tick(lake)[0] == []
    land(lake, "better", "2025-09-07")
    assert days_of(tick(lake)[0]) == ["2025-09-07"]


def test_a_lost_cursor_requests_only_what_is_not_built(lake: Lake) -> None:
    land(lake, "a", "2025-09-07", "2025-09-08")
    built(lake, "2025-09-07")
    assert days_of(tick(lake, cursor=None)[0]) == ["2025-09-08"]


def test_many_days_are_spread_over_ticks_until_all_are_asked_for() -> None:
    fingerprints = {f"2025-01-{day:02}": "f" for day in range(1, 11)}
    cursor, asked = Cursor(), []
    for _ in range(3):
        days, cursor = next_days(list(fingerprints), fingerprints, cursor, version=7, limit=4)
        asked.append(days)
        cursor = Cursor.read(cursor.text())
    assert [len(days) for days in asked] == [4, 4, 2]
    assert sorted(day for days in asked for day in days) == sorted(fingerprints)
    assert cursor.version == 7


def test_an_unfinished_version_is_not_counted_as_seen() -> None:
    fingerprints = {"2025-01-01": "f", "2025-01-02": "f"}
    _, cursor = next_days(list(fingerprints), fingerprints, Cursor(version=3), version=7, limit=1)
    assert cursor.version == 3


def test_the_cursor_forgets_days_that_were_built() -> None:
    before = Cursor(1, {"2025-01-01": "f", "2025-01-02": "f"})
    _, cursor = next_days(["2025-01-02"], {"2025-01-02": "f"}, before, version=2)
    assert dict(cursor.requested) == {"2025-01-02": "f"}


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")


def _table() -> Any:
    from transit_assets.bikes.schema import STATION_STATUS

    return STATION_STATUS
