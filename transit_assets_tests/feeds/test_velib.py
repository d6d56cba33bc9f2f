"""Polls of Vélib' through the simulator: the code path of the real host, every fault, nothing lost."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from transit_assets.feeds import FeedClient, opendatasoft, payload_of, velib
from transit_assets.feeds.client import feed_client
from transit_assets.feeds.gbfs import decode_information, decode_status
from transit_assets.feeds.velib_records import decode_stations
from transit_assets.lake import Lake
from transit_assets.settings import Settings
from transit_assets.simulator import Fault, FaultPlan, SimulatorServer, SimulatorTransport

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)

Build = Callable[..., FeedClient]


def settings(**changes: object) -> Settings:
    return Settings(_env_file=None, **{"feeds": "simulated", "now": NOW, **changes})  # type: ignore[arg-type]


@pytest.fixture
def build() -> Iterator[Build]:
    """A Vélib' client on the simulator, which never really sleeps."""
    clients: list[FeedClient] = []

    def client(faults: str = "", source: str = "gbfs", **changes: object) -> FeedClient:
        found = settings(bikes_source=source, **changes)
        transport = SimulatorTransport(found.clock, faults=FaultPlan.parse(faults))
        clients.append(velib.velib_client(found, transport=transport, sleep=lambda seconds: None))
        return clients[-1]

    yield client
    for found in clients:
        found.close()


def test_a_poll_of_the_operator_gives_every_station(build: Build):
    [(fetch, payload)] = velib.poll_station_status(build(), "gbfs")
    assert (fetch.outcome, fetch.is_simulated, fetch.partitions) == ("landed", True, ("2026-03-02",))
    assert fetch.url.endswith("/opendata/Velib_Metropole/station_status.json")
    assert payload is not None
    assert len(decode_status(payload).stations) > 1_400


def test_a_poll_of_the_portal_gives_the_same_stations_in_one_payload(build: Build):
    [(fetch, payload)] = velib.poll_station_status(build(source="opendatasoft"), "opendatasoft")
    operator = payload_of(velib.poll_station_status(build(), "gbfs"))
    assert payload is not None
    assert operator is not None
    ods = {found.station_code: (found.mechanical, found.ebike) for found in decode_stations(payload).stations}
    gbfs = {found.station_code: (found.mechanical, found.ebike) for found in decode_status(operator).stations}
    assert ods == gbfs
    assert {"x-ratelimit-limit", "x-ratelimit-remaining"} <= fetch.headers.keys()


def test_the_stations_are_described_by_either_provider(build: Build):
    payload = payload_of(velib.poll_station_information(build(), "gbfs"))
    assert payload is not None
    assert all(station.capacity for station in decode_information(payload).stations)
    [(fetch, payload)] = velib.poll_station_information(build(source="opendatasoft"), "opendatasoft")
    assert fetch.feed == "station_information"
    assert all(station.capacity for station in decode_stations(payload or b"").stations)


@pytest.mark.parametrize("source", ["gbfs", "opendatasoft"])
def test_a_poll_says_how_many_records_it_brought(build: Build, source: velib.Source):
    for poll in (velib.poll_station_status, velib.poll_station_information):
        [(fetch, payload)] = poll(build(source=source), source)
        assert payload is not None
        assert int(fetch.headers["records"]) == payload.count(b'"station_opening_hours"')


def test_pages_in_the_order_of_a_unique_key_lose_nothing(build: Build):
    client = build(source="opendatasoft")
    attempts = velib.page_station_status(client)
    whole = payload_of(velib.poll_station_status(client, "opendatasoft"))
    assert whole is not None
    pages = [decode_stations(payload).stations for _, payload in attempts if payload is not None]
    codes = [station.station_code for page in pages for station in page]
    assert codes == sorted(str(station.station_code) for station in decode_stations(whole).stations)
    assert {len(page) for page in pages[:-1]} == {100}
    assert len({fetch.url for fetch, _ in attempts}) == len(attempts)


@pytest.mark.parametrize(("limit", "pages"), [(1, 1), (100, 1), (101, 2), (250, 3)])
def test_the_first_rows_take_as_few_pages_as_they_need(build: Build, limit: int, pages: int):
    attempts = velib.page_station_status(build(source="opendatasoft"), limit)
    assert len(attempts) == pages
    assert sum(len(decode_stations(payload).stations) for _, payload in attempts if payload) == limit


def test_paging_stops_at_a_page_that_fails(build: Build):
    client = build("ok,ok,server_error,server_error", source="opendatasoft", feed_max_attempts=2)
    attempts = velib.page_station_status(client)
    assert [fetch.outcome for fetch, _ in attempts] == ["landed", "landed", "failed", "failed"]


def test_one_station_is_one_record(build: Build):
    client = build(source="opendatasoft")
    first = decode_stations(payload_of(velib.page_station_status(client, 1)) or b"").stations[0]
    payload = payload_of(velib.get_station(client, "opendatasoft", str(first.station_code)))
    assert payload is not None
    assert decode_stations(payload).stations == [first]
    nothing = payload_of(velib.get_station(client, "opendatasoft", '0" or "1"="1'))
    assert nothing is None or decode_stations(nothing).stations == []


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-03-01T22:59:59+00:00", "2026-03-01"),
        ("2026-03-01T23:00:00+00:00", "2026-03-02"),
        ("2026-03-28T23:00:00+00:00", "2026-03-29"),
        ("2026-03-29T21:59:59+00:00", "2026-03-29"),
        ("2026-03-29T22:00:00+00:00", "2026-03-30"),
        ("2026-10-25T22:59:59+00:00", "2026-10-25"),
        ("2026-10-25T23:00:00+00:00", "2026-10-26"),
    ],
)
def test_a_poll_touches_the_paris_day_it_arrived_in(instant: str, day: str):
    assert velib.paris_day(datetime.fromisoformat(instant)) == (day,)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.RATE_LIMITED, 429),
        (Fault.SERVER_ERROR, 500),
        (Fault.TIME_OUT, None),
        (Fault.TRUNCATED, 200),
        (Fault.HTML, 200),
        (Fault.EMPTY, 200),
    ],
)
@pytest.mark.parametrize("source", ["gbfs", "opendatasoft"])
def test_a_failing_poll_is_a_row_its_body_is_kept_and_the_next_one_recovers(
    build: Build, lake: Lake, source: velib.Source, fault: Fault, status: int | None
):
    client = build(f"{fault},{fault}", source=source, feed_max_attempts=2)
    rows = lake.landing.land(velib.poll_station_status(client, source))
    assert [(row.outcome, row.status, row.attempt) for row in rows] == [("failed", status, 1), ("failed", status, 2)]
    assert all(row.error for row in rows)
    assert all(row.partitions == () for row in rows)
    has_body = fault not in (Fault.TIME_OUT, Fault.EMPTY)
    assert [row.sha256 is not None for row in rows] == [has_body, has_body]
    if has_body:
        assert len(lake.landing.payload(rows[0])) == rows[0].bytes
    [after] = lake.landing.land(velib.poll_station_status(client, source))
    assert after.outcome == "landed"


@pytest.mark.parametrize("fault", [Fault.DUPLICATED, Fault.REORDERED, Fault.CLOCK_AHEAD, Fault.CLOCK_BEHIND])
def test_odd_but_plausible_payloads_land_as_they_are(build: Build, fault: Fault):
    [(fetch, payload)] = velib.poll_station_status(build(str(fault)), "gbfs")
    assert fetch.outcome == "landed"
    assert payload is not None
    found = decode_status(payload)
    assert len(found.stations) > 1_400
    assert found.unreadable == ()


def test_a_retry_within_one_poll_saves_it(build: Build):
    attempts = velib.poll_station_status(build("rate_limited,truncated"), "gbfs")
    assert [fetch.outcome for fetch, _ in attempts] == ["failed", "failed", "landed"]


def test_an_unchanged_minute_is_asked_for_conditionally(build: Build, lake: Lake):
    client = build()
    [first] = lake.landing.land(velib.poll_station_status(client, "gbfs"))
    [second] = lake.landing.land(velib.poll_station_status(client, "gbfs", first))
    assert (second.outcome, second.status, second.sha256, second.path) == (
        "not_modified",
        304,
        first.sha256,
        first.path,
    )
    [third] = velib.poll_station_status(client, "gbfs", second)
    assert third[0].outcome == "not_modified"


def test_a_clock_of_ones_own_fills_another_day():
    instants = [datetime(2026, 1, 10, tzinfo=UTC) + timedelta(minutes=15 * number) for number in range(4)]
    current = [instants[0]]
    rows = []
    with velib.velib_client(settings(), clock=lambda: current[0]) as client:
        for current[0] in instants:
            rows += velib.poll_station_status(client, "gbfs")
    assert [fetch.fetched_at for fetch, _ in rows] == instants
    assert len({payload for _, payload in rows}) == len(instants)


def test_the_faults_of_the_settings_reach_the_simulator():
    with velib.velib_client(settings(simulator_faults="html", feed_max_attempts=1)) as client:
        outcomes = [velib.poll_station_status(client, "gbfs")[0][0].outcome for _ in range(2)]
    assert outcomes == ["failed", "landed"]


def test_the_live_client_marks_what_a_simulator_over_http_answers():
    """`transit simulate` stands in for the real host: the bytes are the same, and so is the mark."""
    server = SimulatorServer(lambda: NOW)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    live = settings(feeds="live", velib_url=f"{server.url}opendata/Velib_Metropole")
    with velib.velib_client(live) as client, velib.velib_client(settings()) as simulated:
        [(fetch, payload)] = velib.poll_station_status(client, "gbfs")
        assert payload == payload_of(velib.poll_station_status(simulated, "gbfs"))
    server.shutdown()
    server.server_close()
    thread.join()
    assert fetch.is_simulated is True
    assert fetch.provider == "127.0.0.1"


def test_the_key_of_the_portal_is_sent_in_a_header_and_shows_nowhere(caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    found = settings(bikes_source="opendatasoft", ods_key="s3cret")
    with velib.velib_client(found) as client:
        headers = client._credentials.headers
        attempts = velib.page_station_status(client, 1)
    assert headers["authorization"].get_secret_value() == "Apikey s3cret"
    assert "s3cret" not in repr(attempts) + caplog.text + repr(headers)


def test_other_formats_and_datasets_have_their_own_address():
    assert opendatasoft.export_path("comptages", "parquet").endswith("/comptages/exports/parquet")
    with feed_client(settings(), "https://opendata.example/", daily_quota=5) as client:
        assert client.provider == "opendata.example"
        assert client.limits.daily_quota == 5


def test_no_test_needs_the_network(tmp_path: Path):
    """The default is the simulator: no setting, no key, no host."""
    assert Settings(_env_file=None, lake=str(tmp_path)).is_simulated  # type: ignore[call-arg]
