"""Days as Dagster partitions, in the city's own time zone.

A day is 23 or 25 hours long where the clock changes. The last partition is always the day of
`Settings.clock()`, so that `TRANSIT_NOW` moves today for replays, also past the machine's own day.
"""

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import dagster as dg

from transit_assets.settings import FIRST_DAY, PARIS, Settings, settings


def daily(start: date, zone: ZoneInfo, configured: Settings) -> dg.DailyPartitionsDefinition:
    """One partition per local day from `start` to today, today included."""
    if configured.now is None:
        return dg.DailyPartitionsDefinition(start_date=start.isoformat(), timezone=zone.key, end_offset=1)
    # Dagster counts days by the machine's clock: a fixed clock ends them, or extends them into the future.
    fixed = configured.clock().astimezone(zone).date()
    ahead = (fixed - datetime.now(zone).date()).days
    return dg.DailyPartitionsDefinition(
        start_date=start.isoformat(),
        end_date=(fixed + timedelta(days=1)).isoformat(),
        timezone=zone.key,
        end_offset=max(1, ahead + 1),
    )


PARIS_DAYS = daily(FIRST_DAY, PARIS, settings())


def today(zone: ZoneInfo = PARIS) -> date:
    """The local day of the clock."""
    return settings().clock().astimezone(zone).date()


def days_between(first: date, last: date) -> list[str]:
    """Partition keys from the first to the last day, both included."""
    return [(first + timedelta(days=offset)).isoformat() for offset in range((last - first).days + 1)]


def ranges(days: list[str]) -> list[tuple[str, str]]:
    """Runs of consecutive days as (first, last), in order: what one single-run backfill can take."""
    ordered = sorted({date.fromisoformat(day) for day in days})
    if not ordered:
        return []
    breaks = [(a, b) for a, b in pairwise(ordered) if b - a > timedelta(days=1)]
    firsts = [ordered[0], *(after for _, after in breaks)]
    lasts = [*(before for before, _ in breaks), ordered[-1]]
    return [(first.isoformat(), last.isoformat()) for first, last in zip(firsts, lasts, strict=True)]
