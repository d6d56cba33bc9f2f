"""What goes wrong on request, and when.

A plan is either a list of faults, one for each request until it is used up (`ok` lets a request
through), or a share of requests that fail, chosen by the seed. Which request meets which fault is a
function of its number alone, so a failing run can be repeated.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from transit_assets.simulator.noise import uniform


class Fault(StrEnum):
    """One way for a provider to fail."""

    RATE_LIMITED = "rate_limited"  # 429 with Retry-After
    SERVER_ERROR = "server_error"  # 500 with a JSON body
    TIME_OUT = "time_out"  # no answer
    TRUNCATED = "truncated"  # 200, and two thirds of the JSON
    HTML = "html"  # 200, and a maintenance page
    EMPTY = "empty"  # 200, and nothing
    DUPLICATED = "duplicated"  # a tenth of the records twice, half of those with other counts
    REORDERED = "reordered"  # the records in another order
    CLOCK_AHEAD = "clock_ahead"  # the provider's clock jumps two hours ahead
    CLOCK_BEHIND = "clock_behind"  # and two hours back


CLOCK_JUMP_SECONDS = 2 * 3600


@dataclass(frozen=True)
class FaultPlan:
    """Faults by the number of a request, counted from 0."""

    sequence: tuple[Fault | None, ...] = ()
    share: float = 0.0
    seed: int = 7

    @classmethod
    def parse(cls, text: str, seed: int = 7) -> "FaultPlan":
        """A plan from `ok,rate_limited,html` (a sequence) or `0.05` (a share of requests).

        Raises ValueError naming what it saw and the faults there are.
        """
        words = [word.strip().lower() for word in text.split(",") if word.strip()]
        if len(words) == 1 and words[0].replace(".", "", 1).isdigit():
            share = float(words[0])
            if share > 1.0:
                raise ValueError(f"a share of failing requests lies between 0 and 1, not {share}")
            return cls(share=share, seed=seed)
        return cls(sequence=tuple(None if word == "ok" else fault(word) for word in words), seed=seed)

    def fault_of(self, number: int) -> Fault | None:
        """The fault that request `number` meets, or None."""
        if number < len(self.sequence):
            return self.sequence[number]
        chance, kind = uniform(self.seed, "plan", np.array([0, 1]), number)
        return list(Fault)[int(kind * len(Fault))] if chance < self.share else None


def fault(name: str) -> Fault:
    """A fault by its name. Raises ValueError naming the faults there are."""
    try:
        return Fault(name)
    except ValueError:
        raise ValueError(f"no fault is called {name!r}; there are ok, {', '.join(Fault)}") from None
