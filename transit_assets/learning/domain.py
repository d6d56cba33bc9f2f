"""What this package asks of a domain: its models, its data as examples, its live questions, and the truth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np

from transit_assets.lake import Lake, Table, TableVersion
from transit_assets.learning.errors import ModelMissing
from transit_assets.learning.examples import Examples, Window
from transit_assets.learning.model import Model
from transit_assets.learning.splits import joined, spanned

Versions = Mapping[str, TableVersion]


@dataclass(frozen=True)
class Live:
    """The questions of now: one row for each entity and horizon, and the name of each row's entity.

    They are asked at `asked_at`. `silent` has the entities that nothing is forecast of, each with the reason in a
    sentence; `silent_of` those that one target (its key) has no forecast of, though another one has.
    """

    asked: Examples
    entities: Sequence[str]
    asked_at: datetime
    silent: Mapping[str, str] = field(default_factory=dict)
    silent_of: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Domain:
    """One domain as it learns.

    `stretches(lake, days)` are the times that its data of the last so many days that hold any covers, oldest first,
    one for each day, or finer: a gap of more than a day between two is no observed time. `features` names the columns
    of its examples. `versions(lake)` are the versions of its sources as they are now. `examples(lake, window,
    versions, at_most)` reads just those versions. `answers(lake, target, entities, instants)` gives what came true,
    NaN where that is not known (yet). `conditions` names features that tell when is asked and not what is: they do
    not drift. A training looks back on the last `training_days` days that hold data; the last `drift_days` are what
    drift is measured on. A day without an instant begins at midnight in `zone`. Forecasts may still meet their truth
    within `open_days` days that hold any. Where a model warns of underestimates, `underestimates` is the table of how
    right it is.
    """

    name: str
    models: tuple[Model, ...]
    conditions: tuple[str, ...]
    features: tuple[str, ...]
    stretches: Callable[[Lake, int], Sequence[Window]]
    versions: Callable[[Lake], Versions]
    examples: Callable[[Lake, Window, Versions, int], Examples]
    live: Callable[[Lake], Live | None]
    answers: Callable[[Lake, str, Sequence[str], np.ndarray], np.ndarray]
    training_days: int = 60
    drift_days: int = 1
    publication_delay: timedelta = timedelta()
    zone: tzinfo = UTC
    open_days: int = 3
    underestimates: Table | None = None

    def span(self, lake: Lake, days: int) -> Window | None:
        """From the first to the last instant of the last so many days that hold data, None where there is none."""
        found = joined(self.stretches(lake, days))
        return spanned(found) if found else None

    def model(self, name: str) -> Model:
        """The model of a name. Raises ModelMissing naming those there are."""
        for model in self.models:
            if model.name == name:
                return model
        raise ModelMissing(f"{name} is no model of {self.name}; there are {', '.join(one.name for one in self.models)}")


def said(versions: Versions) -> str:
    """`interim.bikes__station_status@12, …`: what `data_version` columns hold."""
    return ", ".join(f"{relation}@{one.version}" for relation, one in sorted(versions.items()))
