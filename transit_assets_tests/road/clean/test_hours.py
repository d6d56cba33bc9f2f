"""The hours of history and exports are the same instants, on the days on which the clocks change too."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from transit_assets_tests.road.payloads import counts, export, exported, historic, history


def starts(payload: bytes) -> list[datetime]:
    return [row["hour_start_at"] for found in counts(payload).values() for row in found.rows]


def test_t_1h_is_the_end_of_its_hour() -> None:
    assert starts(history(historic("2019-01-01 01:00:00"))) == [datetime(2018, 12, 31, 23, tzinfo=UTC)]
    assert [*counts(history(historic("2019-01-01 01:00:00")))] == [date(2019, 1, 1)]
    assert [*counts(history(historic("2019-01-01 00:00:00")))] == [date(2018, 12, 1)]


def test_the_hour_that_march_leaves_out_is_quarantined() -> None:
    rows = [historic(f"2019-03-31 0{hour}:00:00") for hour in (1, 2, 3)]
    (found,) = counts(history(*rows)).values()
    assert [row["hour_start_at"] for row in found.rows] == [
        datetime(2019, 3, 31, 0, tzinfo=UTC) - timedelta(hours=1),
        datetime(2019, 3, 31, 0, tzinfo=UTC),
    ]
    (broken,) = found.broken
    assert (broken["row_number"], broken["broken_rules"][0]) == (1, "t_1h_exists_in_paris")
    assert broken["problem"] == "t_1h_exists_in_paris: '2019-03-31 02:00:00'"


def test_of_the_two_o_clocks_of_october_history_has_the_second() -> None:
    rows = [historic(f"2019-10-27 0{hour}:00:00") for hour in (1, 2, 3)]
    hours = ["2019-10-26T22:00", "2019-10-27T00:00", "2019-10-27T01:00"]
    assert starts(history(*rows)) == [datetime.fromisoformat(hour).replace(tzinfo=UTC) for hour in hours]
    same = [f"2019-10-27T0{hour}:00:00+0{offset}:00" for hour, offset in ((1, 2), (2, 1), (3, 1))]
    assert starts(export(*map(exported, same))) == starts(history(*rows))


@pytest.mark.parametrize("year", range(2015, 2024))
def test_the_recorded_days_of_change_are_right(recordings: Path, year: int) -> None:
    found = counts(recordings / f"road/archive/history/champs_elysees_{year}.csv")
    march, october = found[date(year, 3, 1)], found[date(year, 10, 1)]
    assert [row["broken_rules"][0] for row in march.broken] == ["t_1h_exists_in_paris"]
    assert march.broken[0]["flow_veh_per_hour"] is None  # the provider prints the hour, and measured nothing in it
    assert re.search(rf"'{year}-03-(2[5-9]|3[01]) 02:00:00'", march.broken[0]["problem"])
    change = max(day for day in range(25, 32) if date(year, 10, day).weekday() == 6)
    midnight = datetime(year, 10, change, tzinfo=UTC)
    night = [row["hour_start_at"] for row in october.rows if abs(row["hour_start_at"] - midnight) <= timedelta(hours=2)]
    assert [(hour - midnight) / timedelta(hours=1) for hour in night] == [-2, 0, 1, 2]  # -1 ends at the first 02:00
    assert october.broken == []


def test_history_and_export_agree_in_every_hour_that_both_have(recordings: Path) -> None:
    folder = recordings / "road/archive"
    history_of = {}
    for year in (2021, 2022, 2023):
        for found in counts(folder / f"history/champs_elysees_{year}.csv").values():
            history_of |= {row["hour_start_at"]: row for row in found.rows}
    exports = counts(folder / "export/champs_elysees_2021-12_to_2023-01.csv").values()
    export_of = {row["hour_start_at"]: row for found in exports for row in found.rows}
    both = sorted(history_of.keys() & export_of)
    said = ("flow_veh_per_hour", "occupancy_percent", "level")
    assert len(both) > 9_000
    assert [hour for hour in both if any(history_of[hour][name] != export_of[hour][name] for name in said)] == []


def test_an_hour_that_is_not_whole_is_quarantined() -> None:
    (found,) = counts(history(historic("2019-05-01 13:30:00"))).values()
    assert found.broken[0]["broken_rules"] == ["hour_is_whole"]


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("2019-13-01 01:00:00", "t_1h_is_a_time"),
        ("yesterday", "t_1h_is_a_time"),
        ("1999-05-01 01:00:00", "hour_starts_from_2010_to_2049"),
        ("2099-05-01 01:00:00", "hour_starts_from_2010_to_2049"),
        ("", "hour_start_at_is_known"),
    ],
)
def test_a_time_that_cannot_be_is_quarantined(written: str, rule: str) -> None:
    (found,) = counts(history(historic(), historic(written))).values()
    assert [(row["row_number"], row["broken_rules"][0]) for row in found.broken] == [(1, rule)]
