"""Who is told of an alert: a log, a webhook, a topic of Amazon SNS; and what became of one attempt to tell them.

A channel never tries twice by itself: whether a second attempt may be made is for the outbox to say. So boto3's own
retries, five by default, are off: after a lost answer they would publish a second message.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol

from transit_assets.settings import Settings

if TYPE_CHECKING:
    from botocore.client import BaseClient

TIMEOUT_SECONDS = 10
_LONGEST_SUBJECT = 99  # SNS takes fewer than 100 characters
# SNS drops a message with a known deduplication id for five minutes; a minute is left for clocks and the way there.
_FIFO_WINDOW = timedelta(minutes=4)
_MAYBE_TAKEN = frozenset({502, 504})  # a gateway says so, and does not know whether who is behind it took the message


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt. `error` holds no address: that of a webhook is a secret."""

    outcome: Literal["sent", "failed", "unknown"]
    error: str | None = None
    receipt: str | None = None


@dataclass(frozen=True)
class Message:
    """What one channel is told: `body` is JSON, of which `text` is what chat tools show."""

    idempotency_key: str
    alert_id: str
    subject: str
    body: Mapping[str, Any]


class Channel(Protocol):
    """A way to tell people. `repeats_for`: how long after the first attempt a second cannot arrive as another."""

    @property
    def name(self) -> str: ...

    @property
    def repeats_for(self) -> timedelta: ...

    def send(self, message: Message) -> Outcome:
        """Try once to tell of an alert."""
        ...


@dataclass(frozen=True)
class Log:
    """The log of the run, at the level of a warning."""

    write: Callable[[str], Any]
    name: str = "log"
    repeats_for: timedelta = timedelta(0)

    def send(self, message: Message) -> Outcome:
        self.write(str(message.body["text"]))
        return Outcome("sent")


@dataclass(frozen=True)
class Webhook:
    """A JSON webhook. Few receivers heed `Idempotency-Key`, so what may have arrived is not sent again."""

    url: str = field(repr=False)
    name: str = "webhook"
    repeats_for: timedelta = timedelta(0)

    def send(self, message: Message) -> Outcome:
        return post(self.url, message.body, {"Idempotency-Key": message.idempotency_key})


@dataclass(frozen=True)
class Sns:
    """A topic of Amazon SNS, by its ARN. A FIFO topic drops what it has seen, and keeps the order of each alert."""

    topic: str
    name: str = "sns"

    @property
    def is_fifo(self) -> bool:
        return self.topic.endswith(".fifo")

    @property
    def repeats_for(self) -> timedelta:
        return _FIFO_WINDOW if self.is_fifo else timedelta(0)

    def send(self, message: Message) -> Outcome:
        from botocore import exceptions
        from botocore.parsers import ResponseParserError

        asked: dict[str, Any] = {
            "TopicArn": self.topic,
            "Subject": _ascii(message.subject),
            "Message": json.dumps(dict(message.body), ensure_ascii=False),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": str(message.body[name])}
                for name in ("domain", "kind", "status", "severity")
                if message.body.get(name)
            },
        }
        if self.is_fifo:
            asked |= {"MessageGroupId": message.alert_id, "MessageDeduplicationId": message.idempotency_key}
        try:
            answer = _sns(self.topic).publish(**asked)
        except exceptions.ClientError as error:
            return _refused(error.response)
        except (exceptions.HTTPClientError, ResponseParserError) as error:  # after the request may have left
            return Outcome("unknown", type(error).__name__)
        except exceptions.BotoCoreError as error:  # no connection, no credentials, a value that SNS would not take
            return Outcome("failed", type(error).__name__)
        return Outcome("sent", receipt=answer["MessageId"])


def channels(configured: Settings, write: Callable[[str], Any]) -> list[Channel]:
    """The channels that the settings name, and the log, which there always is."""
    found: list[Channel] = [Log(write)]
    if configured.alert_url is not None:
        found.append(Webhook(configured.alert_url.get_secret_value()))
    if configured.alert_sns_topic is not None:
        found.append(Sns(configured.alert_sns_topic))
    return found


def post(url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Outcome:
    """Post a message to a webhook, once. Nothing that is said of it, and no log, holds the address."""
    import httpx

    try:
        with _unlogged():
            answer = httpx.post(
                url, json=dict(body), headers=dict(headers or {}), timeout=TIMEOUT_SECONDS, follow_redirects=False
            )
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        return Outcome("failed", type(error).__name__)  # its text may hold the address
    except httpx.HTTPError as error:
        return Outcome("unknown", type(error).__name__)
    said = f"HTTP {answer.status_code}"
    if answer.is_success:
        return Outcome("sent", receipt=said)
    return Outcome("unknown" if answer.status_code in _MAYBE_TAKEN else "failed", said)


def _sns(topic: str) -> "BaseClient":
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=TIMEOUT_SECONDS,
        read_timeout=TIMEOUT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return boto3.client("sns", region_name=topic.split(":")[3], config=config)


def _refused(response: Mapping[str, Any]) -> Outcome:
    """What an error of SNS means. Its text names accounts and users: only its code is kept."""
    code = response.get("Error", {}).get("Code", "error")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    was_maybe_taken = status >= 500 and status != 503
    return Outcome("unknown" if was_maybe_taken else "failed", f"{code} ({status})")


def _ascii(subject: str) -> str:
    """A subject that SNS takes: ASCII in one line."""
    import unicodedata

    plain = unicodedata.normalize("NFKD", subject).encode("ascii", "ignore").decode()
    return " ".join(plain.split())[:_LONGEST_SUBJECT] or "Alert"


@contextmanager
def _unlogged() -> Iterator[None]:
    """httpx logs every address: not while this thread posts to one that is a secret."""
    ours = threading.get_ident()

    def is_anothers(record: logging.LogRecord) -> bool:
        return record.thread != ours

    logger = logging.getLogger("httpx")
    logger.addFilter(is_anothers)
    try:
        yield
    finally:
        logger.removeFilter(is_anothers)
