"""What the tables of the rail must be after a load: suites from the schema, physics, and what only a whole date tells.

Blocking: rows, accounting and physics. Warnings: collectors fail, and a city has its bad days.
"""

from functools import cache

from transit_assets.lake import Table
from transit_assets.quality.accounts import accounting_suite, completeness_suite
from transit_assets.quality.models import drift_suites, live_suites
from transit_assets.quality.suites import Suite, between, partition_sql, rows_suite, shares_suite
from transit_assets.rail.landed import payloads_of
from transit_assets.rail.schema import (
    DISRUPTION_SIGHTINGS,
    DISRUPTIONS,
    DRIFT,
    LIVE_SCORES,
    PREDICTED_CALLS,
    SCHEDULED_CALLS,
    STOP_EVENTS,
    STOPS,
)


@cache
def suites() -> dict[str, tuple[Suite, ...]]:
    """The suites of each table, by relation."""
    found = (
        rows_suite(SCHEDULED_CALLS),
        accounting_suite(SCHEDULED_CALLS, payloads_of(SCHEDULED_CALLS)),
        _times_rise(
            SCHEDULED_CALLS,
            "trip_id",
            "stop_sequence",
            "coalesce(arrival_at, departure_at)",
            most=0.0,
            is_blocking=True,
        ),
        rows_suite(PREDICTED_CALLS),
        accounting_suite(PREDICTED_CALLS, payloads_of(PREDICTED_CALLS)),
        completeness_suite(PREDICTED_CALLS, ("observed_at",), "station", slot_minutes=60, least_share=0.8, if_any=True),
        rows_suite(STOP_EVENTS),
        accounting_suite(STOP_EVENTS),
        shares_suite(
            STOP_EVENTS,
            {
                # Odd numbers run north but for 3.5 % of the recorded ones.
                "share_direction_agrees": ("direction = direction_by_order", 0.9, 1.0),
            },
            among="true",
        ),
        rows_suite(DISRUPTION_SIGHTINGS),
        accounting_suite(DISRUPTION_SIGHTINGS, payloads_of(DISRUPTION_SIGHTINGS)),
        rows_suite(STOPS),
        accounting_suite(STOPS),
        rows_suite(DISRUPTIONS),
        accounting_suite(DISRUPTIONS),
        *live_suites(LIVE_SCORES),
        *drift_suites(DRIFT),
    )
    relations = dict.fromkeys(suite.table.relation for suite in found)
    return {relation: tuple(suite for suite in found if suite.table.relation == relation) for relation in relations}


def _times_rise(table: Table, journey: str, order: str, at: str, *, most: float, is_blocking: bool) -> Suite:
    """Whether the times of each journey rise along it."""
    query = f"""
        WITH steps AS (
            SELECT {partition_sql(table)}, {at} < lag({at}) OVER (
                PARTITION BY "{table.partition_by}", {journey} ORDER BY {order}) AS is_back
            FROM {table.relation} WHERE {at} IS NOT NULL
        )
        SELECT "partition", coalesce(avg(CAST(is_back AS INTEGER)), 0) AS share_back
        FROM steps GROUP BY ALL ORDER BY ALL
    """
    return Suite(
        name="times_rise",
        table=table,
        description=f"No journey of {table.relation} goes back in time.",
        expectations=(between("share_back", 0.0, most, f"at most {most:.0%} of the steps go back in time"),),
        frame=lambda scope: scope.query(query, [table]),
        is_blocking=is_blocking,
    )
