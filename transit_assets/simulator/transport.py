"""The simulator in process: a transport for httpx, so that a client runs the code it runs against a real host."""

from collections.abc import Callable
from datetime import datetime
from itertools import count

import httpx

from transit_assets.simulator.faults import FaultPlan
from transit_assets.simulator.messages import ARCS, CALLS, Request
from transit_assets.simulator.respond import respond


class SimulatorTransport(httpx.BaseTransport):
    """Answers every GET at the instant of its clock, whatever the host; request by request it follows its faults."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        seed: int = 7,
        faults: FaultPlan | None = None,
        arcs: int = ARCS,
        counts_delay_minutes: int = 0,
        calls_per_day: int = CALLS,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._arcs = arcs
        self._counts_delay_minutes = counts_delay_minutes
        self._calls_per_day = calls_per_day
        self._faults = faults or FaultPlan(seed=seed)
        self._numbers = count()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises httpx.ReadTimeout, at once, for an answer that never arrives."""
        response = respond(
            Request(
                path=request.url.path,
                instant=self._clock(),
                seed=self._seed,
                arcs=self._arcs,
                counts_delay_minutes=self._counts_delay_minutes,
                calls_per_day=self._calls_per_day,
                query=dict(request.url.params),
                headers=dict(request.headers),
                fault=self._faults.fault_of(next(self._numbers)),
            )
        )
        if response.is_stalled:
            raise httpx.ReadTimeout("the simulator does not answer", request=request)
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body, request=request)
