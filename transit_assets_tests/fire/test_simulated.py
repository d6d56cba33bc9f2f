"""What the simulated brigade publishes, through the landing into clean tables: nothing is put aside, all fits."""

from datetime import UTC, date, datetime

import duckdb
import pyarrow as pa
import pytest

from transit_assets.fire.clean.incidents import incidents
from transit_assets.fire.clean.mobilisations import mobilisations
from transit_assets.fire.landed import FEEDS_OF, WITH_INSTANTS, landed_by_month
from transit_assets.fire.polls import collect
from transit_assets.fire.schema import INCIDENTS, MOBILISATIONS
from transit_assets.lake import Lake
from transit_assets.quality.load import load
from transit_assets.settings import Settings

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
MONTHS = [date(2026, 3, 1), date(2026, 10, 1), date(2026, 11, 1)]  # with both changes of the clock
TABLES = ((INCIDENTS, incidents), (MOBILISATIONS, mobilisations))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with three months of calls."""
    found = Lake.at(tmp_path_factory.mktemp("simulated") / "lake")
    configured = Settings(_env_file=None, feeds="simulated", now=NOW, simulator_calls_per_day=40)  # type: ignore[call-arg]
    for month in MONTHS:
        collect(found, configured, month)
    for table, clean in TABLES:
        feeds = FEEDS_OF[table.relation]
        prints = found.landing.fingerprints("fire", feeds, with_instants=WITH_INSTANTS)
        months = landed_by_month(found, feeds, sorted(prints))
        loads = load(found, table, (clean(date.fromisoformat(month), rows, prints[month]) for month, rows in months))
        assert {(one.outcome, one.quarantined_rows) for one in loads} == {("committed", 0)}
        assert [one.partition for one in loads] == [month.isoformat() for month in MONTHS]
    return found


def together(lake: Lake, select: str) -> dict:
    """One row about the calls and the vehicles sent to them."""
    tables: dict[str, pa.Table] = {
        table.name: lake.table(table).scan(f"SELECT * FROM {table.name}") for table in (INCIDENTS, MOBILISATIONS)
    }
    with duckdb.connect() as connection:
        for name, rows in tables.items():
            connection.register(name, rows)
        found = connection.sql(f"SELECT {select} FROM mobilisations AS m JOIN incidents AS i USING (incident_number)")
        return dict(zip(found.columns, found.fetchone() or (), strict=True))


def test_vehicles_are_told_within_minutes_of_their_call_and_stand_in_its_month(lake: Lake):
    found = together(
        lake,
        "count(*) AS sent, sum((m.month <> i.month)::INT) AS elsewhere,"
        " min(epoch(m.mobilised_at - i.called_at)) AS soonest, max(epoch(m.mobilised_at - i.called_at)) AS latest",
    )
    assert found["sent"] > 2_000
    assert found["elsewhere"] == 0
    assert 0 < found["soonest"] < found["latest"] < 600


def test_a_vehicle_arrives_when_its_attendance_time_says(lake: Lake):
    found = together(
        lake,
        "sum((abs(epoch(m.arrived_at - m.mobilised_at) - m.attendance_seconds) > 1)::INT) AS odd,"
        " sum((m.pump_order = 1 AND m.attendance_seconds <> i.first_pump_attendance_seconds)::INT) AS other,"
        " sum(m.is_derived::INT) AS derived",
    )
    assert found == {"odd": 0, "other": 0, "derived": 0}
