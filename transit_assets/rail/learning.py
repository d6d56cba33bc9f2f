"""How the rail learns: where its examples, its live questions and the truth come from in the lake."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from transit_assets.lake import Lake, TableVersion
from transit_assets.learning.domain import Domain, Live, Versions
from transit_assets.learning.examples import Examples, Window
from transit_assets.rail.features import CONDITIONS, NAMES, Rides
from transit_assets.rail.history import MOST_SECONDS, PLACE_OF, PLACES, SOURCES, History, hops, pair_of
from transit_assets.rail.model import DELAY, MODELS, TRAVEL_TIME, answers, examples, questions
from transit_assets.rail.schema import PREDICTED_CALLS, STOP_EVENTS
from transit_assets.settings import PARIS, settings

AHEAD_SECONDS = 1800
"""A ride is asked about where its train is announced to leave so soon."""

_SHOWN_SECONDS = 600  # what no poll of the last ten minutes showed is not announced any more
_LEFT_SECONDS = 60  # a train whose minute has come may still stand there
_PAIR = 17  # characters of `87271007>87271411`

_SHOWN = f"""
SELECT service_date, journey_id, station,
    epoch(arg_max(coalesce(expected_departure_at, expected_arrival_at), observed_at)) AS expected
FROM {PREDICTED_CALLS.name}
WHERE observed_at > (SELECT max(observed_at) FROM {PREDICTED_CALLS.name}) - INTERVAL {_SHOWN_SECONDS} SECOND
GROUP BY ALL HAVING NOT arg_max(is_cancelled, observed_at)
ORDER BY ALL
"""


def _stretches(lake: Lake, days: int) -> list[Window]:
    """From the first to the last passing of each of the last so many service dates that have any."""
    found = lake.table(STOP_EVENTS).scan(
        "SELECT min(observed_at) AS first, max(observed_at) AS last FROM stop_events WHERE observed_at IS NOT NULL"
        " GROUP BY service_date ORDER BY service_date DESC LIMIT ?",
        [days],
    )
    return [Window(row["first"], row["last"] + timedelta(seconds=1)) for row in reversed(found.to_pylist())]


def _versions(lake: Lake) -> dict[str, TableVersion]:
    return {table.relation: lake.table(table).state() for table in SOURCES}


def _examples(lake: Lake, window: Window, versions: Versions, at_most: int) -> Examples:
    return examples(History.read(lake, window, versions), window, at_most=at_most)


def entity_of(train: tuple[date, str], origin: int, destination: int) -> str:
    """`2022-06-24/LOTO92/87271007>87271411`: a train (service date, journey) from one place to another."""
    service_date, journey = train
    return f"{service_date.isoformat()}/{journey}/{PLACES[origin]}>{PLACES[destination]}"


def ride_of(entity: str) -> tuple[date, str, int, int]:
    """Service date, journey and places of what `entity_of` names."""
    origin, destination = entity[-_PAIR:].split(">")
    return date.fromisoformat(entity[:10]), entity[11 : -_PAIR - 1], PLACE_OF[origin], PLACE_OF[destination]


def _live(lake: Lake) -> Live | None:
    """The next train of each pair of stations, and each train from its next station to all later ones."""
    table = lake.table(PREDICTED_CALLS)
    dates = table.partitions()[-2:]  # at night trains of two dates run
    if not dates:
        return None
    asked_at = table.scan("SELECT max(observed_at) AS at FROM predicted_calls", partitions=dates)["at"][0].as_py()
    at = int(asked_at.timestamp())
    history = History.read(lake, Window(asked_at - timedelta(hours=1), asked_at))
    rides = _rides_now(history, table.scan(_SHOWN, partitions=dates).to_pylist(), at)
    if not len(rides):
        return None
    asked = questions(history, rides)
    is_known = {TRAVEL_TIME: asked.column("theoretical"), DELAY: asked.column("late_by_ride")}
    entities = [
        entity_of(history.names[train], origin, destination)
        for train, origin, destination in zip(rides.train, rides.origin, rides.destination, strict=True)
    ]
    silent_of = {
        target: {entities[row]: _WHY[target] for row in np.flatnonzero(~np.isfinite(column))}
        for target, column in is_known.items()
    }
    return Live(asked, entities, asked_at, _without_a_train(history, rides), silent_of)


_WHY = {
    TRAVEL_TIME: "no schedule says how long a train takes between the two stations",
    DELAY: "nothing says when the train is to be at the station",
}


def _rides_now(history: History, shown: Sequence[dict], at: int) -> Rides:
    """What is asked at an instant, of calls as they are announced."""
    number = {name: train for train, name in enumerate(history.names)}
    expected = np.full((len(history), len(PLACES)), np.nan)
    for row in shown:
        train, place = number.get((row["service_date"], row["journey_id"])), PLACE_OF.get(row["station"])
        if train is not None and place is not None and row["expected"] is not None:
            expected[train, place] = row["expected"]
    expected[~(expected >= at - _LEFT_SECONDS)] = np.nan
    found = []
    for origin in range(len(PLACES)):
        leaves = expected[:, origin]
        takes = expected - leaves[:, None]
        is_ride = (leaves <= at + AHEAD_SECONDS)[:, None] & (takes > 0) & (takes < MOST_SECONDS)
        first = np.where(is_ride, leaves[:, None], np.inf).argmin(axis=0)
        is_next = is_ride[first, np.arange(len(PLACES))]
        is_here = np.isfinite(leaves) & ~(expected < leaves[:, None]).any(axis=1)
        wanted = is_ride & is_here[:, None]
        wanted[first[is_next], np.flatnonzero(is_next)] = True
        chosen, destination = np.nonzero(wanted)
        found.append((chosen, np.full(len(chosen), origin), destination))
    trains, origins, destinations = (np.concatenate(one) for one in zip(*found, strict=True))
    return Rides(trains, origins, destinations, np.full(len(trains), at), expected[trains, origins])


def _without_a_train(history: History, rides: Rides) -> dict[str, str]:
    """Pairs of stations where trains pass and none is announced, each with the reason."""
    seen = np.flatnonzero(np.isfinite(history.passed).any(axis=0))
    origin, destination = (one.ravel() for one in np.meshgrid(seen, seen, indexing="ij"))
    pair = pair_of(origin, destination)
    is_missing = (hops()[pair, 0] >= 0) & ~np.isin(pair, pair_of(rides.origin, rides.destination))
    why = f"no train that leaves within {AHEAD_SECONDS // 60} minutes is announced at both stations"
    return {f"{PLACES[origin[one]]}>{PLACES[destination[one]]}": why for one in np.flatnonzero(is_missing)}


def _answers(lake: Lake, target: str, entities: Sequence[str], instants: np.ndarray) -> np.ndarray:
    """What became of each ride; NaN where its train was not seen at both stations (yet)."""
    asked = [ride_of(one) for one in entities]
    first, last = (datetime.combine(edge, time(12), PARIS).astimezone(UTC) for edge in _edges(asked))
    history = History.read(lake, Window(first, last))
    number = {name: train for train, name in enumerate(history.names)}
    train = np.array([number.get((one[0], one[1]), -1) for one in asked])
    known = np.flatnonzero(train >= 0)
    origin, destination = (np.array([one[place] for one in asked]) for place in (2, 3))
    rides = Rides(train[known], origin[known], destination[known], instants[known], instants[known])
    found = np.full(len(asked), np.nan)
    found[known] = answers(history, rides)[target]
    return found


def _edges(asked: Sequence[tuple[date, str, int, int]]) -> tuple[date, date]:
    dates = [one[0] for one in asked]
    return min(dates), max(dates)


DOMAIN = Domain(
    name="rail",
    models=MODELS,
    conditions=CONDITIONS,
    features=NAMES,
    stretches=_stretches,
    versions=_versions,
    examples=_examples,
    live=_live,
    answers=_answers,
    training_days=settings().training_days,
    zone=PARIS,
)
