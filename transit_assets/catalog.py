"""Every table that is described: those of all domains, the landing's, the ledger's, and dbt's marts.

`python -m transit_assets.catalog --check` fails where the data dictionary no longer says what the schemas say;
`--write` writes it anew.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from transit_assets.bikes import schema as bikes
from transit_assets.context.calendar.schema import CALENDAR_DAYS
from transit_assets.context.congestion.schema import CONGESTION_HOURLY
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.fire import schema as fire
from transit_assets.lake import Table
from transit_assets.lake.landing import FETCHES
from transit_assets.lake.ledger import CHECK_RESULTS, LOADS
from transit_assets.learning import schema as learning
from transit_assets.rail import schema as rail
from transit_assets.road import schema as road
from transit_assets.settings import CHECKOUT

TABLES: tuple[Table, ...] = (
    FETCHES,
    *bikes.TABLES,
    *bikes.MODEL_TABLES,
    *road.TABLES,
    *road.MODEL_TABLES,
    *fire.TABLES,
    *fire.MODEL_TABLES,
    *fire.EXTRA_TABLES,
    *rail.TABLES,
    *rail.MODEL_TABLES,
    *rail.ALERT_TABLES,
    WEATHER_HOURLY,
    CALENDAR_DAYS,
    CONGESTION_HOURLY,
    *learning.TABLES,
    LOADS,
    CHECK_RESULTS,
)

DOMAINS: tuple[str, ...] = tuple(sorted({table.domain for table in TABLES if table.domain}))

DICTIONARY = CHECKOUT / "data" / "dictionary.md"


@cache
def marts() -> tuple[Table, ...]:
    """The tables of dbt's marts, read from the contracts beside their SQL."""
    from transit_assets.dbt_lake.marts import mart_tables

    return mart_tables()


def dictionary() -> str:
    """The data dictionary of everything described."""
    from transit_assets.quality.dictionary import dictionary as described

    return described((*TABLES, *marts()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or write the data dictionary; 1 where it has drifted."""
    parser = argparse.ArgumentParser(prog="python -m transit_assets.catalog", description=main.__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="compare, change nothing")
    what.add_argument("--write", action="store_true", help="write it anew")
    parser.add_argument("path", nargs="?", type=Path, default=DICTIONARY)
    chosen = parser.parse_args(arguments)
    wanted = dictionary()
    if chosen.write:
        chosen.path.write_text(wanted)
        return 0
    if not chosen.path.exists() or chosen.path.read_text() != wanted:
        sys.stderr.write(f"{chosen.path.name} is not what the schemas say; run `make docs` and commit it\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
