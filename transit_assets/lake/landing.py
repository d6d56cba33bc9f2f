"""The landing: payloads exactly as received, and one outcome row for each attempt to get one.

A payload lies compressed at `raw/<domain>/<feed>/date=YYYY-MM-DD/<sha256>.zst` (the UTC date of
its first arrival), whatever it is; the same bytes twice are stored once. `raw.fetches` has one row
per attempt, failed ones above all, and says which partitions of the domain the payload touches.
Nothing here is ever changed or deleted by a run: everything after the landing is rebuilt from it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

import obstore
import pyarrow as pa
import zstandard
from obstore.exceptions import AlreadyExistsError

from transit_assets.lake.errors import OriginMismatch, PayloadCorrupt
from transit_assets.lake.schema import UTC_INSTANT, Column, Table

if TYPE_CHECKING:
    from transit_assets.lake.lake import Lake

Outcome = Literal["landed", "not_modified", "failed", "skipped"]
Origin = Literal["real", "simulated"]

FETCHES = Table(
    layer="raw",
    domain=None,
    name="fetches",
    description="One attempt to get a payload from outside: a request, a retry, an imported file.",
    key=("fetch_id",),
    partition_by="date",
    columns=(
        Column("date", pa.date32(), "UTC date of `fetched_at`.", is_nullable=False),
        Column("fetch_id", pa.string(), "Random identifier of the attempt.", is_nullable=False),
        Column("domain", pa.string(), "rail, road, bikes, fire or context.", is_nullable=False),
        Column("feed", pa.string(), "Name of the feed within its domain.", is_nullable=False),
        Column("fetched_at", UTC_INSTANT, "When the answer arrived, or the attempt failed.", is_nullable=False),
        Column("provider", pa.string(), "Host asked, or `file` for an import: the unit of quotas."),
        Column("url", pa.string(), "Address asked, without secrets; the file's name for an import."),
        Column(
            "outcome",
            pa.string(),
            "landed; not_modified (the earlier payload still holds); failed; skipped (quota spent).",
            is_nullable=False,
            values=("landed", "not_modified", "failed", "skipped"),
        ),
        Column("status", pa.int32(), "HTTP status, null where there was no answer."),
        Column("error", pa.string(), "What went wrong, in one sentence; null where nothing did."),
        Column("attempt", pa.int32(), "1 for the first try, 2 for its first retry, and so on."),
        Column("elapsed_ms", pa.int32(), "From sending to the last byte or the failure.", unit="ms"),
        Column("headers", pa.string(), "JSON object of the answer's headers that matter (validators, limits, type)."),
        Column("sha256", pa.string(), "Hash of the uncompressed payload; null where there is none."),
        Column("bytes", pa.int64(), "Size of the uncompressed payload.", unit="bytes"),
        Column("path", pa.string(), "Where the payload lies, below the root of the lake."),
        Column("partitions", pa.list_(pa.string()), "Partitions of the domain that the payload touches."),
        Column("is_simulated", pa.bool_(), "True where the simulator answered.", is_nullable=False),
    ),
)


@dataclass(frozen=True)
class Fetch:
    """One row of `raw.fetches`."""

    domain: str
    feed: str
    fetched_at: datetime
    provider: str
    url: str
    outcome: Outcome
    is_simulated: bool
    status: int | None = None
    error: str | None = None
    attempt: int = 1
    elapsed_ms: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    sha256: str | None = None
    bytes: int | None = None
    path: str | None = None
    partitions: tuple[str, ...] = ()
    fetch_id: str = field(default_factory=lambda: uuid4().hex)

    @property
    def origin(self) -> Origin:
        return "simulated" if self.is_simulated else "real"


class Landing:
    """The landing of one lake."""

    _origin_path = "raw/_origin.json"

    def __init__(self, lake: "Lake") -> None:
        self._lake = lake
        self._store = lake.location.store

    def origin(self) -> Origin | None:
        """Whether the lake's data is real or simulated; None before its first payload."""
        try:
            return json.loads(bytes(obstore.get(self._store, self._origin_path).bytes()))["origin"]
        except FileNotFoundError:
            return None

    def claim(self, origin: Origin) -> None:
        """Fix the origin of a lake that has none.

        Raises OriginMismatch where the lake has the other one.
        """
        try:
            obstore.put(self._store, self._origin_path, json.dumps({"origin": origin}).encode(), mode="create")
        except AlreadyExistsError:
            found = self.origin()
            if found != origin:
                raise OriginMismatch(
                    f"this lake holds {found} data, so {origin} data is refused; "
                    f"point TRANSIT_LAKE at another lake ({self._lake.location.root} is {found})"
                ) from None

    def land(self, items: Sequence[tuple[Fetch, bytes | None]]) -> list[Fetch]:
        """Store payloads, then append one outcome row for each item, in one commit.

        A payload is durable before its row names it; killed in between, the next attempt lands it again.
        Returns the rows as written. Raises OriginMismatch before anything is stored.
        """
        if not items:
            return []
        for origin in {fetch.origin for fetch, payload in items if payload is not None}:
            self.claim(origin)
        hashes = [hashlib.sha256(payload).hexdigest() if payload is not None else None for _, payload in items]
        paths = self._paths_of([sha256 for sha256 in hashes if sha256 is not None])
        rows = []
        for (fetch, payload), sha256 in zip(items, hashes, strict=True):
            if payload is None or sha256 is None:
                rows.append(fetch)
                continue
            place = (fetch.domain, fetch.feed, sha256)
            if place not in paths:
                paths[place] = self._store_payload(fetch, payload, sha256)
            rows.append(replace(fetch, sha256=sha256, bytes=len(payload), path=paths[place]))
        self._lake.table(FETCHES).append(_fetch_rows(rows))
        return rows

    def _store_payload(self, fetch: Fetch, payload: bytes, sha256: str) -> str:
        path = f"raw/{fetch.domain}/{fetch.feed}/date={fetch.fetched_at:%Y-%m-%d}/{sha256}.zst"
        # Overwriting is harmless: the path is the hash of its content, and a put is atomic.
        obstore.put(self._store, path, zstandard.ZstdCompressor(level=3).compress(payload))
        return path

    def _paths_of(self, hashes: list[str]) -> dict[tuple[str, str, str], str]:
        """Where these bytes already lie, by domain, feed and hash."""
        found = self._lake.table(FETCHES).scan(
            "SELECT domain, feed, sha256, any_value(path) AS path FROM fetches "
            "WHERE list_contains(?, sha256) GROUP BY ALL",
            [hashes],
        )
        return {(row["domain"], row["feed"], row["sha256"]): row["path"] for row in found.to_pylist()}

    def fetches(
        self, domain: str, feeds: Sequence[str] | None = None, partitions: Sequence[str] | None = None
    ) -> list[Fetch]:
        """Attempts that have a payload, oldest first, optionally of some feeds or touching some partitions."""
        where, values = ["domain = ?", "sha256 IS NOT NULL"], [domain]
        for condition, value in (("list_contains(?, feed)", feeds), ("list_has_any(partitions, ?)", partitions)):
            if value is not None:
                where.append(condition)
                values.append(list(value))
        query = f"SELECT * EXCLUDE (date) FROM fetches WHERE {' AND '.join(where)} ORDER BY fetched_at, fetch_id"
        return [_fetch(row) for row in self._lake.table(FETCHES).scan(query, values).to_pylist()]

    def payload(self, fetch: Fetch) -> bytes:
        """The bytes as received. Raises PayloadCorrupt where their hash has changed, FileNotFoundError where gone."""
        if fetch.path is None or fetch.bytes is None:
            raise FileNotFoundError(f"fetch {fetch.fetch_id} of {fetch.domain}/{fetch.feed} has no payload")
        compressed = bytes(obstore.get(self._store, fetch.path).bytes())
        try:
            payload = zstandard.ZstdDecompressor().decompress(compressed, max_output_size=fetch.bytes)
        except zstandard.ZstdError as error:
            raise PayloadCorrupt(f"{fetch.path}: {error}") from error
        if hashlib.sha256(payload).hexdigest() != fetch.sha256:
            raise PayloadCorrupt(f"{fetch.path}: the payload is not the one that was received")
        return payload


def _fetch_rows(fetches: list[Fetch]) -> pa.Table:
    rows = [
        asdict(fetch)
        | {"date": fetch.fetched_at.date(), "headers": json.dumps(fetch.headers), "partitions": list(fetch.partitions)}
        for fetch in fetches
    ]
    return pa.Table.from_pylist(rows, schema=FETCHES.schema)


def _fetch(row: dict) -> Fetch:
    return Fetch(**row | {"headers": json.loads(row["headers"]), "partitions": tuple(row["partitions"] or ())})
