"""Watches the landing of a domain and requests exactly the partitions (days, months) that received data.

Which ones follows from content alone: a partition is stale where the fingerprint of its landing differs from
the one that its tables were last built from, so a late row reopens its day and a day whose load was refused
waits for new data. A request's run key is the partition with that content and the number of the attempt: the
same content is requested once, again where its run failed (a bounded number of times), and new content at
once. The partition that is running belongs to the compaction, because polls change it every minute; once it is
over it is one like any other.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import RUN_KEY_TAG, SENSOR_NAME_TAG

from transit_assets.automation.flows import Flow
from transit_assets.automation.resources import LakeResource
from transit_assets.lake import Lake
from transit_assets.lake.landing import FETCHES

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

PARTITIONS_PER_TICK = 25  # bounds a tick; what is left follows in the next one
ATTEMPTS = 3  # runs of one content of one partition; more would fail as well

_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass(frozen=True)
class Cursor:
    """What a sensor remembers: what it has seen to the end, and the run keys of what it has asked for, by partition.

    Seen are a version of `raw.fetches` and the partition that was running then: when it ends, one more is over.
    """

    version: int | None = None
    running: str | None = None
    requested: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> "Cursor":
        known = {one.name for one in fields(cls)}  # one that an earlier version left may say other things
        return cls(**{name: value for name, value in json.loads(text or "{}").items() if name in known})

    def text(self) -> str:
        return json.dumps(asdict(self))

    def has_seen(self, version: int, running: str) -> bool:
        """Whether a tick could find nothing: no news, and no request whose run may have failed."""
        return (self.version, self.running) == (version, running) and not self.requested


def next_partitions(
    stale: Mapping[str, str],
    cursor: Cursor,
    version: int,
    running: str,
    failed: Collection[str] = (),
    limit: int = PARTITIONS_PER_TICK,
) -> tuple[dict[str, str], Cursor]:
    """The partitions to request now with their run keys, oldest first, and the cursor after them.

    `stale` has the content of each one that is due, `failed` the run keys whose runs failed. Those asked for with the
    same content are left out; version and running one count as seen once nothing is left to ask.
    """
    over = {one: content for one, content in sorted(stale.items()) if one < running}
    wanted = {
        one: key
        for one, content in over.items()
        if (key := _next_key(f"{one}:{content}", cursor.requested.get(one), failed)) is not None
    }
    keys = dict(list(wanted.items())[:limit])
    asked = {one: key for one, key in cursor.requested.items() if one in over} | keys
    if len(keys) == len(wanted):
        return keys, Cursor(version, running, asked)
    return keys, Cursor(cursor.version, cursor.running, asked)


def _next_key(content: str, asked: str | None, failed: Collection[str]) -> str | None:
    """The run key to ask with; None where the same content was asked for and must not be asked for again."""
    before, _, attempt = (asked or "").rpartition(":")
    if before != content:
        return f"{content}:1"
    if asked in failed and int(attempt) < ATTEMPTS:
        return f"{content}:{int(attempt) + 1}"
    return None


def stale_partitions(lake: Lake, flow: Flow) -> dict[str, str]:
    """Partitions for which a clean table was built from another landing than there is, with what has landed.

    What has landed is read once, so that partitions and contents fit each other.
    """
    landed = {relation: flow.fingerprints(lake, relation) for relation in flow.relations}
    stale = {one for relation, fingerprints in landed.items() for one in lake.ledger.stale(relation, fingerprints)}
    return {
        one: "+".join(fingerprints.get(one, "") for _, fingerprints in sorted(landed.items())) for one in sorted(stale)
    }


def landing_sensor(flow: Flow, job: "AssetJob") -> dg.SensorDefinition:
    """The sensor of one domain; `job` builds its clean tables."""
    name, period = f"{flow.domain}_arrivals", flow.partitions.period.value

    @dg.sensor(
        name=name,
        job=job,
        description=f"Requests exactly the {period}s of {flow.domain} that are over and received data, late rows too.",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def arrivals(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult | dg.SkipReason:
        cursor, running = Cursor.read(context.cursor), flow.partitions.current()
        version = _landing_version(lake.lake)
        if version is None:
            return dg.SkipReason("nothing has landed yet")
        if cursor.has_seen(version, running):
            return dg.SkipReason(f"nothing has landed since version {version} of raw.fetches")
        failed = _failed(context.instance, name, list(cursor.requested.values()))
        keys, after = next_partitions(stale_partitions(lake.lake, flow), cursor, version, running, failed)
        requests = [dg.RunRequest(run_key=key, partition_key=one) for one, key in keys.items()]
        return dg.SensorResult(
            run_requests=requests,
            cursor=after.text(),
            skip_reason=None if requests else dg.SkipReason(f"every {period} that is over is built or asked for"),
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
