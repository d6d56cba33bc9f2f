"""Opendatasoft, the portal of many cities: its v2.1 API, and the payloads of v2.1 and of the older v1.

`records` gives pages of at most 100 and nothing beyond the 10,000th record, and a live set read
without a unique order loses and repeats records (1,452 rows with only 1,346 distinct stations
were seen); `exports` gives everything in one answer. So a poll is an export.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import httpx
import msgspec
from msgspec import Struct
from pydantic import SecretStr

from transit_assets.feeds.client import Attempt, Clock, Credentials, FeedClient, Sleep, feed_client, payload_of
from transit_assets.feeds.errors import PayloadUnreadable
from transit_assets.feeds.feed import Feed
from transit_assets.feeds.payloads import reason_unreadable
from transit_assets.lake import Fetch
from transit_assets.settings import Settings

ExportFormat: TypeAlias = Literal["json", "csv", "parquet"]

MAX_PAGE = 100
MAX_WINDOW = 10_000

_CATALOG = "api/explore/v2.1/catalog/datasets"


class Records(Struct):
    """An answer of any kind as JSON records: v2.1's `results`, v1's `records`, or the bare list of an export."""

    total_count: int | None = None
    nhits: int | None = None
    results: list[msgspec.Raw] | None = None
    records: list[msgspec.Raw] | None = None

    @property
    def rows(self) -> list[msgspec.Raw] | None:
        return self.results if self.results is not None else self.records

    @property
    def total(self) -> int | None:
        """Records in the dataset that match, where the answer says."""
        return self.total_count if self.total_count is not None else self.nhits


_RECORDS = msgspec.json.Decoder(Records)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def decode_records(payload: bytes) -> Records:
    """The records of an answer, each still JSON. Raises PayloadUnreadable where there is no list of records."""
    try:
        if payload.lstrip()[:1] == b"[":
            return Records(results=_LIST.decode(payload))
        found = _RECORDS.decode(payload)
    except msgspec.DecodeError as error:
        raise PayloadUnreadable(reason_unreadable(payload, error)) from error
    if found.rows is None:
        raise PayloadUnreadable("the JSON has neither `results` nor `records`")
    return found


def problem_of_records(payload: bytes) -> str | None:
    """Why these bytes are no JSON records of Opendatasoft, in a few words; None where they are."""
    try:
        decode_records(payload)
    except PayloadUnreadable as error:
        return str(error)
    return None


def count_records(payload: bytes) -> int:
    """How many records are listed, untyped: what accounts are held against. Raises PayloadUnreadable."""
    return len(decode_records(payload).rows or ())


def records_path(dataset: str) -> str:
    return f"{_CATALOG}/{dataset}/records"


def export_path(dataset: str, format: ExportFormat) -> str:
    return f"{_CATALOG}/{dataset}/exports/{format}"


def quoted(text: str) -> str:
    """A value as it stands between double quotes in a `where`."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def instant(at: datetime) -> str:
    """An instant as a literal of a `where`. In UTC and said so: a bare one is read in the time zone of the answer."""
    return f"date'{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"


def ods_client(
    settings: Settings,
    *,
    spent_today: int = 0,
    clock: Clock | None = None,
    transport: httpx.BaseTransport | None = None,
    sleep: Sleep = time.sleep,
) -> FeedClient:
    """A client of the portal of the settings, with its key where there is one."""
    key = settings.ods_key
    headers = {"authorization": SecretStr(f"Apikey {key.get_secret_value()}")} if key is not None else {}
    return feed_client(
        settings,
        settings.ods_url,
        daily_quota=settings.ods_daily_quota,
        spent_today=spent_today,
        credentials=Credentials(headers=headers),
        clock=clock,
        transport=transport,
        sleep=sleep,
    )


def get_pages(
    client: FeedClient,
    feed: Feed,
    *,
    order_by: str,
    params: Mapping[str, str | int] | None = None,
    limit: int | None = None,
    at_most: int = MAX_WINDOW,
    previous: Mapping[str, Fetch] | None = None,
) -> list[Attempt]:
    """Page through `records` in the order of a unique key; every page is a fetch of its own.

    Stops at the first page that fails, at `limit` records, or at the 10,000th, beyond which the
    portal refuses: `exports` has them all. `order_by` must be unique, or pages lose records. Stops too
    at a page that tells of more than `at_most` matching records. `previous` holds earlier fetches by
    their address; a page that has one is asked for conditionally.
    """
    attempts: list[Attempt] = []
    wanted = MAX_WINDOW if limit is None else min(limit, MAX_WINDOW)
    offset = 0
    while offset < wanted:
        size = min(MAX_PAGE, wanted - offset)
        asked = {**(params or {}), "order_by": order_by, "limit": size, "offset": offset}
        attempts += client.get(feed, asked, previous=(previous or {}).get(client.address(feed, asked)))
        offset += size
        records, total = _extent(attempts)
        if records < size or (total is not None and (total > at_most or offset >= total)):
            break
    return attempts


def total_of(attempts: Sequence[Attempt]) -> int | None:
    """Records in the dataset that match, as the last attempt's payload says; None where it brought none."""
    payload = payload_of(attempts)
    return None if payload is None else decode_records(payload).total


def _extent(attempts: Sequence[Attempt]) -> tuple[int, int | None]:
    """Records of the last page, and how many match in all, where that is known; (0, None) for a page that failed."""
    fetch, _ = attempts[-1]
    payload = payload_of(attempts)
    if payload is None:
        return int(fetch.headers.get("records", 0)) if fetch.outcome == "not_modified" else 0, None
    page = decode_records(payload)
    return len(page.rows or ()), page.total
