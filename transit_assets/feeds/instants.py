"""The instants at which a whole day is polled at once, where a provider answers for the past: the simulator does."""

from datetime import UTC, date, datetime, timedelta

from transit_assets.settings import PARIS


def paris_bounds(day: date, *, hour: int = 0) -> tuple[datetime, datetime]:
    """First and last instant (excluded) of a day that begins at an hour of Paris, in UTC.

    It has 23 or 25 hours where the clock changes.
    """
    following = day + timedelta(days=1)
    first, end = (datetime(one.year, one.month, one.day, hour, tzinfo=PARIS) for one in (day, following))
    return first.astimezone(UTC), end.astimezone(UTC)


def every(minutes: int, first: datetime, end: datetime) -> list[datetime]:
    """Instants so many minutes apart, from the first on and before the end."""
    step = timedelta(minutes=minutes)
    return [first + number * step for number in range(-(-(end - first) // step))] if first < end else []
