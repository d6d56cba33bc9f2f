"""`transit run road`: months where bikes have days, of the same code."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from transit_assets import definitions
from transit_assets.automation import instance, runs
from transit_assets.dbt_lake import mart_tables
from transit_assets.lake import Lake
from transit_assets.lake.landing import FETCHES
from transit_assets.road.schema import ARCS, COUNTS_HOURLY
from transit_assets.settings import settings
from transit_assets_tests.automation.conftest import settings_of, take
from transit_assets_tests.automation.test_runs import CLEAN, Made, materializations, number

MONTHS = ["2025-09-01", "2025-10-01"]
ARC_COUNT = 2
ZONE_DAILY = next(table for table in mart_tables() if table.relation == "processed.road__zone_daily")


@pytest.fixture
def counted(city: Lake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """The lake of the settings, in a city of two counters."""
    monkeypatch.setenv("TRANSIT_SIMULATOR_ARCS", str(ARC_COUNT))
    settings.cache_clear()
    yield city
    settings.cache_clear()


@pytest.fixture(scope="module")
def running_month(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A lake after its first run, which named no days, and what the run said."""
    root = tmp_path_factory.mktemp("running month") / "lake"
    with settings_of(root, simulator_arcs=str(ARC_COUNT)):
        return root, runs.materialize(["road"], steps=CLEAN)


def test_an_empty_landing_fetches_the_running_month_and_builds_it(counted: Lake, running_month: Made) -> None:
    made, result = running_month
    take(made, counted)
    assert result.is_ok, result
    assert result.built == {"road": ["2025-10-01"]}
    assert counted.table(COUNTS_HOURLY).partitions() == ["2025-10-01"]
    assert counted.table(ARCS).read().num_rows == ARC_COUNT


def test_a_range_of_days_builds_the_months_that_hold_them_then_only_what_received_data(counted: Lake) -> None:
    result = runs.materialize(["road"], date(2025, 9, 30), date(2025, 10, 2), CLEAN)
    assert result.is_ok, result
    assert result.built == {"road": MONTHS}
    loads = counted.ledger.latest(COUNTS_HOURLY.relation)
    found = materializations(["interim", "road", "counts_hourly"])
    assert {month: len(events) for month, events in found.items()} == dict.fromkeys(MONTHS, 1)
    for month, (event,) in found.items():
        assert number(event, "dagster/partition_row_count") == loads[month].kept_rows
        assert number(event, "landed_rows") == loads[month].landed_rows

    again = runs.materialize(["road"], steps=CLEAN)
    assert (again.is_ok, again.built, again.run_ids) == (True, {}, [])

    fetch = counted.landing.fetches("road", ["counts"], partitions=["2025-09-01"])[0]
    late = replace(fetch, fetched_at=datetime(2025, 10, 26, 9, 30, tzinfo=UTC), fetch_id=uuid4().hex)
    counted.landing.land([(late, counted.landing.payload(fetch) + b"\n")])
    reopened = runs.materialize(["road"], steps=CLEAN)
    assert reopened.is_ok, reopened
    assert reopened.built == {"road": list(fetch.partitions)}


def test_a_poll_that_hears_the_same_again_makes_no_month_due(counted: Lake, running_month: Made) -> None:
    take(running_month[0], counted)
    attempts = counted.table(FETCHES).read().num_rows
    runs.materialize(["road"], date(2025, 10, 26), steps=("raw",))
    assert counted.table(FETCHES).read().num_rows > attempts
    again = runs.materialize(["road"], steps=CLEAN)
    assert (again.is_ok, again.built, again.run_ids) == (True, {}, [])


def test_the_job_of_a_month_places_the_arcs_of_an_empty_lake_before_their_zones_are_added_up(counted: Lake) -> None:
    job = definitions.build().resolve_job_def("update_road_months")
    span = {"dagster/asset_partition_range_start": MONTHS[0], "dagster/asset_partition_range_end": MONTHS[1]}
    with instance.opened(settings()) as opened:
        assert job.execute_in_process(instance=opened, tags=span).success
    zones = set(counted.table(ARCS).read()["zone"].to_pylist())
    assert zones
    assert None not in zones
    found = counted.table(ZONE_DAILY).read()
    assert set(found["zone"].to_pylist()) == zones
    assert {str(month) for month in found["month"].to_pylist()} == set(MONTHS)


@pytest.mark.parametrize(("first", "last"), [(date(2009, 12, 31), None), (date(2025, 10, 26), date(2025, 10, 27))])
def test_months_that_the_road_does_not_have_are_refused(counted: Lake, first: date, last: date | None) -> None:
    with pytest.raises(ValueError, match="is not a range of days from 2010-01-01 to 2025-10-26, which road has"):
        runs.materialize(["road"], first, last)
