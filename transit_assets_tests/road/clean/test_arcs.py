"""Arcs: where they are, what they are called when, and that every format describes them alike."""

import json
import struct
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from transit_assets.road.clean.arcs import arcs
from transit_assets.road.clean.geometry import line
from transit_assets.road.clean.records import DESCRIPTION
from transit_assets.road.clean.zones import zones_of
from transit_assets.road.schema import ARC_DESCRIPTIONS, ARCS
from transit_assets_tests.road.payloads import (
    LINE,
    answer,
    answered,
    descriptions,
    export,
    exported,
    historic,
    history,
)

MAY = date(2019, 5, 1)
PLACED = {"latitude": 48.87, "longitude": 2.305, "geometry": json.dumps(LINE, separators=(",", ":"))}


def described(*payloads: bytes) -> dict[str, Any]:
    (row,) = descriptions(*payloads)[MAY].rows
    return row


def wkb(*points: tuple[float, float]) -> bytes:
    return struct.pack("<BII", 1, 2, len(points)) + b"".join(struct.pack("<dd", *point) for point in points)


def test_every_format_describes_an_arc_alike() -> None:
    ours, theirs = described(export(exported())), described(answer(answered()))
    assert {name: ours[name] for name in DESCRIPTION} == {name: theirs[name] for name in DESCRIPTION}
    assert ours.items() >= PLACED.items()
    assert ours["bearing_degrees"] == pytest.approx(90)


def test_history_knows_no_places() -> None:
    row = described(history(historic()))
    assert (row["name"], row["upstream_node_id"], row["downstream_node_id"]) == ("AV_Champs_Elysees", "2294", "2293")
    assert [row[name] for name in (*PLACED, "bearing_degrees")] == [None] * 4


def test_the_latest_hour_of_a_payload_describes_the_month() -> None:
    rows = [historic("2019-05-02 13:00:00", libelle="new"), historic("2019-05-01 13:00:00", libelle="old")]
    found = descriptions(history(*rows))[MAY]
    assert [row["name"] for row in found.rows] == ["new"]
    assert (found.landed, found.duplicates, found.conflicts) == (2, 1, 1)


def test_what_repeats_is_counted_and_no_conflict() -> None:
    found = descriptions(history(*(historic(f"2019-05-01 {hour}:00:00") for hour in range(10, 20))))[MAY]
    assert (len(found.rows), found.duplicates, found.conflicts) == (1, 9, 0)


def test_an_export_describes_before_history() -> None:
    assert described(export(exported(libelle="export")), history(historic(libelle="history")))["name"] == "export"


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"geo_point_2d": "nowhere"}, "latitude_is_a_number"),
        ({"geo_point_2d": "0, 0"}, "latitude_minimum"),
        ({"geo_shape": "{"}, "geometry_is_a_line"),
        ({"geo_shape": '{"type": "Point", "coordinates": [2, 48]}'}, "geometry_is_a_line"),
        ({"geo_shape": '{"type": "LineString", "coordinates": [[900, 48]]}'}, "geometry_is_a_line"),
        ({"iu_ac": ""}, "arc_id_is_known"),
    ],
)
def test_a_description_that_cannot_be_is_put_aside(said: dict[str, str], rule: str) -> None:
    found = descriptions(export(exported(), exported(**said)))[MAY]
    assert [(row["row_number"], row["broken_rules"][0]) for row in found.broken] == [(1, rule)]


@pytest.mark.parametrize(
    ("end", "degrees"), [((2.3, 48.9), 0), ((2.31, 48.87), 90), ((2.3, 48.8), 180), ((2.29, 48.87), 270)]
)
def test_a_line_has_the_direction_of_its_ends(end: tuple[float, float], degrees: float) -> None:
    written = {"type": "LineString", "coordinates": [[2.3, 48.87], [2.4, 48.7], list(end)]}
    assert line(json.dumps(written)).bearing == pytest.approx(degrees, abs=0.01)
    assert line(wkb((2.3, 48.87), end)).bearing == pytest.approx(degrees, abs=0.01)


def test_a_line_that_ends_where_it_began_has_no_direction() -> None:
    assert line(wkb((2.3, 48.87), (2.31, 48.87), (2.3, 48.87))).bearing is None


@pytest.mark.parametrize("written", ["null", "", None, '{"type": "Feature", "geometry": null}'])
def test_an_arc_may_have_no_line(written: str | None) -> None:
    assert line(written) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "latitude", "longitude"),
    [
        ("Paris 1er", 48.8606, 2.3376),  # the Louvre
        ("Paris 7e", 48.8584, 2.2945),  # the Eiffel Tower
        ("Paris 8e", 48.87154, 2.30172),  # arc 4264
        ("Paris 12e", 48.8360, 2.4330),  # the Bois de Vincennes
        ("Paris 18e", 48.8867, 2.3431),  # the Sacré-Cœur
        ("Paris 20e", 48.8614, 2.3933),  # the Père-Lachaise
        (None, 48.8049, 2.1204),  # Versailles
        (None, float("nan"), float("nan")),
    ],
)
def test_a_place_is_in_its_arrondissement(name: str | None, latitude: float, longitude: float) -> None:
    assert zones_of(np.array([latitude]), np.array([longitude])) == [name]


def test_arrondissements_leave_no_gaps_and_do_not_overlap() -> None:
    generator = np.random.default_rng(7)
    inside = (generator.uniform(48.848, 48.885, 5000), generator.uniform(2.30, 2.385, 5000))
    assert None not in zones_of(*inside)


def months(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Arcs built from descriptions, each with its month and what differs from the first."""
    first = {"arc_id": "4264", "name": "AV_Champs_Elysees", "upstream_node_id": "2294", "source": "history_csv"}
    found = [first | {"payload_sha256": "0" * 64} | row for row in rows]
    return arcs(pa.Table.from_pylist(found, schema=ARC_DESCRIPTIONS.schema)).to_pylist()


def test_months_that_say_the_same_are_one_period() -> None:
    (period,) = months(*({"month": date(2019, number, 1)} for number in (3, 1, 2)))
    assert (period["valid_from"], period["valid_to"]) == (date(2019, 1, 1), None)


@pytest.mark.parametrize("said", [{"name": "Av_des_Champs_Elysees"}, {"upstream_node_id": "2300"}])
def test_another_name_or_node_opens_a_period(said: dict[str, str]) -> None:
    first, second = months({"month": date(2019, 1, 1)}, {"month": date(2019, 5, 1)} | said)
    assert (first["valid_to"], second["valid_from"], second["valid_to"]) == (date(2019, 5, 1), date(2019, 5, 1), None)
    assert second.items() >= said.items()


def test_a_field_that_a_month_leaves_out_stays() -> None:
    (period,) = months({"month": date(2019, 1, 1)}, {"month": date(2019, 2, 1), "name": None})
    assert period["name"] == "AV_Champs_Elysees"


def test_a_place_that_only_exports_know_holds_for_every_period() -> None:
    placed = {"name": "new", **PLACED, "bearing_degrees": 90.0}
    found = months({"month": date(2019, 1, 1)}, {"month": date(2019, 5, 1)} | placed, {"month": date(2019, 9, 1)})
    assert [(period["name"], period["latitude"], period["zone"]) for period in found] == [
        ("AV_Champs_Elysees", 48.87, "Paris 8e"),
        ("new", 48.87, "Paris 8e"),
        ("AV_Champs_Elysees", 48.87, "Paris 8e"),
    ]
    assert {period["geometry"] for period in found} == {PLACED["geometry"]}


def test_without_descriptions_there_are_no_arcs() -> None:
    assert arcs(ARC_DESCRIPTIONS.schema.empty_table()) == ARCS.schema.empty_table()


def test_every_recorded_arc_has_a_place_and_a_direction(recordings: Path) -> None:
    found = descriptions(recordings / "road/payloads/ods_v21_results_2026-06-21.json")[date(2026, 6, 1)]
    assert (len(found.rows), found.broken) == (100, [])
    assert all(row["geometry"] and row["bearing_degrees"] is not None and row["latitude"] for row in found.rows)


def test_the_places_of_a_recorded_export_that_are_written_otherwise_are_read(recordings: Path) -> None:
    """72 of its records have `;` for every comma of their place and line."""
    found = descriptions(recordings / "road/archive/export/champs_elysees_2021-12_to_2023-01.csv")
    assert sum(len(one.broken) for one in found.values()) == 0
    assert sum(one.landed for one in found.values()) == 9834
