"""Watches the landing of a domain and requests exactly the days that received data.

Which days those are follows from content alone: a day is stale where the fingerprint of its landing
differs from the one that its table was last built from, so a late row reopens its day and a day whose
load was refused waits for new data. A request's run key is the day with that fingerprint: the same
content is requested once, new content again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from transit_assets.automation.resources import LakeResource
from transit_assets.lake import FETCHES, Lake

DAYS_PER_TICK = 25  # bounds a tick; what is left follows in the next one


@dataclass(frozen=True)
class Cursor:
    """What a sensor remembers: the version of `raw.fetches` that it has seen to the end, and what it has asked for."""

    version: int | None = None
    requested: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> "Cursor":
        return cls(**json.loads(text)) if text else cls()

    def text(self) -> str:
        return json.dumps({"version": self.version, "requested": dict(self.requested)})


def next_days(
    stale: Sequence[str], fingerprints: Mapping[str, str], cursor: Cursor, version: int, limit: int = DAYS_PER_TICK
) -> tuple[list[str], Cursor]:
    """The days to request now, oldest first, and the cursor after them.

    Days asked for with the same content are left out; the version counts as seen once nothing is left to ask.
    """
    wanted = [day for day in sorted(stale) if cursor.requested.get(day) != fingerprints[day]]
    days = wanted[:limit]
    asked = {day: found for day, found in cursor.requested.items() if day in stale} | {
        day: fingerprints[day] for day in days
    }
    return days, Cursor(version if len(days) == len(wanted) else cursor.version, asked)


def landing_sensor(
    domain: str, *, feeds: Sequence[str], relations: Sequence[str], job: dg.UnresolvedAssetJobDefinition
) -> dg.SensorDefinition:
    """The sensor of one domain: `feeds` are watched, `relations` are what their days are built into."""

    @dg.sensor(
        name=f"{domain}_arrivals",
        job=job,
        description=f"Requests exactly the days of {domain} that received data, late rows included.",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def arrivals(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult | dg.SkipReason:
        cursor = Cursor.read(context.cursor)
        version = _landing_version(lake.lake)
        if version is None:
            return dg.SkipReason("nothing has landed yet")
        if version == cursor.version:
            return dg.SkipReason(f"nothing has landed since version {version} of raw.fetches")
        fingerprints = lake.lake.landing.fingerprints(domain, feeds)
        stale = sorted({day for relation in relations for day in lake.lake.ledger.stale(relation, fingerprints)})
        days, after = next_days(stale, fingerprints, cursor, version)
        requests = [dg.RunRequest(run_key=f"{day}:{fingerprints[day]}", partition_key=day) for day in days]
        return dg.SensorResult(
            run_requests=requests,
            cursor=after.text(),
            skip_reason=None if requests else dg.SkipReason("every day is built from what has landed"),
        )

    return arrivals


def _landing_version(lake: Lake) -> int | None:
    table = lake.table(FETCHES)
    return table.version() if table.exists() else None
