"""Watches the landing of a domain and requests exactly the days that received data.

Which days those are follows from content alone: a day is stale where the fingerprint of its landing
differs from the one that its table was last built from, so a late row reopens its day and a day whose
load was refused waits for new data. A request's run key is the day with that fingerprint: the same
content is requested once, new content again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from transit_assets.automation.resources import LakeResource
from transit_assets.lake import Lake
from transit_assets.lake.landing import FETCHES

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

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


def stale_days(lake: Lake, domain: str, relations: Mapping[str, Sequence[str]]) -> list[str]:
    """Days for which one of the relations was built from another landing than there is; each has its feeds."""
    stale = set()
    for relation, feeds in relations.items():
        stale |= set(lake.ledger.stale(relation, lake.landing.fingerprints(domain, feeds)))
    return sorted(stale)


def landing_sensor(domain: str, relations: Mapping[str, Sequence[str]], job: "AssetJob") -> dg.SensorDefinition:
    """The sensor of one domain: `relations` are what its days are built into, each with the feeds it is built from."""
    feeds = sorted({feed for names in relations.values() for feed in names})

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
        days, after = next_days(stale_days(lake.lake, domain, relations), fingerprints, cursor, version)
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
