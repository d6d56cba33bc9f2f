"""What landing holds of a day, counted apart from decoding; and which feeds make which table due."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from transit_assets.bikes.archive import import_files
from transit_assets.bikes.clean import json_payloads, status
from transit_assets.bikes.clean.status import station_status
from transit_assets.bikes.landed import FEEDS_OF, STATUS_FEEDS, observations, payloads_of
from transit_assets.bikes.schema import STATION_INFORMATION, STATION_STATUS
from transit_assets.bikes.suites import suites
from transit_assets.lake import Fetch, Lake
from transit_assets.quality.evaluate import evaluate
from transit_assets.quality.load import load
from transit_assets.settings import Settings
from transit_assets_tests.bikes.payloads import DAY, NOON, described, gbfs, record, station

PARTITION = DAY.isoformat()
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def land(lake: Lake, *payloads: bytes, feed: str = "station_status", outcome: Any = "landed") -> None:
    start = NOON + timedelta(minutes=len(lake.landing.fetches("bikes")))
    lake.landing.land(
        [
            (
                Fetch("bikes", feed, start + timedelta(minutes=n), "x", "x", outcome, True, partitions=(PARTITION,)),
                payload,
            )
            for n, payload in enumerate(payloads)
        ]
    )


def loaded(lake: Lake) -> set[str]:
    """Load the day's status; the expectations of its accounts that fail."""
    fingerprint = lake.landing.fingerprints("bikes", STATUS_FEEDS)[PARTITION]
    load(lake, STATION_STATUS, [station_status(DAY, observations(lake, STATUS_FEEDS, PARTITION), fingerprint)])
    accounting = next(suite for suite in suites()[STATION_STATUS.relation] if suite.name == "accounting")
    (found,) = evaluate(lake, accounting, [PARTITION], now=NOW)
    return {failure.expectation.name for failure in found.failures}


def test_every_record_of_every_payload_is_counted(lake: Lake) -> None:
    land(
        lake, gbfs([station("10003"), station("10003"), "no station"]), json.dumps([record()]).encode(), b"{", gbfs([])
    )
    land(lake, gbfs([station()]), outcome="failed")
    assert payloads_of(STATION_STATUS)(lake, [PARTITION])[PARTITION].records == 5
    assert "payload_records_are_landed_rows" not in loaded(lake)
    assert lake.ledger.latest(STATION_STATUS.relation)[PARTITION].landed_rows == 5


def test_an_archive_counts_for_the_tables_that_it_has_a_part_of(lake: Lake, tmp_path: Path) -> None:
    for name, payload in (("a", gbfs([station(), station()])), ("b", gbfs([described()]))):
        (tmp_path / name).write_bytes(payload)
    import_files(lake, [tmp_path / "a", tmp_path / "b"], Settings(_env_file=None))
    counts = [
        payloads_of(table)(lake, [PARTITION])[PARTITION].records for table in (STATION_STATUS, STATION_INFORMATION)
    ]
    assert counts == [2, 1]


def test_records_lost_in_decoding_fail_the_accounts(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = json_payloads._payload
    monkeypatch.setattr(
        json_payloads, "_payload", lambda source, decoded: whole(source, type(decoded)(decoded.stations[::2]))
    )
    land(lake, gbfs([station("10003"), station("10004")]))
    assert loaded(lake) == {"payload_records_are_landed_rows"}


def test_rows_lost_after_decoding_are_no_duplicates(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = status._in_order
    monkeypatch.setattr(status, "_in_order", lambda rows: whole(rows).slice(0, rows.num_rows // 2))
    land(lake, gbfs([station("10003"), station("10004")]))
    with pytest.raises(ValueError, match="2 records landed, but 1 candidates and 0 duplicates"):
        loaded(lake)


def test_a_poll_of_status_leaves_descriptions_as_they_are(lake: Lake) -> None:
    land(lake, gbfs([described()]), feed="station_information")
    feeds = FEEDS_OF[STATION_INFORMATION.relation]
    before = lake.landing.fingerprints("bikes", feeds)
    land(lake, gbfs([station()]))
    assert lake.landing.fingerprints("bikes", feeds) == before
    land(lake, gbfs([described(capacity=18)]), feed="station_information")
    assert lake.landing.fingerprints("bikes", feeds) != before
