"""`transit run` in one process: the same assets, the days that are due, one materialization per day."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from transit_assets.automation import instance, runs
from transit_assets.bikes.schema import STATION_INFORMATION, STATION_LATEST, STATION_STATUS, STATIONS
from transit_assets.dbt_lake import BuildResult
from transit_assets.lake import CheckResult, Fetch, Lake
from transit_assets.settings import settings
from transit_assets_tests.automation.conftest import settings_of, take

CLEAN = ("raw", "interim")
DAYS = ["2025-10-24", "2025-10-25", "2025-10-26"]
_NO_MARTS = BuildResult(True, None, (), (), "none")

Made = tuple[Path, runs.Materialized]


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A lake after its first run, which named no days, and what the run said."""
    root = tmp_path_factory.mktemp("today") / "lake"
    with settings_of(root):
        return root, runs.materialize(["bikes"], steps=CLEAN)


@pytest.fixture(scope="module")
def three_days(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A lake after a run of three days, and what the run said."""
    root = tmp_path_factory.mktemp("three days") / "lake"
    with settings_of(root):
        return root, runs.materialize(["bikes"], date(2025, 10, 24), date(2025, 10, 26), steps=CLEAN)


def materializations(key: list[str]) -> Mapping[str | None, list[dg.AssetMaterialization]]:
    """What the instance knows of an asset, by partition."""
    found: dict[str | None, list[dg.AssetMaterialization]] = {}
    with instance.opened(settings()) as opened:
        records = opened.fetch_materializations(dg.AssetKey(key), limit=1000).records
    for record in records:
        assert record.asset_materialization is not None
        found.setdefault(record.partition_key, []).append(record.asset_materialization)
    return found


def number(materialization: dg.AssetMaterialization, name: str) -> Any:
    return materialization.metadata[name].value


def test_an_empty_landing_fetches_today_and_builds_it(city: Lake, today: Made) -> None:
    made, result = today
    take(made, city)
    assert result.is_ok, result
    assert result.built == {"bikes": ["2025-10-26"]}
    loads = city.ledger.latest(STATION_STATUS.relation)
    assert list(loads) == ["2025-10-26"]
    assert loads["2025-10-26"].kept_rows == city.table(STATION_STATUS).read().num_rows > 1000
    assert city.table(STATION_LATEST).read().num_rows > 1000
    assert city.table(STATIONS).read().num_rows > 1000


def test_a_second_run_finds_nothing_due(city: Lake, today: Made) -> None:
    take(today[0], city)
    versions = {table.relation: city.table(table).version() for table in (STATION_STATUS, STATION_INFORMATION)}
    again = runs.materialize(["bikes"], steps=CLEAN)
    assert again.is_ok
    assert (again.built, again.run_ids) == ({}, [])
    assert versions == {table.relation: city.table(table).version() for table in (STATION_STATUS, STATION_INFORMATION)}


def test_a_range_is_one_run_with_one_materialization_and_its_own_numbers_for_each_day(
    city: Lake, three_days: Made
) -> None:
    made, result = three_days
    take(made, city)
    assert result.is_ok, result
    assert result.built == {"bikes": DAYS}
    loads = city.ledger.latest(STATION_STATUS.relation)
    found = materializations(["interim", "bikes", "station_status"])
    assert {day: len(events) for day, events in found.items()} == dict.fromkeys(DAYS, 1)
    assert len({event.metadata["delta_version"].value for (event,) in found.values()}) == 1  # one commit for the range
    for day, (event,) in found.items():
        load = loads[day]
        assert number(event, "dagster/partition_row_count") == load.kept_rows
        assert number(event, "landed_rows") == load.landed_rows
    assert len({number(event, "landed_rows") for (event,) in found.values()}) == len(found)
    (raw,) = materializations(["raw", "bikes", "station_status"])["2025-10-26"]
    assert number(raw, "observations") == 13  # 25-hour day, hourly, up to noon: 0, 1, 2, 2 again, 3, ... 11


def test_a_late_payload_makes_its_day_due_and_no_other(city: Lake, three_days: Made) -> None:
    take(three_days[0], city)
    fetch = city.landing.fetches("bikes", ["station_status"], partitions=["2025-10-25"])[0]
    late = datetime(2025, 10, 25, 9, 30, tzinfo=UTC)
    city.landing.land([(_again(fetch, late), city.landing.payload(fetch))])
    result = runs.materialize(["bikes"], steps=CLEAN)
    assert result.is_ok
    assert result.built == {"bikes": ["2025-10-25"]}


def test_a_day_that_failed_a_blocking_check_is_held_back_until_it_is_rebuilt(
    city: Lake, three_days: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(three_days[0], city)
    built: list[tuple[str | None, str | None]] = []

    def note(_: Lake, first: str | None, last: str | None, *__: object, **___: object) -> BuildResult:
        built.append((first, last))
        return _NO_MARTS

    def has_built(day: str) -> bool:
        return any(first <= day <= last for first, last in built if first and last)

    monkeypatch.setattr("transit_assets.dbt_lake.build", note)
    failed = CheckResult("accounting", STATION_STATUS.relation, "2025-10-25", is_blocking=True, has_passed=False)
    known = {check.check_name for check in city.ledger.latest_checks() if check.relation == failed.relation}
    name = sorted(known)[0]
    city.ledger.record_checks([replace(failed, check_name=name)])
    for _ in range(2):
        result = runs.materialize(["bikes"], steps=("processed",))
        (held_back,) = result.failed_checks
        assert (held_back.check, held_back.partition, result.is_ok) == (name, "2025-10-25", False)
    assert not has_built("2025-10-25")
    assert has_built("2025-10-24")
    assert has_built("2025-10-26")
    runs.materialize(["bikes"], date(2025, 10, 25), date(2025, 10, 25), ("interim",))  # rebuilt, and checked again
    built.clear()
    runs.materialize(["bikes"], steps=("processed",))
    assert has_built("2025-10-25")


def test_a_simulated_fetch_into_a_lake_of_real_data_is_skipped(city: Lake) -> None:
    city.landing.claim("real")
    result = runs.materialize(["bikes"], steps=("raw",))
    assert result.is_ok
    assert city.landing.fetches("bikes") == []


def test_nothing_that_arrives_is_a_failed_run_with_the_reason(city: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSIT_SIMULATOR_FAULTS", "1.0")
    monkeypatch.setenv("TRANSIT_FEED_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("TRANSIT_SIMULATOR_POLL_MINUTES", "60")
    settings.cache_clear()
    monkeypatch.setattr("transit_assets.bikes.polls.poll_instants", lambda *_: [datetime(2025, 10, 26, 9, tzinfo=UTC)])
    result = runs.materialize(["bikes"], date(2025, 10, 26), steps=("raw",))
    assert not result.is_ok
    (error,) = [text for text in result.errors if text.startswith("raw__bikes__station_status: ")]
    assert error.startswith("raw__bikes__station_status: no payload of bikes/station_status arrived for 2025-10-26: ")


@pytest.mark.parametrize(
    ("domains", "steps", "first", "last", "message"),
    [
        (["trams"], CLEAN, None, None, "there is no domain trams"),
        (["bikes"], ("interim", "cooked"), None, None, "there is no step cooked"),
        (["bikes"], CLEAN, date(2025, 10, 26), date(2025, 10, 25), "not a range of days"),
        (
            ["bikes"],
            CLEAN,
            date(2025, 10, 26),
            date(2025, 10, 27),
            "is not a range of days from 2018-01-01 to 2025-10-26",
        ),
        (["bikes"], CLEAN, date(2017, 12, 31), date(2018, 1, 1), "is not a range of days from 2018-01-01"),
    ],
)
def test_wrong_use_is_named(
    city: Lake, domains: list[str], steps: tuple[str, ...], first: date | None, last: date | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        runs.materialize(domains, first, last, steps)


def _again(fetch: Fetch, fetched_at: datetime) -> Fetch:
    """The same request, answered at another instant."""
    from uuid import uuid4

    return replace(fetch, fetched_at=fetched_at, fetch_id=uuid4().hex)
