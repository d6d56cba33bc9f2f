"""Attempts joined to commits."""

from datetime import UTC, datetime
from pathlib import Path

from transit_assets.feeds import batches as module
from transit_assets.feeds.batches import batches
from transit_assets.lake import Fetch


def test_groups_are_joined_until_they_are_worth_a_commit_and_never_cut(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 10)
    file = tmp_path / "file"
    file.write_bytes(b"x" * 12)
    fetch = Fetch("fire", "incidents", datetime(2026, 3, 1, tzinfo=UTC), "x", "x", "landed", True)
    groups = [[(fetch, b"1234")], [(fetch, None), (fetch, b"123456")], [(fetch, file)], [(fetch, b"1")]]
    assert [[payload for _, payload in batch] for batch in batches(groups)] == [
        [b"1234", None, b"123456"],
        [file],
        [b"1"],
    ]
    assert list(batches([])) == []
