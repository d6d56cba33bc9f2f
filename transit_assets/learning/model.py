"""What a domain says about one of its models; everything else about it is this package's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from transit_assets.learning.estimators import Estimator
from transit_assets.learning.examples import Examples

Kind = Literal["probability", "quantity"]

METRICS: dict[Kind, tuple[str, ...]] = {
    "probability": ("brier", "log_loss", "auc"),
    "quantity": ("mae", "rmse", "coverage"),
}


@dataclass(frozen=True)
class Model:
    """One forecast: what it says, for which horizons, by which estimator, beside which baselines.

    `target` names the answers among `Examples.targets`. `estimator` takes the seed; `baselines` stand in the order
    in which they are published. `sources` are the relations that its features and answers come from.
    """

    name: str
    domain: str
    target: str
    kind: Kind
    unit: str
    description: str
    horizons: tuple[int, ...]
    estimator: Callable[[int], Estimator]
    baselines: Mapping[str, Callable[[], Estimator]]
    sources: tuple[str, ...]
    intended_use: str
    limits: str
    data_licence: str

    @property
    def metrics(self) -> tuple[str, ...]:
        return METRICS[self.kind]

    @property
    def headline(self) -> str:
        """The metric that decides: `brier` or `mae`."""
        return self.metrics[0]

    def questions(self, examples: Examples) -> tuple[Examples, np.ndarray]:
        """The examples of this model's horizons that have an answer, and the answers."""
        answers = examples.targets[self.target]
        mask = np.isfinite(answers) & np.isin(examples.horizon_minutes, self.horizons)
        return examples.take(mask), answers[mask]
