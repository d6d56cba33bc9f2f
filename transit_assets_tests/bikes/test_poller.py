"""The poller against each way in which the simulator fails: an outcome each, nothing lost, the next poll goes on."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from transit_assets.bikes.clean.status import station_status
from transit_assets.bikes.landed import STATUS_FEEDS, observations
from transit_assets.bikes.poller import Polled, Poller
from transit_assets.bikes.schema import STATION_LATEST, STATION_STATUS
from transit_assets.lake import Lake
from transit_assets.quality.load import load
from transit_assets.settings import Settings
from transit_assets.simulator import Fault

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = date(2026, 3, 2)
FAILING = [Fault.TIME_OUT, Fault.RATE_LIMITED, Fault.SERVER_ERROR, Fault.HTML, Fault.EMPTY, Fault.TRUNCATED]
Poll = Callable[[int], Polled]


@pytest.fixture
def polls(lake: Lake) -> Iterator[Callable[[str], Poll]]:
    """`polls(faults)` opens a poller; what it gives polls at a minute after noon. The descriptions come first."""
    with ExitStack() as opened:

        def of(faults: str) -> Poll:
            settings = Settings(
                lake=lake.location.root,
                feeds="simulated",
                now=NOON,
                simulator_faults=f"ok,{faults}",
                feed_max_attempts=1,
            )
            poller = opened.enter_context(Poller(lake, settings))

            def poll(minute: int) -> Polled:
                settings.now = NOON + timedelta(minutes=minute)
                return poller.poll()

            return poll

        yield of


def live(lake: Lake) -> dict[str, dict[str, Any]]:
    return {row["station_code"]: row for row in lake.table(STATION_LATEST).read().to_pylist()}


def loaded(lake: Lake) -> Any:
    """The day as its load judges it."""
    (found,) = load(lake, STATION_STATUS, [station_status(DAY, observations(lake, STATUS_FEEDS, DAY.isoformat()))])
    return found


@pytest.mark.parametrize("fault", FAILING)
def test_a_failed_poll_is_an_outcome_and_the_next_one_recovers(
    lake: Lake, polls: Callable[[str], Poll], fault: Fault
) -> None:
    poll = polls(f"ok,{fault},ok")
    before = poll(0)
    held = live(lake)
    failed = poll(1)
    (attempt,) = failed.fetches
    assert (attempt.outcome, failed.stations, bool(failed.problem)) == ("failed", 0, True)
    assert attempt.is_simulated
    assert live(lake) == held
    after = poll(2)
    assert (after.fetches[-1].outcome, after.problem) == ("landed", None)
    assert after.stations == before.stations == len(live(lake))
    assert loaded(lake).landed_rows >= before.stations + after.stations


@pytest.mark.parametrize("fault", FAILING)
def test_a_failure_in_between_does_not_forget_what_is_not_modified(polls: Callable[[str], Poll], fault: Fault) -> None:
    poll = polls(f"ok,{fault},ok")
    first, failed, again = poll(0), poll(0), poll(0)
    assert [one.fetches[-1].outcome for one in (first, failed, again)] == ["landed", "failed", "not_modified"]
    assert (again.fetches[-1].sha256, again.stations) == (first.fetches[-1].sha256, first.stations)


@pytest.mark.parametrize("fault", [Fault.DUPLICATED, Fault.REORDERED])
def test_records_twice_or_in_another_order_are_the_same_stations(
    lake: Lake, polls: Callable[[str], Poll], fault: Fault
) -> None:
    poll = polls(f"ok,{fault},ok")
    before = poll(0)
    codes = set(live(lake))
    odd, after = poll(1), poll(2)
    assert [one.fetches[-1].outcome for one in (odd, after)] == ["landed", "landed"]
    assert odd.stations == after.stations == before.stations
    assert set(live(lake)) == codes
    found = loaded(lake)
    assert found.outcome == "committed"
    assert found.landed_rows == found.kept_rows + found.duplicate_rows + found.quarantined_rows


def test_reports_of_a_clock_that_jumps_ahead_are_counted_and_wait_in_quarantine(
    lake: Lake, polls: Callable[[str], Poll]
) -> None:
    """They were dropped, and the poll said nothing of them."""
    poll = polls(f"ok,{Fault.CLOCK_AHEAD},ok")
    before = poll(0)
    held = live(lake)
    ahead = poll(1)
    assert (ahead.fetches[-1].outcome, sum(before.broken.values())) == ("landed", 0)
    assert sum(ahead.broken.values()) > 1_000
    assert ahead.stations + sum(ahead.broken.values()) >= before.stations
    assert {
        code: row["reported_at"] for code, row in live(lake).items() if row["reported_at"] > NOON + timedelta(hours=1)
    } == {}
    assert set(live(lake)) == set(held)
    after = poll(2)
    assert (after.stations, sum(after.broken.values())) == (before.stations, 0)
    assert loaded(lake).quarantined_rows == sum(ahead.broken.values())


def test_a_clock_that_jumps_back_is_made_good_by_the_next_poll(lake: Lake, polls: Callable[[str], Poll]) -> None:
    """The latest poll holds, so that a provider can correct itself; the day keeps the reports of all."""
    poll = polls(f"ok,{Fault.CLOCK_BEHIND},ok")
    before = poll(0)
    held = live(lake)
    behind = poll(1)
    assert (behind.fetches[-1].outcome, sum(behind.broken.values())) == ("landed", 0)
    after = poll(2)
    assert (after.fetches[-1].outcome, after.stations) == ("landed", before.stations)
    assert all(row["reported_at"] >= held[code]["reported_at"] for code, row in live(lake).items())
    assert loaded(lake).kept_rows > before.stations
