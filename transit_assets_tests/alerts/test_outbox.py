"""Each version of an alert is told once: what fails is tried again, what may have arrived is not."""

import threading
from collections import Counter
from datetime import timedelta

import pytest

from transit_assets.alerts import outbox as module
from transit_assets.alerts.channels import Outcome
from transit_assets.alerts.outbox import LEASE, MAX_ATTEMPTS, NEWS_FOR
from transit_assets.lake import Lake
from transit_assets_tests.alerts.told import NOON, Clock, Kept, alert, deliveries, keep, outbox

REFUSED, LOST, SENT = Outcome("failed", "HTTP 500"), Outcome("unknown", "ReadTimeout"), Outcome("sent")


def test_a_version_is_told_once_to_every_channel(lake: Lake) -> None:
    keep(lake, alert())
    hook, topic = Kept("webhook"), Kept("sns")
    for _ in range(3):
        outbox(lake, Clock()).deliver([hook, topic], NOON)
    assert [one.idempotency_key for one in (*hook.told, *topic.told)] == ["a1-1-webhook", "a1-1-sns"]
    assert deliveries(lake) == [("a1-1-sns", 1, "sent", None), ("a1-1-webhook", 1, "sent", None)]


def test_what_was_refused_is_sent_again_by_later_runs_after_longer_and_longer_waits(lake: Lake) -> None:
    keep(lake, alert())
    hook, clock = Kept(answers=[REFUSED, REFUSED, SENT]), Clock()
    for wait, told in ((0, 1), (59, 1), (1, 2), (119, 2), (1, 3), (3000, 3)):
        clock.wait(seconds=wait)
        outbox(lake, clock).deliver([hook], NOON)
        assert len(hook.told) == told
    assert [outcome for _, _, outcome, _ in deliveries(lake)] == ["failed", "failed", "sent"]
    assert {one.idempotency_key for one in hook.told} == {"a1-1-webhook"}


def test_after_five_attempts_it_is_left(lake: Lake) -> None:
    keep(lake, alert())
    hook, clock = Kept(answers=[REFUSED]), Clock()
    for _ in range(MAX_ATTEMPTS + 2):
        outbox(lake, clock).deliver([hook], NOON)
        clock.wait(hours=1)
    assert len(hook.told) == MAX_ATTEMPTS
    assert [attempt for _, attempt, _, _ in deliveries(lake)] == [1, 2, 3, 4, 5]


def test_what_may_have_arrived_is_not_sent_again(lake: Lake) -> None:
    keep(lake, alert())
    hook, clock = Kept(answers=[LOST, SENT]), Clock()
    for _ in range(3):
        assert outbox(lake, clock).deliver([hook], NOON)["sent"] == 0
        clock.wait(minutes=5)
    assert len(hook.told) == 1
    assert deliveries(lake) == [("a1-1-webhook", 1, "unknown", "ReadTimeout")]


def test_a_channel_that_drops_what_it_has_seen_is_told_again_while_it_does(lake: Lake) -> None:
    keep(lake, alert(), alert(alert_id="a2"))
    topic, clock = Kept("sns", [LOST, LOST, REFUSED, SENT], timedelta(minutes=4)), Clock()
    outbox(lake, clock).deliver([topic], NOON)
    clock.wait(minutes=3)
    outbox(lake, clock).deliver([topic], NOON)
    clock.wait(minutes=3)  # the refused one is due, but what was lost before it is no longer known there
    outbox(lake, clock).deliver([topic], NOON)
    assert [one.idempotency_key for one in topic.told] == ["a1-1-sns", "a2-1-sns", "a1-1-sns", "a2-1-sns"]
    assert [row[:3] for row in deliveries(lake)] == [
        ("a1-1-sns", 1, "unknown"),
        ("a1-1-sns", 2, "failed"),
        ("a2-1-sns", 1, "unknown"),
        ("a2-1-sns", 2, "sent"),
    ]


def test_of_an_alert_that_changed_again_the_later_version_is_told_alone(lake: Lake) -> None:
    keep(lake, alert())
    hook, clock = Kept(answers=[REFUSED, SENT]), Clock()
    outbox(lake, clock).deliver([hook], NOON)
    keep(lake, alert(2, "updated"), alert(3, "updated"))
    clock.wait(minutes=10)
    outbox(lake, clock).deliver([hook], NOON)
    assert [one.body["version"] for one in hook.told] == [1, 3]


def test_the_end_is_told_to_those_who_may_have_heard_of_the_beginning(lake: Lake) -> None:
    keep(lake, alert())
    heard, lost, deaf = Kept("log"), Kept("webhook", [LOST, SENT]), Kept("sns", [REFUSED])
    outbox(lake, Clock()).deliver([heard, lost, deaf], NOON)
    keep(lake, alert(2, "closed"))
    outbox(lake, Clock()).deliver([heard, lost, deaf], NOON)
    assert [[one.body["status"] for one in channel.told] for channel in (heard, lost, deaf)] == [
        ["opened", "closed"],
        ["opened", "closed"],
        ["opened"],
    ]


def test_what_is_no_news_is_told_nobody(lake: Lake) -> None:
    keep(lake, alert())
    for clock in (NOON + NEWS_FOR + timedelta(seconds=1), NOON - NEWS_FOR - timedelta(seconds=1)):
        assert outbox(lake, Clock()).deliver([Kept()], clock) == Counter()
    assert deliveries(lake) == []


def test_an_attempt_that_nobody_finished_may_have_arrived(lake: Lake) -> None:
    keep(lake, alert())
    clock, hook = Clock(), Kept()
    box = outbox(lake, clock)
    attempt = box._due(alert(), hook, [])
    assert attempt is not None
    assert box._claim(attempt, clock())
    assert box.deliver([hook], NOON) == Counter()  # another run is at it
    clock.wait(seconds=LEASE.total_seconds() + 1)
    assert box.deliver([hook], NOON) == Counter()
    assert (hook.told, deliveries(lake)) == ([], [("a1-1-webhook", 1, "unknown", "the run died")])


def test_a_run_that_slept_after_its_claim_sends_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(lake, alert())
    clock, hook = Clock(), Kept()
    claim = module.Outbox._claim

    def slowly(self: module.Outbox, attempt: module.Attempt, at: object) -> bool:
        claimed = claim(self, attempt, at)  # type: ignore[arg-type]
        clock.wait(hours=8)
        return claimed

    monkeypatch.setattr(module.Outbox, "_claim", slowly)
    assert outbox(lake, clock).deliver([hook], NOON) == Counter(failed=1)
    assert hook.told == []


def test_two_runs_at_once_send_once(any_lake: Lake) -> None:
    keep(any_lake, alert(), alert(alert_id="a2"))
    hook, ready = Kept(), threading.Barrier(2)

    def run() -> None:
        ready.wait()
        outbox(any_lake, Clock()).deliver([hook], NOON)

    runs = [threading.Thread(target=run) for _ in range(2)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert sorted(one.idempotency_key for one in hook.told) == ["a1-1-webhook", "a2-1-webhook"]
    assert [outcome for _, _, outcome, _ in deliveries(any_lake)] == ["sent"] * 2


def test_two_hosts_at_once_send_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the lock of a host: a claim that was read before another's commit loses, and is looked at again."""
    from contextlib import nullcontext

    from transit_assets.lake import tables

    monkeypatch.setattr(tables, "FileLock", lambda _: nullcontext())
    test_two_runs_at_once_send_once(lake)
