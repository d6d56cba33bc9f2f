"""Row rules of the bikes: what can never be true of a station."""

from datetime import timedelta
from typing import Any

import pytest

from transit_assets.bikes.clean.information import station_information
from transit_assets.bikes.clean.zones import zone_of
from transit_assets.bikes.schema import STATION_INFORMATION
from transit_assets_tests.bikes.payloads import DAY, NOON, described, gbfs, poll, polled, ruled, station


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (station(num_bikes_available=-1), "bikes_minimum"),
        (station(num_bikes_available=5000), "bikes_maximum"),
        (station(num_docks_available=-3), "docks_free_minimum"),
        (station("12"), "station_code_shape"),
        (station("abc"), "station_code_shape"),
        (station(reported_at=NOON + timedelta(hours=2)), "reported_at_not_after_poll"),
        (station(reported_at=NOON - timedelta(days=9 * 365)), "reported_at_since_opening"),
    ],
)
def test_an_impossible_report_is_put_aside_with_its_rule(bad: dict[str, Any], rule: str) -> None:
    found = polled((NOON, gbfs([station("10004"), bad])))
    assert [row["station_code"] for row in found.rows] == ["10004"]
    assert [row["broken_rules"] for row in found.broken] == [[rule]]


def test_relay_stations_have_codes_of_their_own() -> None:
    assert len(polled((NOON, gbfs([station("10020_relais", station_id=5)]))).rows) == 1


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (described(lat=0.0, lon=0.0), "latitude_minimum"),
        (described(lat=2.35, lon=48.87), "latitude_minimum"),
        (described(lat=None), "coordinates_together"),
        (described(capacity=-1), "capacity_minimum"),
    ],
)
def test_an_impossible_description_is_put_aside_with_its_rule(bad: dict[str, Any], rule: str) -> None:
    found = ruled(STATION_INFORMATION, station_information(DAY, [poll(gbfs([bad]))]))
    assert found.rows == []
    assert rule in found.broken[0]["broken_rules"]


@pytest.mark.parametrize(
    ("code", "commune", "zone"),
    [
        ("1001", None, ("Paris 1er", "station_code")),
        ("20117", None, ("Paris 20e", "station_code")),
        ("12507", "Paris", ("Paris 12e", "station_code")),
        ("43001", None, ("Vincennes", "station_code")),
        ("43001", "Fontenay-sous-Bois", ("Fontenay-sous-Bois", "provider")),
        ("99999", None, (None, None)),
        ("99999", "Paris", ("Paris", "provider")),
        ("record:" + "a" * 40, None, (None, None)),
        (None, None, (None, None)),
    ],
)
def test_the_zone_is_the_commune_or_what_the_number_tells(
    code: str | None, commune: str | None, zone: tuple[str | None, str | None]
) -> None:
    assert zone_of(code, commune) == zone
