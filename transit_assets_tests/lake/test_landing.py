"""The landing keeps what was received, once, and every attempt to receive it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import obstore
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transit_assets.lake import Fetch, Lake
from transit_assets.lake.errors import OriginMismatch, PayloadCorrupt

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def fetch(at: datetime = NOON, **values: object) -> Fetch:
    given = {"domain": "bikes", "feed": "station_status", "provider": "host", "url": "https://host/a.json"}
    given |= {"outcome": "landed", "is_simulated": False, "partitions": (at.date().isoformat(),)}
    return Fetch(fetched_at=at, **(given | values))  # type: ignore[arg-type]


def stored(lake: Lake) -> list[str]:
    found = obstore.list(lake.location.store, "raw").collect()
    return sorted(str(item["path"]) for item in found if str(item["path"]).endswith(".zst"))


@pytest.mark.parametrize("payload", [b"", b"{}", b"\x00\xff" * 5000, "é".encode("latin-1")])
@pytest.mark.parametrize("as_file", [False, True])
def test_a_payload_comes_back_as_it_was(any_lake: Lake, tmp_path: Path, payload: bytes, as_file: bool) -> None:
    file = tmp_path / "payload"
    file.write_bytes(payload)
    [landed] = any_lake.landing.land([(fetch(), file if as_file else payload)])
    assert any_lake.landing.payload(landed) == payload
    with any_lake.landing.open(landed) as opened:
        assert opened.seek(0, 2) == len(payload) == landed.bytes
        opened.seek(0)
        assert opened.read() == payload
    assert any_lake.landing.fetches("bikes") == [landed]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=st.lists(st.binary(max_size=200), max_size=6))
def test_any_payloads_come_back_in_their_order(lake: Lake, payloads: list[bytes]) -> None:
    landed = lake.landing.land([(fetch(), payload) for payload in payloads])
    assert [lake.landing.payload(one) for one in landed] == payloads
    assert len({one.path for one in landed}) == len(set(payloads))


def test_the_same_bytes_are_stored_once_on_whatever_day(any_lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / "archive"
    file.write_bytes(b"same")
    landing = any_lake.landing
    first = landing.land([(fetch(), b"same"), (fetch(NOON + timedelta(minutes=1)), b"same")])
    later = landing.land([(fetch(NOON + timedelta(days=3)), file)])
    other = landing.land([(fetch(feed="station_information"), b"same")])
    assert {one.path for one in first + later} == {first[0].path}
    assert stored(any_lake) == sorted({first[0].path, other[0].path})
    assert first[0].path == f"raw/bikes/station_status/date=2026-03-01/{first[0].sha256}.zst"
    assert len(landing.fetches("bikes")) == 4
    assert landing.payload(later[0]) == b"same"


def test_the_date_of_a_payload_is_that_of_utc(lake: Lake) -> None:
    at = datetime(2026, 3, 2, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    [landed] = lake.landing.land([(fetch(at), b"late")])
    assert "/date=2026-03-01/" in (landed.path or "")
    assert lake.landing.fetches("bikes")[0].fetched_at == at


def test_failed_attempts_are_recorded(any_lake: Lake) -> None:
    failed = [
        (fetch(outcome="failed", status=500, error="500 after 4 attempts", attempt=4), b"oops"),
        (fetch(outcome="failed", error="timed out"), None),
        (fetch(outcome="skipped", error="daily quota of 10 spent"), None),
    ]
    any_lake.landing.land(failed)
    with any_lake.engine() as connection:
        any_lake.register(connection, ["raw.fetches"])
        rows = connection.execute("SELECT outcome, status, error, attempt FROM raw.fetches ORDER BY error").fetchall()
    assert rows == [
        ("failed", 500, "500 after 4 attempts", 4),
        ("skipped", None, "daily quota of 10 spent", 1),
        ("failed", None, "timed out", 1),
    ]
    assert any_lake.landing.fingerprints("bikes", ["station_status"]) == {}


def test_nothing_landed_leaves_nothing(lake: Lake) -> None:
    assert lake.landing.land([]) == []
    assert lake.relations() == []
    assert lake.landing.origin() is None


def test_a_failure_without_a_payload_gives_no_origin(lake: Lake) -> None:
    lake.landing.land([(fetch(outcome="failed"), None)])
    assert lake.landing.origin() is None


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)])
def test_the_first_payload_fixes_the_origin(any_lake: Lake, first: bool, second: bool) -> None:
    any_lake.landing.land([(fetch(is_simulated=first), b"a")])
    before = stored(any_lake)
    with pytest.raises(OriginMismatch, match="TRANSIT_LAKE"):
        any_lake.landing.land([(fetch(is_simulated=second), b"b")])
    assert stored(any_lake) == before
    assert any_lake.landing.origin() == ("simulated" if first else "real")
    assert len(any_lake.landing.fetches("bikes")) == 1


@pytest.mark.parametrize("damage", [b"", b"nonsense", "swapped", "cut"])
@pytest.mark.parametrize("read", ["payload", "open"])
def test_a_damaged_payload_is_never_read(any_lake: Lake, damage: bytes | str, read: str) -> None:
    first, second = any_lake.landing.land([(fetch(), b"first" * 100), (fetch(), b"second" * 100)])
    store = any_lake.location.store
    whole = bytes(obstore.get(store, second.path or "").bytes())
    broken = {"swapped": whole, "cut": whole[:-6]}.get(damage, damage) if isinstance(damage, str) else damage
    obstore.put(store, first.path or "", broken)
    with pytest.raises(PayloadCorrupt, match=first.sha256):
        getattr(any_lake.landing, read)(first)
    assert any_lake.landing.payload(second) == b"second" * 100


def test_a_payload_that_is_gone_is_not_found(any_lake: Lake) -> None:
    [landed] = any_lake.landing.land([(fetch(), b"a")])
    obstore.delete(any_lake.location.store, landed.path or "")
    for read in (any_lake.landing.payload, any_lake.landing.open):
        with pytest.raises(FileNotFoundError):
            read(landed)
        with pytest.raises(FileNotFoundError, match="has no payload"):
            read(fetch(outcome="failed"))


@pytest.mark.parametrize(
    ("feeds", "partitions", "expected"),
    [
        (None, None, "abcde"),
        (["station_status"], None, "abce"),
        (["station_information", "archive"], None, "d"),
        (None, ["2026-03-01"], "ade"),
        (None, ["2026-03-02", "2026-03-03"], "bce"),
        (["station_status"], ["2026-03-04"], ""),
        (["station_status"], ["2026-02-27"], "e"),
        (None, [], ""),
    ],
)
def test_fetches_are_found_by_feed_and_partition(
    any_lake: Lake, feeds: list[str] | None, partitions: list[str] | None, expected: str
) -> None:
    day = timedelta(days=1)
    landing = any_lake.landing
    landing.land([(fetch(NOON + day, url="b"), b"b")])
    landing.land([(fetch(NOON, url="a"), b"a"), (fetch(NOON + 2 * day, url="c"), b"c")])
    landing.land(
        [(fetch(NOON + timedelta(hours=50), feed="station_information", url="d", partitions=("2026-03-01",)), b"d")]
    )
    days = ("2026-02-27", "2026-03-01", "2026-03-03")
    landing.land([(fetch(NOON + 30 * day, url="e", partitions=days), b"e"), (fetch(outcome="failed"), None)])
    landing.land([(fetch(domain="rail", url="x"), b"x")])
    found = sorted(one.url for one in landing.fetches("bikes", feeds, partitions))
    assert "".join(found) == expected


def test_fetches_come_oldest_first(lake: Lake) -> None:
    times = [NOON + timedelta(minutes=minute) for minute in (5, 1, 3)]
    for at in times:
        lake.landing.land([(fetch(at), at.isoformat().encode())])
    assert [one.fetched_at for one in lake.landing.fetches("bikes")] == sorted(times)


def test_a_fingerprint_follows_what_was_observed(any_lake: Lake) -> None:
    landing = any_lake.landing
    feeds = ["station_status"]
    [first] = landing.land([(fetch(), b"a")])
    landing.land([(fetch(NOON + timedelta(days=1)), b"b")])
    before = landing.fingerprints("bikes", feeds)
    assert set(before) == {"2026-03-01", "2026-03-02"}

    landing.land([(fetch(outcome="failed", status=500), b"oops"), (fetch(feed="station_information"), b"c")])
    any_lake.open("raw.fetches")
    assert landing.fingerprints("bikes", feeds) == before

    again = replace(first, outcome="not_modified", fetched_at=NOON + timedelta(minutes=1), fetch_id="again")
    landing.land([(again, None)])
    after = landing.fingerprints("bikes", feeds)
    assert after["2026-03-01"] != before["2026-03-01"]
    assert after["2026-03-02"] == before["2026-03-02"]


def test_a_fingerprint_without_instants_follows_what_was_said_last(any_lake: Lake) -> None:
    landing, day = any_lake.landing, "2026-03-01"

    def print_after(minutes: int, payload: bytes, outcome: str = "landed") -> str:
        landing.land([(fetch(NOON + timedelta(minutes=minutes), outcome=outcome), payload)])
        return landing.fingerprints("bikes", ["station_status"], with_instants=False)[day]

    first = print_after(0, b"a")
    assert print_after(1, b"a", "not_modified") == print_after(2, b"a") == first
    corrected = print_after(3, b"b")
    assert corrected != first
    assert print_after(4, b"b", "not_modified") == corrected
    taken_back = print_after(5, b"a")
    assert taken_back not in (first, corrected)  # the order is what decides which of two answers holds


def test_a_fingerprint_does_not_depend_on_the_order_of_arrival(tmp_path: Path) -> None:
    items = [(fetch(NOON + timedelta(minutes=minute)), bytes([minute])) for minute in range(4)]
    forward, backward = Lake.at(tmp_path / "a"), Lake.at(tmp_path / "b")
    for item in items:
        forward.landing.land([item])
    backward.landing.land(items[::-1])
    feeds = ["station_status"]
    assert forward.landing.fingerprints("bikes", feeds) == backward.landing.fingerprints("bikes", feeds)


# Decoded archives ----------------------------------------------------------------------------


class Decoder:
    """Cuts lines `day,n` into partitions, and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, payload):
        self.calls += 1
        for number, line in enumerate(payload.read().decode().splitlines()):
            day, value = line.split(",")
            yield day, pa.table({"n": [int(value)], "row_number": [number]})


@pytest.fixture
def archive(any_lake: Lake) -> Fetch:
    lines = b"2026-03-01,5\n2026-03-02,6\n2026-03-01,7\n"
    days = ("2026-03-01", "2026-03-02")
    return any_lake.landing.land([(fetch(feed="archive", partitions=days), lines)])[0]


def test_an_archive_is_decoded_once_and_read_by_partition(any_lake: Lake, archive: Fetch) -> None:
    decode = Decoder()
    assert any_lake.decoded(archive, "2026-03-01", decode, 1).to_pydict() == {"n": [5, 7], "row_number": [0, 2]}
    assert any_lake.decoded(archive, "2026-03-02", decode, 1).to_pydict() == {"n": [6], "row_number": [1]}
    assert any_lake.decoded(archive, "2026-03-03", decode, 1).to_pydict() == {"n": [], "row_number": []}
    assert decode.calls == 1
    assert any_lake.decoded(archive, "2026-03-02", decode, 2).num_rows == 1
    assert decode.calls == 2
    assert any_lake.relations() == ["raw.fetches"]


@pytest.mark.parametrize("lost", ["_done", "everything"])
def test_a_decoded_archive_may_be_deleted(any_lake: Lake, archive: Fetch, lost: str) -> None:
    decode = Decoder()
    any_lake.decoded(archive, "2026-03-01", decode, 1)
    store = any_lake.location.store
    for item in obstore.list(store, "raw/bikes/archive/decoded").collect():
        if lost == "everything" or str(item["path"]).endswith(lost):
            obstore.delete(store, str(item["path"]))
    assert any_lake.decoded(archive, "2026-03-01", decode, 1)["n"].to_pylist() == [5, 7]
    assert decode.calls == 2


def test_a_part_that_is_missing_is_decoded_again(any_lake: Lake, archive: Fetch) -> None:
    decode = Decoder()
    any_lake.decoded(archive, "2026-03-01", decode, 1)
    part = f"raw/bikes/archive/decoded/v1/{archive.sha256}/2026-03-01-1.parquet"
    obstore.delete(any_lake.location.store, part)
    assert any_lake.decoded(archive, "2026-03-01", decode, 1)["n"].to_pylist() == [5, 7]


def test_a_decoder_that_fails_leaves_nothing_that_counts(any_lake: Lake, archive: Fetch) -> None:
    def fails(payload):
        yield "2026-03-01", pa.table({"n": [1], "row_number": [0]})
        raise ValueError("row 2: not a number")

    with pytest.raises(ValueError, match="row 2"):
        any_lake.decoded(archive, "2026-03-01", fails, 1)
    assert any_lake.decoded(archive, "2026-03-01", Decoder(), 1)["n"].to_pylist() == [5, 7]


def test_an_archive_without_rows_gives_none(any_lake: Lake) -> None:
    [empty] = any_lake.landing.land([(fetch(feed="archive"), b"")])
    assert any_lake.decoded(empty, "2026-03-01", Decoder(), 1).num_rows == 0


def test_a_domain_is_empty_until_its_first_payload(any_lake: Lake) -> None:
    assert any_lake.landing.is_empty("bikes")
    any_lake.landing.land([(fetch(outcome="failed", error="500"), None), (fetch(domain="rail"), b"payload")])
    assert any_lake.landing.is_empty("bikes")
    any_lake.landing.land([(fetch(), b"payload")])
    assert not any_lake.landing.is_empty("bikes")
