"""Vélib' straight from the provider, as dictionaries: what holds now, with nothing stored."""

import logging
import re
from typing import Any

import httpx
import pyarrow as pa

from transit_assets.bikes.clean import json_payloads
from transit_assets.bikes.clean.errors import ProviderSilent
from transit_assets.bikes.clean.records import COUNTS, FLAGS, records, repeated
from transit_assets.bikes.clean.zones import zone_of
from transit_assets.bikes.schema import STATION_CODE_PATTERN
from transit_assets.feeds import Attempt, payload_of
from transit_assets.feeds.velib import (
    get_station,
    page_station_status,
    poll_station_information,
    poll_station_status,
    velib_client,
)
from transit_assets.lake import UTC_INSTANT
from transit_assets.settings import Settings
from transit_assets.settings import settings as configured

_SHOWN = ("station_code", "name", "zone", "latitude", "longitude", "reported_at", *COUNTS, *FLAGS)
_logger = logging.getLogger(__name__)


def get_velib_data(
    nrows: int | None = None,
    station_code: str | None = None,
    *,
    settings: Settings | None = None,
    transport: httpx.BaseTransport | None = None,
) -> list[dict[str, Any]]:
    """The first `nrows` stations in order of their codes (all by default), or one, as the provider has them now.

    Each is a dictionary of station_code, name, zone, latitude, longitude, reported_at (UTC), bikes, mechanical,
    ebike, docks_free, capacity, is_installed, is_renting, is_returning; unknown is None. An unknown station gives
    an empty list. Records without a station code are left out, and a warning counts them. Raises ProviderSilent
    """
    settings = settings or configured()
    source = settings.bikes_source
    with velib_client(settings, transport=transport) as client:
        if station_code is not None:
            answers = [get_station(client, source, station_code)]
        elif source == "opendatasoft" and nrows is not None:
            answers = [[attempt] for attempt in page_station_status(client, nrows) if attempt[0].outcome == "landed"]
        else:
            answers = [poll_station_status(client, source)]
        # A record of Opendatasoft describes its station.
        descriptions = poll_station_information(client, source) if source == "gbfs" else []
    described = _records(descriptions) if descriptions else []
    reported = [record for attempts in answers for record in _records(attempts)]
    if without := sum(not _has_code(record) for record in reported):
        _logger.warning("%d of %d records have no station code and are left out", without, len(reported))
    stations: dict[str, dict[str, Any]] = {}
    for record in [*described, *reported]:
        if _has_code(record):
            station = stations.setdefault(record["station_code"], dict.fromkeys(_SHOWN))
            station |= {name: record[name] for name in _SHOWN if record.get(name) is not None}
            station["zone"] = zone_of(record["station_code"], record["commune"])[0] or station["zone"]
    wanted = [stations[code] for code in sorted(stations) if station_code in (None, code)]
    return wanted[:nrows]


def _has_code(record: dict[str, Any]) -> bool:
    """Whether a record names its station as riders do; the operator's internal id stands where it does not."""
    return bool(re.fullmatch(STATION_CODE_PATTERN, record["station_code"] or ""))


def _records(attempts: list[Attempt]) -> list[dict[str, Any]]:
    payload = payload_of(attempts) if attempts else None
    if payload is None:
        reason = attempts[-1][0].error if attempts else None
        raise ProviderSilent(f"Vélib' did not answer: {reason or 'no answer'}")
    decoded = json_payloads.decode_json(payload)
    if not decoded.stations:
        return []
    rows = records(
        json_payloads.raw_columns(decoded.stations),
        source=decoded.source,
        polled_at=repeated(pa.scalar(attempts[-1][0].fetched_at, UTC_INSTANT), len(decoded.stations)),
        row_number=pa.array(decoded.positions, pa.int32()),
    )
    shown = rows.to_pylist()
    if json_payloads.counts(decoded.stations):
        return shown
    return [row | {"reported_at": None} for row in shown]
