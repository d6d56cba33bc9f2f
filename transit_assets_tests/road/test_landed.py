"""What landing holds of a month, read once per payload and counted apart from decoding."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from transit_assets.lake import Fetch, Lake
from transit_assets.quality.accounts import accounting_suite
from transit_assets.quality.load import load
from transit_assets.quality.suites import Scope
from transit_assets.road.archive import import_files
from transit_assets.road.clean import formats
from transit_assets.road.clean.counts import counts_hourly
from transit_assets.road.landed import FEEDS_OF, WITH_INSTANTS, landed_by_month, payloads_of
from transit_assets.road.schema import COUNTS_HOURLY
from transit_assets.settings import Settings
from transit_assets_tests.road.payloads import NOON, answer, answered, historic, history, zipped

MAY, JUNE = "2019-05-01", "2019-06-01"
FEEDS = FEEDS_OF[COUNTS_HOURLY.relation]
SETTINGS = Settings(_env_file=None, now=NOON + timedelta(seconds=30))


def poll(lake: Lake, *payloads: bytes, outcome: Any = "landed", months: tuple[str, ...] = (MAY,), **said: Any) -> None:
    start = NOON + timedelta(minutes=len(lake.landing.fetches("road")))
    fetches = [
        Fetch("road", "counts", start + timedelta(seconds=number), "x", "x", outcome, False, partitions=months, **said)
        for number in range(len(payloads))
    ]
    lake.landing.land(list(zip(fetches, payloads, strict=True)))


def imported(lake: Lake, folder: Path, *payloads: bytes) -> None:
    paths = [folder / str(number) for number in range(len(payloads))]
    for path, payload in zip(paths, payloads, strict=True):
        path.write_bytes(payload)
    import_files(lake, paths, SETTINGS)


def flows(lake: Lake, month: str = MAY) -> list[float]:
    ((_, found),) = landed_by_month(lake, FEEDS, [month])
    loads = load(lake, COUNTS_HOURLY, [counts_hourly(date.fromisoformat(month), found)])
    assert loads[0].landed_rows == payloads_of(COUNTS_HOURLY)(lake, [month])[month].records
    return lake.table(COUNTS_HOURLY).scan("SELECT flow_veh_per_hour AS q FROM counts_hourly")["q"].to_pylist()


def test_polls_and_archives_are_read_in_the_order_they_were_heard(lake: Lake, tmp_path: Path) -> None:
    poll(lake, answer(answered(q=1)))
    imported(lake, tmp_path, history(historic(q=2)))
    poll(lake, answer(answered(q=3)), answer(answered(q=4)))
    ((_, found),) = landed_by_month(lake, FEEDS, [MAY])
    assert [(one.source, one.records["flow_veh_per_hour"].to_pylist()) for one in found] == [
        ("ods_v21", [1.0]),
        ("history_csv", [2.0]),
        ("ods_v21", [3.0]),
        ("ods_v21", [4.0]),
    ]
    assert flows(lake) == [4.0]


def test_each_month_gets_its_own_records(lake: Lake, tmp_path: Path) -> None:
    imported(lake, tmp_path, zipped(w=history(historic(q=1), historic("2019-06-01 13:00:00", q=2))))
    found = {month: [one.records.num_rows for one in some] for month, some in landed_by_month(lake, FEEDS, [JUNE, MAY])}
    assert found == {JUNE: [1], MAY: [1]}
    counted = payloads_of(COUNTS_HOURLY)(lake, [MAY, JUNE, "2019-07-01"])
    assert [counted[month].records for month in (MAY, JUNE, "2019-07-01")] == [1, 1, 0]


def test_the_same_bytes_again_are_one_payload_at_their_last_time(lake: Lake) -> None:
    first, second = answer(answered(q=1)), answer(answered(q=2))
    poll(lake, first, second)
    assert flows(lake) == [2.0]
    poll(lake, first)
    poll(lake, first, outcome="not_modified")
    assert flows(lake) == [1.0]
    assert lake.ledger.latest(COUNTS_HOURLY.relation)[MAY].landed_rows == 2


def test_what_failed_is_not_read(lake: Lake) -> None:
    poll(lake, answer(answered(q=1)))
    poll(lake, b"<html>", outcome="failed")
    assert flows(lake) == [1.0]


def test_a_payload_is_decoded_once(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(lake, tmp_path, history(historic()))
    decoded = []
    whole = formats.decode_archive
    monkeypatch.setattr(formats, "decode_archive", lambda stream: decoded.append(1) or whole(stream))
    assert flows(lake) == flows(lake)
    assert decoded == []  # the import did it
    poll(lake, answer(answered()), headers={"records": "1"})
    assert flows(lake) == flows(lake)
    assert decoded == [1]


@pytest.mark.parametrize("payload", [b"{", b"<html>", b'[{"stationcode": 1}]'])
def test_a_poll_that_cannot_be_read_is_one_record_put_aside(lake: Lake, payload: bytes) -> None:
    poll(lake, *(answer(answered(f"2019-05-{day:02}T13:00:00+02:00")) for day in range(1, 31)), payload)
    assert len(flows(lake)) == 30
    assert lake.ledger.latest(COUNTS_HOURLY.relation)[MAY].quarantined_rows == 1


@pytest.mark.parametrize("records", ["1", "3"])
def test_of_a_poll_that_cannot_be_read_every_record_that_it_told_of_is_put_aside(lake: Lake, records: str) -> None:
    """The accounts could never be right: one record was put aside, and the row of the poll told of more."""
    days = [answered(f"2019-05-{day:02}T{hour:02}:00:00+02:00") for day in range(1, 11) for hour in range(1, 13)]
    poll(lake, answer(*days), headers={"records": "120"})
    poll(lake, b'[{"stationcode": 1}]', headers={"records": records})
    ((_, found),) = landed_by_month(lake, FEEDS, [MAY])
    fingerprints = lake.landing.fingerprints("road", FEEDS, with_instants=WITH_INSTANTS)
    load(lake, COUNTS_HOURLY, [counts_hourly(date.fromisoformat(MAY), found, fingerprints[MAY])])
    accounts = accounting_suite(COUNTS_HOURLY, payloads_of(COUNTS_HOURLY)).frame(Scope(lake, (MAY,), NOON))
    (said,) = accounts.select(["refusal", "payload_records", "landed_rows", "quarantine_rows"]).to_pylist()
    assert said == {
        "refusal": None,
        "payload_records": 120 + int(records),
        "landed_rows": 120 + int(records),
        "quarantine_rows": int(records),
    }


def test_what_a_poll_says_of_itself_is_what_counts(lake: Lake) -> None:
    """The accounts hold the decoder to the records that were counted when the poll landed."""
    poll(lake, answer(answered()), headers={"records": "7"})
    assert payloads_of(COUNTS_HOURLY)(lake, [MAY])[MAY].records == 7


def test_a_poll_of_two_months_is_counted_in_both(lake: Lake) -> None:
    payload = json.dumps([answered(), answered("2019-06-01T13:00:00+02:00"), answered("2019-06-01T14:00:00+02:00")])
    poll(lake, payload.encode(), months=(MAY, JUNE))
    counted = payloads_of(COUNTS_HOURLY)(lake, [MAY, JUNE])
    assert [counted[month].records for month in (MAY, JUNE)] == [1, 2]
    assert counted[MAY].fingerprint == lake.landing.fingerprints("road", FEEDS, with_instants=WITH_INSTANTS)[MAY]
