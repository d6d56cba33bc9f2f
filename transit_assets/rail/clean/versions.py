"""`interim.rail__disruptions`: versions of disruptions, from when to when they were on show.

A version is what one `lastUpdate` says. The provider also makes a new disruption of a change: those have other
identifiers and are not joined here.
"""

from collections.abc import Iterable
from datetime import date

import duckdb
import pyarrow as pa

from transit_assets.lake.engine import prepare
from transit_assets.quality.cleaned import Cleaned
from transit_assets.rail.clean.records import Landed, cleaned
from transit_assets.rail.clean.sightings import NO_DISRUPTION
from transit_assets.rail.schema import DISRUPTION_SIGHTINGS, DISRUPTIONS

_SEEN = ("first_seen_at", "last_seen_at", "sightings")
_SAID = tuple(name for name in DISRUPTIONS.column_names if name not in {*DISRUPTIONS.key, *_SEEN})
_QUERY = f"""
SELECT disruption_id, last_update_at, min(observed_at) AS first_seen_at, max(observed_at) AS last_seen_at,
    count(*)::INTEGER AS sightings, {", ".join(f'arg_max("{name}", observed_at) AS "{name}"' for name in _SAID)}
FROM sightings
WHERE disruption_id <> '{NO_DISRUPTION}'
GROUP BY disruption_id, last_update_at
ORDER BY disruption_id, last_update_at
"""


def disruption_sightings(day: date, landed: Iterable[Landed], fingerprint: str | None = None) -> Cleaned:
    """The candidate rows of one Paris day, from answers in the order they were heard."""
    return cleaned(DISRUPTION_SIGHTINGS, day, list(landed), fingerprint)


def disruptions(sightings: pa.Table) -> pa.Table:
    """Rows of DISRUPTIONS from the sightings of all days."""
    with duckdb.connect(config={"threads": 2}) as connection:
        prepare(connection, is_s3=False)
        connection.register("sightings", sightings)
        found = connection.execute(_QUERY).to_arrow_table()
    return pa.table([found[field.name].cast(field.type) for field in DISRUPTIONS.schema], schema=DISRUPTIONS.schema)
