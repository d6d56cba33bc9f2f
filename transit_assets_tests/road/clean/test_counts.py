"""Counts of a month: what is kept of several sources, what is put aside, and that nothing is lost."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from transit_assets.road.clean import counts as module
from transit_assets_tests.road.payloads import answer, answered, counts, export, exported, historic, history

MAY = date(2019, 5, 1)


def flows(*payloads: bytes) -> list[tuple[float, str]]:
    return [(row["flow_veh_per_hour"], row["source"]) for row in counts(*payloads)[MAY].rows]


def test_an_export_wins_over_history_whichever_came_first() -> None:
    payloads = [export(exported(q=1)), history(historic(q=2))]
    assert flows(*payloads) == flows(*payloads[::-1]) == [(1, "export_csv")]


def test_an_answer_of_the_api_wins_over_history() -> None:
    assert flows(answer(answered(q=1)), history(historic(q=2))) == [(1, "ods_v21")]


@pytest.mark.parametrize("make", [lambda q: history(historic(q=q)), lambda q: export(exported(q=q))])
def test_the_later_of_two_payloads_wins(make: Any) -> None:
    assert flows(make(1), make(2))[0][0] == 2
    assert flows(make(2), make(1))[0][0] == 1


def test_the_later_record_of_a_payload_wins() -> None:
    assert flows(history(historic(q=1), historic(q=2))) == [(2, "history_csv")]


def test_a_duplicate_that_says_the_same_is_no_conflict() -> None:
    found = counts(history(historic(), historic(), historic(k="12.6")), export(exported()))[MAY]
    assert (found.landed, len(found.rows), found.duplicates, found.conflicts) == (4, 1, 3, 1)


@pytest.mark.parametrize("rows", [0, 3, 10])
def test_a_month_that_many_polls_repeat_is_folded_as_it_is_read(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Polls of the last days would hold a month of Paris many times in memory."""
    said = [1, 1, 2, 2, 1, 1, -1, -1, 1]
    polls = [answer(*(answered(f"2019-05-01T{hour}:00:00+02:00", q=q) for hour in (13, 14))) for q in said]
    extract = history(historic(q=5), historic("2019-05-01 15:00:00", q=6))
    whole = counts(*polls, extract)[MAY]
    monkeypatch.setattr(module, "_FOLD_ROWS", rows)
    folded = counts(*polls, extract)[MAY]
    assert folded.rows == whole.rows
    assert (folded.landed, folded.duplicates, folded.broken) == (whole.landed, whole.duplicates, whole.broken)
    assert [row["flow_veh_per_hour"] for row in folded.rows] == [1, 1, 6]


@pytest.mark.parametrize(
    ("percent", "level"),
    [
        ("0", "fluid"),
        ("14.99999", "fluid"),
        ("15.0", "pre_saturated"),
        ("29.9", "pre_saturated"),
        ("30", "saturated"),
        ("49.9", "saturated"),
        ("50", "blocked"),
        ("100", "blocked"),
        ("", "unknown"),
    ],
)
def test_occupancy_has_a_level(percent: str, level: str) -> None:
    (row,) = counts(history(historic(k=percent)))[MAY].rows
    assert row["level_of_occupancy"] == level


@pytest.mark.parametrize(
    ("number", "word", "level"),
    [
        ("0", "Inconnu", "unknown"),
        ("1", "Fluide", "fluid"),
        ("2", "Pré-saturé", "pre_saturated"),
        ("3", "Saturé", "saturated"),
        ("4", "Bloqué", "blocked"),
        ("", None, None),
    ],
)
def test_numbers_of_history_and_words_of_exports_are_the_same_levels(number: str, word: str, level: str) -> None:
    for payload in (history(historic(etat_trafic=number)), export(exported(etat_trafic=word))):
        assert [row["level"] for row in counts(payload)[MAY].rows] == [level]


@pytest.mark.parametrize(
    ("number", "word", "state"),
    [("0", "Inconnu", "unknown"), ("1", "Ouvert", "open"), ("2", "Barré", "closed"), ("3", "Invalide", "invalid")],
)
def test_an_invalid_arc_is_kept_like_any_other(number: str, word: str, state: str) -> None:
    for payload in (history(historic(etat_barre=number)), export(exported(etat_barre=word))):
        assert [row["arc_state"] for row in counts(payload)[MAY].rows] == [state]


def test_a_counter_that_is_silent_is_a_row_without_figures() -> None:
    (row,) = counts(history(historic(q="", k="", etat_trafic="0")))[MAY].rows
    assert (row["flow_veh_per_hour"], row["occupancy_percent"], row["level"]) == (None, None, "unknown")


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"q": "-1"}, "flow_veh_per_hour_minimum"),
        ({"q": "20001"}, "flow_veh_per_hour_maximum"),
        ({"q": "many"}, "flow_veh_per_hour_is_a_number"),
        ({"q": "17,5"}, "flow_veh_per_hour_is_a_number"),
        ({"k": "-0.1"}, "occupancy_percent_minimum"),
        ({"k": "100.1"}, "occupancy_percent_maximum"),
        ({"k": "inf"}, "occupancy_percent_is_a_number"),
        ({"etat_trafic": "Dense"}, "level_is_known"),
        ({"etat_trafic": "7"}, "level_is_known"),
        ({"etat_barre": "Fermé"}, "arc_state_is_known"),
        ({"iu_ac": "Champs"}, "arc_id_shape"),
        ({"iu_ac": ""}, "arc_id_is_known"),
    ],
)
@pytest.mark.parametrize("make", [lambda *rows: history(*map(historic_of, rows)), lambda *rows: export(*map(of, rows))])
def test_a_value_that_cannot_be_is_put_aside_with_its_rule(make: Any, said: dict[str, str], rule: str) -> None:
    found = counts(make({}, said))[MAY]
    assert len(found.rows) == 1
    assert [(row["row_number"], row["broken_rules"][0]) for row in found.broken] == [(1, rule)]


def historic_of(said: dict[str, str]) -> dict[str, Any]:
    return historic(**said)


def of(said: dict[str, str]) -> dict[str, Any]:
    return exported(**said)


def test_what_is_wrong_with_a_place_leaves_the_count_alone() -> None:
    assert counts(export(exported(geo_point_2d="nowhere", geo_shape="{")))[MAY].broken == []


@pytest.mark.parametrize(("year", "duplicates"), [(2018, 0), (2019, 120), (2022, 0), (2023, 744)])
def test_the_duplicates_of_the_recorded_years_are_counted(recordings: Path, year: int, duplicates: int) -> None:
    found = counts(recordings / f"road/archive/history/champs_elysees_{year}.csv").values()
    assert sum(one.duplicates for one in found) == duplicates
    assert sum(len(one.broken) for one in found) == 1  # the hour that March leaves out


def test_the_provider_and_the_bands_agree_on_every_recorded_level(recordings: Path) -> None:
    path = recordings / "road/archive/export/champs_elysees_2024-10_to_2025-11.csv"
    rows = [row for found in counts(path).values() for row in found.rows]
    assert len(rows) == 8770
    assert all(row["level"] == row["level_of_occupancy"] for row in rows)
