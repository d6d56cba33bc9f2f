"""The whole way of the recordings: from files to tables, with every record accounted for."""

from datetime import date
from pathlib import Path

import pytest

from transit_assets.lake import Lake, Load
from transit_assets.quality.load import load
from transit_assets.road.archive import import_files
from transit_assets.road.clean.arcs import arc_descriptions
from transit_assets.road.clean.counts import counts_hourly
from transit_assets.road.landed import FEEDS_OF, WITH_INSTANTS, landed_by_month, payloads_of
from transit_assets.road.schema import ARC_DESCRIPTIONS, ARCS, COUNTS_HOURLY
from transit_assets.road.tables import rebuild_arcs
from transit_assets.settings import Settings

FEEDS = FEEDS_OF[COUNTS_HOURLY.relation]


@pytest.fixture(scope="module")
def loaded(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, list[Load], list[Load]]:
    """A lake with every recorded file of the road, and the loads of its two monthly tables."""
    lake = Lake.at(tmp_path_factory.mktemp("road") / "lake")
    paths = sorted(path for path in (recordings / "road").rglob("*") if path.is_file())
    import_files(lake, paths, Settings(_env_file=None))
    prints = lake.landing.fingerprints("road", FEEDS, with_instants=WITH_INSTANTS)
    loads = [
        load(
            lake,
            table,
            (
                clean(date.fromisoformat(month), found, prints[month])
                for month, found in landed_by_month(lake, FEEDS, sorted(prints))
            ),
        )
        for table, clean in ((COUNTS_HOURLY, counts_hourly), (ARC_DESCRIPTIONS, arc_descriptions))
    ]
    return lake, *loads


def test_no_recorded_row_disappears_without_a_reason(loaded: tuple[Lake, list[Load], list[Load]]) -> None:
    lake, *tables = loaded
    for loads in tables:
        assert {one.outcome for one in loads} == {"committed"}
        assert sum(one.landed_rows or 0 for one in loads) == 151_194
        for one in loads:
            assert one.landed_rows == (one.kept_rows or 0) + (one.duplicate_rows or 0) + (one.quarantined_rows or 0)
    counted = payloads_of(COUNTS_HOURLY)(lake, [one.partition or "" for one in tables[0]])
    assert [counted[one.partition or ""].records for one in tables[0]] == [one.landed_rows for one in tables[0]]


def test_only_the_hours_that_march_leaves_out_are_put_aside(loaded: tuple[Lake, list[Load], list[Load]]) -> None:
    _, counts, descriptions = loaded
    aside = {one.partition: one.quarantined_rows for one in counts if one.quarantined_rows}
    assert aside == {f"{year}-03-01": 1 if year < 2019 else 2 for year in range(2015, 2024)}  # one arc until 2018
    assert sum(one.quarantined_rows or 0 for one in descriptions) == 0


def test_arcs_are_rebuilt_with_their_names_over_time(loaded: tuple[Lake, list[Load], list[Load]]) -> None:
    lake, *_ = loaded
    built = rebuild_arcs(lake, run_id="run")
    assert (built.outcome, built.quarantined_rows, built.run_id) == ("committed", 0, "run")
    assert set(built.source_versions) == {ARC_DESCRIPTIONS.relation}
    arcs = lake.table(ARCS).scan("SELECT * FROM arcs ORDER BY arc_id, valid_from").to_pylist()
    assert len({row["arc_id"] for row in arcs}) == 102
    champs = [row for row in arcs if row["arc_id"] == "4264"]
    assert {row["name"] for row in champs} == {"AV_Champs_Elysees", "Av_des_Champs_Elysees"}
    assert [row["valid_from"] for row in champs][1:] == [row["valid_to"] for row in champs][:-1]
    assert {row["zone"] for row in champs} == {"Paris 8e"}
    antoine = [row for row in arcs if row["arc_id"] == "376"]
    assert {row["upstream_node_id"] for row in antoine} == {"220", "232"}
    assert {row["zone"] for row in antoine} == {"Paris 4e"}


def test_arcs_of_an_empty_lake_are_none(lake: Lake) -> None:
    assert rebuild_arcs(lake).kept_rows == 0
