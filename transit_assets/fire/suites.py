"""What the tables of the fire must be after a load: suites from the schema, and what only a whole month tells.

Blocking: rows and accounting. Warnings: a city has quiet nights, and files come late.
"""

from datetime import timedelta
from functools import cache

from transit_assets.fire.landed import payloads_of
from transit_assets.fire.schema import DRIFT, INCIDENTS, LIVE_SCORES, MOBILISATIONS, STATIONS
from transit_assets.quality.accounts import accounting_suite, completeness_suite, drift_suite
from transit_assets.quality.models import drift_suites, live_suites
from transit_assets.quality.suites import Suite, between, partition_sql, rows_suite, shares_suite
from transit_assets.settings import LONDON, settings

# The classes of a drift index want to be few and filled.
_SECONDS = (0, 180, 240, 300, 360, 480, 1_200)


@cache
def suites() -> dict[str, tuple[Suite, ...]]:
    """The suites of each table, by relation."""
    delay = timedelta(days=1 if settings().is_simulated else settings().fire_publication_days)
    found = (
        rows_suite(INCIDENTS),
        accounting_suite(INCIDENTS, payloads_of(INCIDENTS)),
        completeness_suite(
            INCIDENTS,
            ("called_at",),
            "station_ground",
            time_zone=LONDON.key,
            slot_minutes=360,
            delay=delay,
        ),
        shares_suite(
            INCIDENTS,
            {
                # 5.6 % of four months of 2017, 7.5 % of all years.
                "share_untimed": ("first_pump_attendance_seconds IS NULL", 0.0, 0.15),
                "share_not_placed": ("borough IS NULL", 0.0, 0.05),
                # 0.3 % of 2017: each pump counts from its own mobilisation.
                "share_second_before_first": (
                    "second_pump_attendance_seconds < first_pump_attendance_seconds",
                    0.0,
                    0.05,
                ),
            },
            among="true",
        ),
        drift_suite(INCIDENTS, {"first_pump_attendance_seconds": _SECONDS}),
        rows_suite(MOBILISATIONS),
        accounting_suite(MOBILISATIONS, payloads_of(MOBILISATIONS)),
        _beside_calls(),
        rows_suite(STATIONS),
        accounting_suite(STATIONS),
        *live_suites(LIVE_SCORES),
        *drift_suites(DRIFT),
    )
    relations = dict.fromkeys(suite.table.relation for suite in found)
    return {relation: tuple(suite for suite in found if suite.table.relation == relation) for relation in relations}


def _beside_calls() -> Suite:
    """Whether vehicles and calls of a month belong together, and tell the same time."""
    query = f"""
        SELECT {partition_sql(MOBILISATIONS)}, avg(CAST(called_at IS NOT NULL AS INTEGER)) AS share_with_a_call,
            avg(CAST(mobilised_at - called_at BETWEEN INTERVAL 0 SECOND AND INTERVAL 30 MINUTE AS INTEGER))
                AS share_told_soon
        FROM {MOBILISATIONS.relation} AS c
        LEFT JOIN (SELECT incident_number, called_at FROM {INCIDENTS.relation}) USING (incident_number)
        WHERE NOT is_derived GROUP BY ALL ORDER BY ALL
    """
    return Suite(
        name="beside_calls",
        table=MOBILISATIONS,
        description="The vehicles of a month belong to its calls, and were told within half an hour of them: a file "
        "that was read by the wrong clock is an hour off.",
        expectations=(
            # 0.4 % of the calls of all years that vehicles were sent to have no record.
            between("share_with_a_call", 0.97, 1.0, "at least 97 % of the vehicles belong to a call on record"),
            between("share_told_soon", 0.9, 1.0, "at least 90 % are told within 30 minutes of the call"),
        ),
        frame=lambda scope: scope.query(query, [MOBILISATIONS, INCIDENTS]),
    )
