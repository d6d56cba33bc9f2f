"""Months of calls into the landing: which files, what is in them, and that none is sent twice for nothing."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Thread

import httpx
import pytest

from transit_assets.feeds import lfb
from transit_assets.fire import polls
from transit_assets.fire.polls import collect
from transit_assets.lake import Fetch, Lake
from transit_assets.lake.errors import OriginMismatch
from transit_assets.settings import Settings
from transit_assets.simulator import SimulatorServer

MARCH, FEBRUARY = date(2026, 3, 1), date(2026, 2, 1)
NOW = datetime(2026, 3, 6, 9, 30, tzinfo=UTC)
FILES = ["incidents", "mobilisations", "stations"]


def settings(**changes: object) -> Settings:
    return Settings(_env_file=None, **{"feeds": "simulated", "now": NOW, "simulator_calls_per_day": 12, **changes})  # type: ignore[arg-type]


def shown(rows: list[Fetch]) -> list[tuple[str, str]]:
    return [(row.feed, row.outcome) for row in rows]


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> "Portal":
    """A portal with files of the test's own, which counts what it is asked."""
    found = Portal()
    real = lfb.lfb_client

    def client(configured: Settings, **options: object):
        return real(configured, transport=httpx.MockTransport(found.answer), sleep=lambda seconds: None, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(polls, "lfb_client", client)
    return found


class Portal:
    """Files by their titles; those of mobilisations in a dataset of their own, which is empty."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.has_etags = True
        self.size: int | None = None

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path.rsplit("/", 1)[-1])
        if path == "/api/dataset/em8xy":
            listed = {
                str(n): {"title": title, "url": f"https://data.london.gov.uk/download/em8xy/{n}/{title}"}
                | ({} if self.size is None else {"check_size": self.size})
                for n, title in enumerate(self.files)
            }
            return httpx.Response(200, json={"resources": listed})
        if path.startswith("/api/"):
            return httpx.Response(200, json={"resources": {}})
        body = self.files[path.rsplit("/", 1)[-1]]
        etag = f'"{hash(body)}"'
        if request.headers.get("if-none-match") == etag:
            return httpx.Response(304)
        return httpx.Response(200, content=body, headers={"etag": etag} if self.has_etags else {})

    def take(self) -> list[str]:
        """What was asked since the last time."""
        asked, self.asked = self.asked, []
        return asked


def incidents(*days: str) -> bytes:
    """A file with a call on each of these days (`2017-03-05`)."""
    rows = [
        f"{number:06}-01012017,{date.fromisoformat(day):%d %b %Y},10:00:00,Fire,530450,180450,Soho,300,Soho"
        for number, day in enumerate(days)
    ]
    header = (
        "IncidentNumber,DateOfCall,TimeOfCall,IncidentGroup,Easting_rounded,Northing_rounded,IncidentStationGround,"
        "FirstPumpArriving_AttendanceTime,FirstPumpArriving_DeployedFromStation"
    )
    return "\n".join([header, *rows, ""]).encode()


def live(**changes: object) -> Settings:
    return settings(feeds="live", **changes)


def test_a_month_is_fetched_with_what_its_files_hold(lake: Lake):
    rows = collect(lake, settings(), MARCH)
    assert Counter(shown(rows)) == Counter([("listings", "landed")] * 2 + [(feed, "landed") for feed in FILES])
    of = {row.feed: row for row in rows}
    for feed in ("incidents", "mobilisations"):
        assert of[feed].partitions == ("2026-03-01",)
        lines = lake.landing.payload(of[feed]).count(b"\n") - 1
        assert json.loads(of[feed].headers["rows_by_month"]) == {"2026-03-01": lines}
    assert json.loads(of["incidents"].headers["pumps_by_month"])["2026-03-01"] > 10
    assert of["stations"].headers["format"] == "lfb_stations_csv"
    assert of["stations"].partitions == of["listings"].partitions == ()
    assert all(row.is_simulated for row in rows)


def test_the_months_of_a_run_are_told_by_what_was_just_heard(lake: Lake):
    collect(lake, settings(), FEBRUARY)
    assert Counter(shown(collect(lake, settings(), MARCH))) == Counter(
        [("incidents", "landed"), ("mobilisations", "landed")]
    )
    assert collect(lake, settings(), MARCH) == collect(lake, settings(), FEBRUARY) == []


def test_a_file_of_years_is_fetched_once_for_all_its_months(lake: Lake):
    first = collect(lake, settings(), date(2019, 5, 1))
    assert {len(row.partitions) for row in first if row.feed in ("incidents", "mobilisations")} == {12}
    assert collect(lake, settings(), date(2019, 6, 1)) == []


def test_after_an_hour_a_file_is_asked_for_again_and_sent_only_if_it_changed(lake: Lake):
    first = {row.feed: row for row in collect(lake, settings(), MARCH)}
    again = collect(lake, settings(now=NOW + timedelta(hours=2)), MARCH)
    assert {row.outcome for row in again} == {"not_modified"}
    assert {row.feed for row in again} == {"listings", *FILES}
    for row in again:
        if row.feed != "listings":
            assert (row.sha256, row.partitions) == (first[row.feed].sha256, first[row.feed].partitions)
            assert row.headers["rows_by_month"] == first[row.feed].headers["rows_by_month"]
    later = collect(lake, settings(now=NOW + timedelta(days=1)), MARCH)
    assert {row.feed for row in later if row.outcome == "landed"} == {"listings", "incidents", "mobilisations"}
    assert collect(lake, settings(now=NOW - timedelta(days=1)), MARCH)  # a clock that was turned back remembers nothing


@pytest.mark.parametrize("month", [date(2026, 4, 1), date(2008, 12, 1)])
def test_a_month_to_come_or_before_all_files_is_not_asked_for(lake: Lake, month: date):
    assert collect(lake, settings(), month) == []
    assert not lake.landing.fetches("fire")


def test_the_month_that_runs_in_london_is_asked_for(lake: Lake):
    eve = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)  # April in London
    assert collect(lake, settings(now=eve), date(2026, 4, 1))


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "time_out", "html", "empty", "truncated"])
def test_a_listing_that_fails_leaves_a_row_and_the_other_dataset_is_asked_all_the_same(lake: Lake, fault: str):
    rows = collect(lake, settings(simulator_faults=fault, feed_max_attempts=1), MARCH)
    assert shown(rows) == [("listings", "failed"), ("listings", "landed"), ("mobilisations", "landed")]
    assert rows[0].error
    assert {row.feed for row in collect(lake, settings(), MARCH)} == {"listings", "incidents", "stations"}


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "time_out", "html", "empty"])
def test_a_file_that_fails_leaves_a_row_and_is_fetched_the_next_time(lake: Lake, fault: str):
    rows = collect(lake, settings(simulator_faults=f"ok,{fault}", feed_max_attempts=1), MARCH)
    [failed] = [row for row in rows if row.outcome == "failed"]
    assert (failed.feed, failed.partitions) == ("incidents", ())
    assert failed.error
    again = collect(lake, settings(), MARCH)
    assert [row.partitions for row in again if row.feed == "incidents"] == [("2026-03-01",)]


def test_a_file_that_was_cut_short_is_not_taken_for_heard(lake: Lake):
    rows = collect(lake, settings(simulator_faults="ok,truncated"), MARCH)
    again = collect(lake, settings(), MARCH)
    assert shown(again) == [("incidents", "landed")]
    [short] = [row for row in rows if row.feed == "incidents"]
    assert (again[0].bytes or 0) > (short.bytes or 0)


@pytest.mark.parametrize("fault", ["duplicated", "reordered", "clock_ahead", "clock_behind"])
def test_an_odd_answer_lands_as_it_is(lake: Lake, fault: str):
    rows = collect(lake, settings(simulator_faults=",".join([fault] * 5)), MARCH)
    assert {row.outcome for row in rows} == {"landed"}


def test_only_files_whose_years_may_hold_the_month_are_asked_for(lake: Lake, portal: Portal):
    portal.files = {
        "LFB Incident data from 2009 - 2017.csv": incidents("2017-03-05"),
        "LFB Incident data from 2018 onwards.csv": incidents("2018-01-01", "2026-02-28"),
        "LFB Incident data Last 3 years.csv": incidents("2025-12-31"),
        "Metadata.xlsx": b"",
    }
    collect(lake, live(), date(2017, 3, 1))
    assert portal.take() == [
        "em8xy",
        "LFB Incident data from 2009 - 2017.csv",
        "LFB Incident data Last 3 years.csv",
        "24r65",
    ]
    [row] = collect(lake, live(), date(2018, 5, 1))
    assert portal.take() == ["LFB Incident data from 2018 onwards.csv"]
    assert row.partitions == ("2018-01-01", "2026-02-01")
    assert (row.is_simulated, row.provider) == (False, "data.london.gov.uk")


def test_a_file_that_cannot_be_read_has_failed_with_what_is_wrong(lake: Lake, portal: Portal):
    portal.files = {"LFB Incident data - 2026.csv": b"a,b\n1,2\n", "LFB Incident data - 2025.csv": b"\x00\x01" * 500}
    for month, title in ((MARCH, "2026"), (date(2025, 3, 1), "2025")):
        [failed] = [row for row in collect(lake, live(), month) if row.feed == "incidents"]
        assert (failed.outcome, failed.partitions) == ("failed", ())
        assert (failed.error or "").startswith(f"LFB Incident data - {title}.csv: unknown format")
        assert failed.path  # kept, to be looked at
    portal.files["LFB Incident data - 2026.csv"] = incidents("2026-03-01")
    assert [row.outcome for row in collect(lake, live(), MARCH)] == ["landed"]


def test_a_file_that_unpacks_to_too_much_has_failed(lake: Lake, portal: Portal, recordings: Path):
    name = "LFB Incident data - 2017.csv"
    portal.files = {name: (recordings / "fire/archive/lfb_incidents_2017-01_to_04.parquet").read_bytes()}
    rows = collect(lake, live(archive_max_bytes=1000), date(2017, 3, 1))
    assert "more than TRANSIT_ARCHIVE_MAX_BYTES allows (1,000)" in (rows[1].error or "")
    [row] = collect(lake, live(), date(2017, 3, 1))
    assert row.partitions == ("2017-01-01", "2017-02-01", "2017-03-01", "2017-04-01")


def test_a_file_beyond_the_cap_is_not_read_to_its_end(lake: Lake, portal: Portal):
    portal.files = {"LFB Incident data - 2026.csv": incidents(*["2026-03-01"] * 100)}
    rows = collect(lake, live(lfb_max_bytes=3000), MARCH)
    assert "larger than the cap of 3000 bytes" in (rows[1].error or "")


def test_months_that_no_table_has_make_nothing_due(lake: Lake, portal: Portal, caplog: pytest.LogCaptureFixture):
    portal.files = {"LFB Incident data - 2026.csv": incidents("2026-03-01", "2031-05-02")}
    [row] = [row for row in collect(lake, live(), MARCH) if row.feed == "incidents"]
    assert row.partitions == ("2026-03-01",)
    assert "records of 2031-05-01 are not read" in caplog.text


def test_a_file_without_validators_is_remembered_where_it_has_the_size_that_is_listed(lake: Lake, portal: Portal):
    portal.files = {"LFB Incident data - 2026.csv": incidents("2026-03-01")}
    portal.has_etags = False
    collect(lake, live(), MARCH)
    assert shown(collect(lake, live(), MARCH)) == [("incidents", "landed")]
    portal.size = len(portal.files["LFB Incident data - 2026.csv"])
    collect(lake, live(now=NOW + timedelta(hours=2)), MARCH)
    assert collect(lake, live(now=NOW + timedelta(hours=2)), MARCH) == []


def test_files_leave_nothing_behind(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    left: list[int] = []
    land = lake.landing.land

    def landing(items):
        landed = land(items)
        left.append(sum(path.stat().st_size for path in tmp_path.glob("transit-fire-*/*")))
        return landed

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(type(lake.landing), "land", lambda self, items: landing(items))
    collect(lake, settings(), MARCH)
    assert left
    assert left[0] > 0
    assert list(tmp_path.glob("transit-*")) == []


def test_a_simulated_fetch_into_a_lake_of_real_data_is_skipped_and_the_reverse_refused(
    lake: Lake, portal: Portal, caplog: pytest.LogCaptureFixture
):
    lake.landing.claim("real")
    assert collect(lake, settings(), MARCH) == []
    assert "holds real data" in caplog.text


def test_real_files_into_a_lake_of_simulated_data_are_refused(lake: Lake, portal: Portal):
    lake.landing.claim("simulated")
    with pytest.raises(OriginMismatch):
        collect(lake, live(), MARCH)


@pytest.fixture
def served() -> Iterator[SimulatorServer]:
    server = SimulatorServer(lambda: NOW, calls_per_day=12)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_portal_behind_an_address_is_asked_the_same_way(lake: Lake, served: SimulatorServer, tmp_path: Path):
    rows = collect(lake, live(lfb_url=served.url), MARCH)
    assert {(row.outcome, row.provider, row.is_simulated) for row in rows} == {("landed", "127.0.0.1", True)}
    other = Lake.at(tmp_path / "other")
    in_process = {row.feed: row.sha256 for row in collect(other, settings(), MARCH) if row.feed != "listings"}
    assert in_process == {row.feed: row.sha256 for row in rows if row.feed != "listings"}


def test_calls_of_today_count_against_the_quota(lake: Lake, monkeypatch: pytest.MonkeyPatch, portal: Portal):
    portal.files = {"LFB Incident data - 2026.csv": incidents("2026-03-01")}
    monkeypatch.setattr(lfb, "_CALLS", 3)
    assert shown(collect(lake, live(), MARCH)) == [
        ("listings", "landed"),
        ("incidents", "landed"),
        ("listings", "landed"),
    ]
    later = live(now=NOW + timedelta(hours=2))
    assert set(shown(collect(lake, later, MARCH))) == {("listings", "skipped")}


def test_what_the_simulator_said_is_no_memory_of_the_real_portal(lake: Lake):
    row = replace(collect(lake, settings(), MARCH)[0], fetched_at=NOW)
    assert polls._is_remembered(row, settings())
    assert not polls._is_remembered(row, live())
