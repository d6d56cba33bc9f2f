"""What a domain says about one of its models; everything else about it is this package's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from transit_assets.learning.estimators import Estimator
from transit_assets.learning.examples import Examples

Kind = Literal["probability", "quantity", "level", "classes"]

# The first decides. Of levels `mae` is the ordinal error: by how many levels a forecast is off.
METRICS: dict[Kind, tuple[str, ...]] = {
    "probability": ("brier", "log_loss", "auc"),
    "quantity": ("mae", "rmse", "coverage"),
    "level": ("mae", "accuracy", "macro_f1", "recall"),
    "classes": ("log_loss", "accuracy", "macro_f1"),
}


@dataclass(frozen=True)
class Bound:
    """The share of answers that an upper bound is to have below it, for each group: the numbers of a column."""

    nominal: float
    column: str


@dataclass(frozen=True)
class Risk:
    """What counts as an underestimate: an answer more than `margin` above the forecast, and who is told of it.

    Of what is asked the share `warned` is, which is the likeliest. `column` names the groups that the plain rule is
    about: it warns of those whose median answer is among the highest share `warned` of groups. `reasons` has for each
    kind of reason the beginnings of the names of its features.
    """

    margin: float
    warned: float
    column: str
    reasons: Mapping[str, tuple[str, ...]]
    estimator: Callable[[int], Estimator]
    segment: str


@dataclass(frozen=True)
class Model:
    """One forecast: what it says, for which horizons, by which estimator, beside which baselines.

    `target` names the answers among `Examples.targets`. `estimator` takes the seed; `baselines` stand in the order
    in which they are published. `sources` are the relations that its features and answers come from. `interval_unit`
    names the column in whose units errors are alike, and intervals are learnt. `scaled_by` names the baseline by whose
    error in training MASE measures. Of levels those from `watched_level` on are what `recall` is about.

    Without `horizons` there is nothing to look ahead to. `features` are those that it may know of, `segments` names of
    segments and which of the examples' they are: all, unless they are named. A `bound` takes the place of an interval.
    Of `classes` the one is said whose share, over its share in training to the power of `balance`, is the largest.
    Segments smaller than a large one are guarded, too, from the share `guarded` on: where it is sure they lose.
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
    features: tuple[str, ...] | None = None
    segments: Mapping[str, str] | None = None
    bound: Bound | None = None
    risk: Risk | None = None
    classes: tuple[float, ...] = ()
    balance: float = 0.0
    guarded: float | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        return (*METRICS[self.kind], "mase") if self.scaled_by else METRICS[self.kind]

    @property
    def headline(self) -> str:
        """The metric that decides: `brier`, `mae`, or of classes `log_loss`."""
        return self.metrics[0]

    @property
    def live_metric(self) -> str:
        """What is measured of forecasts that were kept: they are one number each, and shares of classes are several."""
        return "accuracy" if self.kind == "classes" else self.headline

    @property
    def spans(self) -> tuple[int | None, ...]:
        """The horizons, or None alone where there is none."""
        return self.horizons or (None,)

    def is_asked(self, horizon_minutes: np.ndarray) -> np.ndarray:
        """Mask of the questions of this model's horizons."""
        return np.isin(horizon_minutes, self.horizons) if self.horizons else np.ones(len(horizon_minutes), bool)

    def known(self, examples: Examples) -> Examples:
        """The same questions with the features and the segments of this model."""
        if self.segments is not None:
            named = {name: examples.segments[of] for name, of in self.segments.items() if of in examples.segments}
            examples = replace(examples, segments=named)
        if self.features is None or self.features == examples.names:
            return examples
        return examples.only(self.features)

    def questions(self, examples: Examples) -> tuple[Examples, np.ndarray]:
        """The examples of this model's horizons that have an answer, and the answers."""
        answers = examples.targets[self.target]
        mask = np.isfinite(answers) & self.is_asked(examples.horizon_minutes)
        return self.known(examples).take(mask), answers[mask]
