"""What the tables of bikes must be after a load: suites from the schema, and what only a whole day tells.

Blocking: rows and accounting. Warnings: a day may well be polled in part, and a city may change its ways.
"""

from functools import cache

from transit_assets.bikes.landed import payloads_of
from transit_assets.bikes.schema import (
    DRIFT,
    LIVE_SCORES,
    STATION_INFORMATION,
    STATION_LATEST,
    STATION_STATUS,
    STATIONS,
)
from transit_assets.quality.accounts import accounting_suite, completeness_suite, drift_suite
from transit_assets.quality.models import drift_suites, live_suites
from transit_assets.quality.suites import Suite, relation_suite, rows_suite, shares_suite

_OPERATING = "coalesce(is_installed AND is_renting AND is_returning, true) AND NOT is_stale AND bikes + docks_free > 0"
_CLASSES = (0, 1, 3, 6, 11, 16, 21, 31, 41)  # bikes or docks; the classes of a drift index want to be few and filled


@cache
def suites() -> dict[str, tuple[Suite, ...]]:
    """The suites of each table, by relation."""
    found = (
        rows_suite(STATION_STATUS),
        accounting_suite(STATION_STATUS, payloads_of(STATION_STATUS)),
        completeness_suite(STATION_STATUS, ("first_polled_at", "polled_at"), "station_code"),
        shares_suite(
            STATION_STATUS,
            # Over 361 quarters of an hour of September 2025, 2 to 25 % of stations were empty and 2 to 10 % full.
            {
                "share_empty": ("bikes = 0", 0.0, 0.4),
                "share_full": ("docks_free = 0", 0.0, 0.3),
                "share_consistent": ("mechanical + ebike = bikes", 0.98, 1.0),
            },
            among=_OPERATING,
        ),
        drift_suite(STATION_STATUS, {"bikes": _CLASSES, "capacity": _CLASSES}),
        relation_suite(STATION_STATUS, STATION_INFORMATION, "station_code"),
        rows_suite(STATION_INFORMATION),
        accounting_suite(STATION_INFORMATION, payloads_of(STATION_INFORMATION)),
        rows_suite(STATIONS),
        accounting_suite(STATIONS),
        rows_suite(STATION_LATEST),  # no accounts: the poller writes it between two loads
        relation_suite(STATION_LATEST, STATIONS, "station_code"),
        *live_suites(LIVE_SCORES),
        *drift_suites(DRIFT),
    )
    relations = dict.fromkeys(suite.table.relation for suite in found)
    return {relation: tuple(suite for suite in found if suite.table.relation == relation) for relation in relations}
