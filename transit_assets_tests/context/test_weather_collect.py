"""The weather of a month is fetched once, as far as the plan allows, and built like everything that lands."""

from datetime import UTC, date, datetime, timedelta

import pytest

from transit_assets.context.places import PLACES, Place, place_named
from transit_assets.context.weather.collect import collect, missing
from transit_assets.context.weather.schema import WEATHER_HOURLY
from transit_assets.feeds import visual_crossing
from transit_assets.lake import Lake
from transit_assets.settings import Settings
from transit_assets_tests.context.test_weather_hourly import load_months, rows

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
MARCH, FEBRUARY = date(2026, 3, 1), date(2026, 2, 1)
PARIS = place_named("paris")
assert PARIS is not None


def at(now: datetime, **changes: object) -> Settings:
    return Settings(_env_file=None, **{"feeds": "simulated", "now": now, **changes})  # type: ignore[arg-type]


def test_a_month_of_every_place_lands_and_loads(lake: Lake) -> None:
    landed = collect(lake, at(NOW), FEBRUARY)
    assert [fetch.outcome for fetch in landed] == ["landed"] * len(PLACES)
    (load,) = load_months(lake, ["2026-02-01"])
    assert (load.kept_rows, load.quarantined_rows) == (2 * 28 * 24, 0)
    assert {fetch.partitions for fetch in landed} == {("2026-02-01",)}
    assert {row["is_forecast"] for row in rows(lake)} == {False}


def test_what_is_held_is_not_asked_for_again(lake: Lake) -> None:
    collect(lake, at(NOW), FEBRUARY)
    assert collect(lake, at(NOW + timedelta(days=1)), FEBRUARY) == []


def test_a_running_month_has_its_past_and_a_forecast_that_grows_into_it(lake: Lake) -> None:
    landed = collect(lake, at(NOW), MARCH, [PARIS])
    assert [fetch.url.split("?")[0].split("/")[-2:] for fetch in landed] == [
        ["2026-03-01", "2026-03-09"],
        ["2026-03-10", "2026-03-24"],
    ]
    load_months(lake, ["2026-03-01"])
    found = rows(lake)
    assert len(found) == 24 * 24 - 1  # to midnight of 24 March in Paris
    over = [row for row in found if row["hour_start_at"] + timedelta(hours=1) <= NOW]
    assert {row["is_forecast"] for row in over} == {False}
    assert {row["known_at"] for row in found[len(over) :]} == {NOW}
    assert collect(lake, at(NOW + timedelta(minutes=20)), MARCH, [PARIS]) == []
    later = collect(lake, at(NOW + timedelta(days=2)), MARCH, [PARIS])
    assert [fetch.url.split("?")[0].split("/")[-2:] for fetch in later] == [
        ["2026-03-10", "2026-03-11"],
        ["2026-03-12", "2026-03-26"],
    ]
    load_months(lake, ["2026-03-01"])
    assert sum(not row["is_forecast"] for row in rows(lake)) == len(over) + 48


def test_months_fetched_one_after_the_other_do_not_hide_what_is_missing(lake: Lake) -> None:
    """A month of the past, fetched this very hour, was taken for a recent forecast."""
    collect(lake, at(NOW), FEBRUARY, [PARIS])
    assert len(collect(lake, at(NOW), MARCH, [PARIS])) == 2


@pytest.mark.parametrize(
    ("now", "place", "month", "wanted"),
    [
        # The last local day that begins in the month is needed for its last hours, where clocks are ahead of UTC.
        ("2026-09-01T00:00Z", "paris", "2026-07-01", [("2026-07-01", "2026-08-01")]),
        ("2026-09-01T00:00Z", "london", "2026-07-01", [("2026-07-01", "2026-08-01")]),
        ("2026-09-01T00:00Z", "london", "2026-01-01", [("2026-01-01", "2026-01-31")]),
        ("2026-03-01T12:00Z", "paris", "2026-03-01", [("2026-03-01", "2026-03-15")]),
        ("2026-03-31T12:00Z", "paris", "2026-03-01", [("2026-03-01", "2026-03-30"), ("2026-03-31", "2026-04-01")]),
        ("2026-03-02T00:30Z", "london", "2026-03-01", [("2026-03-01", "2026-03-15")]),
        ("2026-02-01T12:00Z", "paris", "2026-03-01", []),
    ],
)
def test_days_of_a_month_are_those_of_the_place(
    now: str, place: str, month: str, wanted: list[tuple[str, str]]
) -> None:
    found = place_named(place)
    assert found is not None
    ranges = missing(found, date.fromisoformat(month), [], datetime.fromisoformat(now))
    assert [(str(first), str(last)) for first, last in ranges] == wanted


def test_the_plan_of_the_provider_bounds_a_day(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 records are four days of history; the rest follows on later days."""
    simulated = at(NOW, visualcrossing_daily_records=100)
    monkeypatch.setattr("transit_assets.context.weather.collect._NO_LIMIT", 100)
    landed = collect(lake, simulated, FEBRUARY, [PARIS])
    assert [fetch.url.split("?")[0].split("/")[-2:] for fetch in landed] == [["2026-02-01", "2026-02-04"]]
    left = 100 - visual_crossing.records_spent(lake, landed[0].provider, NOW.date())
    assert left == 4
    assert missing(PARIS, FEBRUARY, landed, NOW) == [(date(2026, 2, 5), date(2026, 3, 1))]


def test_a_lake_of_real_data_gets_no_simulated_weather(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    lake.landing.claim("real")
    assert collect(lake, at(NOW), FEBRUARY) == []
    assert "holds real data" in caplog.text


@pytest.mark.parametrize(
    ("text", "place"),
    [("London, England, United Kingdom", "london"), ("PARIS", "paris"), ("Londonderry", None), (None, None)],
)
def test_a_place_is_known_by_the_beginning_of_its_address(text: str | None, place: str | None) -> None:
    found: Place | None = place_named(text)
    assert (found.name if found else None) == place


def test_the_table_has_the_places() -> None:
    (column,) = [column for column in WEATHER_HOURLY.columns if column.name == "place"]
    assert column.values == tuple(place.name for place in PLACES)
