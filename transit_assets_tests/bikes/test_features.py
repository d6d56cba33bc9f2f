"""Features: the same for a batch and for one request, blind to the future, and honest about what is unknown."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transit_assets.bikes.features import LOOK_BACK, NAMES, History, features, nearest_poll
from transit_assets.bikes.learning import DOMAIN
from transit_assets.bikes.model import examples
from transit_assets.lake import Lake
from transit_assets.learning.examples import Window
from transit_assets_tests.bikes.reports import DAY, HOUR, MINUTE, MONDAY, SECONDS, describe, fill, history, polled

EVER = Window(MONDAY, MONDAY + timedelta(days=30))
ROWS = polled(1)


def asked(of: History, station: str, at: int, lead: float = 60) -> dict[str, float]:
    """The features of one question by name."""
    where = np.array([of.position[station]])
    row = features(of, where, np.array([at]), np.array([at + int(lead * MINUTE)]))[0]
    return dict(zip(NAMES, row.tolist(), strict=True))


def window_at(at: int) -> Window:
    """The shortest window that one request can read."""
    start = datetime.fromtimestamp(at, UTC)
    return Window(start, start + timedelta(seconds=1))


# One row of everything -------------------------------------------------------------------------


def test_a_batch_says_what_single_requests_say() -> None:
    whole = history(ROWS)
    generator = np.random.default_rng(3)
    station = generator.integers(0, len(whole.codes), 500)
    at = SECONDS + generator.integers(-DAY, 10 * DAY, 500)
    then = at + generator.integers(20 * MINUTE, 70 * MINUTE, 500)
    batch = features(whole, station, at, then)
    assert np.isnan(batch).any(axis=0).sum() > 5  # unknown things are among them
    for row in range(500):
        single = features(whole, station[row : row + 1], at[row : row + 1], then[row : row + 1])
        np.testing.assert_array_equal(single[0], batch[row])


def test_a_batch_in_parts_says_what_the_whole_says(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = history(ROWS)
    station, at = np.arange(100) % len(whole.codes), SECONDS + np.arange(100) * HOUR
    then = at + np.linspace(20 * MINUTE, 70 * MINUTE, 100).astype(np.int64)
    expected = features(whole, station, at, then)
    monkeypatch.setattr("transit_assets.bikes.features._AT_ONCE", 7)
    np.testing.assert_array_equal(features(whole, station, at, then), expected)


def test_reports_come_in_any_order() -> None:
    """Two of one station that became known at once stand in the order in which they were made."""
    generator = np.random.default_rng(8)
    rows = [row | {"reported_at": row["known_at"] - 60} for row in ROWS[:500]]
    rows += [row | {"reported_at": row["known_at"] - 90, "bikes": 1.0} for row in rows[:100]]
    numbers = {station: number for number, station in enumerate(sorted({row["station"] for row in rows}))}
    counts = dict.fromkeys(("capacity", "mechanical", "ebike"), 2.0)
    cells = [counts | row | {"number": numbers[row["station"]]} for row in rows]
    table = pa.Table.from_pylist(cells)
    stations = pa.table({"station": list(numbers), "zone": [""] * len(numbers)})
    shuffled = History.of(table.take(generator.permutation(len(cells))), stations)
    keys = [(row["number"], row["known_at"], row["reported_at"]) for row in cells]
    assert list(zip(shuffled.station, shuffled.known_at, shuffled.reported_at, strict=True)) == sorted(keys)
    bikes = {key: row["bikes"] for key, row in zip(keys, cells, strict=True)}
    assert shuffled.counts[1:, 0].tolist() == [bikes[key] for key in sorted(keys)]


def test_a_request_that_reads_its_own_eight_days_says_what_the_batch_says(lake: Lake) -> None:
    fill(lake, polled(2, days=18, every=15 * MINUTE))
    describe(lake, *({"station_code": str(code), "capacity": 20} for code in range(1001, 1005)))
    batch = History.read(lake, EVER)
    generator = np.random.default_rng(4)
    for at in SECONDS + generator.integers(0, 18 * DAY, 12):
        single = History.read(lake, window_at(int(at)))
        assert len(single) < len(batch)
        for code in batch.codes:
            if code in single.position:
                np.testing.assert_equal(asked(single, code, int(at)), asked(batch, code, int(at)))


def test_what_is_asked_live_is_what_the_batch_would_have_asked(lake: Lake) -> None:
    rows = polled(5, every=30 * MINUTE)
    fill(lake, rows)
    live = DOMAIN.live(lake)
    assert live is not None
    batch = History.read(lake, EVER)
    for row, code in enumerate(live.entities):
        lead = float(live.asked.horizon_minutes[row])
        expected = asked(batch, code, int(live.asked.origin_at[row]), lead)
        np.testing.assert_equal(dict(zip(NAMES, live.asked.features[row].tolist(), strict=True)), expected)


# Blind to the future ---------------------------------------------------------------------------


@st.composite
def other_futures(draw: st.DrawFn) -> tuple[int, list[dict[str, Any]]]:
    """An instant, and the reports with everything that was first polled after it changed in some way."""
    at = SECONDS + draw(st.integers(DAY, 9 * DAY))
    past = [dict(row) for row in ROWS if row["known_at"] <= at]
    future = [dict(row) for row in ROWS if row["known_at"] > at]
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    change = draw(st.sampled_from(["gone", "shuffled", "invented", "closed", "earlier end"]))
    if change == "gone":
        return at, past
    if change == "shuffled":
        order = generator.permutation(len(future))
        return at, past + [
            {**row, "known_at": future[other]["known_at"]} for row, other in zip(future, order, strict=False)
        ]
    if change == "earlier end":  # as the lake held it at that instant: the last poll so far is the last there is
        polls = np.arange(SECONDS, at + 1, 10 * MINUTE)
        return at, [{**row, "held_until": min(row["held_until"], int(polls[-1]))} for row in past]
    for row in future:
        row["bikes"], row["docks_free"] = (float(one) for one in generator.integers(0, 40, 2))
        row["is_open"] = change != "closed"
    return at, past + future


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(other_futures(), st.sampled_from([20, 30, 60, 70]))
def test_another_future_changes_no_feature(changed: tuple[int, list[dict[str, Any]]], lead: float) -> None:
    at, rows = changed
    before, after = history(ROWS), history(rows)
    for code in before.codes:
        np.testing.assert_equal(asked(after, code, at, lead), asked(before, code, at, lead))


def test_the_future_of_a_lake_changes_no_feature(lake: Lake, tmp_path: Any) -> None:
    """Descriptions count as well: the capacity that a station is given next month is not known today."""
    at = SECONDS + 8 * DAY
    now, later = Lake.at(tmp_path / "now"), lake
    past = [row for row in ROWS if row["known_at"] <= at]
    fill(now, past)
    fill(later, ROWS)
    describe(now, {"station_code": "1001", "capacity": 20})
    grown = {"valid_from": date(2025, 9, 20), "capacity": 40, "zone": "Paris 2e", "first_station_code": "1001"}
    describe(later, {"station_code": "1001", "capacity": 20}, {"station_code": "1001"} | grown)
    before, after = (History.read(one, window_at(at)) for one in (now, later))
    for code in before.codes:
        np.testing.assert_equal(asked(after, code, at), asked(before, code, at))
    assert asked(before, "1001", at)["capacity"] == 20


# Closed and unknown ----------------------------------------------------------------------------


def test_a_closed_station_is_neither_asked_about_nor_an_answer() -> None:
    """It reads as full and empty at once."""
    closed = {"bikes": 0.0, "docks_free": 0.0, "is_open": False}
    rows = [
        {"station": code, "known_at": SECONDS + minute * MINUTE} | (closed if code == "1001" and minute == 60 else {})
        for code in ("1001", "1002")
        for minute in range(0, 181, 30)
    ]
    found = examples(history(rows), EVER, at_most=1000)
    minutes = {
        (int(entity), int(at - SECONDS) // 60, int(then - SECONDS) // 60)
        for entity, at, then in zip(found.entity, found.origin_at, found.target_at, strict=True)
    }
    assert {one[1:] for one in minutes if one[0] == 1001} == {one[1:] for one in minutes if one[0] == 1002} - {
        (60, 90),
        (60, 120),
        (30, 60),
        (0, 60),
    }
    assert not found.targets["full"].any()
    assert not found.targets["empty"].any()


@pytest.mark.parametrize(
    "flags", [{"is_installed": False}, {"is_renting": False, "is_returning": False}, {"bikes": 0, "docks_free": 0}]
)
def test_the_lake_says_which_station_is_closed(lake: Lake, flags: dict[str, Any]) -> None:
    from transit_assets.bikes.schema import STATION_STATUS

    fill(lake, [{"station": code, "known_at": SECONDS} for code in ("1001", "1002")])
    rows = lake.table(STATION_STATUS).read().to_pylist()
    rows[0] |= flags
    lake.table(STATION_STATUS).replace(pa.Table.from_pylist(rows, schema=STATION_STATUS.schema), ["2025-09-08"])
    assert History.read(lake, EVER).is_open.tolist() == [False, True]


def test_closed_hours_count_in_no_mean() -> None:
    rows = [{"station": "1001", "known_at": SECONDS + hour * HOUR, "bikes": 8.0} for hour in range(4)]
    rows += [
        {"station": "1001", "known_at": SECONDS + hour * HOUR, "bikes": 0.0, "docks_free": 0.0, "is_open": False}
        for hour in range(4, 12)
    ]
    found = asked(history(rows), "1001", SECONDS + 12 * HOUR)
    assert (found["bikes_mean_7_days"], found["full_share_7_days"], found["empty_share_7_days"]) == (8, 0, 0)


def test_means_are_right_though_the_sums_before_them_run_over() -> None:
    huge = [{"station": "1001", "known_at": SECONDS + hour * HOUR, "bikes": 2.0**30} for hour in range(7)]
    rows = [{"station": "1001", "known_at": SECONDS + 9 * DAY + hour * HOUR, "bikes": 8.0} for hour in range(4)]
    assert asked(history(huge + rows), "1001", SECONDS + 9 * DAY + 4 * HOUR)["bikes_mean_7_days"] == 8


def test_a_station_that_nobody_has_heard_of_lately_is_unknown_and_not_zero() -> None:
    whole = history([{"station": "1001", "known_at": SECONDS}, {"station": "1002", "known_at": SECONDS + DAY}])
    before, after = asked(whole, "1002", SECONDS), asked(whole, "1001", SECONDS + 15 * MINUTE + 1)
    known = {"minute_of_day", "weekday", "lead_minutes"}
    assert {name for name, value in before.items() if not np.isnan(value)} == known
    means = {"bikes_mean_7_days", "full_share_7_days", "empty_share_7_days"}
    assert {name for name, value in after.items() if not np.isnan(value)} == known | means


def test_unknown_kinds_of_bikes_stay_unknown() -> None:
    found = asked(history([{"station": "1001", "known_at": SECONDS, "mechanical": None}]), "1001", SECONDS)
    assert np.isnan(found["mechanical"])
    assert found["ebike"] == 2


def test_a_lake_without_the_days_asked_about_holds_no_question(lake: Lake) -> None:
    assert len(examples(History.read(lake, EVER), EVER, at_most=10)) == 0
    fill(lake, [{"station": "1001", "known_at": SECONDS}])
    later = Window(MONDAY + timedelta(days=20), MONDAY + timedelta(days=21))
    assert len(examples(History.read(lake, later), later, at_most=10)) == 0


# Instants --------------------------------------------------------------------------------------


def test_of_two_reports_that_hold_the_one_that_became_known_later_is_the_state() -> None:
    rows = [
        {"station": "1001", "known_at": SECONDS, "held_until": SECONDS + 40 * MINUTE},
        {"station": "1001", "known_at": SECONDS + 20 * MINUTE, "held_until": SECONDS + 40 * MINUTE, "bikes": 9.0},
    ]
    assert asked(history(rows), "1001", SECONDS + 40 * MINUTE)["bikes"] == 9


def test_the_nearest_poll_answers_within_the_tolerance_and_the_earlier_of_equals() -> None:
    whole = history([{"station": "1001", "known_at": SECONDS + minute * MINUTE} for minute in (0, 10, 30)])
    at = SECONDS + np.array([-8, -7, 4, 5, 6, 17, 18, 23, 37, 38]) * MINUTE
    minutes = [None if one == 0 else (one - SECONDS) // MINUTE for one in nearest_poll(whole, at, 450).tolist()]
    assert minutes == [None, 0, 0, 0, 10, 10, None, 30, 30, None]


def test_one_poll_is_the_nearest_to_itself() -> None:
    whole = history([{"station": "1001", "known_at": SECONDS}])
    assert nearest_poll(whole, np.array([SECONDS + 60]), 450).tolist() == [SECONDS]


def test_a_report_holds_until_its_last_poll_and_no_longer() -> None:
    rows = [{"station": "1001", "known_at": SECONDS, "held_until": SECONDS + 2 * HOUR, "bikes": 7.0}]
    rows += [{"station": "1002", "known_at": SECONDS + minute * MINUTE} for minute in range(0, 241, 15)]
    whole = history(rows)
    assert [asked(whole, "1001", SECONDS + minute * MINUTE)["bikes"] for minute in (0, 60, 120, 135)] == [7] * 4
    assert np.isnan(asked(whole, "1001", SECONDS + 136 * MINUTE)["bikes"])
    assert asked(whole, "1001", SECONDS + HOUR)["minutes_unchanged"] == 60
    found = examples(whole, EVER, at_most=1000)
    answered = found.target_at[found.entity == 1001]
    assert answered.max() == SECONDS + 2 * HOUR


def test_a_report_that_polls_in_between_left_out_counts_as_held() -> None:
    """Tables know its first and its last poll: a batch sees it where a request at that instant saw nothing."""
    polls = [{"station": "1002", "known_at": SECONDS + minute * MINUTE} for minute in range(0, 121, 10)]
    then = SECONDS + 60 * MINUTE  # a request: the station was missing from the last five polls
    request = [
        {"station": "1001", "known_at": SECONDS, "bikes": 7.0},
        *(row for row in polls if row["known_at"] <= then),
    ]
    batch = [{"station": "1001", "known_at": SECONDS, "held_until": SECONDS + 120 * MINUTE, "bikes": 7.0}, *polls]
    assert np.isnan(asked(history(request), "1001", then)["bikes"])
    assert asked(history(batch), "1001", then)["bikes"] == 7
    other = {"station": "1001", "known_at": then - 10 * MINUTE, "held_until": then, "bikes": 9.0}
    assert asked(history([*batch, other]), "1001", then)["bikes"] == 9  # what else was polled in between is known


def test_midnight_changes_nothing_of_a_report() -> None:
    first = {"station": "1001", "reported_at": SECONDS - HOUR, "known_at": SECONDS, "held_until": SECONDS + 21 * HOUR}
    next_day = first | {"known_at": SECONDS + 21 * HOUR + 15 * MINUTE, "held_until": SECONDS + 23 * HOUR}

    def unchanged(row: dict[str, Any]) -> float:
        return asked(history([first, row]), "1001", SECONDS + 22 * HOUR)["minutes_unchanged"]

    assert unchanged(next_day) == 22 * 60
    assert unchanged(next_day | {"reported_at": SECONDS}) == 45
    assert unchanged(next_day | {"known_at": next_day["known_at"] + 1}) == pytest.approx(45 - 1 / 60)
    other = [first, next_day | {"station": "1002"}]
    assert asked(history(other), "1002", SECONDS + 22 * HOUR)["minutes_unchanged"] == 45


def test_a_station_that_never_changes_is_unchanged_for_a_week_at_most() -> None:
    """Longer ago than eight days a request cannot look, and a batch is to say the same."""
    days = [{"known_at": SECONDS + day * DAY, "held_until": SECONDS + day * DAY + 86_000} for day in range(12)]
    rows = [{"station": "1001", "reported_at": SECONDS} | day for day in days]
    found = [asked(history(rows), "1001", SECONDS + day * DAY)["minutes_unchanged"] for day in (0, 1, 6, 7, 8, 11)]
    assert found == [0, 1440, 6 * 1440, 7 * 1440, 7 * 1440, 7 * 1440]
    assert asked(history(rows[3:]), "1001", SECONDS + 11 * DAY)["minutes_unchanged"] == 7 * 1440


def test_trends_and_days_ago_are_differences_between_what_was_known() -> None:
    rows = [
        {"station": "1001", "known_at": SECONDS + minute * MINUTE, "bikes": float(bikes)}
        for minute, bikes in [(0, 3), (60, 7), (24 * 60, 10), (24 * 60 + 45, 12), (24 * 60 + 60, 11)]
    ]
    whole = history(rows)
    at_noon = asked(whole, "1001", SECONDS + DAY, lead=60)
    assert at_noon["bikes_change_ahead_1_day_ago"] == 4
    assert np.isnan(at_noon["bikes_change_ahead_2_days_ago"])
    later = asked(whole, "1001", SECONDS + DAY + HOUR)
    assert (later["bikes_change_15_minutes"], later["bikes_change_60_minutes"]) == (-1, 1)
    assert (later["bikes"], later["docks_free"], later["fill_share"]) == (11, 15, pytest.approx(11 / 26))


def test_the_clock_is_that_of_paris() -> None:
    found = asked(history([{"station": "1001", "known_at": SECONDS}]), "1001", SECONDS)
    assert (found["weekday"], found["minute_of_day"]) == (0, 120)
    found = asked(history([{"station": "1001", "known_at": SECONDS}]), "1001", SECONDS - 3 * HOUR)
    assert (found["weekday"], found["minute_of_day"]) == (6, 23 * 60)


# Stations --------------------------------------------------------------------------------------


def test_a_station_keeps_its_history_when_its_code_changes(lake: Lake) -> None:
    old = [{"station": "1001", "known_at": SECONDS + hour * HOUR, "bikes": 4} for hour in range(24)]
    new = [{"station": "21001", "known_at": SECONDS + DAY + hour * HOUR, "bikes": 6} for hour in range(24)]
    fill(lake, old + new + [{"station": "1002", "known_at": SECONDS}])
    describe(
        lake,
        {"station_code": "1001", "capacity": 20},
        {"station_code": "21001", "first_station_code": "1001", "valid_from": date(2025, 9, 9)},
        {"station_code": "1002"},
    )
    whole = History.read(lake, EVER)
    assert whole.codes == ("1001", "1002")
    at = SECONDS + DAY
    found = asked(whole, "1001", at)
    assert (found["bikes"], found["bikes_change_ahead_1_day_ago"]) == (6, 0)
    assert found["bikes_mean_7_days"] == pytest.approx((24 * 4 + 6) / 25)
    live = DOMAIN.live(lake)
    assert live is not None
    assert set(live.entities) == {"1001"}
    assert DOMAIN.answers(lake, "available", ["1001", "1002"], np.array([at, at])).tolist()[0] == 6


def test_a_station_is_the_same_entity_in_every_lake() -> None:
    first = history([{"station": code, "known_at": SECONDS} for code in ("1001", "1002", "record:ab")])
    second = history([{"station": code, "known_at": SECONDS} for code in ("1002", "record:ab")])
    assert first.entity.tolist()[1:] == second.entity.tolist()
    assert first.entity[0] == 1001


def test_eight_days_are_enough_for_what_features_look_back_on() -> None:
    whole = history(polled(6, days=16))
    at = SECONDS + 15 * DAY
    start = at - int(LOOK_BACK.total_seconds())
    short = history([row for row in polled(6, days=16) if row["held_until"] >= start])
    for code in whole.codes:
        np.testing.assert_equal(asked(short, code, at), asked(whole, code, at))
