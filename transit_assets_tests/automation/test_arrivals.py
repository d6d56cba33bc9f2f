"""The sensor that watches the landing: exactly the days that received data, each content once."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from transit_assets.automation.arrivals import ATTEMPTS, Cursor, landing_sensor, next_partitions
from transit_assets.automation.flows import Flow
from transit_assets.automation.partitions import PARIS_DAYS, PARIS_MONTHS
from transit_assets.automation.resources import LakeResource
from transit_assets.lake import Fetch, Lake, Load
from transit_assets.settings import settings

RELATION = "interim.bikes__station_status"


@dg.asset(partitions_def=PARIS_DAYS.definition)
def clean_day() -> None: ...


JOB = dg.define_asset_job("clean_days", selection=[clean_day])
SENSOR = landing_sensor(Flow("bikes", PARIS_DAYS, {RELATION: ("station_status", "archive")}), JOB)


@dg.asset(partitions_def=PARIS_MONTHS.definition)
def clean_month() -> None: ...


MONTHS_JOB = dg.define_asset_job("clean_months", selection=[clean_month])
MONTHS_SENSOR = landing_sensor(Flow("road", PARIS_MONTHS, {RELATION: ("counts",)}), MONTHS_JOB)
REPOSITORY = dg.Definitions(
    assets=[clean_day, clean_month], jobs=[JOB, MONTHS_JOB], sensors=[SENSOR, MONTHS_SENSOR]
).get_repository_def()


def land(lake: Lake, content: str, *days: str, feed: str = "station_status", domain: str = "bikes") -> None:
    """Land one payload that touches some days."""
    fetch = Fetch(
        domain=domain,
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
    table_id = lake.table(_table()).create().state().table_id
    fingerprints = lake.landing.fingerprints("bikes", ("station_status", "archive"))
    lake.ledger.record(
        [
            Load(RELATION, day, outcome, fingerprint=fingerprints[day], table_version=0, table_id=table_id)
            for day in days
        ]
    )


def tick(
    lake: Lake,
    cursor: str | None = None,
    instance: dg.DagsterInstance | None = None,
    sensor: dg.SensorDefinition = SENSOR,
) -> tuple[Sequence[dg.RunRequest], str | None]:
    """One evaluation: what it requests and the cursor it leaves."""
    context = dg.build_sensor_context(
        instance=instance or dg.DagsterInstance.ephemeral(),
        cursor=cursor,
        repository_def=REPOSITORY,
        resources={"lake": LakeResource(root=lake.location.root)},
    )
    found = sensor.evaluate_tick(context)
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


TODAY = "2025-10-26"


def test_many_days_are_spread_over_ticks_until_all_are_asked_for() -> None:
    stale = {f"2025-01-{day:02}": "f" for day in range(1, 11)}
    cursor, asked = Cursor(), []
    for _ in range(3):
        keys, cursor = next_partitions(stale, cursor, 7, TODAY, limit=4)
        asked.append(list(keys))
        cursor = Cursor.read(cursor.text())
    assert [len(days) for days in asked] == [4, 4, 2]
    assert sorted(day for days in asked for day in days) == sorted(stale)
    assert (cursor.version, cursor.running) == (7, TODAY)


def test_an_unfinished_version_is_not_counted_as_seen() -> None:
    stale = {"2025-01-01": "f", "2025-01-02": "f"}
    _, cursor = next_partitions(stale, Cursor(version=3), 7, TODAY, limit=1)
    assert cursor.version == 3


def test_the_cursor_forgets_days_that_were_built() -> None:
    before = Cursor(1, TODAY, {"2025-01-01": "2025-01-01:f:1", "2025-01-02": "2025-01-02:f:1"})
    _, cursor = next_partitions({"2025-01-02": "f"}, before, 2, TODAY)
    assert dict(cursor.requested) == {"2025-01-02": "2025-01-02:f:1"}


def test_a_failed_content_is_asked_for_a_bounded_number_of_times_and_new_content_at_once() -> None:
    failed: set[str] = set()
    cursor, asked = Cursor(), []
    for _ in range(ATTEMPTS + 2):
        keys, cursor = next_partitions({"2025-01-01": "f"}, cursor, 7, TODAY, failed)
        asked += keys.values()
        failed |= set(keys.values())
    assert asked == [f"2025-01-01:f:{attempt + 1}" for attempt in range(ATTEMPTS)]
    keys, _ = next_partitions({"2025-01-01": "g"}, cursor, 8, TODAY, failed)
    assert keys == {"2025-01-01": "2025-01-01:g:1"}


def test_today_is_left_to_the_compaction_until_midnight(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def at(instant: str) -> None:
        monkeypatch.setenv("TRANSIT_NOW", instant)
        settings.cache_clear()

    land(lake, "yesterday", "2025-09-09")
    land(lake, "today", "2025-09-10")
    at("2025-09-10T23:59:00+02:00")
    requests, cursor = tick(lake)
    assert days_of(requests) == ["2025-09-09"]
    built(lake, "2025-09-09")
    assert tick(lake, cursor)[0] == []
    at("2025-09-11T00:01:00+02:00")
    assert days_of(tick(lake, cursor)[0]) == ["2025-09-10"]


def test_the_running_month_is_left_to_the_compaction_until_it_is_over(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(lake, "two months", "2025-08-01", "2025-09-01", feed="counts", domain="road")
    land(lake, "bikes", "2025-09-02")
    for now, last in (("2025-09-30T23:59:00+02:00", "2025-08-01"), ("2025-10-01T00:01:00+02:00", "2025-09-01")):
        monkeypatch.setenv("TRANSIT_NOW", now)
        settings.cache_clear()
        requests, _ = tick(lake, sensor=MONTHS_SENSOR)
        assert days_of(requests)[-1] == last


def test_a_cursor_of_an_earlier_version_is_read() -> None:
    text = '{"version": 3, "today": "2025-09-10", "requested": {"2025-09-09": "2025-09-09:f:1"}}'
    assert Cursor.read(text) == Cursor(3, None, {"2025-09-09": "2025-09-09:f:1"})


def test_a_request_whose_run_failed_is_made_again_without_news(lake: Lake) -> None:
    land(lake, "a", "2025-09-07")
    with dg.DagsterInstance.ephemeral() as instance:
        (first,), cursor = tick(lake, instance=instance)
        assert tick(lake, cursor, instance)[0] == []  # on its way
        run = instance.create_run_for_job(
            REPOSITORY.get_job("clean_days"),
            status=dg.DagsterRunStatus.STARTED,
            tags={"dagster/sensor_name": "bikes_arrivals", "dagster/run_key": str(first.run_key)},
        )
        assert tick(lake, cursor, instance)[0] == []  # running
        instance.report_run_failed(run)
        (second,), _ = tick(lake, cursor, instance)
    assert (second.partition_key, second.run_key) == (first.partition_key, f"{str(first.run_key)[:-1]}2")


def test_data_that_lands_during_a_tick_waits_for_the_next(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    land(lake, "a", "2025-09-07")
    read = type(lake.landing).fingerprints

    def then_another_day_lands(*args: Any, **named: Any) -> Any:
        found = read(*args, **named)
        land(lake, "meanwhile", "2025-09-08")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(type(lake.landing), "fingerprints", then_another_day_lands)
        requests, cursor = tick(lake)
    assert days_of(requests) == ["2025-09-07"]
    assert days_of(tick(lake, cursor)[0]) == ["2025-09-08"]


@pytest.fixture(autouse=True)
def _settings_as_before() -> Iterator[None]:
    yield
    settings.cache_clear()


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")


def _table() -> Any:
    from transit_assets.bikes.schema import STATION_STATUS

    return STATION_STATUS
