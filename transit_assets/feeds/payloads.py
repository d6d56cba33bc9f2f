"""What decoded payloads have in common: records in payload order, and those that could not be typed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

Record = TypeVar("Record", bound=Struct)


@dataclass(frozen=True)
class Unreadable:
    """One record that could not be typed: its place in the payload, its JSON, and why."""

    row_number: int
    record: bytes
    problem: str


@dataclass(frozen=True)
class Stations(Generic[Record]):
    """A payload: its stations in payload order, the records that are none, and when the provider wrote it."""

    stations: Sequence[Record]
    unreadable: Sequence[Unreadable] = ()
    updated_at: datetime | None = None

    @property
    def row_numbers(self) -> list[int]:
        """The place of each of the stations in the payload, counted from 0."""
        skipped = {record.row_number for record in self.unreadable}
        return [number for number in range(len(self.stations) + len(skipped)) if number not in skipped]


def each_typed(
    records: Sequence[msgspec.Raw], decoder: msgspec.json.Decoder[Record], updated_at: datetime | None = None
) -> Stations[Record]:
    """Type records one by one: a bad one costs itself only."""
    stations: list[Record] = []
    unreadable = []
    for row_number, record in enumerate(records):
        try:
            stations.append(decoder.decode(record))
        except msgspec.DecodeError as error:
            unreadable.append(Unreadable(row_number, bytes(record), str(error)))
    return Stations(stations, tuple(unreadable), updated_at)


def reason_unreadable(payload: bytes, error: Exception) -> str:
    """What bytes are that a JSON decoder refused, in a few words."""
    start = payload[:200].lstrip()
    if not start:
        return "the body is empty"
    if start.startswith(b"<"):
        return "the body is HTML or XML, not JSON"
    return f"the body is not the expected JSON: {error}"
