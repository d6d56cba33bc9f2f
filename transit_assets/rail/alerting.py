"""Keeps `models.rail__alerts`: what has been said since it was last looked at becomes versions of alerts.

Versions are only added, for people were told of them: answers that arrive after later ones were judged change nothing
that was said.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pyarrow as pa

from transit_assets.lake import Lake, Load
from transit_assets.rail.alerts import DISRUPTION, SILENCE, Answer, Outlook, judge, of_outlooks, of_sightings
from transit_assets.rail.schema import ALERT_KINDS, ALERTS, DISRUPTION_SIGHTINGS, FORECASTS
from transit_assets.settings import Settings

SCHEDULED = "processed.rail__scheduled_travel_times"
_MODEL = "rail_travel_time"
_SOON_MINUTES = 30
_FIRST_LOOK = timedelta(days=31)  # of a lake that has never been judged
_UIC = re.compile(r"87\d{6}")


def update_alerts(lake: Lake, configured: Settings, *, run_id: str | None = None) -> Load:
    """Add the versions that follow from what was said since the last look, and record how far it went."""
    clock = configured.clock()
    target = lake.table(ALERTS).create()
    judged_at = datetime.now(UTC)
    sources = {table.relation: lake.table(table).state() for table in (DISRUPTION_SIGHTINGS, FORECASTS)}
    made, judged_to = _judged(lake, configured, clock)
    state = target.state()
    if made:  # a commit without a change would only make the table's log longer

        def rows() -> pa.Table:
            nonlocal made, judged_to
            made, judged_to = _judged(lake, configured, clock)  # by now another run may have made them
            held = target.read()
            return pa.concat_tables(
                [held, pa.Table.from_pylist([{**row, "judged_at": judged_at} for row in made], schema=held.schema)]
            )

        state = target.rebuild(rows)
    load = Load(
        ALERTS.relation,
        None,
        "committed",
        kept_rows=len(made),
        fingerprint=json.dumps({kind: at.isoformat() for kind, at in judged_to.items()}),
        source_versions=sources,
        table_version=state.version,
        table_id=state.table_id,
        run_id=run_id,
    )
    lake.ledger.record([load])
    return load


def _judged(lake: Lake, configured: Settings, clock: datetime) -> tuple[list[dict[str, Any]], dict[str, datetime]]:
    """The versions to add, and the last instant of each kind that is judged then.

    Each kind has its own: forecasts are made of what was said before, and come after what was said since.
    """
    judged_to, held, made = _judged_to(lake), _open(lake), []
    for kind in ALERT_KINDS:
        since = judged_to.get(kind)
        known_from = since - SILENCE if since else (_newest(lake) or clock) - _FIRST_LOOK
        said = (
            _answers(lake, known_from, clock)
            if kind == DISRUPTION
            else _forecast(lake, known_from, clock, configured.alert_share)
        )
        answers = [answer for answer in said if answer.at > known_from]
        mine = [row for row in held if row["kind"] == kind]
        made += judge(mine, answers, since=since, known_from=known_from, clock=clock)
        if answers:
            judged_to[kind] = max(answer.at for answer in answers)
    return made, judged_to


def _judged_to(lake: Lake) -> dict[str, datetime]:
    """The last instant of each kind that was judged.

    By the ledger, or by the versions, of a run that died before it wrote there.
    """
    last = lake.ledger.latest(ALERTS.relation, "committed").get(None)
    told = json.loads(last.fingerprint) if last and last.fingerprint else {}
    found = lake.table(ALERTS).scan("SELECT kind, max(updated_at) AS at FROM alerts GROUP BY kind").to_pylist()
    judged_to = {row["kind"]: row["at"] for row in found}
    for kind, text in told.items():
        at = datetime.fromisoformat(text)
        judged_to[kind] = max(at, judged_to.get(kind, at))
    return judged_to


def _open(lake: Lake) -> list[dict[str, Any]]:
    found = lake.table(ALERTS).scan(
        "SELECT * EXCLUDE (judged_at) FROM alerts"
        " QUALIFY row_number() OVER (PARTITION BY alert_id ORDER BY version DESC) = 1 AND status <> 'closed'"
        " ORDER BY alert_id"
    )
    return found.to_pylist()


def _newest(lake: Lake) -> datetime | None:
    days = [*lake.table(DISRUPTION_SIGHTINGS).partitions(), *lake.table(FORECASTS).partitions()]
    return datetime.fromisoformat(f"{max(days)}T00:00:00+00:00") if days else None


def _days(days: list[str], start: datetime) -> list[str]:
    """Partitions that may hold an instant from `start` on: a day of Paris begins before that of UTC."""
    return [day for day in days if day >= start.date().isoformat()]


def _answers(lake: Lake, start: datetime, end: datetime) -> Iterator[Answer]:
    """What the provider said of disruptions, one answer after the other."""
    table = lake.table(DISRUPTION_SIGHTINGS)
    found = table.scan(
        "SELECT observed_at, source, disruption_id, cause, severity, effect, title, message, is_active"
        " FROM disruption_sightings WHERE observed_at BETWEEN ? AND ? ORDER BY observed_at, source, disruption_id",
        [start, end],
        partitions=_days(table.partitions(), start),
    ).to_pylist()
    for _, rows in groupby(found, key=lambda row: (row["observed_at"], row["source"])):
        yield of_sightings(list(rows))


def _forecast(lake: Lake, start: datetime, end: datetime, share: float) -> Iterator[Answer]:
    """What was forecast of the next trips, beside their scheduled times; nothing while there are no forecasts of any.

    A pair's scheduled time is that of the slowest kind of train that leaves in that hour: a train that stops everywhere
    is no alarm.
    """
    days = _days(lake.table(FORECASTS).partitions(), start)
    if not days or SCHEDULED not in lake.relations():
        return
    with lake.engine() as connection:
        lake.register(connection, [SCHEDULED])
        lake.register(connection, [FORECASTS], partitions=days)
        found = connection.execute(
            "WITH said AS (SELECT *, regexp_extract_all(entity, ?) AS pair FROM models.rail__forecasts"
            "  WHERE model = ? AND horizon_minutes <= ? AND origin_at BETWEEN ? AND ?"
            "  QUALIFY row_number() OVER (PARTITION BY entity, origin_at ORDER BY horizon_minutes, made_at DESC) = 1),"
            " slowest AS (SELECT origin, destination, direction, local_hour, max(median_seconds) / 60 AS minutes"
            f"  FROM {SCHEDULED} GROUP BY ALL)"
            " SELECT said.origin_at, origin, destination, direction, value AS minutes,"
            "  slowest.minutes AS theoretical, low, high FROM said JOIN slowest ON origin = pair[1]"
            "  AND destination = pair[2] AND local_hour = hour(said.origin_at AT TIME ZONE 'Europe/Paris')"
            " ORDER BY said.origin_at, origin, destination",
            [_UIC.pattern, _MODEL, _SOON_MINUTES, start, end],
        ).to_arrow_table()
    for at, rows in groupby(found.to_pylist(), key=lambda row: row.pop("origin_at")):
        yield of_outlooks(at, [Outlook(**row) for row in rows], share)
