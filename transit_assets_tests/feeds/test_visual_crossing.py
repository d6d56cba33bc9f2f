"""The weather's feed through the simulator: records of the plan are counted, the key shows nowhere."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime

import httpx
import pytest

from transit_assets.feeds import FeedClient
from transit_assets.feeds.client import Attempt
from transit_assets.feeds.visual_crossing import (
    cost_of,
    decode_hours,
    decode_timeline,
    get_hours,
    problem_of_timeline,
    records_spent,
    visual_crossing_client,
)
from transit_assets.lake import Lake
from transit_assets.settings import SettingMissing, Settings
from transit_assets.simulator import FaultPlan, SimulatorTransport

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
SETTINGS = Settings(_env_file=None, feeds="simulated", now=NOW)  # type: ignore[call-arg]
PARIS, MARCH = (48.8566, 2.3522), date(2026, 3, 1)


@pytest.fixture
def client() -> Iterator[FeedClient]:
    with visual_crossing_client(SETTINGS) as found:
        yield found


def ask(client: FeedClient, first: date, last: date, left: int = 1000, month: date = MARCH) -> list[Attempt]:
    return get_hours(client, SETTINGS, *PARIS, (first, last), month=month, records_left=left)


def test_hours_of_days_come_in_one_answer_that_says_what_it_cost(client: FeedClient) -> None:
    [(fetch, payload)] = ask(client, date(2026, 2, 27), date(2026, 3, 1))
    assert (fetch.outcome, fetch.is_simulated, fetch.partitions) == ("landed", True, ("2026-03-01",))
    assert (fetch.headers["query-cost"], fetch.headers["records"]) == ("72", "72")
    assert "unitGroup=metric" in fetch.url
    hours = decode_hours(decode_timeline(payload or b"")).stations
    assert len(hours) == 72
    assert hours[0].starts_at == int(datetime(2026, 2, 26, 23, tzinfo=UTC).timestamp())


def test_only_hours_of_the_month_are_counted(client: FeedClient) -> None:
    """Paris days of March begin an hour before March does in UTC; February is asked for by itself."""
    [(fetch, _)] = ask(client, date(2026, 3, 1), date(2026, 3, 1))
    assert json.loads(fetch.headers["rows-by-month"]) == {"2026-03-01": 23}


@pytest.mark.parametrize(
    ("first", "last", "cost"),
    [
        (date(2026, 2, 23), date(2026, 3, 1), 168),
        (date(2026, 3, 1), date(2026, 3, 2), 25),
        (date(2026, 3, 2), date(2026, 3, 16), 1),
    ],
)
def test_history_costs_each_hour_and_a_forecast_one_record(first: date, last: date, cost: int) -> None:
    assert cost_of(first, last, NOW.date()) == cost


def test_what_the_plan_does_not_allow_is_not_asked(client: FeedClient, lake: Lake) -> None:
    skipped = lake.landing.land(ask(client, date(2026, 2, 23), date(2026, 3, 1), left=167))
    assert [(fetch.outcome, fetch.error) for fetch in skipped] == [
        ("skipped", "168 records are needed, 167 of this UTC day are left")
    ]
    assert records_spent(lake, client.provider, NOW.date()) == 0
    lake.landing.land(ask(client, date(2026, 2, 23), date(2026, 3, 1), left=168))
    lake.landing.land(ask(client, date(2026, 3, 2), date(2026, 3, 3)))
    assert records_spent(lake, client.provider, NOW.date()) == 169
    assert records_spent(lake, client.provider, date(2026, 3, 1)) == 0


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "time_out", "truncated", "html", "empty"])
def test_a_failing_answer_is_a_row_and_costs_nothing(lake: Lake, fault: str) -> None:
    once = SETTINGS.model_copy(update={"feed_max_attempts": 1})
    transport = SimulatorTransport(once.clock, faults=FaultPlan.parse(fault))
    with visual_crossing_client(once, transport=transport) as client:
        [row] = lake.landing.land(ask(client, date(2026, 3, 1), date(2026, 3, 1)))
        assert (row.outcome, row.partitions) == ("failed", ())
        assert records_spent(lake, client.provider, NOW.date()) == 0


def test_an_answer_without_hours_is_no_good_one(recordings) -> None:
    payload = (recordings / "context/visualcrossing_timeline_london_2024-07-06.json").read_bytes()
    assert problem_of_timeline(payload) == "there are no hours in it"
    assert decode_timeline(payload).cost == 1
    assert "JSON" in str(problem_of_timeline(b"{"))


def test_the_real_provider_is_not_asked_without_a_key() -> None:
    with pytest.raises(SettingMissing, match="wants a key: set TRANSIT_VISUALCROSSING_KEY"):
        visual_crossing_client(SETTINGS.model_copy(update={"feeds": "live"}))


def test_the_key_is_a_parameter_that_is_sent_and_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    asked: list[httpx.URL] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(401, text="No account found with API key 's3cret'")

    live = SETTINGS.model_copy(update={"feeds": "live", "feed_max_attempts": 1})
    live = live.model_validate(live.model_dump() | {"visualcrossing_key": "s3cret"})
    with visual_crossing_client(live, transport=httpx.MockTransport(refuse)) as client:
        [(fetch, _)] = get_hours(client, live, *PARIS, (MARCH, MARCH), month=MARCH, records_left=1000)
    assert asked[0].params["key"] == "s3cret"
    assert asked[0].path.endswith("/services/timeline/48.8566,2.3522/2026-03-01/2026-03-01")
    assert "s3cret" not in repr(fetch) + caplog.text
