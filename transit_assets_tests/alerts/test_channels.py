"""What each channel is told, and what becomes of an attempt: a webhook on loopback, SNS as moto serves it."""

import json
import logging
import uuid
from collections.abc import Iterator

import boto3
import pytest
from pydantic import SecretStr, ValidationError

from transit_assets.alerts.channels import Channel, Log, Message, Outcome, Sns, Webhook, channels, post
from transit_assets.lake import Lake
from transit_assets.settings import Settings
from transit_assets_tests.alerts import told
from transit_assets_tests.alerts.told import NOON, Clock, alert, compose, deliveries, keep, outbox, webhook

MESSAGE = compose(alert(), "a1-1-sns")


@pytest.fixture
def hook() -> Iterator[told.Webhook]:
    with webhook() as one:
        yield one


@pytest.fixture(params=["standard", "fifo"])
def topic(s3_endpoint: str, request: pytest.FixtureRequest) -> tuple[str, str]:
    """The ARN of a topic on moto's server, and the address of a queue that gets what is published."""
    name = f"alerts-{uuid.uuid4().hex[:8]}" + (".fifo" if request.param == "fifo" else "")
    fifo = {"FifoTopic": "true"} if request.param == "fifo" else {}
    arn = boto3.client("sns").create_topic(Name=name, Attributes=fifo)["TopicArn"]
    of_queue = {"FifoQueue": "true"} if request.param == "fifo" else {}
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName=name, Attributes=of_queue)["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)
    return arn, queue


def published(queue: str) -> list[dict[str, str]]:
    found = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(one["Body"]) for one in found]


def test_people_read_a_sentence_and_programs_the_row() -> None:
    body = dict(MESSAGE.body)
    assert body.pop("text") == (
        "rail, blocked, opened: Ligne B : trafic interrompu à Drancy (since 24/01 12:00)\n"
        "Motif : panne de signalisation."
    )
    assert (body["alert_id"], body["version"], body["status"], body["is_simulated"]) == ("a1", 1, "opened", False)
    assert (body["opened_at"], body["closed_at"]) == ("2025-01-24T11:00:00+00:00", None)
    assert (body["references"], body["details"]) == (["d1"], "Motif : panne de signalisation.")
    closed = compose(alert(3, "closed", ended_by="silence"), "k").body["text"]
    assert closed.endswith("(since 24/01 12:00, closed 24/01 12:02) (nobody has said anything for two hours)")


def test_an_alert_reaches_sns_once_and_its_receipt_is_kept(lake: Lake, topic: tuple[str, str]) -> None:
    arn, queue = topic
    keep(lake, alert())
    for _ in range(2):
        outbox(lake, Clock()).deliver([Sns(arn)], NOON)
    (found,) = published(queue)
    assert found["Subject"] == "rail, blocked, opened: Ligne B : trafic interrompu a Drancy"
    assert json.loads(found["Message"])["title"] == "Ligne B : trafic interrompu à Drancy"
    assert found["MessageAttributes"]["severity"]["Value"] == "blocked"  # type: ignore[index]
    assert deliveries(lake) == [("a1-1-sns", 1, "sent", None)]
    assert lake.table(told.ALERT_DELIVERIES).read()["receipt"].to_pylist() == [found["MessageId"]]


def test_only_a_fifo_topic_may_be_told_again() -> None:
    arn = "arn:aws:sns:eu-west-3:123456789012:alerts"
    assert not Sns(arn).repeats_for
    assert Sns(f"{arn}.fifo").repeats_for.total_seconds() == 240  # of the five minutes for which SNS remembers


def test_a_topic_that_is_not_there_is_a_failure_without_its_address(s3_endpoint: str) -> None:
    assert Sns("arn:aws:sns:eu-west-3:123456789012:nowhere").send(MESSAGE) == Outcome("failed", "NotFound (404)")


def test_sns_that_cannot_be_reached_is_a_failure(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")
    outcome = Sns("arn:aws:sns:eu-west-3:123456789012:alerts").send(MESSAGE)
    assert outcome == Outcome("failed", "EndpointConnectionError")


def test_without_credentials_nothing_is_sent(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert Sns("arn:aws:sns:eu-west-3:123456789012:alerts").send(MESSAGE) == Outcome("failed", "NoCredentialsError")


@pytest.mark.parametrize(("status", "outcome"), [(None, "unknown"), (500, "unknown"), (503, "failed")])
def test_boto_does_not_publish_twice_by_itself(
    hook: told.Webhook, monkeypatch: pytest.MonkeyPatch, status: int | None, outcome: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", hook.url.removesuffix("/hooks/s3cret-path"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    hook.status = status
    assert Sns("arn:aws:sns:eu-west-3:123456789012:alerts").send(MESSAGE).outcome == outcome
    assert len(hook.told) == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (204, Outcome("sent", None, "HTTP 204")),
        (302, Outcome("failed", "HTTP 302")),
        (404, Outcome("failed", "HTTP 404")),
        (500, Outcome("failed", "HTTP 500")),
        (504, Outcome("unknown", "HTTP 504")),
        (None, Outcome("unknown", "RemoteProtocolError")),
    ],
)
def test_what_a_webhook_answers_says_whether_it_took_the_message(
    hook: told.Webhook, status: int | None, expected: Outcome
) -> None:
    hook.status = status
    assert Webhook(hook.url).send(MESSAGE) == expected
    assert hook.keys == ["a1-1-sns"]


def test_a_webhook_that_is_gone_has_not_taken_it() -> None:
    with webhook() as gone:
        pass
    assert post(gone.url, {}) == Outcome("failed", "ConnectError")


def test_the_address_of_the_webhook_is_in_no_log_and_no_text(
    hook: told.Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel = Webhook(hook.url)
    channel.send(MESSAGE)
    hook.status = None
    channel.send(MESSAGE)
    assert "s3cret-path" not in caplog.text + repr(channel) + repr(channel.send(MESSAGE))


def test_the_settings_name_the_channels() -> None:
    def named(**given: object) -> list[Channel]:
        return channels(Settings(_env_file=None, **given), print)  # type: ignore[arg-type]

    assert [type(one) for one in named()] == [Log]
    topic = "arn:aws:sns:eu-west-3:123456789012:alerts.fifo"
    found = named(alert_url=SecretStr("https://example.org/hook"), alert_sns_topic=topic)
    assert found[1:] == [Webhook("https://example.org/hook"), Sns(topic)]
    for wrong in ("alerts", "arn:aws:sqs:eu-west-3:123456789012:alerts", "arn:aws:sns:eu-west-3:12:alerts"):
        with pytest.raises(ValidationError, match="alert_sns_topic"):
            named(alert_sns_topic=wrong)


def test_the_log_is_told_the_sentence() -> None:
    lines: list[str] = []
    assert Log(lines.append).send(Message("k", "a", "s", {"text": "Line B is blocked"})) == Outcome("sent")
    assert lines == ["Line B is blocked"]
