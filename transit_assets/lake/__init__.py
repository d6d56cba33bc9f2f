"""Storage: a lake in a folder or on S3. Knows no domain, imports no Dagster.

`Lake` is the door: `lake.landing` holds payloads, `lake.table(TABLE)` a Delta table.
"""

from transit_assets.lake.lake import Lake
from transit_assets.lake.landing import Fetch, Landing
from transit_assets.lake.schema import UTC_INSTANT, Column, Rule, Table
from transit_assets.lake.tables import LakeTable, Snapshot

__all__ = ["UTC_INSTANT", "Column", "Fetch", "Lake", "LakeTable", "Landing", "Rule", "Snapshot", "Table"]
