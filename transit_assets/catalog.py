"""Every table that is described in Python: those of all domains, the landing's and the ledger's.

Marts are described beside their SQL, in dbt's YAML; `quality.dictionary` brings both together.
"""

from functools import cache

from transit_assets.bikes import schema as bikes
from transit_assets.lake import Table
from transit_assets.lake.landing import FETCHES
from transit_assets.lake.ledger import CHECK_RESULTS, LOADS

TABLES: tuple[Table, ...] = (FETCHES, *bikes.TABLES, LOADS, CHECK_RESULTS)

DOMAINS: tuple[str, ...] = tuple(sorted({table.domain for table in TABLES if table.domain}))


@cache
def table_of(relation: str) -> Table:
    """The table of a relation, `interim.bikes__station_status`. Raises KeyError naming what is known."""
    for table in TABLES:
        if table.relation == relation:
            return table
    raise KeyError(f"{relation} is not described; there are {', '.join(table.relation for table in TABLES)}")
