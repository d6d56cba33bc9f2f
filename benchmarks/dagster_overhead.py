"""(c) What Dagster adds to each day: a year of small days in one run, and in a run each, against no Dagster.

The day holds one poll of three stations, so what is left is the load itself, which the contestant without
Dagster pays as well, and what Dagster does around it.
"""

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.harness import Limit, Report, measure

_FIRST, _DAYS, _DAYS_APART = date(2025, 1, 1), 365, 20
_LIMIT_MS = 25


def main() -> Report:
    with tempfile.TemporaryDirectory(prefix="transit-bench-") as folder:
        _fill(folder)
        found = measure(
            {"without Dagster": without, "one run of a year": one_run, f"a run for each of {_DAYS_APART}": runs_apart},
            folder,
            rounds=3,
        )
    plain, single, apart = found.values()
    added_ms = 1000 * (single.seconds - plain.seconds) / _DAYS
    apart_ms = 1000 * (apart.seconds / _DAYS_APART - plain.seconds / _DAYS)
    rows = [plain.row(), single.row(), apart.row()]
    for row, added in zip(rows, (0.0, added_ms, apart_ms), strict=True):
        row["added ms a day"] = f"{added:.1f}"
    seen = single.result
    limits = [
        Limit(f"one run adds at most {_LIMIT_MS} ms a day (now {added_ms:.1f} ms)", added_ms <= _LIMIT_MS),
        Limit(
            "exactly one materialization a day, each with its own row counts",
            seen["materializations"] == seen["days"] == seen["with_metadata"] == _DAYS,
        ),
    ]
    text = f"`interim/bikes/station_status` of {_DAYS} days with one poll of three stations each, on a SQLite instance."
    return Report("(c) What Dagster adds", text, rows, limits)


def without(folder: str) -> Callable[[], Any]:
    from transit_assets.bikes.clean.status import station_status
    from transit_assets.bikes.landed import FEEDS_OF, observations_by_day
    from transit_assets.bikes.schema import STATION_STATUS
    from transit_assets.lake import Lake
    from transit_assets.quality.load import load

    lake = Lake.at(f"{folder}/lake")
    feeds = FEEDS_OF[STATION_STATUS.relation]

    def run() -> int:
        prints = lake.landing.fingerprints("bikes", feeds)
        cleaned = (
            station_status(date.fromisoformat(day), observed, prints.get(day))
            for day, observed in observations_by_day(lake, feeds, _days(_DAYS))
        )
        return len(load(lake, STATION_STATUS, cleaned))

    return run


def one_run(folder: str) -> Callable[[], Any]:
    execute, summary = _prepared(folder)
    days = _days(_DAYS)

    def run() -> Any:
        execute(None, {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[-1]})
        return summary()

    return run


def runs_apart(folder: str) -> Callable[[], Any]:
    execute, summary = _prepared(folder)

    def run() -> Any:
        for day in _days(_DAYS_APART):
            execute(day, {})
        return summary()

    return run


def _prepared(folder: str) -> tuple[Callable[[str | None, dict[str, str]], None], Callable[[], dict[str, int]]]:
    """How to execute the asset alone on a fresh instance, and what the instance then knows of it."""
    import dagster as dg

    from transit_assets.automation.instance import fewer_disk_syncs, prepare
    from transit_assets.automation.resources import LakeResource
    from transit_assets.bikes.assets import raw_station_status, station_status
    from transit_assets.settings import Settings

    home = prepare(Settings(lake=f"{folder}/lake", dagster_home=Path(tempfile.mkdtemp(dir=folder))))
    instance = dg.DagsterInstance.from_config(str(home))
    resources = {"lake": LakeResource(root=f"{folder}/lake")}
    job = dg.Definitions(
        assets=[raw_station_status, station_status], resources=resources
    ).resolve_implicit_global_asset_job_def()
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

    def execute(day: str | None, tags: dict[str, str]) -> None:
        with fewer_disk_syncs():
            done = job.execute_in_process(
                instance=instance, asset_selection=[station_status.key], partition_key=day, tags=tags, run_config=quiet
            )
        assert done.success

    def summary() -> dict[str, int]:
        records = instance.fetch_materializations(station_status.key, limit=1000).records
        events = [record.asset_materialization for record in records if record.asset_materialization]
        counted = [event for event in events if "dagster/partition_row_count" in event.metadata]
        return {
            "materializations": len(events),
            "days": len({event.partition for event in events}),
            "with_metadata": len(counted),
        }

    return execute, summary


def _days(count: int) -> list[str]:
    return [(_FIRST + timedelta(days=number)).isoformat() for number in range(count)]


def _fill(folder: str) -> None:
    """Land one poll of three stations at noon of each day."""
    from transit_assets.lake import Fetch, Lake

    lake = Lake.at(f"{folder}/lake")
    items = []
    for number, day in enumerate(_days(_DAYS)):
        noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
        fetch = Fetch(
            domain="bikes",
            feed="station_status",
            fetched_at=noon,
            provider="benchmark",
            url="station_status.json",
            outcome="landed",
            is_simulated=True,
            partitions=(day,),
        )
        items.append((fetch, _payload(int(noon.timestamp()), number)))
    lake.landing.land(items)


def _payload(instant: int, number: int) -> bytes:
    stations = [
        {
            "station_id": code,
            "stationCode": str(code),
            "num_bikes_available": (number + code) % 30,
            "num_bikes_available_types": [{"mechanical": (number + code) % 30}, {"ebike": 0}],
            "num_docks_available": 30 - (number + code) % 30,
            "is_installed": 1,
            "is_renting": 1,
            "is_returning": 1,
            "last_reported": instant - 60,
        }
        for code in (10001, 10002, 10003)
    ]
    return json.dumps({"lastUpdatedOther": instant, "ttl": 3600, "data": {"stations": stations}}).encode()
