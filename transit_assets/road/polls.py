"""Gets the counts of the road into the landing: the hours of one Paris month that it still lacks.

The provider and the simulator are asked alike, window by window from the oldest hour that is missing on. Hours come
late and are corrected, so the last ones (`TRANSIT_ROAD_LOOK_BACK_HOURS`) are asked for again until they have aged.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from transit_assets.feeds import Attempt, FeedClient, calls_spent
from transit_assets.feeds.batches import batches
from transit_assets.feeds.counters import COUNTS, HOUR, counters_client, day_windows, fetch_windows, was_answered
from transit_assets.feeds.origin import refusal
from transit_assets.lake import Fetch, Lake, Period
from transit_assets.settings import PARIS, Settings

# The provider keeps about 14 months. Older ones would cost a call a day of theirs, for nothing: 5,479 for 2010 to 2024,
# more than a day's quota. The simulator answers for all since 2018.
_KEPT = timedelta(days=2 * 366)
# How much longer than the look-back a month is asked for whose last hours nobody has counted.
_WAITED = timedelta(days=7)

_logger = logging.getLogger(__name__)


def collect(lake: Lake, configured: Settings, month: date) -> list[Fetch]:
    """What can be fetched for the Paris month of this first day, as landed, failed attempts included.

    Nothing is asked for a month that is complete and older than the look-back, nor for one whose end was still missing
    a week later, nor of the real provider for one that it keeps no more. A simulated fetch into a lake of real data is
    skipped with a message. Raises OriginMismatch for the reverse.
    """
    problem = refusal(lake, configured)
    if problem:
        _logger.warning(problem)
        return []
    held = [fetch for fetch in _fetches(lake, month) if fetch.outcome in ("landed", "not_modified")]
    bounds = wanted(month, held, configured)
    if bounds is None or _was_given_up(lake, month, configured):
        return []
    landed: list[Fetch] = []
    with open_client(lake, configured) as client:
        for items in batches(_logged(fetch_windows(client, *bounds, held), bounds)):
            landed += lake.landing.land(items)
    return landed


def open_client(lake: Lake, configured: Settings) -> FeedClient:
    """A client of the portal that knows what the lake has already asked today."""
    host = configured.ods_url.host or ""
    spent = 0 if configured.is_simulated else calls_spent(lake, host, configured.clock().date())
    return counters_client(configured, spent_today=spent)


def hour_ends(month: date) -> tuple[datetime, datetime]:
    """Bounds of `t_1h` (first included, last not) of the hours that start in a Paris month, in UTC."""
    return _midnight(month) + HOUR, _midnight(Period.MONTH.after(month)) + HOUR


def wanted(month: date, held: Sequence[Fetch], configured: Settings) -> tuple[datetime, datetime] | None:
    """Bounds of `t_1h` to ask for, given what the lake has of the month; None where there is nothing to ask.

    They end with a Paris day, past hours that nobody has counted yet, so that the address stays the same all day.
    """
    first, end = hour_ends(month)
    delay, look_back = _delay_and_look_back(configured)
    known_until = configured.clock() - delay
    is_kept = configured.is_simulated or end > known_until - _KEPT
    if known_until < first or not is_kept:
        return None
    latest = max((_last(fetch) for fetch in held if "last" in fetch.headers), default=None)
    if latest is not None:
        complete = [fetch.fetched_at for fetch in held if fetch.headers.get("last") and _last(fetch) >= end - HOUR]
        if complete and max(complete) >= end + delay + look_back:
            return None
        first = max(first, _start_of_day(latest - look_back))
    return first, min(end, _end_of_day(known_until))


def _delay_and_look_back(configured: Settings) -> tuple[timedelta, timedelta]:
    return (
        timedelta(minutes=configured.road_publication_delay_minutes),
        timedelta(hours=configured.road_look_back_hours),
    )


def _was_given_up(lake: Lake, month: date, configured: Settings) -> bool:
    """Whether the provider was asked for the end of a month when no hour of it could come any more.

    An answer without records touches no month, so that this is asked of all answers; only of a month of long ago.
    """
    _, end = hour_ends(month)
    since = end + sum(_delay_and_look_back(configured), _WAITED)
    return configured.clock() >= since and was_answered(lake, end, since)


def _fetches(lake: Lake, month: date) -> list[Fetch]:
    return lake.landing.fetches(COUNTS.domain, [COUNTS.name], partitions=[month.isoformat()])


def _last(fetch: Fetch) -> datetime:
    """The end of the last hour that a fetch brought."""
    return datetime.fromisoformat(fetch.headers["last"])


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=PARIS).astimezone(UTC)


def _start_of_day(hour_end: datetime) -> datetime:
    """When the first hour ends of the Paris day in which the hour that ends here starts."""
    return _midnight((hour_end.astimezone(UTC) - HOUR).astimezone(PARIS).date()) + HOUR


def _end_of_day(hour_end: datetime) -> datetime:
    [(_, end), *_] = day_windows(hour_end, hour_end + timedelta(days=2))
    return end


def _logged(windows: Iterator[list[Attempt]], bounds: tuple[datetime, datetime]) -> Iterator[list[Attempt]]:
    """The same windows, with a line for each that says how far they are."""
    for attempts in windows:
        last = attempts[-1][0].headers.get("last")
        if last is not None:
            share = (datetime.fromisoformat(last) - bounds[0]) / (bounds[1] - bounds[0])
            _logger.info("road counts until %s UTC: %.0f %%", last[:16], 100 * share)
        yield attempts
