"""A simulator over HTTP on a free port of loopback."""

from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Thread

import pytest

from transit_assets.simulator import SimulatorServer


@pytest.fixture
def served() -> Iterator[SimulatorServer]:
    """The simulator at 2026-03-02 07:30 UTC; an answer that stalls closes after a moment."""
    server = SimulatorServer(lambda: datetime(2026, 3, 2, 7, 30, tzinfo=UTC), stall_seconds=0.2)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
