"""What a domain says about one of its models; everything else about it is this package's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from transit_assets.learning.estimators import Estimator
from transit_assets.learning.examples import Examples

Kind = Literal["probability", "quantity", "level"]

# The first decides. Of levels `mae` is the ordinal error: by how many levels a forecast is off.
METRICS: dict[Kind, tuple[str, ...]] = {
    "probability": ("brier", "log_loss", "auc"),
    "quantity": ("mae", "rmse", "coverage"),
    "level": ("mae", "accuracy", "macro_f1", "recall"),
}


@dataclass(frozen=True)
class Model:
    """One forecast: what it says, for which horizons, by which estimator, beside which baselines.

    `target` names the answers among `Examples.targets`. `estimator` takes the seed; `baselines` stand in the order
    in which they are published. `sources` are the relations that its features and answers come from. `interval_unit`
    names the column in whose units errors are alike, and intervals are learnt. `scaled_by` names the baseline by whose
    error in training MASE measures. Of levels those from `watched_level` on are what `recall` is about.
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
    interval_unit: str | None = None
    scaled_by: str | None = None
    watched_level: int = 0

    @property
    def metrics(self) -> tuple[str, ...]:
        return (*METRICS[self.kind], "mase") if self.scaled_by else METRICS[self.kind]

    @property
    def headline(self) -> str:
        """The metric that decides: `brier` or `mae`."""
        return self.metrics[0]

    def questions(self, examples: Examples) -> tuple[Examples, np.ndarray]:
        """The examples of this model's horizons that have an answer, and the answers."""
        answers = examples.targets[self.target]
        mask = np.isfinite(answers) & np.isin(examples.horizon_minutes, self.horizons)
        return examples.take(mask), answers[mask]
