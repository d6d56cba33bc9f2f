"""Storage: a lake in a folder or on S3. Knows no domain, imports no Dagster.

`Lake` is the door: `lake.landing` holds payloads, `lake.table(TABLE)` a Delta table.
"""

from transit_assets.lake.lake import Lake
from transit_assets.lake.landing import Fetch, Landing
from transit_assets.lake.ledger import CheckResult, Ledger, Load
from transit_assets.lake.periods import Period
from transit_assets.lake.schema import UTC_INSTANT, Column, Rule, Table
from transit_assets.lake.snapshot import Snapshot, TableVersion
from transit_assets.lake.tables import LakeTable

__all__ = [
    "UTC_INSTANT",
    "CheckResult",
    "Column",
    "Fetch",
    "Lake",
    "LakeTable",
    "Landing",
    "Ledger",
    "Load",
    "Period",
    "Rule",
    "Snapshot",
    "Table",
    "TableVersion",
]
