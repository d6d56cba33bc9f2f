"""The calendar says what the official files say, and when it was known."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from transit_assets.context.calendar import FIRST_DAY, LAST_DAY, CalendarDays, calendar_of_days
from transit_assets.context.calendar.archive import import_files
from transit_assets.context.calendar.bank_holidays import UnknownFormat, decode
from transit_assets.context.calendar.london import RULE_OF_THUMB, london_school_holidays
from transit_assets.context.calendar.schema import CALENDAR_DAYS
from transit_assets.context.calendar.tables import calendar_days, rebuild_days
from transit_assets.context.errors import CalendarUnknown
from transit_assets.lake import Lake
from transit_assets.lake.errors import PayloadUnreadable
from transit_assets.settings import Settings

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
    assert (load.kept_rows, load.quarantined_rows, load.duplicate_rows) == (4 * days, 0, 0)
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


EXTRA = ["2011-04-29", "2012-06-04", "2012-06-05", "2020-05-08", "2022-06-02", "2022-06-03", "2022-09-19", "2023-05-08"]
"""Bank holidays of England that were added or moved, and the Mondays that were given up for them."""
GIVEN_UP = ["2012-05-28", "2020-05-04", "2022-05-30"]


def in_london(first: date, last: date | None = None) -> CalendarDays:
    return calendar_of_days(first, last or first, "GB", "London")


@pytest.mark.parametrize("day", [*EXTRA, *GIVEN_UP])
def test_bank_holidays_that_were_added_or_moved_are_where_they_were(day: str) -> None:
    assert in_london(date.fromisoformat(day)).is_public_holiday.tolist() == [day in EXTRA]


def test_every_year_of_london_has_its_bank_holidays_and_their_substitutes() -> None:
    found = in_london(FIRST_DAY, LAST_DAY)
    on_weekdays = found.day[found.is_public_holiday & (found.weekday < 6)].tolist()
    extra = {2011: 1, 2012: 1, 2022: 2, 2023: 1}
    assert {year: sum(day.year == year for day in on_weekdays) for year in range(2009, 2040)} == {
        year: 8 + extra.get(year, 0) for year in range(2009, 2040)
    }


@pytest.mark.parametrize(
    ("day", "known_from"),
    [
        (date(2011, 4, 29), "2010-11-23"),
        (date(2022, 9, 19), "2022-09-11"),
        (date(2023, 5, 8), "2022-11-07"),
        (date(2012, 6, 5), "2011-09-01"),  # decided in January 2010
        (date(2017, 4, 14), "2016-09-01"),
        (date(2028, 12, 25), "NaT"),
    ],
)
def test_a_bank_holiday_is_not_known_before_it_was_decided(day: date, known_from: str) -> None:
    assert in_london(day).known_from.astype(str).tolist() == [known_from]


@pytest.mark.parametrize(
    ("day", "is_free", "is_published"),
    [
        (date(2018, 10, 22), True, True),
        (date(2019, 10, 21), True, True),  # the rule of thumb has the week after
        (date(2019, 10, 28), False, True),
        (date(2019, 12, 2), False, True),  # class until a holiday is told by who tells the holiday
        (date(2017, 2, 14), True, False),
        (date(2017, 3, 14), False, False),
        (date(2017, 4, 10), True, False),
        (date(2012, 6, 6), True, False),  # half-term moved with the bank holiday
        (date(2028, 8, 31), True, False),
    ],
)
def test_school_holidays_of_london_say_whether_they_are_published(day: date, is_free: bool, is_published: bool) -> None:
    school = london_school_holidays("London")
    assert in_london(day).is_school_holiday.tolist() == [is_free]
    assert (school.source(day) != RULE_OF_THUMB) == is_published


def test_no_two_holidays_of_london_overlap_and_each_is_no_longer_than_a_summer() -> None:
    found = in_london(FIRST_DAY, date(2028, 8, 31))
    changes = np.flatnonzero(found.school_holiday_name[1:] != found.school_holiday_name[:-1]) + 1
    spells = np.split(found.school_holiday_name, changes)
    lengths = [len(spell) for spell in spells[1:-1] if spell[0] is not None]
    assert (min(lengths), max(lengths)) == (9, 42)
    # A second name would follow the first without class between.
    assert not any(one[0] is not None and other[0] is not None for one, other in pairwise(spells))


def test_nothing_is_told_of_schools_of_london_after_what_is_usual() -> None:
    assert in_london(date(2028, 8, 31), date(2028, 9, 1)).is_school_known.tolist() == [True, False]


def gov_uk(**holidays: str) -> bytes:
    """gov.uk's file with these holidays, by day (`d2022_06_03`)."""
    events = [
        {"title": title, "date": day[1:].replace("_", "-"), "notes": "", "bunting": True}
        for day, title in holidays.items()
    ]
    divisions = {name: {"division": name, "events": events} for name in ("england-and-wales", "scotland")}
    return json.dumps(divisions).encode()


def of_table(lake: Lake, *days: str) -> list[dict]:
    listed = ", ".join(f"'{day}'" for day in days)
    return (
        lake.table(CALENDAR_DAYS)
        .scan(f"SELECT * FROM days WHERE day IN ({listed}) AND region = 'London' ORDER BY day")
        .to_pylist()
    )


def test_bank_holidays_of_gov_uk_that_the_library_does_not_know_join_the_table(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "bank-holidays.json"
    path.write_bytes(gov_uk(d2026_12_25="Christmas Day", d2026_12_14="Day of the Test"))
    now = Settings(_env_file=None, now=datetime(2026, 11, 22, 23, 30, tzinfo=UTC))  # type: ignore[call-arg]
    (found,) = import_files(lake, [path], now)
    assert (found.format, found.rows, found.partitions) == ("gov_uk_bank_holidays_json", 2, ("2026-01-01",))
    load = rebuild_days(lake)
    assert load.quarantined_rows == 0
    easter, added, christmas, boxing, after = of_table(
        lake, "2026-04-06", "2026-12-14", "2026-12-25", "2026-12-26", "2027-01-01"
    )
    assert (easter["is_public_holiday"], easter["known_from"]) == (False, date(2026, 4, 6))  # bounded by the day itself
    assert (added["public_holiday_name"], added["known_from"]) == ("Day of the Test", date(2026, 11, 22))
    assert (christmas["public_holiday_name"], christmas["known_from"]) == ("Christmas Day", date(2026, 9, 1))
    assert boxing["is_public_holiday"]  # a Saturday, which gov.uk does not list
    assert {day["public_holiday_source"] for day in (easter, added, christmas)} == {"gov.uk bank-holidays.json"}
    assert after["public_holiday_source"].startswith("holidays ")


@pytest.mark.parametrize(
    ("payload", "error", "message"),
    [
        (b'{"scotland": {}}', UnknownFormat, "gov.uk's bank holidays"),
        (b'{"england-and-wales": {"events": [{"title": 3}]}}', PayloadUnreadable, "england-and-wales cannot be read"),
        (gov_uk(), PayloadUnreadable, "no holiday of england-and-wales"),
        (gov_uk(d1999_12_31="Eve"), PayloadUnreadable, "1999-12-31.*2009 to 2039"),
    ],
)
def test_what_is_no_list_of_bank_holidays_is_refused(payload: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        decode(payload)
