"""The landing: payloads exactly as received, and one outcome row for each attempt to get one.

A payload lies compressed at `raw/<domain>/<feed>/date=YYYY-MM-DD/<sha256>.zst` (the UTC date of
its first arrival), whatever it is; the same bytes twice are stored once. `raw.fetches` has one row
per attempt, failed ones above all, and says which partitions of the domain the payload touches.
Nothing here is ever changed or deleted by a run: everything after the landing is rebuilt from it.
"""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Literal, cast
from uuid import uuid4

import obstore
import pyarrow as pa
import zstandard
from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore

from transit_assets.lake.errors import OriginMismatch, PayloadCorrupt
from transit_assets.lake.schema import UTC_INSTANT, Column, Table
from transit_assets.lake.snapshot import partition_text

if TYPE_CHECKING:
    from transit_assets.lake.lake import Lake

Outcome = Literal["landed", "not_modified", "failed", "skipped"]
Origin = Literal["real", "simulated"]

_CHUNK_BYTES = 2**20

# The order of rows does not matter to XOR, which halves the time of hashing a sorted list.
_OBSERVED = (
    "SELECT partition, md5(count(*) || '-' || bit_xor(md5_number(sha256 || outcome || epoch_us(fetched_at))))"
    " AS fingerprint FROM heard GROUP BY partition"
)
_TOLD = (
    "SELECT partition, md5(string_agg(sha256, ' ' ORDER BY last_at, sha256)) AS fingerprint FROM"
    " (SELECT partition, sha256, max(fetched_at) AS last_at FROM heard GROUP BY ALL) GROUP BY partition"
)

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
        Column("first_partition", pa.string(), "First of `partitions`, by which readers skip files."),
        Column("last_partition", pa.string(), "Last of `partitions`, by which readers skip files."),
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

    @property
    def _store(self) -> ObjectStore:
        return self._lake.location.store

    def origin(self) -> Origin | None:
        """Whether the lake's data is real or simulated; None before its first payload."""
        if not self._lake.location.exists():
            return None
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

    def land(self, items: Sequence[tuple[Fetch, bytes | Path | None]]) -> list[Fetch]:
        """Store payloads, then append one outcome row for each item, in one commit.

        A payload is bytes, or the path of a file of any size, which is streamed. It is stored before its row
        names it; killed in between, the next attempt lands it again.
        Returns the rows as written. Raises OriginMismatch before anything is stored.
        """
        if not items:
            return []
        for origin in {fetch.origin for fetch, payload in items if payload is not None}:
            self.claim(origin)
        with ExitStack() as opened:
            packed = [_pack(payload, opened) for _, payload in items]
            paths = self._paths_of([pack.sha256 for pack in packed if pack])
            rows = []
            for (fetch, _), pack in zip(items, packed, strict=True):
                if pack is None:
                    rows.append(fetch)
                    continue
                place = (fetch.domain, fetch.feed, pack.sha256)
                if place not in paths:
                    paths[place] = self._store_payload(fetch, pack)
                rows.append(replace(fetch, sha256=pack.sha256, bytes=pack.size, path=paths[place]))
        self._lake.table(FETCHES).append(_fetch_rows(rows))
        return rows

    def _store_payload(self, fetch: Fetch, pack: "_Pack") -> str:
        path = f"raw/{fetch.domain}/{fetch.feed}/date={fetch.fetched_at.astimezone(UTC):%Y-%m-%d}/{pack.sha256}.zst"
        # Overwriting is harmless: the path is the hash of its content, and a put is atomic.
        obstore.put(self._store, path, pack.compressed)
        return path

    def _paths_of(self, hashes: list[str]) -> dict[tuple[str, str, str], str]:
        """Where these bytes already lie, by domain, feed and hash."""
        if not hashes:
            return {}
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
        where = ["domain = ?", "sha256 IS NOT NULL"]
        values: list[str | list[str]] = [domain]
        for condition, value in (("list_contains(?, feed)", feeds), ("list_has_any(partitions, ?)", partitions)):
            if value is not None:
                where.append(condition)
                values.append(list(value))
        skip = None
        if partitions:
            names = sorted(partition_text(partition) for partition in partitions)
            skip = f"first_partition <= '{names[-1]}' AND last_partition >= '{names[0]}'"
        columns = ", ".join(field.name for field in fields(Fetch))
        query = f"SELECT {columns} FROM fetches WHERE {' AND '.join(where)} ORDER BY fetched_at, fetch_id"
        return [_fetch(row) for row in self._lake.table(FETCHES).scan(query, values, where=skip).to_pylist()]

    def is_empty(self, domain: str) -> bool:
        """Whether no payload of a domain has landed yet."""
        found = self._lake.table(FETCHES).scan(
            "SELECT 1 FROM fetches WHERE domain = ? AND sha256 IS NOT NULL LIMIT 1", [domain]
        )
        return found.num_rows == 0

    def payload(self, fetch: Fetch) -> bytes:
        """The bytes as received. Raises PayloadCorrupt where their hash has changed, FileNotFoundError where gone."""
        path = _path_of(fetch)
        compressed = bytes(obstore.get(self._store, path).bytes())
        try:
            payload = zstandard.ZstdDecompressor().decompress(compressed, max_output_size=fetch.bytes or 0)
        except zstandard.ZstdError as error:
            raise PayloadCorrupt(f"{path}: {error}") from error
        if hashlib.sha256(payload).hexdigest() != fetch.sha256:
            raise PayloadCorrupt(f"{path}: the payload is not the one that was received")
        return payload

    def open(self, fetch: Fetch) -> BinaryIO:
        """The payload as a seekable file of any size, for a `with` block; its hash is checked before the first read.

        Raises PayloadCorrupt where the hash has changed, FileNotFoundError where the payload is gone.
        """
        path = _path_of(fetch)
        digest = hashlib.sha256()
        unpacked = tempfile.TemporaryFile(prefix="transit-payload-")  # noqa: SIM115 the caller closes it
        try:
            source = cast("BinaryIO", obstore.open_reader(self._store, path))
            with zstandard.ZstdDecompressor().stream_reader(source) as reader:
                while chunk := reader.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    unpacked.write(chunk)
            if digest.hexdigest() != fetch.sha256:
                raise PayloadCorrupt(f"{path}: the payload is not the one that was received")
        except zstandard.ZstdError as error:
            unpacked.close()
            raise PayloadCorrupt(f"{path}: {error}") from error
        except BaseException:
            unpacked.close()
            raise
        unpacked.seek(0)
        return unpacked

    def fingerprints(self, domain: str, feeds: Sequence[str], *, with_instants: bool = True) -> dict[str, str]:
        """For each partition that landed data touches, a hash of what was observed: payload, time and outcome.

        Without instants it is one of the payloads alone, in the order in which each was last heard: an answer that
        says again what the one before it said changes nothing.
        """
        found = self._lake.table(FETCHES).scan(
            "WITH heard AS (SELECT unnest(partitions) AS partition, sha256, outcome, fetched_at FROM fetches"
            " WHERE domain = ? AND list_contains(?, feed) AND outcome IN ('landed', 'not_modified')"
            f" AND sha256 IS NOT NULL) {_OBSERVED if with_instants else _TOLD} ORDER BY partition",
            [domain, list(feeds)],
        )
        return {row["partition"]: row["fingerprint"] for row in found.to_pylist()}


@dataclass(frozen=True)
class _Pack:
    """A payload ready to be stored: small ones in memory, files compressed beside."""

    sha256: str
    size: int
    compressed: "bytes | IO[bytes]"


def _pack(payload: "bytes | Path | None", opened: ExitStack) -> _Pack | None:
    compressor = zstandard.ZstdCompressor(level=3)
    if payload is None:
        return None
    if not isinstance(payload, Path):
        return _Pack(hashlib.sha256(payload).hexdigest(), len(payload), compressor.compress(payload))
    digest, size = hashlib.sha256(), 0
    target = opened.enter_context(tempfile.TemporaryFile(prefix="transit-payload-"))  # noqa: SIM115 the stack closes it
    with payload.open("rb") as source, compressor.stream_writer(target, closefd=False) as writer:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            writer.write(chunk)
    target.seek(0)
    return _Pack(digest.hexdigest(), size, target)


def _path_of(fetch: Fetch) -> str:
    if fetch.path is None or fetch.bytes is None:
        raise FileNotFoundError(f"fetch {fetch.fetch_id} of {fetch.domain}/{fetch.feed} has no payload")
    return fetch.path


def _fetch_rows(fetches: list[Fetch]) -> pa.Table:
    rows = [
        asdict(fetch)
        | {
            "date": fetch.fetched_at.astimezone(UTC).date(),
            "headers": json.dumps(fetch.headers),
            "partitions": list(fetch.partitions),
            "first_partition": min(fetch.partitions, default=None),
            "last_partition": max(fetch.partitions, default=None),
        }
        for fetch in fetches
    ]
    return pa.Table.from_pylist(rows, schema=FETCHES.schema)


def _fetch(row: dict) -> Fetch:
    return Fetch(**row | {"headers": json.loads(row["headers"]), "partitions": tuple(row["partitions"] or ())})
