"""Examples: questions with what was known when they were asked, and the answers where they are known by now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

_BLOCK_BITS = 24  # of a span since 1970 in its number: those of ten minutes until 2288


@dataclass(frozen=True)
class Segmentation:
    """A way to divide examples: the values it has, and for each example the index of its value."""

    values: tuple[str, ...]
    codes: np.ndarray


@dataclass(frozen=True)
class Examples:
    """n questions. Each is one entity, asked at `origin_at` about `target_at`, `horizon_minutes` ahead by name.

    Instants are seconds since 1970 UTC (int64). `features` is (n, k) float32 in the order of `names`, NaN where
    unknown. `targets` holds (n,) float64 arrays by name, NaN where there is no answer. Neighbours in time of one entity
    do not err independently: those within `block_seconds` are a block, which a bootstrap draws together; `days` are
    their blocks where all entities of a day err together. Without horizons `horizon_minutes` is 0.
    """

    names: tuple[str, ...]
    features: np.ndarray
    entity: np.ndarray
    origin_at: np.ndarray
    target_at: np.ndarray
    horizon_minutes: np.ndarray
    block_seconds: int
    targets: Mapping[str, np.ndarray] = field(default_factory=dict)
    segments: Mapping[str, Segmentation] = field(default_factory=dict)
    days: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.origin_at)

    @property
    def block(self) -> np.ndarray:
        """(n,) the number of each question's block."""
        if self.days is not None:
            return self.days
        return (self.entity.astype(np.int64) << _BLOCK_BITS) + self.origin_at // self.block_seconds

    def column(self, name: str) -> np.ndarray:
        """One feature of all questions."""
        return self.features[:, self.names.index(name)]

    def only(self, names: Sequence[str]) -> "Examples":
        """The same questions with some of their features."""
        return replace(self, names=tuple(names), features=self.features[:, [self.names.index(one) for one in names]])

    def also(self, names: Sequence[str], columns: np.ndarray) -> "Examples":
        """The same questions with more features: (n, k) columns."""
        features = np.concatenate([self.features, columns], axis=1, dtype=np.float32)
        return replace(self, names=(*self.names, *names), features=features)

    def take(self, which: np.ndarray) -> "Examples":
        """Some of the questions: a boolean mask, or positions."""
        return replace(
            self,
            features=self.features[which],
            entity=self.entity[which],
            origin_at=self.origin_at[which],
            target_at=self.target_at[which],
            horizon_minutes=self.horizon_minutes[which],
            targets={name: values[which] for name, values in self.targets.items()},
            segments={name: Segmentation(one.values, one.codes[which]) for name, one in self.segments.items()},
            days=None if self.days is None else self.days[which],
        )


@dataclass(frozen=True)
class Window:
    """A span of instants, end exclusive, in UTC."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> tuple[int, int]:
        return int(self.start.timestamp()), int(self.end.timestamp())

    def __str__(self) -> str:
        return f"{self.start.astimezone(UTC):%Y-%m-%dT%H:%MZ} to {self.end.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
