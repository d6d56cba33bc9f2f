"""What is asked for, and what a good answer says of itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from transit_assets.feeds.errors import PayloadUnreadable


@dataclass(frozen=True)
class Content:
    """What a payload holds: its records, the partitions of the domain that they touch, the instants they are about."""

    records: int
    partitions: tuple[str, ...] = ()
    first: datetime | None = None
    last: datetime | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The same as a fetch keeps it among its headers, but for the partitions, which have a column."""
        instants = {"first": self.first, "last": self.last}
        return {"records": str(self.records)} | {
            name: instant.astimezone(UTC).isoformat() for name, instant in instants.items() if instant is not None
        }


OF_CONTENT = ("records", "first", "last")
"""The headers of a fetch that tell of its payload."""


def _anything(payload: bytes) -> str | None:
    return None if payload else "the body is empty"


def _no_partition(fetched_at: datetime) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Feed:
    """What is fetched: its name in the landing, its address below the base URL, and what a good payload is.

    `problem_of` says in a few words why a payload cannot be this feed's, or None; `partitions_of` names
    the partitions of the domain that a payload fetched at an instant touches; `count_of` counts the records
    of a payload, which its row keeps among the headers as `records`.

    Where the partitions stand in the payload, `content_of` does the work of all three: it raises PayloadUnreadable
    for a payload that cannot be this feed's. A payload too large to be held is judged by its first bytes, with
    `problem_of` alone.
    """

    domain: str
    name: str
    path: str
    problem_of: Callable[[bytes], str | None] = _anything
    partitions_of: Callable[[datetime], tuple[str, ...]] = _no_partition
    count_of: Callable[[bytes], int] | None = None
    content_of: Callable[[bytes], Content] | None = None

    def told(self, payload: bytes) -> tuple[dict[str, str], tuple[str, ...]]:
        """What a payload tells for the headers of its row, and the partitions that it names.

        Raises PayloadUnreadable where it cannot be this feed's.
        """
        if self.content_of is not None:
            content = self.content_of(payload)
            return content.headers, content.partitions
        problem = self.problem_of(payload)
        if problem:
            raise PayloadUnreadable(problem)
        return {} if self.count_of is None else {"records": str(self.count_of(payload))}, ()
