"""(a) One full day of Vélib', 1,440 GBFS payloads of 1,500 stations: payload to committed interim partition.

The floor decompresses, parses with `orjson` and writes the same rows to one bare Parquet file: no types, no
rules, no deduplication, no transaction. Plain pandas is what a notebook would do.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.harness import Limit, Report, measure

DAY = date(2026, 3, 10)
POLLS = 1440
_FIRST_POLL = datetime(2026, 3, 9, 23, 0, 7, tzinfo=UTC)
_STALE = timedelta(hours=1)
COMPARED = (
    "station_code",
    "reported_at",
    "polled_at",
    "first_polled_at",
    "bikes",
    "mechanical",
    "ebike",
    "docks_free",
    "is_installed",
    "is_renting",
    "is_returning",
    "is_stale",
    "payload_sha256",
)


def main() -> Report:
    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        _fill(Path(folder))
        _write_reference(Path(folder))
        found = measure({"floor": floor, "transit": transit, "pandas": pandas}, folder, rounds=3)
        ours, bare = found["transit"], found["floor"]
        is_equal = _equals_reference(Path(folder), Path(ours.result["lake"]))
    ratio = ours.seconds / bare.seconds
    text = (
        f"{POLLS:,} payloads, {ours.result['landed']:,} records, {ours.result['kept']:,} rows kept. The floor "
        "decompresses, parses with orjson and writes the same rows to one bare Parquet file; transit goes from the "
        "landing (hash checked) through rules and deduplication to a Delta commit and its row in the ledger."
    )
    limits = [
        Limit(f"at most 2× the floor (now {ratio:.2f}×)", ratio <= 2),
        Limit(f"at most 700 MB (now {ours.peak_mb:.0f} MB)", ours.peak_mb <= 700),
        Limit("rows equal to those of a naive reference", is_equal),
    ]
    return Report("(a) A day of polls to the interim table", text, [one.row(bare) for one in found.values()], limits)


def _fill(folder: Path) -> None:
    """A lake whose landing holds the simulator's polls of one day."""
    from transit_assets.lake import Fetch, Lake
    from transit_assets.simulator.messages import Request
    from transit_assets.simulator.respond import respond

    items = []
    for minute in range(POLLS):
        at = _FIRST_POLL + timedelta(minutes=minute)
        fetch = Fetch(
            "bikes", "station_status", at, "simulator", "station_status.json", "landed", True, 200,
            partitions=(DAY.isoformat(),),
        )  # fmt: skip
        items.append((fetch, respond(Request("/opendata/Velib_Metropole/station_status.json", at)).body))
    Lake.at(folder / "lake").landing.land(items)


def _payloads(folder: Path) -> Iterator[tuple[datetime, bytes]]:
    """Poll instants and compressed payloads, oldest first."""
    from transit_assets.lake import Lake

    for fetch in Lake.at(folder / "lake").landing.fetches("bikes"):
        yield fetch.fetched_at, (folder / "lake" / (fetch.path or "")).read_bytes()


def reference(polls: Iterator[tuple[datetime, bytes]]) -> list[dict[str, Any]]:
    """What the interim rows must be, written as plainly as possible."""
    rows: dict[tuple[str, datetime], dict[str, Any]] = {}
    for polled_at, payload in polls:
        sha256 = hashlib.sha256(payload).hexdigest()
        for station in json.loads(payload)["data"]["stations"]:
            if station["stationCode"] is None:  # it waits in quarantine
                continue
            kinds = {name: count for types in station["num_bikes_available_types"] for name, count in types.items()}
            said = {
                "bikes": station["num_bikes_available"],
                "mechanical": kinds.get("mechanical"),
                "ebike": kinds.get("ebike"),
                "docks_free": station["num_docks_available"],
                "is_installed": bool(station["is_installed"]),
                "is_renting": bool(station["is_renting"]),
                "is_returning": bool(station["is_returning"]),
            }
            key = (station["stationCode"], datetime.fromtimestamp(station["last_reported"], UTC))
            row = rows.get(key)
            if row is None:
                row = rows[key] = {"first_polled_at": polled_at, "is_stale": polled_at - key[1] > _STALE}
            if any(row.get(name) != value for name, value in said.items()):
                row |= said | {"payload_sha256": sha256}
            row["polled_at"] = polled_at
    return [{"station_code": key[0], "reported_at": key[1], **rows[key]} for key in sorted(rows)]


def _write_reference(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import zstandard

    from transit_assets.bikes.schema import STATION_STATUS

    unpack = zstandard.ZstdDecompressor().decompress
    schema = pa.schema([STATION_STATUS.schema.field(name) for name in COMPARED])
    rows = reference((at, unpack(payload)) for at, payload in _payloads(folder))
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "reference.parquet")


def _equals_reference(folder: Path, root: Path) -> bool:
    import pyarrow.parquet as pq

    from transit_assets.bikes.schema import STATION_STATUS
    from transit_assets.lake import Lake

    rows = Lake.at(root).table(STATION_STATUS).read([DAY]).select(COMPARED)
    return rows.equals(pq.read_table(folder / "reference.parquet"))


def floor(folder: str) -> Callable[[], int]:
    import orjson
    import pyarrow.parquet as pq
    import zstandard

    rows = pq.read_table(Path(folder) / "reference.parquet")
    paths = sorted((Path(folder) / "lake" / "raw").rglob("*.zst"))

    def work() -> int:
        unpack = zstandard.ZstdDecompressor().decompress
        for path in paths:
            orjson.loads(unpack(path.read_bytes()))
        pq.write_table(rows, Path(folder) / "floor.parquet", compression="zstd")
        return rows.num_rows

    return work


def transit(folder: str) -> Callable[[], dict[str, Any]]:
    from transit_assets.bikes.clean.status import station_status
    from transit_assets.bikes.landed import STATUS_FEEDS, observations
    from transit_assets.bikes.schema import STATION_STATUS
    from transit_assets.lake import Lake
    from transit_assets.quality.load import load

    root = Path(tempfile.mkdtemp(dir=folder)) / "lake"
    shutil.copytree(Path(folder) / "lake", root)
    lake = Lake.at(root)
    lake.table(STATION_STATUS).create()

    def work() -> dict[str, Any]:
        day = DAY.isoformat()
        fingerprint = lake.landing.fingerprints("bikes", STATUS_FEEDS)[day]
        cleaned = station_status(DAY, observations(lake, STATUS_FEEDS, day), fingerprint)
        done = load(lake, STATION_STATUS, [cleaned])[0]
        return {"kept": done.kept_rows, "landed": done.landed_rows, "lake": str(root)}

    return work


def pandas(folder: str) -> Callable[[], int]:
    import pandas as pd
    import zstandard

    payloads = list(_payloads(Path(folder)))

    def work() -> int:
        unpack = zstandard.ZstdDecompressor().decompress
        frames = []
        for polled_at, payload in payloads:
            frame = pd.DataFrame(json.loads(unpack(payload))["data"]["stations"])
            frame["mechanical"] = [types[0]["mechanical"] for types in frame["num_bikes_available_types"]]
            frame["ebike"] = [types[1]["ebike"] for types in frame["num_bikes_available_types"]]
            frame["polled_at"] = polled_at
            frames.append(frame.drop(columns=["num_bikes_available_types", "station_opening_hours"]))
        rows = pd.concat(frames)
        rows["reported_at"] = pd.to_datetime(rows["last_reported"], unit="s", utc=True)
        first = rows.groupby(["stationCode", "reported_at"])["polled_at"].min().rename("first_polled_at")
        rows = rows.drop_duplicates(["stationCode", "reported_at"], keep="last")
        rows = rows.merge(first, on=["stationCode", "reported_at"]).sort_values(["stationCode", "reported_at"])
        rows.to_parquet(Path(folder) / "pandas.parquet", compression="zstd")
        return len(rows)

    return work
