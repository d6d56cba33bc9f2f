"""`interim.bikes__station_information`: how each station was described on one Paris day.

Sources describe different things (the operator gives no commune, some archives no name in every row), so within
a day the last known value of each field holds.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.bikes.clean import json_payloads as payloads
from transit_assets.bikes.clean.errors import PayloadUnreadable
from transit_assets.bikes.clean.observations import Archive, Observation, Poll
from transit_assets.bikes.clean.records import DESCRIPTION, records, repeated, unreadable
from transit_assets.bikes.clean.zones import zone_of
from transit_assets.bikes.schema import STATION_INFORMATION
from transit_assets.lake import UTC_INSTANT
from transit_assets.quality.cleaned import Cleaned, candidate_schema

_SCHEMA = candidate_schema(STATION_INFORMATION.schema)
_GBFS_STATUS, _HEAD_BYTES = b'"num_docks_available"', 4096
_READ = ("station_code", *DESCRIPTION, "row_number", "payload_sha256", "problem")


def station_information(day: date, observations: Iterable[Observation], fingerprint: str | None = None) -> Cleaned:
    """The candidate descriptions of one day: a row where a station is described otherwise than just before."""
    descriptions = _Descriptions()
    found: list[pa.Table] = []
    landed = repeats = 0
    for observation in observations:
        if isinstance(observation, Archive):
            rows = observation.records.filter(observation.records["has_description"])
            landed += rows.num_rows
            distinct = _distinct(rows)
            repeats += rows.num_rows - distinct.num_rows
            found.append(_read(distinct, observation.sha256))
        else:
            count, new = descriptions.take(observation)
            landed += count
            repeats += count - sum(rows.num_rows for rows in new)
            found += [_read(rows, observation.sha256) for rows in new]
    candidates = _candidates(day, found)
    return Cleaned(
        partition=day.isoformat(),
        candidates=candidates,
        landed=landed,
        duplicates=repeats,
        fingerprint=fingerprint,
    )


class _Descriptions:
    """What polls newly say of stations; most polls say nothing new."""

    def __init__(self) -> None:
        self._held: dict[str, Any] = {}
        self._before: tuple[str, int] = ("", 0)

    def take(self, poll: Poll) -> tuple[int, list[pa.Table]]:
        """How many records the poll had, and those that are new."""
        if poll.sha256 == self._before[0]:
            return self._before[1], []
        if _GBFS_STATUS in poll.payload[:_HEAD_BYTES]:  # the operator's status describes nothing
            return 0, []
        polled_at = pa.scalar(poll.polled_at, UTC_INSTANT)
        try:
            decoded = payloads.decode_json(poll.payload)
        except PayloadUnreadable as error:
            return 1, [unreadable({0: f"payload_is_readable: {error}"}, source="gbfs", polled_at=polled_at)]
        if decoded.stations and not payloads.describes(decoded.stations):
            return 0, []
        self._before = (poll.sha256, len(decoded))
        found = []
        if decoded.unreadable:
            complaints = {record.row_number: payloads.complaint(record) for record in decoded.unreadable}
            found.append(unreadable(complaints, source=decoded.source, polled_at=polled_at))
        new = [at for at, station in enumerate(decoded.stations) if self._is_new(station)]
        if new:
            found.append(
                records(
                    payloads.raw_columns([decoded.stations[at] for at in new]),
                    source=decoded.source,
                    polled_at=repeated(polled_at, len(new)),
                    row_number=pa.array([decoded.positions[at] for at in new], pa.int32()),
                )
            )
        return len(decoded), found

    def _is_new(self, station: Any) -> bool:
        code, described = payloads.description_of(station)
        if code is None:
            return True
        if self._held.get(code) == described:
            return False
        self._held[code] = described
        return True


def _distinct(rows: pa.Table) -> pa.Table:
    """The last of the rows that describe a station alike, in order; all of those without a station code."""
    names = ["station_code", *DESCRIPTION, "information_problem"]
    numbered = rows.select(names).append_column("at", pa.array(np.arange(rows.num_rows)))
    last = numbered.group_by(names, use_threads=False).aggregate([("at", "max")])
    unknown = numbered.filter(pc.is_null(numbered["station_code"]))["at"]
    known = last.filter(pc.is_valid(last["station_code"]))["at_max"]
    return rows.take(pa.array(np.sort(np.concatenate([known.to_numpy(), unknown.to_numpy()]))))


def _read(rows: pa.Table, sha256: str) -> pa.Table:
    columns = {name: rows[name] for name in ("station_code", *DESCRIPTION, "row_number")}
    columns["payload_sha256"] = pa.repeat(sha256, rows.num_rows)
    columns["problem"] = rows["information_problem"]
    return pa.table([columns[name] for name in _READ], names=list(_READ))


def _candidates(day: date, found: list[pa.Table]) -> pa.Table:
    """Each description with what is known from earlier ones of the day, and with its zone."""
    known: dict[str, dict[str, Any]] = {}
    rows = []
    for row in pa.concat_tables(found).to_pylist() if found else []:
        code = row["station_code"]
        if code is not None and row["problem"] is None:
            held = known.setdefault(code, {})
            held |= {name: row[name] for name in DESCRIPTION if row[name] is not None}
            row |= held
        zone, provenance = zone_of(code, row["commune"])
        rows.append(row | {"day": day, "zone": zone, "zone_provenance": provenance})
    return pa.Table.from_pylist(rows, schema=_SCHEMA)
