"""`transit run road`: months where bikes have days, of the same code."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from transit_assets.automation import runs
from transit_assets.lake import Lake
from transit_assets.road.schema import ARCS, COUNTS_HOURLY
from transit_assets.settings import settings
from transit_assets_tests.automation.test_runs import CLEAN, materializations, number

MONTHS = ["2025-09-01", "2025-10-01"]
ARC_COUNT = 2


@pytest.fixture
def counted(city: Lake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """The lake of the settings, in a city of two counters."""
    monkeypatch.setenv("TRANSIT_SIMULATOR_ARCS", str(ARC_COUNT))
    settings.cache_clear()
    yield city
    settings.cache_clear()


def test_an_empty_landing_fetches_the_running_month_and_builds_it(counted: Lake) -> None:
    result = runs.materialize(["road"], steps=CLEAN)
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
    counted.landing.land([(late, counted.landing.payload(fetch))])
    reopened = runs.materialize(["road"], steps=CLEAN)
    assert reopened.is_ok, reopened
    assert reopened.built == {"road": list(fetch.partitions)}


@pytest.mark.parametrize(("first", "last"), [(date(2009, 12, 31), None), (date(2025, 10, 26), date(2025, 10, 27))])
def test_months_that_the_road_does_not_have_are_refused(counted: Lake, first: date, last: date | None) -> None:
    with pytest.raises(ValueError, match="is not a range of days from 2010-01-01 to 2025-10-26, which road has"):
        runs.materialize(["road"], first, last)
