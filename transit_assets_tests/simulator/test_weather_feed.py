"""The simulated weather is spoken as Visual Crossing speaks it."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from transit_assets.simulator import Request, Response, respond
from transit_assets.simulator.weather import temperature_celsius
from transit_assets.simulator.weather_feed import PATH

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)


def ask(path: str, instant: datetime = NOW, **query: str) -> Response:
    return respond(Request(f"{PATH}/{path}", instant, query=query))


def answer(path: str, instant: datetime = NOW, **query: str) -> dict[str, Any]:
    response = ask(path, instant, **query)
    assert response.status == 200, response.body
    return json.loads(response.body)


def hours(path: str, instant: datetime = NOW, **query: str) -> list[dict[str, Any]]:
    return [hour for day in answer(path, instant, **query)["days"] for hour in day["hours"]]


def test_an_answer_has_the_names_of_the_recorded_one(recordings) -> None:
    real = json.loads((recordings / "context/visualcrossing_timeline_london_2024-07-06.json").read_bytes())
    ours = answer("london/2026-02-01/2026-02-02", unitGroup="metric")
    assert set(real) - set(ours) == {"description"}
    assert set(ours["days"][0]) - set(real["days"][0]) == {"hours", "source"}
    names = set(ours["days"][0]["hours"][0]) - {"source"}
    assert names <= set(real["days"][0]) | {"stations"}
    assert (ours["timezone"], ours["tzoffset"], len(ours["days"])) == ("Europe/London", 0.0, 2)


def test_the_weather_is_the_one_that_the_city_has() -> None:
    found = hours("48.8566,2.3522/2026-02-01/2026-02-07", unitGroup="metric")
    at = np.array([float(hour["datetimeEpoch"]) for hour in found])
    assert [hour["temp"] for hour in found] == np.round(temperature_celsius(7, at), 1).tolist()
    assert any(hour["precip"] for hour in found)
    assert {hour["source"] for hour in found} == {"obs"}
    assert [hour["temp"] for hour in hours("london/2026-02-01/2026-02-07")] != [hour["temp"] for hour in found]


@pytest.mark.parametrize(("day", "count"), [("2025-03-30", 23), ("2025-10-26", 25), ("2025-07-01", 24)])
def test_a_day_on_which_the_clock_changes_has_another_length(day: str, count: int) -> None:
    found = hours(f"paris/{day}/{day}", datetime(2026, 1, 1, tzinfo=UTC))
    epochs = [hour["datetimeEpoch"] for hour in found]
    assert len(epochs) == count
    assert set(np.diff(epochs)) == {3600}


def test_a_forecast_is_not_the_truth_and_gets_better() -> None:
    path = "paris/2026-03-08/2026-03-10"
    truth = hours(path, datetime(2026, 4, 1, tzinfo=UTC), unitGroup="metric")
    errors = []
    for day in (3, 7):
        forecast = hours(path, datetime(2026, 3, day, tzinfo=UTC), unitGroup="metric")
        assert {hour["source"] for hour in forecast} == {"fcst"}
        errors.append(np.mean([abs(one["temp"] - other["temp"]) for one, other in zip(forecast, truth, strict=True)]))
    assert errors[0] > errors[1] > 0


def test_the_units_are_those_asked_for_and_us_without_asking() -> None:
    path = "paris/2026-02-01/2026-02-01"
    metric, us = hours(path, unitGroup="metric"), hours(path)
    assert [hour["temp"] for hour in us] == pytest.approx([hour["temp"] * 1.8 + 32 for hour in metric], abs=0.2)
    uk, base = hours(path, unitGroup="uk"), hours(path, unitGroup="base")
    assert [hour["windspeed"] for hour in uk] == pytest.approx([hour["windspeed"] / 1.609 for hour in metric], abs=0.1)
    assert [hour["temp"] for hour in base] == pytest.approx([hour["temp"] + 273.15 for hour in metric], abs=0.11)


@pytest.mark.parametrize(
    ("days", "cost"), [("2026-02-01/2026-02-07", 168), ("2026-03-02/2026-03-16", 1), ("2026-03-01/2026-03-02", 25)]
)
def test_a_query_costs_records(days: str, cost: int) -> None:
    assert answer(f"paris/{days}", include="hours")["queryCost"] == cost


def test_csv_is_the_wall_clock_with_the_names_of_csv() -> None:
    body = ask("london/2026-02-01/2026-02-01", contentType="csv", include="hours").body.decode()
    rows = list(csv.DictReader(io.StringIO(body)))
    assert [row["datetime"] for row in rows][:2] == ["2026-02-01T00:00:00", "2026-02-01T01:00:00"]
    assert len(rows) == 24
    assert "sealevelpressure" in rows[0]
    assert "datetimeEpoch" not in rows[0]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("oslo/2026-02-01", {}),
        ("59.9,10.7/2026-02-01", {}),
        ("paris/yesterday-ish", {}),
        ("paris/2026-02-02/2026-02-01", {}),
        ("paris/2020-02-02/2026-02-01", {}),
        ("paris/2026-02-02", {"unitGroup": "furlongs"}),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(path: str, query: dict[str, str]) -> None:
    assert ask(path, **query).status == 400


def test_nothing_is_served_above_the_timeline() -> None:
    assert respond(Request("/VisualCrossingWebServices/rest/services", NOW)).status == 404
