"""Attempts joined until they are worth a commit: one per answer would cost more than asking for a small one."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from transit_assets.lake import Fetch

Landable: TypeAlias = tuple[Fetch, bytes | Path | None]

_AT_ONCE = 32 * 2**20  # bytes


def batches(groups: Iterable[Sequence[Landable]]) -> Iterator[list[Landable]]:
    """The attempts of the groups in their order, cut between two groups once there are 32 MiB of payloads."""
    items: list[Landable] = []
    for group in groups:
        items += group
        if sum(_size(payload) for _, payload in items) >= _AT_ONCE:
            yield items
            items = []
    if items:
        yield items


def _size(payload: bytes | Path | None) -> int:
    return payload.stat().st_size if isinstance(payload, Path) else len(payload or b"")
