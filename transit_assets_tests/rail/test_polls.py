"""Dates of the rail into the landing: all polls of a simulated date, one of a real provider, within its quotas."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from transit_assets.feeds import prim
from transit_assets.lake import Fetch, Lake
from transit_assets.lake.errors import OriginMismatch
from transit_assets.rail import landed, poller, polls
from transit_assets.rail.clean.predicted import predicted_calls
from transit_assets.rail.clean.schedule import scheduled_calls
from transit_assets.rail.polls import collect
from transit_assets.rail.stations import STATIONS, station_of
from transit_assets.settings import Settings
from transit_assets.simulator.rail_line import STOPS
from transit_assets_tests.rail.payloads import visit

DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 5, 11, 0, tzinfo=UTC)


def settings(**changes: object) -> Settings:
    known = {"feeds": "simulated", "now": LATER, "simulator_rail_poll_minutes": 60}
    return Settings(_env_file=None, **(known | changes))  # type: ignore[arg-type]


def outcomes(rows: list[Fetch]) -> Counter[str]:
    return Counter(row.outcome for row in rows)


def test_a_simulated_date_is_polled_from_its_first_train_to_its_last_and_once_only(lake: Lake) -> None:
    rows = collect(lake, settings(), "stop_monitoring", DAY)
    assert outcomes(rows) == {"landed": 24}
    assert rows[0].fetched_at == datetime(2026, 3, 2, 2, tzinfo=UTC)
    assert rows[-1].fetched_at == datetime(2026, 3, 3, 1, tzinfo=UTC)
    assert all(row.is_simulated and DAY.isoformat() in row.partitions for row in rows)
    assert collect(lake, settings(), "stop_monitoring", DAY) == []


def test_a_date_that_still_runs_is_filled_up_to_the_clock_and_then_on(lake: Lake) -> None:
    assert len(collect(lake, settings(now=NOON), "stop_monitoring", DAY)) == 9
    assert len(collect(lake, settings(now=NOON + timedelta(hours=2)), "stop_monitoring", DAY)) == 2


@pytest.mark.parametrize("feed", ["disruptions", "general_message", "line_reports"])
def test_what_travellers_are_told_is_polled_over_the_paris_day(lake: Lake, feed: polls.FeedName) -> None:
    rows = collect(lake, settings(simulator_poll_minutes=60), feed, DAY)
    assert {row.partitions for row in rows} == {("2026-03-02",)}
    assert rows[0].fetched_at == datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert {row.feed for row in rows} == {feed}


def test_what_lands_is_read_without_a_complaint_by_line_and_by_station_alike(lake: Lake, tmp_path: Path) -> None:
    other = Lake.at(tmp_path / "areas")
    one = settings(now=datetime(2026, 3, 2, 4, 30, tzinfo=UTC))
    seen = []
    for where, source in ((lake, "line"), (other, "areas")):
        collect(where, one.model_copy(update={"rail_source": source}), "stop_monitoring", DAY)
        [(_, payloads)] = landed.predictions_by_date(where, ["stop_monitoring"], [DAY.isoformat()])
        rows = predicted_calls(DAY, payloads).candidates
        assert rows["problem"].null_count == rows.num_rows > 0
        assert rows["station"].null_count == 0
        columns = ("observed_at", "station", "journey_id", "expected_departure_at", "train_number", "direction")
        seen.append({tuple(row[name] for name in columns) for row in rows.to_pylist()})
    assert seen[0] <= seen[1]


def test_the_schedule_of_the_month_lands_once_and_is_read(lake: Lake) -> None:
    [row] = collect(lake, settings(), "gtfs", DAY)
    assert (row.outcome, row.partitions[0], row.partitions[-1]) == ("landed", "2026-03-01", "2026-04-30")
    [again] = collect(lake, settings(), "gtfs", DAY + timedelta(days=1))
    assert (again.outcome, again.sha256, again.partitions) == ("not_modified", row.sha256, ())
    assert collect(lake, settings(), "gtfs", DAY) == []
    [(_, schedules)] = landed.schedules_by_date(lake, landed.SCHEDULE_FEEDS, [DAY.isoformat()])
    calls = scheduled_calls(DAY, schedules).candidates
    assert calls["station"].null_count == 0
    assert calls.num_rows > 5000


def test_a_schedule_without_the_line_has_failed_and_says_so(lake: Lake) -> None:
    [row] = collect(lake, settings(rail_line="C99999"), "gtfs", DAY)
    assert row.outcome == "failed"
    assert row.error is not None
    assert "without a train of line C99999" in row.error
    assert row.path is not None


def test_a_lake_of_real_data_is_not_filled_from_the_simulator_nor_the_reverse(lake: Lake) -> None:
    lake.landing.claim("real")
    assert collect(lake, settings(), "disruptions", DAY) == []
    assert collect(lake, settings(), "gtfs", DAY) == []


def test_a_real_provider_is_asked_once_and_only_for_today(lake: Lake, provider: "Provider") -> None:
    live = settings(feeds="live", now=NOON, prim_key="k", rail_source="areas")
    assert collect(lake, live, "stop_monitoring", DAY - timedelta(days=1)) == []
    assert provider.asked == Counter()
    rows = collect(lake, live, "stop_monitoring", DAY)
    assert provider.asked == {"stop-monitoring": sum(one.area is not None for one in STATIONS)}
    assert {row.outcome for row in rows} == {"landed"}
    with pytest.raises(OriginMismatch):
        lake.landing.claim("simulated")


def test_an_answer_belongs_to_every_date_that_its_visits_are_of(lake: Lake, provider: "Provider") -> None:
    times = ("AimedArrivalTime", "AimedDepartureTime", "ExpectedArrivalTime", "ExpectedDepartureTime")
    provider.visits = [visit(), visit(**dict.fromkeys(times, "2026-03-02T11:05:00Z"))]
    provider.visits += [visit(**dict.fromkeys(times, "2026-03-03T09:00:00Z"))]  # further ahead than any is told
    live = settings(feeds="live", now=NOON, prim_key="k", rail_source="areas")
    row = collect(lake, live, "stop_monitoring", DAY)[0]
    assert row.partitions == ("2026-03-02", "2026-03-03")
    assert json.loads(row.headers["rows_by_date"])["2026-03-03"]["*"] == 1


def test_calls_of_one_endpoint_do_not_count_for_another(lake: Lake, provider: "Provider") -> None:
    live = settings(feeds="live", now=NOON, prim_key="k", rail_source="areas")
    collect(lake, live, "stop_monitoring", DAY)
    by_line = live.model_copy(update={"rail_source": "line"})
    with polls.open_client(lake, by_line, prim.LINE) as client:
        assert client._budget._spent == 0
    with polls.open_client(lake, live, prim.AREA) as client:
        assert client._budget._spent == sum(one.area is not None for one in STATIONS)


def test_of_all_lines_there_are_no_messages_to_ask_for(lake: Lake) -> None:
    assert collect(lake, settings(rail_line="*"), "general_message", DAY) == []


@pytest.mark.parametrize("source", ["line", "areas"])
def test_a_day_of_polls_stays_within_every_quota(source: str) -> None:
    configured = settings(rail_source=source)
    for feed in polls.POLLED:
        step, asked = poller.step_of(feed, configured), polls.questions(feed, configured)
        assert step is not None
        assert timedelta(days=1) / step * len(asked) <= 0.9 * asked[0].endpoint.quota + 1


def test_the_poller_asks_each_feed_when_it_is_due(lake: Lake) -> None:
    now = NOON
    configured = settings()
    configured.__dict__["clock"] = lambda: now
    counted: Counter[str] = Counter()
    with poller.Poller(lake, configured) as polled:
        for _ in range(20):
            done = polled.poll()
            assert done.problem is None
            counted.update(fetch.feed for fetch in done.fetches)
            now += timedelta(minutes=1)
    assert counted == {"gtfs": 1, "stop_monitoring": 10, "disruptions": 10, "general_message": 4, "line_reports": 2}
    assert done.told == "nothing is due"


def test_what_fails_is_told_and_the_poller_goes_on(lake: Lake) -> None:
    now = NOON
    configured = settings(simulator_faults="html", feed_max_attempts=1)
    configured.__dict__["clock"] = lambda: now
    with poller.Poller(lake, configured) as polled:
        assert "stop_monitoring failed: stop_monitoring: the body is HTML or XML, not JSON" in polled.poll().told
        now += timedelta(minutes=2)
        assert "stop_monitoring landed" in polled.poll().told


def test_the_simulator_and_the_lake_name_the_same_stations() -> None:
    for stop in STOPS:
        numbers = f"IDFM:{stop.area}", f"IDFM:monomodalStopPlace:{stop.place}", f"STIF:StopArea:SP:{stop.place}:"
        for identifier in numbers:
            assert station_of(identifier) is station_of(None, stop.name) is not None


class Provider:
    """A provider that answers every question with nothing, and counts them by endpoint."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.visits: list[dict[str, object]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked[request.url.path.removeprefix("/marketplace/")] += 1
        empty = {"Siri": {"ServiceDelivery": {"StopMonitoringDelivery": [{"MonitoredStopVisit": self.visits}]}}}
        return httpx.Response(200, content=json.dumps(empty))


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    found, real = Provider(), prim.prim_client

    def client(configured: Settings, endpoint: prim.Endpoint, **options: object):
        return real(configured, endpoint, transport=httpx.MockTransport(found.answer), **options)  # type: ignore[arg-type]

    monkeypatch.setattr(prim, "prim_client", client)
    return found
