"""The whole way of the recordings: from files to tables, with every record accounted for."""

from datetime import date
from pathlib import Path

import pytest

from transit_assets.fire.archive import import_files
from transit_assets.fire.clean.incidents import incidents
from transit_assets.fire.clean.mobilisations import mobilisations
from transit_assets.fire.clean.stations import CLOSED
from transit_assets.fire.landed import FEEDS_OF, WITH_INSTANTS, landed_by_month, payloads_of
from transit_assets.fire.schema import INCIDENTS, MOBILISATIONS, STATIONS
from transit_assets.fire.tables import rebuild_stations
from transit_assets.lake import Lake, Load
from transit_assets.quality.load import load
from transit_assets.settings import Settings

SETTINGS = Settings(_env_file=None)


def built(lake: Lake) -> dict[str, list[Load]]:
    """Both monthly tables, loaded from what has landed."""
    loads = {}
    for table, clean in ((INCIDENTS, incidents), (MOBILISATIONS, mobilisations)):
        feeds = FEEDS_OF[table.relation]
        prints = lake.landing.fingerprints("fire", feeds, with_instants=WITH_INSTANTS)
        found = landed_by_month(lake, feeds, sorted(prints))
        loads[table.name] = load(lake, table, (clean(date.fromisoformat(m), one, prints[m]) for m, one in found))
        counted = payloads_of(table)(lake, sorted(prints))
        assert [counted[one.partition or ""].records for one in loads[table.name]] == [
            one.landed_rows for one in loads[table.name]
        ]
    return loads


@pytest.fixture(scope="module")
def loaded(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dict[str, list[Load]]]:
    """A lake with every recorded file of calls, vehicles and stations, and the loads of its monthly tables."""
    lake = Lake.at(tmp_path_factory.mktemp("fire") / "lake")
    folder = recordings / "fire"
    paths = [*sorted((folder / "archive").iterdir()), *sorted((folder / "reference").glob("lfb_station*.csv"))]
    import_files(lake, paths, SETTINGS)
    return lake, built(lake)


def test_no_recorded_row_disappears_without_a_reason(loaded: tuple[Lake, dict[str, list[Load]]]) -> None:
    _, tables = loaded
    for loads in tables.values():
        assert {one.outcome for one in loads} == {"committed"}
        for one in loads:
            assert one.landed_rows == (one.kept_rows or 0) + (one.duplicate_rows or 0) + (one.quarantined_rows or 0)
    assert sum(one.kept_rows or 0 for one in tables["incidents"]) == 32_247 + 20
    assert sum(one.landed_rows or 0 for one in tables["mobilisations"]) == 30_428 + 11_966 + 42
    assert sum(one.quarantined_rows or 0 for loads in tables.values() for one in loads) == 0


def test_recorded_calls_without_a_time_have_none(loaded: tuple[Lake, dict[str, list[Load]]]) -> None:
    lake, _ = loaded
    query = """
        SELECT count(*) FILTER (first_pump_attendance_seconds IS NULL) AS untimed, count(*) FILTER (borough IS NULL)
            AS unplaced, count(*) FILTER (is_over_the_border) AS over, count(DISTINCT borough) AS boroughs
        FROM incidents WHERE month >= DATE '2017-01-01'
    """
    (row,) = lake.table(INCIDENTS).scan(query).to_pylist()
    assert row == {"untimed": 1819, "unplaced": 178, "over": 169, "boroughs": 33}


def test_stations_stand_where_files_say_and_ten_are_closed(loaded: tuple[Lake, dict[str, list[Load]]]) -> None:
    lake, _ = loaded
    done = rebuild_stations(lake, run_id="run")
    assert (done.outcome, done.kept_rows, done.quarantined_rows, done.run_id) == ("committed", 119, 0, "run")
    rows = {row["station"]: row for row in lake.table(STATIONS).read().to_pylist()}
    assert {name for name, row in rows.items() if row["valid_to"] == date(2014, 1, 9)} == set(CLOSED)
    norwood = rows["West Norwood"]  # the file's own latitude and longitude are 600 km off
    assert (round(norwood["latitude"], 2), round(norwood["longitude"], 2)) == (51.43, -0.11)
    assert (rows["Enfield"]["borough"], rows["Enfield"]["easting_m"]) == ("Enfield", 534_836.0)
    assert rows["Battersea"]["station_code"] == "H27"
    assert rows["Fordbridge"]["latitude"] is None


def test_without_files_a_station_stands_in_the_middle_of_its_calls(lake: Lake, recordings: Path) -> None:
    import_files(lake, [recordings / "fire/archive/lfb_incidents_2017-01_to_04.parquet"], SETTINGS)
    built(lake)
    rebuild_stations(lake)
    rows = lake.table(STATIONS).read().to_pylist()
    assert {row["source"] for row in rows} == {"incidents"}
    assert len(rows) == 102  # all grounds but that over the border
    assert all(51.2 < row["latitude"] < 51.75 for row in rows)


def test_stations_of_an_empty_lake_are_none(lake: Lake) -> None:
    assert rebuild_stations(lake).kept_rows == 0
