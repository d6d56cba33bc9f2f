"""The arcs that have counters: invented, but like those of Paris."""

import re

import numpy as np

from transit_assets.simulator.streets import MOST_ARCS, RING, arcs

CITY = arcs(7)


def test_three_thousand_arcs_have_numbers_of_their_own():
    assert len(set(CITY.arc_id.tolist())) == MOST_ARCS == len(CITY.name)
    assert all(re.fullmatch(r"[0-9]{3,4}", arc_id) for arc_id in CITY.arc_id.tolist())


def test_names_are_spelt_as_the_provider_does():
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z_-]+", name) for name in CITY.name)
    assert 0.1 < (CITY.renamed_at > 0).mean() < 0.3


def test_most_arcs_lie_in_paris_and_the_ring_road_around_it():
    assert ((CITY.lat > 48.80) & (CITY.lat < 48.92) & (CITY.lon > 2.24) & (CITY.lon < 2.44)).all()
    away = np.hypot((CITY.lat - 48.8575) * 111.3, (CITY.lon - 2.342) * 73.2)
    assert away[CITY.kind == RING].min() > 3.5
    assert set(CITY.district.tolist()) == set(range(20))


def test_the_two_directions_of_a_stretch_share_nodes_and_run_against_each_other():
    for there, back in zip(range(0, 600, 2), range(1, 600, 2), strict=True):
        if CITY.is_reverse[back]:
            assert (CITY.upstream[there], CITY.downstream[there]) == (CITY.downstream[back], CITY.upstream[back])
            lines = [CITY.shape[arc]["geometry"]["coordinates"] for arc in (there, back)]
            assert lines[0][0] == lines[1][-1]
            assert lines[0][-1] == lines[1][0]


def test_an_arc_ends_where_the_next_one_of_its_street_begins():
    joined = 0
    for arc in range(594):
        following = arc + (1 if not CITY.is_reverse[arc - arc % 6 : arc - arc % 6 + 6].any() else 2)
        if CITY.street[following] == CITY.street[arc] and not CITY.is_reverse[arc]:
            joined += 1
            assert CITY.downstream[arc] == CITY.upstream[following]
    assert joined > 200


def test_a_node_has_one_number_and_one_name():
    names: dict[str, set[str]] = {}
    for number, name in (*CITY.upstream, *CITY.downstream):
        names.setdefault(number, set()).add(name)
    assert all(len(found) == 1 for found in names.values())
