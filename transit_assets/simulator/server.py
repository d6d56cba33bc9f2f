"""The simulator over HTTP, for other programs and for `transit simulate`."""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qsl, urlsplit

from transit_assets.simulator.faults import FaultPlan
from transit_assets.simulator.messages import ARCS, CALLS, Request
from transit_assets.simulator.respond import respond

logger = logging.getLogger(__name__)


class SimulatorServer(ThreadingHTTPServer):
    """An HTTP server on one address; port 0 takes a free one, `url` says which. Close it with `shutdown`."""

    daemon_threads = True

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 7,
        faults: FaultPlan | None = None,
        stall_seconds: float = 60.0,
        arcs: int = ARCS,
        counts_delay_minutes: int = 0,
        calls_per_day: int = CALLS,
    ) -> None:
        super().__init__((host, port), _Handler)
        self.clock = clock
        self.seed = seed
        self.arcs = arcs
        self.counts_delay_minutes = counts_delay_minutes
        self.calls_per_day = calls_per_day
        self.faults = faults or FaultPlan(seed=seed)
        self.stall_seconds = stall_seconds
        self.numbers = count()

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is a line in the log, not a traceback on the terminal."""
        logger.warning("an answer to %s was not delivered", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: SimulatorServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        response = respond(
            Request(
                path=url.path,
                instant=self.server.clock(),
                seed=self.server.seed,
                arcs=self.server.arcs,
                counts_delay_minutes=self.server.counts_delay_minutes,
                calls_per_day=self.server.calls_per_day,
                query=dict(parse_qsl(url.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
                fault=self.server.faults.fault_of(next(self.server.numbers)),
            )
        )
        if response.is_stalled:
            time.sleep(self.server.stall_seconds)
            self.close_connection = True
            return
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status != 304:
            self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *args: object) -> None:
        logger.info(format, *args)
