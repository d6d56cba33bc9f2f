"""What goes into the simulator and what comes out: plain values, no library's request or response."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from transit_assets.simulator.faults import Fault

ARCS = 40
"""Arcs of road with a counter, where nobody asks for another number."""

CALLS = 60
"""Calls a day to the fire brigade, where nobody asks for another number; London's has about 280."""


@dataclass(frozen=True)
class Request:
    """A GET at an instant of the city of one seed. Names of headers are lower case.

    The city has counters on so many `arcs` of road, whose counts are published with this delay after their hour,
    and a fire brigade that is called so often a day.
    """

    path: str
    instant: datetime
    seed: int = 7
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None
    arcs: int = ARCS
    counts_delay_minutes: int = 0
    calls_per_day: int = CALLS

    @property
    def unix_time(self) -> int:
        return int(self.instant.timestamp())


@dataclass(frozen=True)
class Response:
    """An answer; one that `is_stalled` never arrives."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    is_stalled: bool = False


Handler: TypeAlias = Callable[[Request], Response]


def json_error(status: int, message: str, code: str = "SimulatedError") -> Response:
    """An error in the form in which Opendatasoft writes it."""
    body = json.dumps({"error_code": code, "message": message}).encode()
    return Response(status, body, {"content-type": "application/json; charset=utf-8"})
