"""The London Fire Brigade's files on the London Datastore: which there are, and which may hold a month."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from transit_assets.feeds import FeedClient
from transit_assets.feeds.errors import PayloadUnreadable
from transit_assets.feeds.lfb import (
    File,
    feed_of,
    files_of,
    get_file,
    get_listing,
    lfb_client,
    listing,
    period_of,
    problem_of_file,
    problem_of_listing,
)
from transit_assets.settings import Settings

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
def client() -> Iterator[FeedClient]:
    settings = Settings(_env_file=None, feeds="simulated", now=NOW)  # type: ignore[call-arg]
    with lfb_client(settings, sleep=lambda seconds: None) as found:
        yield found


def listed(*resources: dict) -> bytes:
    return json.dumps({"id": "em8xy", "resources": {str(n): one for n, one in enumerate(resources)}}).encode()


def resource(title: str, name: str | None = None, **others: object) -> dict:
    return {"title": title, "url": f"https://data.london.gov.uk/download/em8xy/58m/{name or title}", **others}


@pytest.mark.parametrize(
    ("title", "first", "last"),
    [
        ("LFB Incident data from 2009 - 2017.csv", "2009-01", "2017-12"),
        ("LFB Incident data from 2009 – 2017", "2009-01", "2017-12"),
        ("LFB Incident data from 2018 onwards.csv.xlsx", "2018-01", "9999-12"),
        ("LFB Incident data from 2018 - November 2024.xlsx", "2018-01", "2024-11"),
        ("LFB Mobilisation data from January 2009 – 2014.xlsx", "2009-01", "2014-12"),
        ("LFB Mobilisation data 2021 - 2024.csv", "2021-01", "2024-12"),
        ("LFB Mobilisation data from 2025.csv", "2025-01", "9999-12"),
        ("LFB Incident data - 2024.csv", "2024-01", "2024-12"),
        ("LFB Incident data - November 2026.csv", "2026-11", "2026-11"),
        ("LFB Incident data from 2018 onwards (updated October 2026)", "2018-01", "9999-12"),
    ],
)
def test_the_years_in_a_title_say_which_months_a_file_may_hold(title: str, first: str, last: str):
    period = period_of(title)
    assert period is not None
    assert (f"{period[0]:%Y-%m}", f"{period[1]:%Y-%m}") == (first, last)


@pytest.mark.parametrize(
    "title", ["LFB Incident data Last 3 years", "LFB 2009-17.csv", "LFB station locations.csv", ""]
)
def test_a_title_that_does_not_tell_leaves_every_month_possible(title: str):
    assert period_of(title) is None
    assert File("incidents", title, "https://x.example/x").may_hold(date(2011, 5, 1))


def test_a_file_is_asked_for_the_months_of_its_years_alone():
    file = File("incidents", "LFB Incident data from 2009 - 2017.csv", "https://x.example/x")
    months = [date(2008, 12, 1), date(2009, 1, 1), date(2017, 12, 1), date(2018, 1, 1)]
    assert [file.may_hold(month) for month in months] == [False, True, True, False]


def test_a_listing_gives_the_tables_of_records_and_no_dictionaries():
    payload = listed(
        resource("LFB Incident data from 2024 onwards.xlsx", check_size=25_000_000),
        resource("Metadata.xlsx"),
        resource("Notes", "notes.pdf", format="pdf"),
        resource("LFB station locations", "x.csv"),
    )
    files = files_of(payload, "incidents")
    assert [(file.feed, file.title, file.size) for file in files] == [
        ("incidents", "LFB Incident data from 2024 onwards.xlsx", 25_000_000),
        ("stations", "LFB station locations", None),
    ]


def test_of_two_formats_of_a_file_the_csv_is_meant():
    title = "LFB Incident data from 2018 onwards"
    for names in ((".csv", ".xlsx"), (".xlsx", ".csv")):
        [file] = files_of(listed(*(resource(title + name) for name in names)), "incidents")
        assert file.url.endswith(".csv")


def test_a_file_without_a_title_is_called_what_its_address_says():
    [file] = files_of(listed({"url": "https://x.example/a/LFB%20Incident%20data%20-%202024.csv"}), "incidents")
    assert file.title == "LFB Incident data - 2024.csv"


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"", "the body is empty"),
        (b"<html>", "HTML or XML"),
        (b'{"resources": []}', "not the expected JSON"),
        (b'{"resources": {"1": {"title": "x"}}}', "not the expected JSON"),
        (json.dumps({"resources": {"1": {"url": "https://x\n.example/x.csv"}}}).encode(), "an address that is none"),
    ],
)
def test_what_is_no_listing_is_told_by_what_it_is(payload: bytes, problem: str):
    assert problem in (problem_of_listing(payload) or "")
    with pytest.raises(PayloadUnreadable):
        files_of(payload, "incidents")


@pytest.mark.parametrize(
    ("beginning", "problem"),
    [
        (b"", "the body is empty"),
        (b"\xef\xbb\xbf \n", "the body is empty"),
        (b"\n<!DOCTYPE html>", "the body is HTML or XML, not a table"),
        (b'{"error": 404}', "the body is JSON, not a table"),
        (b"\xef\xbb\xbfIncidentNumber,", None),
        (b"PK\x03\x04", None),
    ],
)
def test_what_begins_as_no_table_is_refused(beginning: bytes, problem: str | None):
    assert problem_of_file(beginning) == problem


def test_what_the_portal_lists_can_be_fetched_from_where_it_says(client: FeedClient, tmp_path: Path):
    for feed in ("incidents", "mobilisations"):
        [(fetch, payload)] = get_listing(client, feed)
        assert fetch.outcome == "landed"
        assert fetch.url == client.address(listing(feed))
        wanted = [file for file in files_of(payload or b"", feed) if file.may_hold(date(2026, 2, 1))]
        assert {file.feed for file in wanted} <= {feed, "stations"}
        for file in wanted:
            [(fetch, path)] = get_file(client, file, tmp_path)
            assert (fetch.outcome, fetch.feed, fetch.url) == ("landed", file.feed, client.address(feed_of(file)))
            assert path is not None
            assert path.stat().st_size > 1000
