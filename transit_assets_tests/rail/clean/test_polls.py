"""Polls of next departures as the original project stored them, to predicted calls."""

import io
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from transit_assets.quality.rules import split
from transit_assets.rail.clean.errors import PayloadUnreadable
from transit_assets.rail.clean.polls import decode_csv, is_poll, station_of_name
from transit_assets.rail.clean.predicted import predicted_calls
from transit_assets.rail.clean.records import Landed
from transit_assets.rail.schema import PREDICTED_CALLS
from transit_assets.rail.stations import by_uic
from transit_assets_tests.rail.payloads import NORD, poll, polls
from transit_assets_tests.ruled import Ruled, ruled

DAY = date(2022, 6, 24)
FOLDER = "rail/archive/transilien_polls_2022-06-24"


def decoded(payload: bytes, station: str = NORD) -> pa.Table:
    return pa.concat_tables(decode_csv(io.BytesIO(payload), station)).combine_chunks()


def calls(payload: bytes) -> Ruled:
    return ruled(PREDICTED_CALLS, predicted_calls(DAY, [Landed("sha", decoded(payload))]))


@pytest.fixture(scope="module")
def recorded(recordings: Path) -> dict[str, pa.Table]:
    return {
        path.name: decoded(path.read_bytes(), station_of_name(path.name))
        for path in sorted((recordings / FOLDER).glob("data-reel-*.csv"))
    }


def test_all_recorded_polls_land_and_none_is_lost(recorded: dict[str, pa.Table]) -> None:
    assert sum(rows.num_rows for rows in recorded.values()) == 218_333
    landed = [Landed(name, rows) for name, rows in recorded.items()]
    found = predicted_calls(DAY, landed)
    assert found.landed == 218_333
    passing, broken = split(PREDICTED_CALLS, found.candidates)
    keys = passing.select(PREDICTED_CALLS.key).group_by(list(PREDICTED_CALLS.key)).aggregate([])
    assert (passing.num_rows, broken.num_rows, keys.num_rows) == (218_333, 0, 218_277)


def test_recorded_trains_are_cancelled_as_often_as_a_direct_count_says(
    recorded: dict[str, pa.Table], recordings: Path
) -> None:
    direct = sum(path.read_text().count(",Supprimé") for path in (recordings / FOLDER).iterdir())
    assert sum(pc.sum(rows["is_cancelled"]).as_py() for rows in recorded.values()) == direct == 6_925


def test_even_trains_go_south_and_odd_ones_whose_destination_is_south_are_cancelled(
    recorded: dict[str, pa.Table],
) -> None:
    """3.5 % of the odd rows: their destination became Port Royal when they were taken off. Their stops run north."""
    names = ["direction", "destination", "is_cancelled"]
    rows = pa.concat_tables(one.select(names) for one in recorded.values()).unify_dictionaries()
    counts: dict[tuple[str, bool, bool], int] = {}
    for row in rows.group_by(names).aggregate([([], "count_all")]).to_pylist():
        destination = by_uic(row["destination"])
        assert destination is not None
        key = row["direction"], destination.branch == "south", row["is_cancelled"]
        counts[key] = counts.get(key, 0) + row["count_all"]
    is_odd = {key: count for key, count in counts.items() if key[0] == "north"}
    assert is_odd["north", True, True] == 4_043
    assert ("north", True, False) not in counts
    assert sum(is_odd.values()) == 118_168


def test_a_line_is_one_train_at_one_station_in_one_poll() -> None:
    (row,) = calls(polls(poll())).rows
    assert row["service_date"] == DAY
    assert row["observed_at"] == datetime(2022, 6, 24, 9, 14, 1, tzinfo=UTC)
    assert row["expected_departure_at"] == datetime(2022, 6, 24, 9, 16, tzinfo=UTC)
    assert (row["station"], row["journey_id"], row["mission"], row["destination"]) == (
        NORD,
        "ECHO37",
        "ECHO",
        "87001479",
    )
    assert (row["direction"], row["is_real_time"], row["is_cancelled"], row["status"]) == ("north", True, False, None)


def test_a_file_without_a_header_is_the_same() -> None:
    with_header, without = (decoded(polls(poll(), poll(train="PITO44"), header=header)) for header in (True, False))
    assert is_poll(polls(poll(), header=False))
    assert without.equals(with_header)


def test_a_train_after_midnight_stays_on_the_date_it_began() -> None:
    rows = decoded(
        polls(poll("23:49:01", minute="25/06/2022 00:41"), poll("00:10:01", "PITO44", "00:41", day="2022-06-25"))
    )
    assert rows["service_date"].to_pylist() == [DAY, DAY]


def test_days_may_be_written_with_dashes_and_files_with_another_order_of_columns() -> None:
    payload = (
        b"num,date,time_recorded,miss,term,other\r\nECHO37,24-06-2022 11:16,2022-06-24 11:14:01,ECHO,87001479,x\r\n"
    )
    (row,) = calls(payload).rows
    assert row["expected_departure_at"] == datetime(2022, 6, 24, 9, 16, tzinfo=UTC)
    assert (row["is_real_time"], row["status"], row["is_cancelled"]) == (None, None, False)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("2022-06-24 11:14:01,ECHO37,ECHO", "record_is_readable"),
        (poll() + ",more", "record_is_readable"),
        (poll(minute="24/06/2022 25:61"), "date_is_a_time"),
        (poll("11:99:00"), "time_recorded_is_a_time"),
        (poll(train=""), "journey_id_is_known"),
        (poll(minute=" / "), "date_is_a_time"),
        ('2022-06-24 11:14:01,"ECHO37,ECHO', "record_is_readable"),
    ],
)
def test_a_bad_line_is_put_aside_in_its_place_and_costs_itself_only(line: str, rule: str) -> None:
    found = calls(polls(poll(), line, poll("11:15:01")))
    assert (found.landed, len(found.rows)) == (3, 2)
    (broken,) = found.broken
    assert (broken["broken_rules"][0], broken["row_number"], broken["service_date"]) == (rule, 1, DAY)


def test_a_quote_that_stays_open_swallows_no_line() -> None:
    assert calls(polls(poll().replace("ECHO37", '"ECHO37'), poll("11:15:01"))).landed == 2


def test_of_two_minutes_for_one_train_in_one_poll_the_later_line_stays() -> None:
    found = calls(polls(poll(minute="11:16"), poll(minute="11:17")))
    assert (len(found.rows), found.duplicates, found.conflicts) == (1, 1, 1)
    assert found.rows[0]["expected_departure_at"].minute == 17


@pytest.mark.parametrize("name", ["data-reel.csv", "data-reel-87999999.csv", "87271007-87164798.csv"])
def test_the_station_must_stand_in_the_name(name: str) -> None:
    with pytest.raises(PayloadUnreadable, match=r"name it data-reel-<UIC of the station>\.csv"):
        station_of_name(name)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(PayloadUnreadable, match="not the CSV it looks like"):
        decoded(polls(poll()) + b"\xff\xfe")


def test_a_file_that_nothing_dates_is_refused() -> None:
    with pytest.raises(PayloadUnreadable, match="none of its first 1 records says when it was polled"):
        decoded(polls("x,ECHO37,ECHO,y,R,87001479,1,"))
