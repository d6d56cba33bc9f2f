"""`transit status` tells the truth about a lake, a broken one above all."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from transit_assets.cli.tables import age
from transit_assets.lake import Fetch, Lake
from transit_assets.lake.ledger import LOADS, CheckResult, Load
from transit_assets_tests.cli.conftest import Transit

NOON = datetime(2025, 9, 8, 12, tzinfo=UTC)


def fetch(minute: int, **what: object) -> Fetch:
    return Fetch(
        domain="bikes",
        feed="station_status",
        fetched_at=NOON + timedelta(minutes=minute),
        provider="127.0.0.1",
        url="http://127.0.0.1/station_status.json",
        is_simulated=True,
        partitions=("2025-09-08",),
        **{"outcome": "landed", **what},  # type: ignore[arg-type]
    )


def test_an_empty_lake_says_how_to_fill_it_and_looking_creates_nothing(transit: Transit, lake: Lake) -> None:
    result = transit("status")
    assert result.exit_code == 0
    assert "transit demo" in result.stdout
    assert not Path(lake.location.root).exists()


def test_the_report_in_json_says_where_the_data_comes_from(transit: Transit, lake: Lake) -> None:
    lake.landing.land([(fetch(0), b"payload"), (fetch(1), b"payload"), (fetch(2, outcome="failed", error="500"), None)])
    report = json.loads(transit("status", "--json", now="2025-09-08T14:05:00+02:00").stdout)
    assert report["origin"] == "simulated"
    assert report["is_healthy"] is True
    assert report["as_of"] == "2025-09-08T12:05:00+00:00"
    (feed,) = report["feeds"]
    assert (feed["payloads"], feed["failed_attempts"], feed["failures_since"], feed["last_error"]) == (1, 1, 1, "500")
    (fetches,) = [table for table in report["tables"] if table["relation"] == "raw.fetches"]
    assert (fetches["rows"], fetches["last_partition"]) == (3, "2025-09-08")


def test_a_refused_partition_makes_the_lake_unhealthy_until_it_is_loaded(transit: Transit, lake: Lake) -> None:
    relation = "quality.loads"
    lake.ledger.record([Load(relation, "2025-09-08", "refused", loaded_at=NOON)])
    result = transit("status")
    assert "refused, the last good version stays: 2025-09-08" in result.stdout
    assert json.loads(transit("status", "--json").stdout)["is_healthy"] is False

    table_id = lake.table(LOADS).state().table_id
    later = NOON + timedelta(hours=1)
    lake.ledger.record([Load(relation, "2025-09-08", "committed", table_id=table_id, loaded_at=later)])
    assert json.loads(transit("status", "--json").stdout)["is_healthy"] is True


@pytest.mark.parametrize(("is_blocking", "is_healthy"), [(True, False), (False, True)])
def test_a_failed_check_is_named_with_its_partition(
    transit: Transit, lake: Lake, is_blocking: bool, is_healthy: bool
) -> None:
    check = CheckResult("rows_add_up", "interim.bikes__station_status", "2025-09-08", is_blocking, False, 12)
    lake.ledger.record_checks([check])
    shown = transit("status").stdout
    assert "interim.bikes__station_status of 2025-09-08: rows_add_up failed" in shown
    assert "12 rows" in shown
    report = json.loads(transit("status", "--json").stdout)
    assert report["is_healthy"] is is_healthy
    assert [one["check_name"] for one in report["failed_checks"]] == ["rows_add_up"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "5 s ago"), (119, "119 s ago"), (120, "2 min ago"), (7200, "2 h ago"), (200_000, "2 d ago")],
)
def test_an_age_is_given_in_its_own_unit(seconds: int, text: str) -> None:
    assert age(NOON, NOON + timedelta(seconds=seconds)) == text


def test_an_age_is_never_negative() -> None:
    assert age(NOON, NOON - timedelta(hours=1)) == "2025-09-08 12:00 UTC"
    assert age(None, NOON) == "never"
