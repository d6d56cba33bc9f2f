import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from transit_assets.lake import Fetch, Lake
from transit_assets.lake.errors import LakeError
from transit_assets.quality.cleaned import Cleaned
from transit_assets.quality.load import load
from transit_assets.quality.quarantine import list_rows
from transit_assets.quality.repairs import FEED, Repair, RepairRefused, release
from transit_assets_tests.quality.conftest import COUNTS, DAY, cleaned, row

SHA = "a" * 64
NOW = datetime(2026, 3, 5, 9, tzinfo=UTC)


def _day() -> Cleaned:
    """Four records of one payload: number 1 has no station, number 2 a count that cannot be, number 3 no number."""
    return cleaned(
        row("1001", 0),
        row(None, 1),
        row("1003", 2, bikes=-4),
        row("1004", 3, capacity=None, problem="capacity_is_a_number: 'abc'"),
        row("1005", 4),
        row("1006", 5),
    )


@pytest.fixture
def loaded(lake: Lake) -> Lake:
    landed = Fetch("bikes", "archive", NOW, "file", "a.parquet", "landed", is_simulated=False, partitions=(DAY,))
    lake.landing.land([(landed, b"payload")])
    (one,) = load(lake, COUNTS, [_day()])
    assert (one.outcome, one.kept_rows, one.quarantined_rows) == ("committed", 3, 3)
    return lake


def test_a_repaired_row_goes_back_with_the_next_load_and_stays_in_a_rebuild(loaded: Lake) -> None:
    before = loaded.landing.fingerprints("bikes", ["archive", FEED])
    fetch = release(loaded, COUNTS, [Repair(SHA, 1, {"station_code": "1002"}), Repair(SHA, 3, {"capacity": 30})])
    assert fetch.partitions == (DAY,)
    assert loaded.landing.fingerprints("bikes", ["archive", FEED])[DAY] != before[DAY]
    for _ in range(2):
        (one,) = load(loaded, COUNTS, [_day()])
        assert (one.landed_rows, one.kept_rows, one.duplicate_rows, one.quarantined_rows) == (6, 5, 0, 1)
        held = {r["station_code"]: (r["bikes"], r["capacity"]) for r in loaded.table(COUNTS).read().to_pylist()}
        assert held["1002"] == (5, 20)
        assert held["1004"] == (5, 30)
        assert list_rows(loaded, COUNTS)["row_number"].to_pylist() == [2]


def test_a_repair_may_name_the_whole_row_as_the_quarantine_lists_it(loaded: Lake) -> None:
    listed = {one["row_number"]: json.loads(one["row"]) for one in list_rows(loaded, COUNTS).to_pylist()}
    fetch = release(loaded, COUNTS, [Repair(SHA, 1, listed[1] | {"station_code": "1002"})])
    (line,) = loaded.landing.payload(fetch).splitlines()
    assert json.loads(line)["row"] == {"station_code": "1002"}
    (one,) = load(loaded, COUNTS, [_day()])
    assert one.kept_rows == 4


def test_a_repair_touches_no_row_but_its_own(lake: Lake) -> None:
    other = "b" * 64
    records = cleaned(
        *(row(None, number, payload_sha256=sha) for sha in (SHA, other) for number in (1, 2)),
        *(row(str(2000 + number), number) for number in range(10, 20)),
    )
    load(lake, COUNTS, [records])
    release(lake, COUNTS, [Repair(SHA, 1, {"station_code": "1001"}), Repair(other, 2, {"station_code": "1002"})])
    (one,) = load(lake, COUNTS, [records])
    assert (one.kept_rows, one.quarantined_rows) == (12, 2)
    assert [(r["payload_sha256"], r["row_number"]) for r in list_rows(lake, COUNTS).to_pylist()] == [
        (SHA, 2),
        (other, 1),
    ]


def test_a_repair_of_another_table_from_the_same_payload_stays_there(loaded: Lake) -> None:
    release(loaded, COUNTS, [Repair(SHA, 1, {"station_code": "1002"})])
    (one,) = load(loaded, replace(COUNTS, name="other_counts"), [_day()])
    assert one.quarantined_rows == 3


def test_the_latest_repair_of_a_row_wins(loaded: Lake) -> None:
    release(loaded, COUNTS, [Repair(SHA, 2, {"bikes": 4})], now=NOW)
    release(loaded, COUNTS, [Repair(SHA, 2, {"bikes": 3})], now=NOW.replace(hour=10))
    load(loaded, COUNTS, [_day()])
    assert loaded.table(COUNTS).scan("SELECT bikes FROM counts WHERE station_code = '1003'").to_pylist() == [
        {"bikes": 3}
    ]


def test_a_repair_may_turn_out_to_be_a_duplicate(loaded: Lake) -> None:
    release(loaded, COUNTS, [Repair(SHA, 1, {"station_code": "1001", "reported_at": "2026-03-01T11:00:00+01:00"})])
    (one,) = load(loaded, COUNTS, [_day()])
    assert (one.kept_rows, one.duplicate_rows, one.quarantined_rows) == (3, 1, 2)


@pytest.mark.parametrize(
    ("place", "corrected", "says"),
    [
        ((SHA, 2), {"bikes": -1}, "still breaks bikes_minimum: bikes is at least 0"),
        ((SHA, 2), {"bikes": 50}, "still breaks bikes_fit"),
        ((SHA, 1), {"bikes": 3}, "still breaks station_code_is_known"),
        ((SHA, 2), {"bikes": "four"}, "bikes is not INTEGER: 'four'"),
        ((SHA, 2), {"bike": 4}, "has no column bike"),
        ((SHA, 2), {"day": "2026-03-04"}, "day says where the row came from"),
        ((SHA, 0), {"bikes": 4}, "is not in the quarantine"),
        (("b" * 64, 2), {"bikes": 4}, "is not in the quarantine"),
    ],
)
def test_a_wrong_repair_is_refused_by_name_and_nothing_lands(
    loaded: Lake, place: tuple[str, int], corrected: Mapping[str, Any], says: str
) -> None:
    right = Repair(SHA, 3, {"capacity": 30})
    with pytest.raises(RepairRefused, match=says) as caught:
        release(loaded, COUNTS, [right, Repair(*place, corrected)])
    assert f"row {place[1]} of payload {place[0][:12]}" in str(caught.value)
    assert isinstance(caught.value, LakeError)
    assert loaded.landing.fetches("bikes", [FEED]) == []


def test_nothing_to_release_says_so(loaded: Lake) -> None:
    with pytest.raises(RepairRefused, match="no corrected row"):
        release(loaded, COUNTS, [])


def test_a_table_built_from_others_takes_no_repairs(lake: Lake) -> None:
    ranking = replace(COUNTS, partition_by=None)
    with pytest.raises(RepairRefused, match="is built from other tables: correct the rows there"):
        release(lake, ranking, [Repair(SHA, 1, {"bikes": 1})])
