"""The stations of the line against the recorded ones, and how the feeds' stops are told."""

import csv
import io
import zipfile
from pathlib import Path

import pytest

from transit_assets.rail.stations import STATIONS, by_uic, direction_of_number, folded, station_of


def test_names_order_and_codes_are_those_of_the_original_project(recordings: Path) -> None:
    text = (recordings / "rail/archive/relation_ordre_RER_B.csv").read_text(encoding="utf-8-sig")
    recorded = [tuple(row) for row in csv.reader(io.StringIO(text), delimiter=";")]
    assert [(station.name, str(station.order)) for station in STATIONS] == [row[:2] for row in recorded]
    north = [(name, code) for name, _, code in recorded if code]
    assert [(station.name, station.uic) for station in STATIONS if station.branch != "south"] == north


def test_every_stop_of_the_recorded_schedule_is_a_station_by_identifier_and_by_name(recordings: Path) -> None:
    with zipfile.ZipFile(recordings / "rail/gtfs/rer_b_2022-06-24_gtfs.zip") as feed:
        stops = list(csv.DictReader(io.TextIOWrapper(feed.open("stops.txt"), encoding="utf-8-sig")))
    assert len(stops) == 46
    for stop in stops:
        by_id, by_name = station_of(stop["stop_id"]), station_of(None, stop["stop_name"])
        assert by_id is not None
        assert by_id is by_name
        assert by_id.name == stop["stop_name"]


def test_the_last_digit_of_a_code_checks_the_five_before_it() -> None:
    for code in [code for station in STATIONS for code in (station.uic, *station.other_uics)]:
        doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(code[2:7])]
        assert -sum(digit - 9 if digit > 9 else digit for digit in doubled) % 10 == int(code[-1]), code


def test_no_two_stations_share_a_code_a_place_or_a_name() -> None:
    codes = [code for station in STATIONS for code in (station.uic, *station.other_uics)]
    areas = [station.area for station in STATIONS if station.area]
    assert len(set(codes)) == len(codes)
    assert len(set(areas)) == len(areas)
    assert [station.order for station in STATIONS] == list(range(1, 48))
    names = {(folded(name), station.uic) for station in STATIONS for name in (station.name, *station.spellings)}
    assert len({name for name, _ in names}) == len(names)


@pytest.mark.parametrize(
    "identifier",
    [
        "87271007",
        "stop_area:SNCF:87271007",
        "StopPoint:OCETransilien-87271007",
        "StopArea:OCE87271007",
        "IDFM:71410",
        "stop_area:IDFM:71410",
        "STIF:StopArea:SP:71410:",
        "87271031",
    ],
)
def test_a_station_is_told_by_the_identifiers_of_all_feeds(identifier: str) -> None:
    assert station_of(identifier) is by_uic("87271007")


@pytest.mark.parametrize(
    "identifier", ["IDFM:monomodalStopPlace:71410", "STIF:StopPoint:Q:71410:", "IDFM:714100", "872710071", "", None]
)
def test_a_number_that_counts_something_else_is_no_station(identifier: str | None) -> None:
    assert station_of(identifier) is None


@pytest.mark.parametrize(
    ("name", "uic"),
    [
        ("GARE DU NORD", "87271007"),
        ("Paris-Nord", "87271007"),
        ("Gare de la Courneuve–Aubervilliers", "87271304"),
        ("Chatelet - Les Halles", "87758607"),
        ("St-Rémy-lès-Chevreuse RER", "87758896"),
        ("Aéroport Charles-de-Gaulle 1", "87271460"),
        ("Aéroport CDG2 TGV", "87001479"),
        ("Nord", None),
    ],
)
def test_names_are_compared_without_accents_case_and_punctuation(name: str, uic: str | None) -> None:
    found = station_of("IDFM:monomodalStopPlace:1", name)
    assert (found.uic if found else None) == uic


@pytest.mark.parametrize(
    ("number", "direction"),
    [("PITO44", "south"), ("IPOI01", "north"), ("147346", "south"), ("147347", "north"), ("PITO", None), (None, None)],
)
def test_even_numbers_go_south_and_odd_ones_north(number: str | None, direction: str | None) -> None:
    assert direction_of_number(number) == direction
