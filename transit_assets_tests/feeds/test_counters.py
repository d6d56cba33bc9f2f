"""The counters of Paris through the simulator: windows of hours, nothing lost, nothing asked for twice in vain."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from transit_assets.feeds import Attempt, FeedClient, counters
from transit_assets.feeds.errors import PayloadUnreadable
from transit_assets.lake import Fetch, Lake
from transit_assets.settings import Settings
from transit_assets.simulator import FaultPlan, SimulatorTransport
from transit_assets.simulator.counters import COUNTERS

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)

Build = Callable[..., FeedClient]


@pytest.fixture
def build() -> Iterator[Build]:
    """A client on the simulator, which never really sleeps."""
    clients: list[FeedClient] = []

    def client(faults: str = "", arcs: int = 20, now: datetime = NOW, **changes: object) -> FeedClient:
        found = Settings(_env_file=None, **{"feeds": "simulated", "now": now, **changes})  # type: ignore[arg-type]
        transport = SimulatorTransport(found.clock, faults=FaultPlan.parse(faults), arcs=arcs)
        clients.append(counters.counters_client(found, transport=transport, sleep=lambda seconds: None))
        return clients[-1]

    yield client
    for found in clients:
        found.close()


def fetched(client: FeedClient, since: datetime, until: datetime, previous: Sequence[Fetch] = ()) -> list[Attempt]:
    """All attempts at the windows of some hours."""
    return [one for attempts in counters.fetch_windows(client, since, until, previous) for one in attempts]


def records(attempts: list[Attempt]) -> list[dict]:
    """The records of the payloads, in order."""
    found = []
    for fetch, payload in attempts:
        if payload is not None and fetch.outcome == "landed":
            decoded = json.loads(payload)
            found += decoded if isinstance(decoded, list) else decoded["results"]
    return found


def keys(rows: list[dict]) -> list[str]:
    return sorted(json.dumps([row["t_1h"], row["iu_ac"], row["q"], row["k"]]) for row in rows)


def truth(client: FeedClient, since: datetime = SINCE, until: datetime = UNTIL) -> list[str]:
    """All records of hours that end between two instants, by one export."""
    where = f"t_1h >= date'{since.isoformat()}' and t_1h < date'{until.isoformat()}'"
    return keys(records(client.get(counters.COUNTS, {"where": where})))


def ways(attempts: list[Attempt]) -> list[str]:
    """How each request asked: `records` or `export`."""
    return ["export" if "/exports/" in fetch.url else "records" for fetch, _ in attempts]


def test_a_window_of_more_than_a_page_is_paged_and_loses_and_repeats_nothing(build: Build):
    client = build()
    attempts = fetched(client, SINCE, UNTIL)
    assert set(ways(attempts)) == {"records"}
    assert len(attempts) >= 5
    assert keys(records(attempts)) == truth(client)
    assert {fetch.headers["records"] for fetch, _ in attempts[:4]} == {"100"}


def test_hours_that_are_there_twice_with_another_rounding_are_not_lost_between_pages(build: Build):
    client = build(arcs=18)
    since = SINCE - timedelta(days=5)
    found = keys(records(fetched(client, since, UNTIL)))
    assert found == truth(client, since, UNTIL)
    by_hour = [json.loads(key)[:2] for key in found]
    assert len({str(hour) for hour in by_hour}) < len(by_hour)


def test_a_large_window_is_exported_after_its_first_page_has_said_so(build: Build):
    client = build(arcs=40)
    attempts = fetched(client, SINCE, UNTIL + timedelta(days=2))
    assert ways(attempts) == ["records", "export", "export", "export"]
    assert set(keys(records(attempts))) == set(truth(client, SINCE, UNTIL + timedelta(days=2)))


def test_a_window_beyond_ten_thousand_records_is_exported_in_parts_that_arrive(
    build: Build, monkeypatch: pytest.MonkeyPatch
):
    client = build(arcs=500)
    since = datetime(2026, 3, 1, 23, tzinfo=UTC) + timedelta(hours=1)
    until = since + timedelta(days=1)
    monkeypatch.setattr(counters, "_EXPORTED_RECORDS", 5_000)
    attempts = fetched(client, since, until)
    assert ways(attempts) == ["records", "export", "export", "export"]
    assert sum(int(fetch.headers["records"]) for fetch, _ in attempts[1:]) > 10_000
    assert keys(records(attempts[1:])) == truth(client, since, until)


def test_records_that_change_between_two_pages_are_read_again_in_one_answer(build: Build):
    attempts = fetched(build("ok,duplicated", arcs=20), SINCE, UNTIL)
    assert ways(attempts) == ["records"] * (len(attempts) - 1) + ["export"]
    assert keys(records(attempts[-1:])) == truth(build(arcs=20))


def test_an_earlier_export_says_that_a_window_is_large(build: Build):
    client = build(arcs=40)
    before = [fetch for fetch, _ in fetched(client, SINCE, UNTIL)]
    after = fetched(client, UNTIL, UNTIL + timedelta(days=1), before)
    assert set(ways(after)) == {"export"}


def test_a_window_of_few_hours_is_paged_even_where_days_are_exported(build: Build):
    client = build(arcs=40)
    before = [fetch for fetch, _ in fetched(client, SINCE, UNTIL)]
    after = fetched(client, UNTIL + timedelta(hours=2), UNTIL + timedelta(hours=6), before)
    assert set(ways(after)) == {"records"}


@pytest.mark.parametrize("arcs", [3, 20, 40])
def test_what_has_not_changed_is_not_sent_again_and_keeps_its_months(build: Build, lake: Lake, arcs: int):
    client = build(arcs=arcs)
    first = lake.landing.land(fetched(client, SINCE, UNTIL))
    again = lake.landing.land(fetched(client, SINCE, UNTIL, first))
    assert {fetch.outcome for fetch in again} == {"not_modified"}
    kept = {fetch.url: fetch for fetch in first}
    for fetch in again:
        assert (fetch.sha256, fetch.partitions) == (kept[fetch.url].sha256, kept[fetch.url].partitions)
        assert {name: fetch.headers[name] for name in ("records", "first", "last")} == {
            name: kept[fetch.url].headers[name] for name in ("records", "first", "last")
        }
    third = fetched(client, SINCE, UNTIL, again)
    assert {fetch.outcome for fetch, _ in third} == {"not_modified"}


def test_a_corrected_hour_changes_its_own_page_alone(build: Build, lake: Lake):
    early, late = (build(now=UNTIL + timedelta(hours=hours)) for hours in (32, 62))
    before = fetched(early, SINCE, UNTIL)
    after = fetched(late, SINCE, UNTIL, lake.landing.land(before))
    assert {fetch.outcome for fetch, _ in after} == {"landed", "not_modified"}
    assert len(after) == len(before)
    assert set(keys(records(before) + records(after))) > set(truth(late))


def test_windows_are_days_of_paris_by_the_start_of_their_hours():
    def cut(first: str, last: str) -> list[tuple[str, str]]:
        bounds = (datetime.fromisoformat(first), datetime.fromisoformat(last))
        return [(a.isoformat()[:16], b.isoformat()[:16]) for a, b in counters.day_windows(*bounds)]

    assert cut("2026-03-28T12:00+00:00", "2026-03-30T12:00+00:00") == [
        ("2026-03-28T12:00", "2026-03-29T00:00"),
        ("2026-03-29T00:00", "2026-03-29T23:00"),  # 23 hours
        ("2026-03-29T23:00", "2026-03-30T12:00"),
    ]
    assert cut("2026-10-24T23:00+00:00", "2026-10-26T00:00+00:00") == [("2026-10-24T23:00", "2026-10-26T00:00")]
    assert cut("2026-10-24T23:00+00:00", "2026-10-24T23:00+00:00") == []


@pytest.mark.parametrize(
    ("time", "month"),
    [
        ("2026-06-21T00:00:00+02:00", "2026-06-01"),
        ("2026-07-01T00:00:00+02:00", "2026-06-01"),  # the hour from 23:00 to midnight
        ("2026-06-30T22:00:00+00:00", "2026-06-01"),
        ("2026-07-01T01:00:00+02:00", "2026-07-01"),
        ("2026-11-01T00:00:00+01:00", "2026-10-01"),
        ("2026-11-01T00:00:00", "2026-10-01"),
        ("2027-01-01T00:00:00+01:00", "2026-12-01"),
    ],
)
def test_an_hour_stands_in_the_month_in_which_it_starts(time: str, month: str):
    assert counters.content_of(json.dumps([{"iu_ac": "1", "t_1h": time}]).encode()).partitions == (month,)


def test_a_payload_says_what_it_is(recordings: Path):
    payload = (recordings / "road/payloads/ods_v21_results_2026-06-21.json").read_bytes()
    content = counters.content_of(payload)
    end = datetime(2026, 6, 20, 22, tzinfo=UTC)
    assert (content.records, content.partitions) == (100, ("2026-06-01",))
    assert (content.first, content.last) == (end, end)
    assert counters.content_of(b'{"total_count": 0, "results": []}').partitions == ()


def test_a_record_without_a_time_is_counted_and_a_payload_without_any_is_refused():
    odd = [{"t_1h": None}, "text", {"iu_ac": 1, "t_1h": "soon"}, {}, {"iu_ac": 1, "t_1h": "2026-03-01T12:00:00+01:00"}]
    assert counters.content_of(json.dumps(odd).encode()).records == 5
    with pytest.raises(PayloadUnreadable, match="none of 4 records has a t_1h"):
        counters.content_of(json.dumps(odd[:4]).encode())
    for payload in (b"", b"<html>", b'{"error_code": 1}', b'[{"t_1h": '):
        with pytest.raises(PayloadUnreadable):
            counters.content_of(payload)


def test_records_of_something_else_are_refused_when_they_arrive():
    """They landed, and no decoder could take them."""
    with pytest.raises(PayloadUnreadable, match="none of 2 records has an iu_ac and a t_1h"):
        counters.content_of(json.dumps([{"t_1h": "2026-03-01T12:00:00+01:00", "arc": 1}, 7]).encode())


@pytest.mark.parametrize("time", ["2010-01-01T00:00:00+01:00", "1970-01-01T00:00:00Z", "2050-01-01T02:00:00+01:00"])
def test_a_year_that_no_table_has_makes_no_month(time: str):
    rows = [{"iu_ac": 1, "t_1h": time}, {"iu_ac": 1, "t_1h": "2026-03-01T12:00:00+01:00"}]
    assert counters.content_of(json.dumps(rows).encode()).partitions == ("2026-03-01",)


def test_the_hours_between_two_months_touch_both(build: Build):
    around = (datetime(2026, 2, 28, 22, tzinfo=UTC), datetime(2026, 3, 1, 1, tzinfo=UTC))
    attempts = fetched(build(arcs=3), *around)
    assert [fetch.partitions for fetch, _ in attempts] == [("2026-02-01",), ("2026-03-01",)]


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "time_out", "truncated", "html", "empty"])
def test_the_first_window_that_fails_is_the_last_and_its_attempts_are_rows(build: Build, lake: Lake, fault: str):
    client = build(f"ok,{fault},{fault}", arcs=3, feed_max_attempts=2)
    rows = lake.landing.land(fetched(client, SINCE, UNTIL + timedelta(days=3)))
    assert [row.outcome for row in rows] == ["landed", "failed", "failed"]
    assert all(row.error for row in rows[1:])
    assert all(row.partitions == () for row in rows[1:])
    after = lake.landing.land(fetched(client, SINCE, UNTIL + timedelta(days=3), rows[:1]))
    assert {row.outcome for row in after} <= {"landed", "not_modified"}
    assert len(after) == 4


def test_the_quota_ends_a_fetch_with_a_row_that_says_so(build: Build):
    client = build(arcs=40, ods_daily_quota=2)
    attempts = fetched(client, SINCE, UNTIL + timedelta(days=3))
    assert [fetch.outcome for fetch, _ in attempts] == ["landed", "landed", "skipped"]


def test_the_address_is_the_one_that_the_portal_serves():
    assert f"/{counters.COUNTS.path}" == f"{COUNTERS.path}/exports/json"
    assert f"/{counters.COUNT_PAGES.path}" == f"{COUNTERS.path}/records"


def test_where_says_utc_whatever_zone_it_was_asked_in(build: Build):
    paris = datetime.fromisoformat("2026-03-01T02:00:00+01:00")
    [(fetch, _)] = fetched(build(arcs=3), paris, paris + timedelta(hours=2))
    assert isinstance(fetch, Fetch)
    assert "2026-03-01T01%3A00%3A00Z" in fetch.url
    assert (fetch.headers["first"], fetch.headers["last"]) == ("2026-03-01T01:00:00+00:00", "2026-03-01T02:00:00+00:00")
