"""How the road learns: where its examples, its live questions and the truth come from in the lake."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from transit_assets.lake import Lake, TableVersion
from transit_assets.learning.domain import Domain, Live, Versions
from transit_assets.learning.examples import Examples, Window
from transit_assets.road.features import CONDITIONS, NAMES, STALE_HOURS, History
from transit_assets.road.model import HORIZONS, MODELS, examples, outcomes, questions
from transit_assets.road.schema import ARCS, COUNTS_HOURLY
from transit_assets.settings import settings

_HOUR = 3600
_DEAD_HOURS = 999  # as far as `hours_silent` counts
_TARGETS = {"flow": ("flow",), "occupancy": ("occupancy", "level")}  # by the measure that each is made of


def _delay() -> timedelta:
    return timedelta(minutes=settings().road_publication_delay_minutes)


def _stretches(lake: Lake, days: int) -> list[Window]:
    """From the first to the last hour of each of the last so many days that hold any count."""
    table = lake.table(COUNTS_HOURLY)
    months = table.partitions()[-(days // 28 + 2) :]
    found = table.scan(
        "SELECT min(hour_start_at) AS first, max(hour_start_at) AS last FROM counts_hourly"
        " WHERE flow_veh_per_hour IS NOT NULL OR occupancy_percent IS NOT NULL"
        " GROUP BY timezone('Europe/Paris', hour_start_at)::DATE ORDER BY 1 DESC LIMIT ?",
        [days],
        partitions=months,
    )
    return [Window(row["first"], row["last"] + timedelta(hours=1)) for row in reversed(found.to_pylist())]


def _versions(lake: Lake) -> dict[str, TableVersion]:
    return {COUNTS_HOURLY.relation: lake.table(COUNTS_HOURLY).state()}


def _read(lake: Lake, window: Window, versions: Versions | None = None) -> History:
    return History.read(lake, window, versions, delay_seconds=int(_delay().total_seconds()))


def _examples(lake: Lake, window: Window, versions: Versions, at_most: int) -> Examples:
    return examples(_read(lake, window, versions), window, at_most=at_most)


def _live(lake: Lake) -> Live | None:
    """Every arc that counted lately, for each horizon, asked at the first full hour at which the newest one was known.

    Examples are asked at full hours: at any other instant an answer would be nearer than those that were learnt from.
    """
    day = _stretches(lake, 1)
    if not day:
        return None
    asked_at = day[0].end + timedelta(hours=-(-_delay() // timedelta(hours=1)))
    history = _read(lake, Window(day[0].start, asked_at + timedelta(minutes=max(HORIZONS))))
    at = int(asked_at.timestamp())
    everyone = np.arange(len(history.arcs))
    known = history.known(np.full(len(everyone), at))
    silence = np.stack([grid.at(grid.hours_silent, everyone, known) for grid in history.grids.values()])
    arc = everyone[silence.min(axis=0) <= STALE_HOURS]
    arcs, horizons = np.tile(arc, len(HORIZONS)), np.repeat(HORIZONS, len(arc)).astype(np.int16)
    asked = questions(history, arcs, np.full(len(arcs), at), horizons)
    return Live(
        asked,
        [history.arcs[one] for one in arcs],
        asked_at,
        _silent(history, "nothing", silence.min(axis=0))
        | {arc: _why("nothing", _DEAD_HOURS) for arc in _heard_of(lake) if arc not in history.position},
        {
            target: _silent(history, f"no {name}", silence[number])
            for number, (name, targets) in enumerate(_TARGETS.items())
            for target in targets
        },
    )


def _heard_of(lake: Lake) -> list[str]:
    """Arcs that any source described, though their counter may have said nothing for months."""
    found = lake.table(ARCS).scan("SELECT DISTINCT arc_id FROM arcs")["arc_id"].to_pylist()
    return [str(arc) for arc in found]


def _silent(history: History, what: str, silence: np.ndarray) -> dict[str, str]:
    return {history.arcs[one]: _why(what, int(silence[one])) for one in np.flatnonzero(silence > STALE_HOURS)}


def _why(what: str, hours: int) -> str:
    """Why nothing is forecast of an arc, in a sentence."""
    if hours >= _DEAD_HOURS:
        return f"its counter is dead: it has measured {what} for more than 40 days, or since this lake begins"
    return f"its counter is silent: it has measured {what} for {hours} hours, more than {STALE_HOURS}"


def _answers(lake: Lake, target: str, entities: Sequence[str], instants: np.ndarray) -> np.ndarray:
    """What was measured on each arc in the hour that ended at each instant."""
    first, last = (datetime.fromtimestamp(int(edge), UTC) for edge in (instants.min(), instants.max()))
    window = Window(first - timedelta(hours=1), last + timedelta(hours=1))
    history = History.read(lake, window, look_back=timedelta())  # answers need none of the weeks before
    if not len(history):
        return np.full(len(instants), np.nan)
    arc = np.array([history.position.get(one, -1) for one in entities])
    found = outcomes(history, np.maximum(arc, 0), instants // _HOUR - 1 - history.first_hour)[target]
    return np.where(arc >= 0, found, np.nan)


DOMAIN = Domain(
    name="road",
    models=MODELS,
    conditions=CONDITIONS,
    features=NAMES,
    stretches=_stretches,
    versions=_versions,
    examples=_examples,
    live=_live,
    answers=_answers,
    training_days=settings().road_training_days,
    drift_days=28,  # of one day each arc has one level, and a weekday is no other population
    publication_delay=_delay(),
)
