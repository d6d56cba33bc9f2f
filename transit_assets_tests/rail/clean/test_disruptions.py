"""Disruptions of PRIM, to sightings and versions."""

import io
import json
import tarfile
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pytest

from transit_assets.rail.clean.disruptions import decode_bulk, decode_line_reports
from transit_assets.rail.clean.errors import PayloadUnreadable
from transit_assets.rail.clean.formats import decode_archive
from transit_assets.rail.clean.records import Landed, of_line
from transit_assets.rail.clean.sightings import NO_DISRUPTION, plain_text, table_of_rows
from transit_assets.rail.clean.versions import disruption_sightings, disruptions
from transit_assets.rail.schema import DISRUPTION_SIGHTINGS
from transit_assets_tests.rail.payloads import NOON, bulk, disruption, tar, touched
from transit_assets_tests.ruled import ruled

ARCHIVE = "rail/archive/disruptions_bulk_raw_10min_2024-04-22_05-14.tar.xz"
ERROR = "rail/payloads/disruptions_bulk_error_body.json"
LINE, DAY = "C01743", date(2025, 1, 24)


def seen(payload: bytes, line: str = LINE) -> list[dict[str, Any]]:
    return of_line(table_of_rows(decode_bulk(payload, NOON)), line).to_pylist()


def sightings(*payloads: bytes) -> pa.Table:
    landed = [Landed(f"sha{number}", table_of_rows(decode_bulk(one, None))) for number, one in enumerate(payloads)]
    return disruption_sightings(DAY, landed).candidates


def test_every_recorded_payload_is_parsed_and_states_of_the_line_match_a_direct_count(recordings: Path) -> None:
    direct: Counter[tuple[str, str] | None] = Counter()
    failed = 0
    with tarfile.open(recordings / ARCHIVE) as archive:
        for info in archive:
            payload = json.load(archive.extractfile(info))  # type: ignore[arg-type]
            if payload["disruptions"] is None:
                failed += 1
                continue
            (line,) = (one for one in payload["lines"] if one["id"] == f"line:IDFM:{LINE}")
            mine = {one for item in line["impactedObjects"] for one in item["disruptionIds"]}
            states = [(one["cause"], one["severity"]) for one in payload["disruptions"] if one["id"] in mine]
            direct.update(states or [None])
    with (recordings / ARCHIVE).open("rb") as stream:
        rows = pa.concat_tables(of_line(rows, LINE) for _, rows in decode_archive(stream, "any"))
    listed = rows.to_pylist()
    read = [row for row in listed if row["problem"] is None]
    found = Counter((row["cause"], row["severity"]) if row["disruption_id"] else None for row in read)
    assert found == direct
    assert direct[None] == 2_256
    assert len({row["disruption_id"] for row in read} - {NO_DISRUPTION}) == 40
    assert len({row["observed_at"] for row in listed}) == 3_082
    assert len(listed) - len(read) == failed == 6
    assert all("NO_NEWS_FOUND" in row["problem"] for row in listed if row["problem"])
    assert not any("<" in (row["message"] or "") for row in read)
    # The name of a file is Paris time: two clocks differ by half a second, and the feed is changed every minute.
    ages = [(row["observed_at"] - row["updated_at"]).total_seconds() for row in read]
    assert min(ages) > -1
    assert median(ages) < 60


def test_a_disruption_is_told_as_sent_with_its_times_in_utc() -> None:
    (row,) = seen(bulk(disruption(), lines=[touched(LINE, "d1"), touched("C01742")]))
    assert row["last_update_at"] == datetime(2025, 1, 24, 9, 15, tzinfo=UTC)
    assert row["updated_at"] == datetime(2025, 1, 24, 10, 59, 30, tzinfo=UTC)
    begin_at, end_at = datetime(2025, 1, 24, 9, tzinfo=UTC), datetime(2025, 1, 24, 13, tzinfo=UTC)
    assert row["periods"] == [{"begin_at": begin_at, "end_at": end_at}]
    assert (row["cause"], row["severity"], row["is_active"]) == ("PERTURBATION", "BLOQUANTE", True)
    assert row["message"] == "Trafic interrompu à Drancy.\nBus <A>"
    assert (row["lines"], row["stops"], row["tags"]) == ([f"line:IDFM:{LINE}"], ["stop_point:IDFM:1"], ["Actualité"])


def test_a_disruption_outside_of_its_periods_is_not_active() -> None:
    over = disruption(applicationPeriods=[{"begin": "20250101T000000", "end": "20250102T000000"}])
    assert seen(bulk(over))[0]["is_active"] is False


def test_a_line_without_disruption_is_told_from_a_line_that_is_not_named() -> None:
    (quiet,) = seen(bulk())
    assert (quiet["disruption_id"], quiet["is_active"], quiet["problem"]) == (NO_DISRUPTION, None, None)
    assert seen(bulk(lines=[touched("C01742")])) == []


def test_what_touches_no_line_is_of_none_and_of_all() -> None:
    answer = bulk(disruption(), lines=[touched(LINE)])
    assert [row["disruption_id"] for row in seen(answer)] == [NO_DISRUPTION]
    assert len(seen(answer, "*")) == 2


def test_an_error_is_not_the_absence_of_disruptions(recordings: Path) -> None:
    with pytest.raises(PayloadUnreadable, match="an error 404 in the place of disruptions: NO_NEWS_FOUND"):
        decode_bulk((recordings / ERROR).read_bytes(), NOON)
    with pytest.raises(PayloadUnreadable, match="nothing says when it was heard"):
        decode_bulk(bulk(updated=""), None)


def test_a_bad_disruption_is_put_aside_and_costs_itself_only() -> None:
    good = disruption("d2")
    found = [disruption("d1", lastUpdate="soon"), good, "no disruption", disruption("", title="without an identifier")]
    backwards = disruption("d4", applicationPeriods=[{"begin": "20250102T000000", "end": "20250101T000000"}])
    payload = json.loads(bulk(good)) | {"disruptions": [*found, backwards]}
    payload["lines"] = [touched(LINE, "d1", "d2", "d4")]
    rows = table_of_rows(decode_bulk(json.dumps(payload).encode(), NOON))
    result = ruled(DISRUPTION_SIGHTINGS, disruption_sightings(DAY, [Landed("sha", rows)]))
    assert [row["disruption_id"] for row in result.rows] == ["", "d2"]
    assert [(row["row_number"], row["broken_rules"][0]) for row in result.broken] == [
        (0, "last_update_at_is_a_time"),
        (2, "record_is_readable"),
        (4, "periods_end_after_they_begin"),
    ]


def test_versions_of_a_disruption_know_from_when_to_when_they_were_on_show() -> None:
    first, again = (bulk(disruption(), updated=f"2025-01-24T{at}:00.000Z") for at in ("09:30", "09:40"))
    changed = bulk(disruption(title="B", lastUpdate="20250124T105000"), updated="2025-01-24T09:50:00.000Z")
    quiet = bulk(updated="2025-01-24T10:00:00.000Z")
    rows = disruptions(sightings(first, again, changed, quiet)).to_pylist()
    at = datetime(2025, 1, 24, 9, tzinfo=UTC)
    assert [
        (row["title"], row["first_seen_at"].minute, row["last_seen_at"].minute, row["sightings"]) for row in rows
    ] == [
        ("RER B : Trafic interrompu", 30, 40, 2),
        ("B", 50, 50, 1),
    ]
    assert [row["last_update_at"] for row in rows] == [at.replace(minute=15), at.replace(minute=50)]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Un&nbsp;<b>train</b>  sur deux</p><ul><li>A</li><li>B</li></ul>", "Un train sur deux\nA\nB"),
        ("<p>moins de < 5 min &amp; plus</p>", "moins de < 5 min & plus"),
        ("<style>p {}</style><script>x()</script>texte", "texte"),
        ("sans rien", "sans rien"),
        ("<p> </p>", None),
        (None, None),
        (12, None),
    ],
)
def test_a_message_is_text_without_html(html: Any, text: str | None) -> None:
    assert plain_text(html) == text


def report(**said: Any) -> dict[str, Any]:
    return {
        "id": "r1",
        "status": "active",
        "cause": "perturbation",
        "severity": {"name": "perturbée", "effect": "SIGNIFICANT_DELAYS", "priority": None},
        "application_periods": [{"begin": "20250124T100000", "end": "20250124T140000"}],
        "updated_at": "20250124T101500",
        "messages": [
            {"text": "RER B : ralenti", "channel": {"name": "titre", "types": ["title"]}},
            {"text": "<p>Le trafic est ralenti.</p>", "channel": {"name": "moteur", "types": ["web"]}},
        ],
        "impacted_objects": [
            {"pt_object": {"embedded_type": "line", "id": "line:IDFM:C01743"}},
            {"pt_object": {"embedded_type": "stop_area", "id": "stop_area:IDFM:71410"}},
        ],
        **said,
    }


def reports(*found: Any, **context: Any) -> list[dict[str, Any]]:
    about = {"timezone": "Europe/Paris", "current_datetime": "20250124T115900", **context}
    payload = {"disruptions": list(found), "line_reports": [], "context": about}
    return table_of_rows(decode_line_reports(json.dumps(payload).encode(), None)).to_pylist()


def test_line_reports_are_sightings_with_their_effect() -> None:
    (row,) = reports(report())
    assert row["observed_at"] == row["updated_at"] == datetime(2025, 1, 24, 10, 59, tzinfo=UTC)
    assert (row["effect"], row["severity"], row["is_active"]) == ("SIGNIFICANT_DELAYS", "perturbée", True)
    assert (row["title"], row["message"]) == ("RER B : ralenti", "Le trafic est ralenti.")
    assert (row["lines"], row["stops"]) == (["line:IDFM:C01743"], ["stop_area:IDFM:71410"])


def test_line_reports_without_any_disruption_say_so_and_those_of_another_zone_are_refused() -> None:
    assert [row["disruption_id"] for row in reports()] == [NO_DISRUPTION]
    with pytest.raises(PayloadUnreadable, match="its times are of Europe/London"):
        reports(timezone="Europe/London")


def test_a_tar_member_that_cannot_be_read_is_a_record_at_its_time(recordings: Path) -> None:
    members = {
        "20250124120001_disruptions.json": bulk(disruption()),
        "20250124121001_disruptions.json": (recordings / ERROR).read_bytes(),
        "20250124122001_disruptions.json": b"",
        "20250124123001_disruptions.json": bulk(),
    }
    ((day, rows),) = decode_archive(io.BytesIO(tar(members)), "any")
    assert (day, rows["row_number"].to_pylist()) == ("2025-01-24", [0, 1, 2, 3])
    assert rows["observed_at"].to_pylist()[2] == datetime(2025, 1, 24, 11, 20, 1, tzinfo=UTC)
    problems = rows["problem"].to_pylist()
    assert problems[0] is problems[3] is None
    assert problems[2] == "answer_is_readable: 20250124122001_disruptions.json: the answer is empty"
    with pytest.raises(PayloadUnreadable, match=r"undated\.json in the tar: the answer is empty"):
        list(decode_archive(io.BytesIO(tar({"undated.json": b""})), "any"))
