"""Watches the landing of a domain and requests exactly the days that received data.

Which days those are follows from content alone: a day is stale where the fingerprint of its landing
differs from the one that its tables were last built from, so a late row reopens its day and a day whose
load was refused waits for new data. A request's run key is the day with that content and the number of the
attempt: the same content is requested once, again where its run failed (a bounded number of times), and new
content at once. Today belongs to the quarter-hourly compaction, because polls change it every minute; after
midnight it is a day like any other.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import RUN_KEY_TAG, SENSOR_NAME_TAG

from transit_assets.automation.partitions import today
from transit_assets.automation.resources import LakeResource
from transit_assets.lake import Lake
from transit_assets.lake.landing import FETCHES

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

DAYS_PER_TICK = 25  # bounds a tick; what is left follows in the next one
ATTEMPTS = 3  # runs of one content of one day; more would fail as well

_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass(frozen=True)
class Cursor:
    """What a sensor remembers: what it has seen to the end, and the run keys of what it has asked for, by day.

    Seen are a version of `raw.fetches` and the day that was today then: at midnight one more day is over.
    """

    version: int | None = None
    today: str | None = None
    requested: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> "Cursor":
        return cls(**json.loads(text)) if text else cls()

    def text(self) -> str:
        return json.dumps(asdict(self))

    def has_seen(self, version: int, today: str) -> bool:
        """Whether a tick could find nothing: no news, and no request whose run may have failed."""
        return (self.version, self.today) == (version, today) and not self.requested


def next_days(
    stale: Mapping[str, str],
    cursor: Cursor,
    version: int,
    today: str,
    failed: Collection[str] = (),
    limit: int = DAYS_PER_TICK,
) -> tuple[dict[str, str], Cursor]:
    """The days to request now with their run keys, oldest first, and the cursor after them.

    `stale` has the content of each day that is due, `failed` the run keys whose runs failed. Days asked for with the
    same content are left out; version and today count as seen once nothing is left to ask.
    """
    over = {day: content for day, content in sorted(stale.items()) if day < today}
    wanted = {
        day: key
        for day, content in over.items()
        if (key := _next_key(f"{day}:{content}", cursor.requested.get(day), failed)) is not None
    }
    keys = dict(list(wanted.items())[:limit])
    asked = {day: key for day, key in cursor.requested.items() if day in over} | keys
    if len(keys) == len(wanted):
        return keys, Cursor(version, today, asked)
    return keys, Cursor(cursor.version, cursor.today, asked)


def _next_key(content: str, asked: str | None, failed: Collection[str]) -> str | None:
    """The run key to ask with; None where the same content was asked for and must not be asked for again."""
    before, _, attempt = (asked or "").rpartition(":")
    if before != content:
        return f"{content}:1"
    if asked in failed and int(attempt) < ATTEMPTS:
        return f"{content}:{int(attempt) + 1}"
    return None


def stale_days(lake: Lake, domain: str, relations: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Days for which one of the relations was built from another landing than there is, with what has landed.

    Each relation has its feeds. What has landed is read once, so that days and contents fit each other.
    """
    landed = {relation: lake.landing.fingerprints(domain, feeds) for relation, feeds in relations.items()}
    stale = {day for relation, fingerprints in landed.items() for day in lake.ledger.stale(relation, fingerprints)}
    return {
        day: "+".join(fingerprints.get(day, "") for _, fingerprints in sorted(landed.items())) for day in sorted(stale)
    }


def landing_sensor(domain: str, relations: Mapping[str, Sequence[str]], job: "AssetJob") -> dg.SensorDefinition:
    """The sensor of one domain: `relations` are what its days are built into, each with the feeds it is built from."""
    name = f"{domain}_arrivals"

    @dg.sensor(
        name=name,
        job=job,
        description=f"Requests exactly the days of {domain} before today that received data, late rows included.",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def arrivals(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult | dg.SkipReason:
        cursor, this_day = Cursor.read(context.cursor), today().isoformat()
        version = _landing_version(lake.lake)
        if version is None:
            return dg.SkipReason("nothing has landed yet")
        if cursor.has_seen(version, this_day):
            return dg.SkipReason(f"nothing has landed since version {version} of raw.fetches")
        failed = _failed(context.instance, name, list(cursor.requested.values()))
        keys, after = next_days(stale_days(lake.lake, domain, relations), cursor, version, this_day, failed)
        requests = [dg.RunRequest(run_key=key, partition_key=day) for day, key in keys.items()]
        return dg.SensorResult(
            run_requests=requests,
            cursor=after.text(),
            skip_reason=None if requests else dg.SkipReason("every day before today is built or asked for"),
        )

    return arrivals


def _failed(instance: dg.DagsterInstance, sensor: str, keys: Sequence[str]) -> set[str]:
    """The run keys of which every run has failed."""
    if not keys:
        return set()
    runs = instance.get_runs(dg.RunsFilter(tags={SENSOR_NAME_TAG: sensor, RUN_KEY_TAG: keys}))
    alive = {run.tags[RUN_KEY_TAG] for run in runs if run.status not in _FAILED}
    return {run.tags[RUN_KEY_TAG] for run in runs} - alive


def _landing_version(lake: Lake) -> int | None:
    table = lake.table(FETCHES)
    return table.version() if table.exists() else None
