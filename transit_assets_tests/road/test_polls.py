"""Months of counts into the landing: what is missing, what comes late, and what a failure leaves."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from threading import Thread

import pytest

from transit_assets.feeds.counters import COUNTS, counters_client, fetch_windows, was_answered
from transit_assets.lake import Fetch, Lake
from transit_assets.road.polls import collect, hour_ends, wanted
from transit_assets.settings import Settings
from transit_assets.simulator import SimulatorServer
from transit_assets.simulator import counters as simulator

MARCH = date(2026, 3, 1)
NOW = datetime(2026, 3, 6, 9, 30, tzinfo=UTC)


def settings(**changes: object) -> Settings:
    return Settings(_env_file=None, **{"feeds": "simulated", "now": NOW, "simulator_arcs": 12, **changes})  # type: ignore[arg-type]


def keys(rows: Sequence[dict]) -> set[str]:
    return {json.dumps([row["t_1h"], row["iu_ac"], row["q"]]) for row in rows}


def held(lake: Lake, month: date = MARCH) -> set[str]:
    """Every record that the landing has of a month."""
    found: set[str] = set()
    for fetch in lake.landing.fetches("road", ["counts"], partitions=[month.isoformat()]):
        if fetch.outcome == "landed":
            decoded = json.loads(lake.landing.payload(fetch))
            found |= keys(decoded if isinstance(decoded, list) else decoded["results"])
    return found


def published(configured: Settings, month: date = MARCH) -> set[str]:
    """Every record that the provider has of a month, by one export."""
    first, end = (instant.isoformat() for instant in hour_ends(month))
    with counters_client(configured) as client:
        [(_, payload)] = client.get(COUNTS, {"where": f"t_1h >= date'{first}' and t_1h < date'{end}'"})
    return keys(json.loads(payload or b""))


def landed(month: str = "2026-03-01", last: str = "2026-03-05T23:00:00+00:00", at: datetime = NOW) -> Fetch:
    return Fetch("road", "counts", at, "x", "x", "landed", True, headers={"last": last}, partitions=(month,))


def test_a_month_is_filled_up_to_the_clock(lake: Lake):
    rows = collect(lake, settings(), MARCH)
    assert {row.outcome for row in rows} == {"landed"}
    assert {row.partitions for row in rows} == {("2026-03-01",)}
    assert held(lake) == published(settings())
    assert max(row.headers["last"] for row in rows) == "2026-03-06T09:00:00+00:00"


def test_a_month_that_was_filled_is_asked_for_its_last_hours_again_and_sends_nothing(lake: Lake):
    first = collect(lake, settings(), MARCH)
    again = collect(lake, settings(), MARCH)
    assert {row.outcome for row in again} == {"not_modified"}
    assert {row.partitions for row in again} == {("2026-03-01",)}
    assert min(row.headers["first"] for row in again) == "2026-03-03T00:00:00+00:00"  # the Paris day 72 hours back
    assert {row.url for row in again} < {row.url for row in first}


def test_late_and_corrected_hours_are_picked_up_by_the_look_back(lake: Lake):
    collect(lake, settings(simulator_arcs=60), MARCH)
    later = settings(simulator_arcs=60, now=NOW + timedelta(days=2, hours=3))
    missed = published(later) - held(lake)
    hours = {json.loads(key)[0] for key in missed}
    assert any(hour < "2026-03-06T08" for hour in hours)
    collect(lake, later, MARCH)
    assert published(later) <= held(lake)


def test_without_a_look_back_late_hours_of_days_before_are_missed(lake: Lake):
    changes = {"simulator_arcs": 60, "road_look_back_hours": 0}
    collect(lake, settings(**changes), MARCH)
    later = settings(**changes, now=NOW + timedelta(days=2, hours=3))
    collect(lake, later, MARCH)
    assert published(later) - held(lake)


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "time_out", "truncated", "html", "empty"])
def test_a_failure_leaves_a_row_and_the_next_collection_goes_on_from_there(lake: Lake, fault: str):
    broken = settings(simulator_faults=f"ok,ok,ok,{fault}", feed_max_attempts=1)
    first = collect(lake, broken, MARCH)
    assert [row.outcome for row in first] == ["landed"] * 3 + ["failed"]
    assert first[-1].error
    assert first[-1].partitions == ()
    assert held(lake) < published(settings())
    assert {row.outcome for row in collect(lake, settings(), MARCH)} == {"landed", "not_modified"}
    assert held(lake) == published(settings())


@pytest.mark.parametrize("fault", ["duplicated", "reordered", "clock_ahead", "clock_behind"])
def test_an_odd_answer_lands_as_it_is_and_costs_no_hour(lake: Lake, fault: str):
    collect(lake, settings(simulator_faults=f"{fault},{fault},{fault}"), MARCH)
    collect(lake, settings(), MARCH)
    assert held(lake) >= published(settings())


def test_a_month_to_come_is_not_asked_for(lake: Lake):
    assert collect(lake, settings(), date(2026, 4, 1)) == []


@pytest.mark.parametrize(
    ("feeds", "month", "is_asked"),
    [
        ("live", date(2023, 12, 1), False),
        ("live", date(2024, 12, 1), True),
        ("simulated", date(2023, 12, 1), True),
    ],
)
def test_a_month_that_the_provider_keeps_no_more_costs_no_call(feeds: str, month: date, is_asked: bool):
    assert (wanted(month, [], settings(feeds=feeds)) is not None) is is_asked


def test_a_month_that_is_complete_and_old_is_not_asked_for_again(lake: Lake):
    february = date(2026, 2, 1)
    old = settings(simulator_arcs=3)
    assert collect(lake, old, february)
    assert held(lake, february) == published(old, february)
    assert collect(lake, old, february) == []


def test_a_month_that_was_filled_while_it_was_young_is_asked_once_more(lake: Lake):
    february = date(2026, 2, 1)
    collect(lake, settings(simulator_arcs=3, now=datetime(2026, 3, 1, 12, tzinfo=UTC)), february)
    assert collect(lake, settings(simulator_arcs=3), february)
    assert collect(lake, settings(simulator_arcs=3), february) == []


FEBRUARY = date(2026, 2, 1)
LONG_AGO = {"simulator_arcs": 3, "now": datetime(2026, 3, 11, tzinfo=UTC)}  # 28 February, the look-back and a week


def without_hours(monkeypatch: pytest.MonkeyPatch, since: datetime) -> None:
    """From now on nobody counts the hours that end at an instant or later."""
    ends = simulator._hour_ends
    monkeypatch.setattr(simulator, "_hour_ends", lambda *asked: (found := ends(*asked))[found < int(since.timestamp())])


@pytest.mark.parametrize("arcs", [3, 40])
@pytest.mark.parametrize("hours", [1, 24, 2000])
def test_a_month_whose_last_hours_nobody_counted_is_given_up(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, hours: int, arcs: int
):
    """It was asked for at every run for ever; one of which nothing is kept in 28 calls each time."""
    without_hours(monkeypatch, hour_ends(FEBRUARY)[1] - timedelta(hours=hours))
    young = settings(simulator_arcs=arcs, now=datetime(2026, 3, 10, 12, tzinfo=UTC))
    assert collect(lake, young, FEBRUARY)
    assert collect(lake, young, FEBRUARY)  # they may still come
    old = settings(**LONG_AGO | {"simulator_arcs": arcs})
    assert {row.outcome for row in collect(lake, old, FEBRUARY)} <= {"landed", "not_modified"}
    assert collect(lake, old, FEBRUARY) == []
    assert collect(lake, old, MARCH)  # its first hours are asked for from where February ends


@pytest.mark.parametrize("arcs", [3, 40])
def test_a_month_of_long_ago_that_was_fetched_in_part_is_gone_on_with(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, arcs: int
):
    changes = LONG_AGO | {"simulator_arcs": arcs}
    broken = settings(**changes, simulator_faults=f"{'ok,' * 10}server_error", feed_max_attempts=1)
    assert collect(lake, broken, FEBRUARY)[-1].outcome == "failed"
    collect(lake, settings(**changes), FEBRUARY)
    assert held(lake, FEBRUARY) == published(settings(**changes), FEBRUARY)


def test_a_page_of_a_last_window_that_failed_then_is_no_answer(lake: Lake):
    end = hour_ends(FEBRUARY)[1]
    with counters_client(
        settings(simulator_arcs=40, now=LONG_AGO["now"], simulator_faults="ok,html", feed_max_attempts=1)
    ) as client:
        [page, failed] = [one for some in fetch_windows(client, end - timedelta(hours=24), end) for one in some]
    assert (page[0].headers["records"], failed[0].outcome) == ("100", "failed")
    lake.landing.land([page, failed])
    assert not was_answered(lake, end, end)


def test_a_simulated_fetch_into_a_lake_of_real_data_is_skipped_with_a_message(
    lake: Lake, caplog: pytest.LogCaptureFixture
):
    lake.landing.claim("real")
    assert collect(lake, settings(), MARCH) == []
    assert "holds real data" in caplog.text


def test_long_work_says_how_far_it_is(lake: Lake, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", "transit_assets.road.polls")
    collect(lake, settings(), MARCH)
    assert "road counts until 2026-03-02T23:00 UTC" in caplog.text


def test_a_real_provider_is_asked_the_same_way(lake: Lake):
    server = SimulatorServer(lambda: NOW, arcs=12)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        rows = collect(lake, settings(feeds="live", ods_url=server.url), MARCH)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert {(row.outcome, row.provider) for row in rows} == {("landed", "127.0.0.1")}
    assert held(lake) == published(settings())


@pytest.mark.parametrize(
    ("month", "first", "end"),
    [
        (date(2026, 3, 1), "2026-03-01T00:00", "2026-03-31T23:00"),  # 743 hours
        (date(2026, 10, 1), "2026-09-30T23:00", "2026-11-01T00:00"),  # 745
        (date(2026, 12, 1), "2026-12-01T00:00", "2027-01-01T00:00"),
    ],
)
def test_a_month_has_the_hours_that_start_in_it(month: date, first: str, end: str):
    assert tuple(instant.isoformat()[:16] for instant in hour_ends(month)) == (first, end)


@pytest.mark.parametrize(
    ("fetches", "changes", "first", "end"),
    [
        ([], {}, "2026-03-01T00:00", "2026-03-07T00:00"),
        ([landed()], {}, "2026-03-02T00:00", "2026-03-07T00:00"),
        ([landed()], {"road_look_back_hours": 0}, "2026-03-05T00:00", "2026-03-07T00:00"),
        ([landed()], {"road_look_back_hours": 8760}, "2026-03-01T00:00", "2026-03-07T00:00"),
        ([], {"road_publication_delay_minutes": 24 * 60}, "2026-03-01T00:00", "2026-03-06T00:00"),
        ([], {"now": datetime(2026, 4, 20, tzinfo=UTC)}, "2026-03-01T00:00", "2026-03-31T23:00"),
    ],
)
def test_what_is_asked_for_ends_with_a_day_and_starts_a_look_back_before_what_is_there(
    fetches: list[Fetch], changes: dict, first: str, end: str
):
    bounds = wanted(MARCH, fetches, settings(**changes))
    assert bounds is not None
    assert tuple(instant.isoformat()[:16] for instant in bounds) == (first, end)
