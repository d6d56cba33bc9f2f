"""`transit quarantine`: from a broken row to a repaired one, by command line alone."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from transit_assets.bikes.schema import STATION_STATUS
from transit_assets.lake import Fetch, Lake
from transit_assets_tests.cli.conftest import Transit

NOON = datetime(2025, 9, 8, 10, tzinfo=UTC)


@pytest.fixture
def broken(transit: Transit, lake: Lake) -> Lake:
    """A lake with a day of forty stations, one of which holds minus five bikes."""
    stations = [
        {
            "station_id": number,
            "stationCode": f"{10_000 + number}",
            "num_bikes_available": -5 if number == 7 else 3,
            "num_bikes_available_types": [{"mechanical": 1}, {"ebike": 2}],
            "num_docks_available": 9,
            "is_installed": 1,
            "is_renting": 1,
            "is_returning": 1,
            "last_reported": int(NOON.timestamp()) - 60,
        }
        for number in range(1, 41)
    ]
    payload = {"lastUpdatedOther": int(NOON.timestamp()), "ttl": 3600, "data": {"stations": stations}}
    fetch = Fetch(
        domain="bikes",
        feed="station_status",
        fetched_at=NOON,
        provider="127.0.0.1",
        url="http://127.0.0.1/station_status.json",
        outcome="landed",
        is_simulated=True,
        partitions=("2025-09-08",),
    )
    lake.landing.land([(fetch, json.dumps(payload).encode())])
    result = transit("run", "bikes", "--steps", "interim", now=NOON.isoformat())
    assert result.exit_code == 0, result.stderr
    return lake


def bikes_of(lake: Lake, code: str) -> list[int]:
    rows = lake.table(STATION_STATUS).read([date(2025, 9, 8)]).to_pylist()
    return [row["bikes"] for row in rows if row["station_code"] == code]


def test_a_broken_row_is_counted_listed_repaired_and_released(transit: Transit, broken: Lake, tmp_path: Path) -> None:
    (count,) = json.loads(transit("quarantine", "list", "--format", "json").stdout)
    assert count == {"table": "bikes__station_status", "rule": "bikes_minimum", "rows": 1}
    assert bikes_of(broken, "10007") == []

    listed = json.loads(transit("quarantine", "list", "bikes__station_status", "--format", "json").stdout)
    row = json.loads(listed[0]["row"])
    row["bikes"] = 5
    corrected = tmp_path / "corrected.json"
    corrected.write_text(json.dumps([listed[0] | {"row": row}]))
    result = transit("quarantine", "release", "bikes__station_status", corrected)
    assert "released into 2025-09-08" in result.stderr
    assert bikes_of(broken, "10007") == [5]
    assert json.loads(transit("quarantine", "list", "--format", "json").stdout) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not json", "are not JSON"),
        ("[]", "there is no corrected row"),
        ("[" * 200_000, "are not JSON"),
        ('{"row_number": ' + "9" * 5_000 + "}", "are not JSON"),
        ('{"payload_sha256": "x", "row_number": 6, "row": "' + "[" * 100_000 + '"}', "corrected row 1 needs"),
        ('{"row_number": 6}', "corrected row 1 needs payload_sha256"),
        ('{"payload_sha256": "x", "row_number": 6, "row": {"bikes": 5}}', "is not in the quarantine"),
    ],
)
def test_a_correction_that_is_none_changes_nothing(
    transit: Transit, broken: Lake, tmp_path: Path, text: str, says: str
) -> None:
    corrected = tmp_path / "corrected.json"
    corrected.write_text(text)
    result = transit("quarantine", "release", "bikes__station_status", corrected)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert says in result.stderr


def test_a_binary_file_of_corrections_is_one_line(transit: Transit, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x80")
    result = transit("quarantine", "release", "bikes__station_status", tmp_path / "binary")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "binary is not text in UTF-8" in result.stderr


def test_an_unknown_table_is_named_with_those_there_are(transit: Transit) -> None:
    result = transit("quarantine", "list", "boats")
    assert result.exit_code == 2
    assert "bikes__station_status" in result.stderr
