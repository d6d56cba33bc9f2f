"""Vélib' polls: the operator's GBFS, or the same stations on the city's Opendatasoft portal.

The setting `bikes_source` chooses. One poll of `station_status` or `station_information` is one
payload either way; on Opendatasoft both are the same export. A poll touches the Paris day in which
its answer arrived.
"""

import time
from datetime import datetime
from typing import Literal, TypeAlias

import httpx

from transit_assets.feeds import opendatasoft
from transit_assets.feeds.client import Attempt, Clock, FeedClient, Sleep, feed_client
from transit_assets.feeds.feed import Feed
from transit_assets.feeds.gbfs import count_stations, problem_of_stations
from transit_assets.lake import Fetch
from transit_assets.settings import PARIS, Settings

Source: TypeAlias = Literal["gbfs", "opendatasoft"]

DATASET = "velib-disponibilite-en-temps-reel"


def paris_day(fetched_at: datetime) -> tuple[str, ...]:
    """The partition of bikes that a poll answered at this instant touches."""
    return (fetched_at.astimezone(PARIS).date().isoformat(),)


def _operator(name: str) -> Feed:
    return Feed("bikes", name, f"{name}.json", problem_of_stations, paris_day, count_stations)


def _portal(name: str, path: str) -> Feed:
    return Feed("bikes", name, path, opendatasoft.problem_of_records, paris_day, opendatasoft.count_records)


STATION_STATUS = _operator("station_status")
STATION_INFORMATION = _operator("station_information")
ODS_STATION_STATUS = _portal("station_status", opendatasoft.export_path(DATASET, "json"))
ODS_STATION_INFORMATION = _portal("station_information", opendatasoft.export_path(DATASET, "json"))
ODS_STATION_PAGES = _portal("station_status", opendatasoft.records_path(DATASET))


def velib_client(
    settings: Settings,
    *,
    spent_today: int = 0,
    clock: Clock | None = None,
    transport: httpx.BaseTransport | None = None,
    sleep: Sleep = time.sleep,
) -> FeedClient:
    """A client of the provider that the setting `bikes_source` names."""
    if settings.bikes_source == "opendatasoft":
        return opendatasoft.ods_client(settings, spent_today=spent_today, clock=clock, transport=transport, sleep=sleep)
    return feed_client(
        settings,
        settings.velib_url,
        daily_quota=settings.velib_daily_quota,
        spent_today=spent_today,
        clock=clock,
        transport=transport,
        sleep=sleep,
    )


def poll_station_status(client: FeedClient, source: Source, previous: Fetch | None = None) -> list[Attempt]:
    """One poll of every station's counts, ready to land."""
    return client.get(STATION_STATUS if source == "gbfs" else ODS_STATION_STATUS, previous=previous)


def poll_station_information(client: FeedClient, source: Source, previous: Fetch | None = None) -> list[Attempt]:
    """One poll of the stations' descriptions, ready to land; on Opendatasoft they stand beside the counts."""
    return client.get(STATION_INFORMATION if source == "gbfs" else ODS_STATION_INFORMATION, previous=previous)


def page_station_status(client: FeedClient, limit: int | None = None) -> list[Attempt]:
    """The stations of Opendatasoft page by page, in the order of their codes, or the first `limit` of them."""
    return opendatasoft.get_pages(client, ODS_STATION_PAGES, order_by="stationcode", limit=limit)


def get_station(client: FeedClient, source: Source, station_code: str) -> list[Attempt]:
    """One station: a single record on Opendatasoft; GBFS has only the whole, which the caller searches."""
    if source == "gbfs":
        return client.get(STATION_STATUS)
    where = f'stationcode="{opendatasoft.quoted(station_code)}"'
    return client.get(ODS_STATION_PAGES, {"where": where, "order_by": "stationcode", "limit": 1})
