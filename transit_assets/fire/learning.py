"""How the fire learns: where its examples, its live questions and the truth come from in the lake.

The truth about a call lands together with the call, months later. So the live questions are the calls of the newest
landed days that no champion learnt from, each asked at the instant at which it was taken.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from transit_assets.context.congestion.schema import CONGESTION_HOURLY
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.fire.features import CONDITIONS, NAMES, read_calls
from transit_assets.fire.model import MODELS, answers, examples, questions
from transit_assets.fire.schema import INCIDENTS, STATIONS, UNDERESTIMATES
from transit_assets.fire.surroundings import Surroundings
from transit_assets.lake import Lake, TableVersion
from transit_assets.learning.domain import Domain, Live, Versions
from transit_assets.learning.examples import Examples, Window
from transit_assets.learning.splits import holdout, joined
from transit_assets.settings import LONDON, settings

LIVE_DAYS = 28
"""Days of calls that are asked about as if they came in now: 7,000 of London."""

_SOURCES = (INCIDENTS, STATIONS, WEATHER_HOURLY, CONGESTION_HOURLY)


def _stretches(lake: Lake, days: int) -> list[Window]:
    """Each of the last so many London days that hold a call, from midnight to midnight, the last to its last call."""
    table = lake.table(INCIDENTS)
    found = table.scan(
        "SELECT timezone('Europe/London', called_at)::DATE AS day, max(called_at) AS last FROM incidents"
        " GROUP BY 1 ORDER BY 1 DESC LIMIT ?",
        [days],
        partitions=table.partitions()[-(days // 28 + 2) :],
    ).to_pylist()
    newest = found[0]["day"] if found else None
    windows = []
    for row in reversed(found):
        start = datetime(row["day"].year, row["day"].month, row["day"].day, tzinfo=LONDON)
        last = row["last"] + timedelta(seconds=1) if row["day"] == newest else start + timedelta(days=1)
        windows.append(Window(start.astimezone(UTC), last.astimezone(UTC)))
    return windows


def _versions(lake: Lake) -> dict[str, TableVersion]:
    return {table.relation: lake.table(table).state() for table in _SOURCES}


def _examples(lake: Lake, window: Window, versions: Versions, at_most: int) -> Examples:
    """Every call of a window; of more than `at_most` an even share is drawn."""
    calls, outcomes = read_calls(lake, window, versions)
    if len(calls) > at_most:
        drawn = np.sort(np.random.default_rng(0).choice(len(calls), at_most, replace=False))
        calls, outcomes = calls.take(drawn), outcomes.take(drawn)
    return examples(calls, outcomes, Surroundings.read(lake, window, versions))


def _live(lake: Lake) -> Live | None:
    """Calls of the newest days: of those that a training of today would hold out, at most the last `LIVE_DAYS`."""
    stretches = _stretches(lake, settings().fire_training_days)
    if not stretches:
        return None
    _, held_out = holdout(joined(stretches))
    start = max(held_out.start, held_out.end - timedelta(days=LIVE_DAYS))
    window = Window(start, held_out.end)
    calls, _ = read_calls(lake, window)
    asked = questions(calls, Surroundings.read(lake, window))
    newest = datetime.fromtimestamp(int(calls.at.max()), UTC)
    return Live(asked, [str(one) for one in calls.number], newest)


def _answers(lake: Lake, target: str, entities: Sequence[str], instants: np.ndarray) -> np.ndarray:
    """What became of each call, by its number."""
    first, last = (datetime.fromtimestamp(int(edge), UTC) for edge in (instants.min(), instants.max()))
    calls, outcomes = read_calls(lake, Window(first, last + timedelta(seconds=1)))
    known = dict(zip(calls.number.tolist(), answers(outcomes)[target].tolist(), strict=True))
    return np.array([known.get(one, np.nan) for one in entities], np.float64)


DOMAIN = Domain(
    name="fire",
    models=MODELS,
    conditions=CONDITIONS,
    features=NAMES,
    stretches=_stretches,
    versions=_versions,
    examples=_examples,
    live=_live,
    answers=_answers,
    training_days=settings().fire_training_days,
    drift_days=28,  # a day has 280 calls, which no distribution is told by
    zone=LONDON,
    open_days=LIVE_DAYS + 3,
    underestimates=UNDERESTIMATES,
)
