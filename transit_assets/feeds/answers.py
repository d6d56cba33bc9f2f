"""An answer that has arrived: its status, the headers that matter, and its body, held or in a file."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

import httpx

from transit_assets.feeds.errors import AnswerTooLarge, AnswerTooSlow
from transit_assets.feeds.limits import Limits

Body: TypeAlias = bytes | Path

_KEPT_HEADERS = ("content-type", "etag", "last-modified", "retry-after", "x-simulated")
_KEPT_PREFIX = "x-ratelimit-"
_BEGINNING_BYTES = 4096


@dataclass(frozen=True)
class Answer:
    """What a provider answered, its body decompressed."""

    status: int
    headers: httpx.Headers
    body: Body

    @property
    def kept_headers(self) -> dict[str, str]:
        return {
            name: value
            for name, value in self.headers.items()
            if name in _KEPT_HEADERS or name.startswith(_KEPT_PREFIX)
        }

    @property
    def is_empty(self) -> bool:
        return not self.beginning

    @property
    def beginning(self) -> bytes:
        """What a feed judges: all of a body that is held, the first 4 KiB of one in a file."""
        if isinstance(self.body, bytes):
            return self.body
        with self.body.open("rb") as stream:
            return stream.read(_BEGINNING_BYTES)


def receive(response: httpx.Response, limits: Limits, elapsed: Callable[[], float], into: Path | None) -> Body:
    """The body, decompressed: as bytes, or written to `into`. `elapsed` says the seconds since it was asked for.

    Raises AnswerTooLarge or AnswerTooSlow as soon as either is certain.
    """
    if into is None:
        held = io.BytesIO()
        _copy(response, limits, elapsed, held)
        return held.getvalue()
    with into.open("wb") as stream:
        _copy(response, limits, elapsed, stream)
    return into


def _copy(response: httpx.Response, limits: Limits, elapsed: Callable[[], float], sink: BinaryIO) -> None:
    too_large = AnswerTooLarge(f"the answer is larger than the cap of {limits.max_bytes} bytes")
    allowed = limits.timeout_seconds if limits.arrival_seconds is None else limits.arrival_seconds
    announced = response.headers.get("content-length", "")
    if is_whole(announced) and float(announced) > limits.max_bytes:
        raise too_large
    size = 0
    for chunk in response.iter_bytes():
        size += sink.write(chunk)
        if size > limits.max_bytes:
            raise too_large
        if elapsed() > allowed:
            raise AnswerTooSlow(f"the answer took longer than {allowed:g} s to arrive")


def is_whole(text: str) -> bool:
    """Whether a header is a whole number: `²` is a digit to Python, and no number."""
    return text.isascii() and text.isdigit()
