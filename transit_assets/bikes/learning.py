"""How bikes learn: where their examples, their live questions and the truth come from in the lake."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from transit_assets.bikes.features import NAMES, History, nearest_poll
from transit_assets.bikes.model import HORIZONS, MODELS, TOLERANCE_SECONDS, examples, outcomes, questions
from transit_assets.bikes.schema import STATION_STATUS, STATIONS
from transit_assets.lake import Lake, TableVersion
from transit_assets.learning.domain import Domain, Live, Versions
from transit_assets.learning.examples import Examples, Window
from transit_assets.settings import settings

_CLOSED = "the station is closed: it lends no bike, or takes none back, or has neither bikes nor docks"
_SILENT = "no poll of the last quarter of an hour found the station"
_LIVE_SECONDS = 900  # a station that the latest poll of all is a quarter of an hour ahead of is not asked about


def _stretches(lake: Lake, days: int) -> list[Window]:
    """From the first to the last poll of each of the last so many days that hold anything."""
    table = lake.table(STATION_STATUS)
    found = table.scan(
        "SELECT min(first_polled_at) AS first, max(polled_at) AS last FROM station_status GROUP BY day ORDER BY day",
        partitions=table.partitions()[-days:],
    )
    return [Window(row["first"], row["last"] + timedelta(seconds=1)) for row in found.to_pylist()]


def _versions(lake: Lake) -> dict[str, TableVersion]:
    return {table.relation: lake.table(table).state() for table in (STATION_STATUS, STATIONS)}


def _examples(lake: Lake, window: Window, versions: Versions, at_most: int) -> Examples:
    return examples(History.read(lake, window, versions), window, at_most=at_most)


def _live(lake: Lake) -> Live | None:
    """Every open station as the latest poll of the lake found it, for each horizon."""
    day = _stretches(lake, 1)
    if not day:
        return None
    history = History.read(lake, day[0])
    at = int(history.polls[-1])
    station = np.arange(len(history.codes))
    now = history.state(station, np.full(len(station), at), _LIVE_SECONDS)
    is_asked = (now >= 0) & history.is_open[now]
    silent = {history.codes[one]: _CLOSED if now[one] >= 0 else _SILENT for one in station[~is_asked]}
    station = station[is_asked]
    stations, horizons = np.tile(station, len(HORIZONS)), np.repeat(HORIZONS, len(station)).astype(np.int16)
    instants = np.full(len(stations), at)
    asked = questions(history, stations, instants, instants + horizons.astype(np.int64) * 60, horizons)
    asked_at = datetime.fromtimestamp(at, UTC)
    return Live(asked, [history.codes[index] for index in stations], asked_at, silent)


def _answers(lake: Lake, target: str, entities: Sequence[str], instants: np.ndarray) -> np.ndarray:
    """What came true of each station at each instant, by the nearest poll within seven and a half minutes."""
    first, last = (datetime.fromtimestamp(int(edge), UTC) for edge in (instants.min(), instants.max()))
    history = History.read(lake, Window(first, last + timedelta(seconds=TOLERANCE_SECONDS + 1)))
    if not len(history):
        return np.full(len(instants), np.nan)
    station = np.array([history.position.get(code, -1) for code in entities])
    then = nearest_poll(history, instants, TOLERANCE_SECONDS)
    answer = np.where((station >= 0) & (then > 0), history.state(np.maximum(station, 0), then), -1)
    known = (answer >= 0) & history.is_open[answer]
    return np.where(known, outcomes(history, answer)[target], np.nan)


DOMAIN = Domain(
    name="bikes",
    models=MODELS,
    conditions=("minute_of_day", "weekday", "lead_minutes"),
    features=NAMES,
    stretches=_stretches,
    versions=_versions,
    examples=_examples,
    live=_live,
    answers=_answers,
    training_days=settings().training_days,
)
