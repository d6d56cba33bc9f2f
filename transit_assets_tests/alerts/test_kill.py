"""`kill -9` between the intent, the message and its outcome: nothing is sent twice, and what is not known is said."""

import multiprocessing
import os
import signal
from datetime import datetime, timedelta

import pytest

from transit_assets.alerts.channels import Webhook
from transit_assets.alerts.outbox import LEASE, Outbox
from transit_assets.lake import Lake
from transit_assets_tests.alerts.told import NOON, Clock, alert, deliveries, keep, outbox, webhook

CONTEXT = multiprocessing.get_context("forkserver")  # a fork of this process could meet a lock of one of its threads


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _deliver(root: str, url: str, place: str) -> None:
    if place == "before the intent":
        Outbox._claim = _die  # type: ignore[method-assign,assignment]
    elif place == "before it is sent":
        Webhook.send = _die  # type: ignore[method-assign,assignment]
    else:
        Outbox._finish = _die  # type: ignore[method-assign]
    outbox(Lake.at(root), Clock()).deliver([Webhook(url)], NOON)


@pytest.mark.parametrize(
    ("place", "arrived", "then"),
    [
        ("before the intent", 0, [("a1-1-webhook", 1, "sent", None)]),
        ("before it is sent", 0, [("a1-1-webhook", 1, "unknown", "the run died")]),
        ("before its outcome is written", 1, [("a1-1-webhook", 1, "unknown", "the run died")]),
    ],
)
def test_a_run_that_is_killed_sends_nothing_twice(lake: Lake, place: str, arrived: int, then: list) -> None:
    keep(lake, alert())
    with webhook() as hook:
        run = CONTEXT.Process(target=_deliver, args=(lake.location.root, hook.url, place))
        run.start()
        run.join(60)
        assert run.exitcode == -signal.SIGKILL
        assert len(hook.told) == arrived
        later: datetime = NOON + LEASE + timedelta(seconds=1)
        outbox(lake, Clock(later)).deliver([Webhook(hook.url)], NOON)
        assert len(hook.told) == (1 if place == "before the intent" else arrived)
    assert deliveries(lake) == then
