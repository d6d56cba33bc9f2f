"""What the tests of alerts share: an alert, channels that keep what they are told, a webhook on loopback."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa

from transit_assets.alerts.channels import Message, Outcome
from transit_assets.alerts.messages import message
from transit_assets.alerts.outbox import Outbox
from transit_assets.lake import Lake
from transit_assets.rail.schema import ALERT_DELIVERIES, ALERTS
from transit_assets.settings import PARIS

NOON = datetime(2025, 1, 24, 11, 0, tzinfo=UTC)
compose = partial(message, alerts=ALERTS, is_simulated=False, zone=PARIS)


def alert(version: int = 1, status: str = "opened", **said: Any) -> dict[str, Any]:
    """One row of the alerts."""
    is_closed = status == "closed"
    return {
        "alert_id": "a1",
        "version": version,
        "status": status,
        "kind": "disruption",
        "about": "perturbation: interruption",
        "severity": "blocked",
        "cause": "PERTURBATION",
        "direction": None,
        "title": "Ligne B : trafic interrompu à Drancy",
        "text": "Motif : panne de signalisation.",
        "probability": None,
        "references": ["d1"],
        "source": "disruptions_bulk",
        "opened_at": NOON,
        "updated_at": NOON + timedelta(minutes=version - 1),
        "closed_at": NOON if is_closed else None,
        "ended_by": "over" if is_closed else None,
        "judged_at": NOON,
        **said,
    }


def keep(lake: Lake, *alerts: dict[str, Any]) -> None:
    """Add versions to the alerts of a lake."""
    lake.table(ALERTS).append(pa.Table.from_pylist(list(alerts), schema=ALERTS.schema))


@dataclass
class Clock:
    """A real clock that tests move."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def wait(self, **how_long: float) -> None:
        self.at += timedelta(**how_long)


@dataclass
class Kept:
    """A channel that keeps what it is told, and answers what it is given to answer: the last of it for ever."""

    name: str = "webhook"
    answers: list[Outcome] = field(default_factory=lambda: [Outcome("sent")])
    repeats_for: timedelta = timedelta(0)
    told: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> Outcome:
        self.told.append(message)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def outbox(lake: Lake, clock: Callable[[], datetime]) -> Outbox:
    return Outbox(lake, ALERTS, ALERT_DELIVERIES, compose, now=clock)


def deliveries(lake: Lake) -> list[tuple[str, int, str, str | None]]:
    """Key, attempt, outcome and error of every attempt."""
    rows = lake.table(ALERT_DELIVERIES).read().to_pylist()
    return [(row["idempotency_key"], row["attempt"], row["outcome"], row["error"]) for row in rows]


@dataclass
class Webhook:
    """A server on loopback: keeps bodies and keys, answers with a status; None hangs up without an answer."""

    url: str
    told: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    status: int | None = 200


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A webhook with a secret in its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            is_json = self.headers["content-type"] == "application/json"
            hook.told.append(json.loads(body) if is_json else {"form": body.decode()})
            hook.keys.append(self.headers["Idempotency-Key"])
            if hook.status is not None:
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook = Webhook(f"http://127.0.0.1:{server.server_port}/hooks/s3cret-path")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield hook
        server.shutdown()
