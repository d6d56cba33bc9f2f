"""Congestion: files of whoever has them; told by content, one row per place and hour, known when it could be."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from transit_assets.context.congestion.archive import import_files
from transit_assets.context.congestion.clean.errors import UnknownFormat
from transit_assets.context.congestion.clean.formats import decode
from transit_assets.context.congestion.clean.hourly import congestion_hourly
from transit_assets.context.congestion.landed import FEEDS, observations_by_month, payloads
from transit_assets.context.congestion.schema import CONGESTION_HOURLY
from transit_assets.lake import Lake, Load
from transit_assets.lake.errors import PayloadUnreadable
from transit_assets.settings import Settings
from transit_assets_tests.context.congestion import AT, hours_csv, tomtom_days, tomtom_hours

SETTINGS = Settings(_env_file=None, now=datetime(2024, 7, 20, 9, 30, tzinfo=UTC))  # type: ignore[call-arg]
JULY = "2024-07-01"


def load_months(lake: Lake, months: Sequence[str]) -> list[Load]:
    from transit_assets.quality.load import load

    cleaned = (
        congestion_hourly(date.fromisoformat(month), observed)
        for month, observed in observations_by_month(lake, FEEDS, months)
    )
    return load(lake, CONGESTION_HOURLY, cleaned)


def imported(lake: Lake, folder: Path, *files: bytes, place: str | None = None) -> list[Load]:
    paths = [folder / f"{number}.dat" for number in range(len(files))]
    for path, payload in zip(paths, files, strict=True):
        path.write_bytes(payload)
    months = {month for one in import_files(lake, paths, SETTINGS, place=place) for month in one.partitions}
    return load_months(lake, sorted(months))


def rows(lake: Lake) -> list[dict[str, Any]]:
    return lake.table(CONGESTION_HOURLY).scan("SELECT * FROM hourly ORDER BY place, hour_start_at").to_pylist()


def test_a_figure_of_an_hour_is_known_when_the_hour_is_over(lake: Lake, tmp_path: Path) -> None:
    (load,) = imported(lake, tmp_path, tomtom_hours({AT: 23.0}), place="london")
    (row,) = rows(lake)
    assert (row["place"], row["congestion_percent"], row["resolution"]) == ("london", 23.0, "hour")
    assert row["hour_start_at"] == datetime(2024, 7, 6, 12, tzinfo=UTC)
    assert row["known_at"] == datetime(2024, 7, 6, 13, tzinfo=UTC)
    assert (load.landed_rows, load.kept_rows, load.quarantined_rows) == (1, 1, 0)


@pytest.mark.parametrize(("day", "count"), [("2024-03-31", 23), ("2023-10-29", 25), ("2024-07-06", 24)])
def test_a_figure_of_a_day_is_that_of_its_local_hours_and_known_when_the_day_is_over(day: str, count: int) -> None:
    found = decode(tomtom_days({day: 35.0}), "london").to_pylist()
    assert len(found) == count
    assert {row["resolution"] for row in found} == {"day"}
    assert {row["known_at"] for row in found} == {found[-1]["hour_start_at"] + timedelta(hours=1)}
    assert (found[1]["hour_start_at"] - found[0]["hour_start_at"]) == timedelta(hours=1)


def test_hours_of_a_table_are_those_of_the_clock_of_the_place() -> None:
    found = decode(hours_csv("London,2024-07-06 14:00,20", "paris,2024-07-06T14:00:00,30")).to_pylist()
    assert [row["hour_start_at"].hour for row in found] == [13, 12]
    assert [row["place"] for row in found] == ["london", "paris"]


def test_a_table_may_have_other_names_and_semicolons() -> None:
    (row, *others) = decode(hours_csv("London;2024-01-06;35.5", header="City;Day;Congestion")).to_pylist()
    assert (row["congestion_percent"], row["resolution"], len(others)) == (35.5, "day", 23)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_figure_of_the_hour_beats_that_of_the_day_whichever_lands_first(
    lake: Lake, tmp_path: Path, order: tuple[int, int]
) -> None:
    files = [tomtom_days({"2024-07-06": 35.0}), tomtom_hours({AT: 50.0})]
    (load,) = imported(lake, tmp_path, *(files[number] for number in order), place="london")
    assert (load.landed_rows, load.kept_rows, load.duplicate_rows) == (25, 24, 1)
    assert [row["congestion_percent"] for row in rows(lake)].count(50.0) == 1


def test_what_was_counted_at_the_landing_is_what_is_loaded(lake: Lake, tmp_path: Path) -> None:
    loads = imported(lake, tmp_path, tomtom_days({"2024-06-30": 30.0, "2024-07-01": 40.0}), place="london")
    counted = payloads(lake, ["2024-06-01", JULY])
    assert {load.partition: load.landed_rows for load in loads} == {month: p.records for month, p in counted.items()}
    assert sum(load.kept_rows or 0 for load in loads) == 48


def test_what_is_no_figure_is_put_aside_with_its_reason(lake: Lake, tmp_path: Path) -> None:
    good = [f"london,2024-07-06T{hour:02}:00,20" for hour in range(22)]
    (load,) = imported(lake, tmp_path, hours_csv(*good, "london,2024-07-06T22:00,much"))
    assert (load.kept_rows, load.quarantined_rows) == (22, 1)
    with lake.engine() as connection:
        lake.register(connection)
        broken = connection.execute("SELECT rule FROM quarantine.congestion__hourly").fetchall()
    assert broken[0][0] == "congestion_percent_is_a_number"


@pytest.mark.parametrize(
    ("payload", "error", "message"),
    [
        (b"a,b\n1,2\n", UnknownFormat, "begins with 'a,b"),
        (b'{"data": []}', UnknownFormat, "JSON without records"),
        (b'{"data": [{"x": 1}]}', UnknownFormat, "records of x"),
        (b'{"data"', UnknownFormat, "cannot be read"),
        (hours_csv(), PayloadUnreadable, "no records"),
        (tomtom_days({"2024-07-06": 35.0}), PayloadUnreadable, "say with --place which it is, london, paris"),
        (hours_csv("oslo,2024-07-06T14:00,20"), PayloadUnreadable, "of oslo is not kept; london, paris is"),
        (hours_csv(",2024-07-06T14:00,20"), PayloadUnreadable, "an unnamed place"),
        (hours_csv("london,2024-07-06,2024-07-06T14:00,20", header="place,day,hour,congestion"), PayloadUnreadable,
         "hours and one of days"),
        (hours_csv("london,2024-07-06T14:00,20,3", header="place,hour,congestion,value,city"), PayloadUnreadable,
         "two columns hold place"),
    ],
)  # fmt: skip
def test_what_is_no_congestion_is_refused_by_name(payload: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        decode(payload)


def test_months_that_no_table_has_are_refused(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(PayloadUnreadable, match=r"0\.dat: it has hours of 2024-08"):
        imported(lake, tmp_path, hours_csv("london,2024-08-06T14:00,20"))
    assert lake.landing.is_empty("congestion")
