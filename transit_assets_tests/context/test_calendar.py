"""The calendar says what the official files say, and when it was known."""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from transit_assets.context.calendar import FIRST_DAY, LAST_DAY, CalendarDays, calendar_of_days
from transit_assets.context.calendar.schema import CALENDAR_DAYS
from transit_assets.context.calendar.tables import calendar_days, rebuild_days
from transit_assets.context.errors import CalendarUnknown
from transit_assets.lake import Lake

LAST_CLASSES = {date(2019, 5, 29), date(2020, 5, 20), date(2021, 7, 6), date(2022, 7, 7)}
REGION_OF_ZONE = {"Zone A": "Zone A", "Zone B": "Zone B", "Zone C": "Paris"}


def of(day: date, region: str = "Paris") -> CalendarDays:
    return calendar_of_days(day, day, region=region)


def days_between(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def free_days(path: Path, zone: str) -> set[date]:
    """Free days of the pupils of a zone in the ministry's file; it has the zones from autumn 2017 on."""
    free: set[date] = set()
    with path.open() as lines:
        for row in csv.DictReader(lines, delimiter=";"):
            is_of_pupils = row["population"] in ("-", "Élèves") and not row["description"].startswith("Début")
            if row["zones"] == zone and is_of_pupils:
                first, back = (date.fromisoformat(row[name][:10]) for name in ("start_date", "end_date"))
                free |= set(days_between(first, back - timedelta(days=1)))
    return free


def test_every_recorded_public_holiday_is_one_and_no_other_day(recordings: Path) -> None:
    with (recordings / "context/france_public_holidays.csv").open() as lines:
        recorded = {date.fromisoformat(row["date"]) for row in csv.DictReader(lines)}
    found = calendar_of_days(FIRST_DAY, date(max(recorded).year, 12, 31))
    assert set(found.day[found.is_public_holiday].tolist()) == {day for day in recorded if day >= FIRST_DAY}


@pytest.mark.parametrize("zone", sorted(REGION_OF_ZONE))
def test_every_recorded_day_of_school_holidays_agrees(recordings: Path, zone: str) -> None:
    """The file differs in two ways only, in all three zones alike.

    A holiday that begins on a working day begins after class, and the file counts that day. Of the bridge of Ascension
    it has, from 2022 on, not the public holiday and the weekend beside it, on which nobody has class anyway.
    """
    recorded = free_days(recordings / "context/france_school_calendar.csv", zone)
    last = date(2026, 7, 3)  # of the summer of 2026 the file has the first day alone
    found = calendar_of_days(min(recorded), last, region=REGION_OF_ZONE[zone])
    ours = set(found.day[found.is_school_holiday].tolist())
    assert recorded - ours == LAST_CLASSES
    names = dict(zip(found.day.tolist(), found.school_holiday_name.tolist(), strict=True))
    assert {names[day] for day in ours - recorded} == {"Pont de l'Ascension"}
    assert ours - recorded <= set(found.day[found.is_public_holiday | (found.weekday >= 6)].tolist())
    assert len(ours - recorded) == 11


@pytest.mark.parametrize(
    ("day", "is_holiday"),
    [
        (date(2010, 2, 19), False),
        (date(2010, 2, 20), True),
        (date(2014, 7, 14), True),
        (date(2016, 11, 2), True),
        (date(2017, 9, 3), True),  # the last day that the first library tells of
        (date(2017, 9, 4), False),
        (date(2023, 5, 19), True),
        (date(2026, 11, 21), False),
    ],
)
def test_school_holidays_reach_over_both_libraries(day: date, is_holiday: bool) -> None:
    assert of(day).is_school_holiday.tolist() == [is_holiday]


def test_the_spring_of_2021_is_the_one_that_was_and_was_not_known_before() -> None:
    """It was moved a week before it began; planned for zone C was 17 April to 2 May."""
    for region in REGION_OF_ZONE.values():
        found = calendar_of_days(date(2021, 4, 9), date(2021, 4, 26), region=region)
        assert found.is_school_holiday.tolist() == [False] + 16 * [True] + [False]
        assert found.known_from[1:].astype(str).tolist() == 17 * ["2021-04-01"]
    assert of(date(2021, 4, 9)).known_from.astype(str).tolist() == ["2020-09-01"]


@pytest.mark.parametrize(
    ("day", "known_from"),
    [
        (date(2021, 9, 2), "2020-12-16"),
        (date(2022, 8, 31), "2020-12-16"),
        (date(2022, 9, 1), "2021-07-11"),
        (date(2013, 1, 5), "2012-09-01"),  # not recorded: bounded by the first day of the school year
        (date(2028, 8, 31), "2026-07-28"),
        (date(2028, 9, 1), "NaT"),
    ],
)
def test_a_day_is_known_from_the_publication_of_its_school_year(day: date, known_from: str) -> None:
    assert of(day).known_from.astype(str).tolist() == [known_from]


def test_nothing_is_known_of_schools_beyond_what_is_published() -> None:
    found = calendar_of_days(date(2028, 8, 31), date(2028, 12, 31))
    assert found.is_school_known.tolist() == [True] + 122 * [False]
    assert not found.is_school_holiday[1:].any()
    assert found.is_public_holiday.sum() == 3


@pytest.mark.parametrize(
    ("day", "is_bridge"),
    [
        (date(2024, 5, 10), True),  # Friday after Ascension
        (date(2023, 11, 10), False),  # Friday before a holiday on Saturday
        (date(2025, 11, 10), True),  # Monday before 11 November
        (date(2024, 5, 9), False),  # the holiday itself
        (date(2018, 5, 9), True),  # Wednesday between 8 May and Ascension
        (date(2024, 5, 11), False),  # a weekend is free anyway
    ],
)
def test_a_bridge_is_a_working_day_between_free_ones(day: date, is_bridge: bool) -> None:
    assert of(day).is_bridge_day.tolist() == [is_bridge]


def test_weekdays_are_those_of_python() -> None:
    found = calendar_of_days(FIRST_DAY, LAST_DAY)
    assert found.weekday.tolist() == [day.isoweekday() for day in found.day.tolist()]
    assert len(found) == (LAST_DAY - FIRST_DAY).days + 1


def test_what_is_shared_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        of(FIRST_DAY).is_public_holiday[:] = True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((date(2008, 12, 31), date(2009, 1, 1)), "2008-12-31 to 2009-01-01 is not a range of days from 2009-01-01"),
        ((LAST_DAY, LAST_DAY + timedelta(days=1)), "is not a range of days"),
        ((date(2020, 1, 2), date(2020, 1, 1)), "is not a range of days"),
        ((FIRST_DAY, FIRST_DAY, "FR", "Lyon"), r"no calendar of Lyon \(FR\); there is Paris \(FR\)"),
    ],
)
def test_what_nobody_knows_is_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(CalendarUnknown, match=message):
        calendar_of_days(*arguments)


def test_the_table_has_every_day_of_every_region_and_breaks_no_rule(lake: Lake) -> None:
    load = rebuild_days(lake, run_id="a-run")
    days = len(calendar_of_days(FIRST_DAY, LAST_DAY))
    assert (load.kept_rows, load.quarantined_rows, load.duplicate_rows) == (3 * days, 0, 0)
    rows = lake.table(CALENDAR_DAYS).scan(
        "SELECT * FROM days WHERE day IN ('2017-07-14', '2024-05-10', '2028-10-02') AND region = 'Paris' ORDER BY day"
    )
    first, bridge, unknown = rows.to_pylist()
    assert (first["public_holiday_name"], first["school_holiday_name"]) == ("Fête nationale", "Vacances d'été")
    assert first["school_holiday_source"] == "vacances-scolaires-france"
    assert (bridge["is_bridge_day"], bridge["is_public_holiday"], bridge["weekday"]) == (True, False, 5)
    assert bridge["school_holiday_source"].startswith("holidays ")
    assert (unknown["is_school_holiday"], unknown["known_from"], unknown["school_holiday_source"]) == (None, None, None)


def test_the_table_says_what_the_lookup_says() -> None:
    rows = calendar_days()
    found = calendar_of_days(FIRST_DAY, LAST_DAY, region="Zone B")
    of_b = rows.filter(np.array(rows["region"].to_pylist()) == "Zone B")
    assert of_b["is_public_holiday"].to_pylist() == found.is_public_holiday.tolist()
    assert of_b["day"].to_pylist() == found.day.tolist()
