"""What the marts of the road say, held against a plain reading of the same hours."""

import datetime as dt
import random
import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from transit_assets.dbt_lake import build, mart_tables
from transit_assets.lake import Lake, Period, Table
from transit_assets.road.schema import ARC_DESCRIPTIONS, ARCS, COUNTS_HOURLY
from transit_assets_tests.dbt.conftest import PARIS

MARCH, OCTOBER, LONG_AGO = dt.date(2023, 3, 1), dt.date(2023, 10, 1), dt.date(2021, 5, 1)
SPRING_FORWARD, FALL_BACK = dt.date(2023, 3, 26), dt.date(2023, 10, 29)
ARC_ZONES = {"4264": "Paris 8e", "4265": "Paris 8e", "376": "Paris 4e", "5672": None}
HOUR = dt.timedelta(hours=1)
ROAD = ["marts.road"]
MARTS = {table.name: table for table in mart_tables() if table.domain == "road"}

Row = dict[str, Any]


def count(arc: str, at: dt.datetime, flow: float | None, occupancy: float | None, **more: Any) -> Row:
    """One row of `counts_hourly`."""
    bands = ((15, "fluid"), (30, "pre_saturated"), (50, "saturated"), (101, "blocked"))
    level = "unknown" if occupancy is None else next(name for below, name in bands if occupancy < below)
    return {
        "month": at.astimezone(PARIS).date().replace(day=1),
        "arc_id": arc,
        "hour_start_at": at,
        "flow_veh_per_hour": flow,
        "occupancy_percent": occupancy,
        "level": level,
        "level_of_occupancy": level,
        "arc_state": "invalid",
        "source": "ods_v21",
        "payload_sha256": "0" * 64,
    } | more


def hours_of(month: dt.date) -> list[dt.datetime]:
    """The instants at which the hours of a Paris month start."""
    start, end = (
        dt.datetime.combine(day, dt.time(), PARIS).astimezone(dt.UTC) for day in (month, Period.MONTH.after(month))
    )
    return [start + number * HOUR for number in range((end - start) // HOUR)]


def irregular_counts(month: dt.date, seed: int) -> list[Row]:
    """Counts with silence, hours that are missing, congestion, and an arc that dies in the month."""
    chance = random.Random(seed)
    rows = []
    for arc in ARC_ZONES:
        for number, at in enumerate(hours_of(month)):
            if chance.random() < 0.05 or (arc == "376" and number > 400):
                continue
            is_silent = chance.random() < (0.6 if arc == "5672" else 0.1)
            flow = None if is_silent else float(chance.randrange(0, 2000))
            occupancy = None if is_silent or chance.random() < 0.05 else chance.choice([0.0, 3.25, 14.9, 30.0, 41.7])
            rows.append(count(arc, at, flow, occupancy))
    return rows


def stored(table: Table, rows: Iterable[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=table.schema)


def fill(lake: Lake, rows: list[Row], arcs: Iterable[str] = tuple(ARC_ZONES)) -> None:
    """Interim tables of the months of these rows; each arc is described in each of them."""
    months = sorted({row["month"] for row in rows})
    lake.table(COUNTS_HOURLY).replace(stored(COUNTS_HOURLY, rows), months)
    made = {"source": "ods_v21", "payload_sha256": "0" * 64}
    described = [{"month": month, "arc_id": arc, "name": f"Arc {arc}"} | made for month in months for arc in arcs]
    lake.table(ARC_DESCRIPTIONS).replace(stored(ARC_DESCRIPTIONS, described), months)
    known = [{"arc_id": a, "valid_from": months[0], "name": f"Arc {a}", "zone": ARC_ZONES.get(a)} for a in arcs]
    lake.table(ARCS).rebuild(lambda: stored(ARCS, known))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, list[Row]]:
    """A lake whose marts were built from two months with a clock change, and one of two years before."""
    lake = Lake.at(tmp_path_factory.mktemp("road") / "lake")
    rows = [row for seed, month in enumerate((MARCH, OCTOBER)) for row in irregular_counts(month, seed)]
    rows += [count("4264", at, 9999.0, 99.0) for at in hours_of(LONG_AGO)[:48]]
    fill(lake, random.Random(5).sample(rows, len(rows)))  # order is for the SQL to make, not to inherit
    outcome = build(lake, select=ROAD)
    assert outcome.has_passed, outcome.error
    return lake, rows


def read(lake: Lake, name: str) -> list[Row]:
    return lake.table(MARTS[name]).read().to_pylist()


def day_of(row: Row) -> dt.date:
    day: dt.date = row["hour_start_at"].astimezone(PARIS).date()
    return day


def known(rows: Iterable[Row], name: str) -> list[float]:
    return [row[name] for row in rows if row[name] is not None]


def mean(values: list[float]) -> float | None:
    return statistics.fmean(values) if values else None


def about(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-9)


def test_every_hour_of_an_axis_is_there_with_its_clock_in_paris(built: tuple[Lake, list[Row]]) -> None:
    lake, rows = built
    found = {(row["arc_id"], row["hour_start_at"]): row for row in read(lake, "axis_hourly")}
    assert len(found) == len(rows)
    for row in rows:
        hour = found[row["arc_id"], row["hour_start_at"]]
        assert (hour["day"], hour["local_hour"]) == (day_of(row), row["hour_start_at"].astimezone(PARIS).hour)
        assert (hour["flow_veh_per_hour"], hour["occupancy_percent"], hour["level"]) == (
            *(row["flow_veh_per_hour"], row["occupancy_percent"], row["level"]),
        )


def test_a_day_of_an_axis_is_what_its_hours_say_on_days_of_any_length(built: tuple[Lake, list[Row]]) -> None:
    lake, rows = built
    by_day: dict[tuple[str, dt.date], list[Row]] = defaultdict(list)
    for row in rows:
        by_day[row["arc_id"], day_of(row)].append(row)
    lengths = {SPRING_FORWARD: 23, FALL_BACK: 25}
    found = {(row["arc_id"], row["day"]): row for row in read(lake, "axis_daily")}
    assert set(found) == set(by_day)
    for (arc, day), hours in by_day.items():
        flows, occupancies = known(hours, "flow_veh_per_hour"), known(hours, "occupancy_percent")
        coverage = len(flows) / lengths.get(day, 24)
        assert found[arc, day]["coverage"] == about(coverage), (arc, day)
        assert found[arc, day]["vehicles_counted"] == (sum(flows) if flows else None)
        assert found[arc, day]["flow_mean"] == about(mean(flows) if coverage >= 0.5 else None)
        assert found[arc, day]["flow_peak"] == (max(flows) if coverage >= 0.5 else None)
        is_known = len(occupancies) / lengths.get(day, 24) >= 0.5
        assert found[arc, day]["occupancy_mean"] == about(mean(occupancies) if is_known else None)
        assert found[arc, day]["hours_congested"] == sum(one >= 30 for one in occupancies)


def test_a_zone_is_what_its_arcs_say_and_tells_how_many_were_seen(built: tuple[Lake, list[Row]]) -> None:
    lake, rows = built
    by_hour: dict[tuple[str, dt.datetime], list[Row]] = defaultdict(list)
    by_day: dict[tuple[str, dt.date], list[Row]] = defaultdict(list)
    for row in rows:
        zone = ARC_ZONES[row["arc_id"]] or "unknown"
        by_hour[zone, row["hour_start_at"]].append(row)
        by_day[zone, day_of(row)].append(row)
    arcs = {zone: sum((one or "unknown") == zone for one in ARC_ZONES.values()) for zone, _ in by_hour}

    hourly = {(row["zone"], row["hour_start_at"]): row for row in read(lake, "zone_hourly")}
    assert set(hourly) == set(by_hour)
    for place, found in hourly.items():
        flows, occupancies = (known(by_hour[place], name) for name in ("flow_veh_per_hour", "occupancy_percent"))
        assert (found["arcs"], found["arcs_seen"]) == (arcs[place[0]], len(flows))
        assert found["flow_total"] == (sum(flows) if flows else None)
        assert found["flow_mean"] == about(mean(flows))
        assert found["congested_share"] == about(mean([float(one >= 30) for one in occupancies]))

    daily = {(row["zone"], row["day"]): row for row in read(lake, "zone_daily")}
    assert set(daily) == set(by_day)
    for place, found in daily.items():
        flows, occupancies = (known(by_day[place], name) for name in ("flow_veh_per_hour", "occupancy_percent"))
        seen = {row["arc_id"] for row in by_day[place] if row["flow_veh_per_hour"] is not None}
        assert (found["arcs_seen"], found["vehicles_counted"]) == (len(seen), sum(flows) if flows else None)
        assert found["flow_mean"] == about(mean(flows))
        assert found["occupancy_mean"] == pytest.approx(mean(occupancies), rel=1e-6) if occupancies else True


def test_the_usual_week_is_of_the_last_year_in_which_the_axis_measured(built: tuple[Lake, list[Row]]) -> None:
    lake, rows = built
    week: dict[tuple[str, int, int], list[Row]] = defaultdict(list)
    for row in rows:
        local = row["hour_start_at"].astimezone(PARIS)
        if row["month"] != LONG_AGO:
            week[row["arc_id"], local.isoweekday(), local.hour].append(row)
    found = {(row["arc_id"], row["weekday"], row["local_hour"]): row for row in read(lake, "axis_profile")}
    assert set(found) == set(week)
    for place, hours in week.items():
        flows = known(hours, "flow_veh_per_hour")
        assert found[place]["flow_median"] == about(statistics.median(flows) if flows else None)
        assert (found[place]["hours"], found[place]["hours_observed"]) == (len(hours), len(flows))


def test_a_counter_is_dead_from_its_last_value_on(lake: Lake) -> None:
    hours = hours_of(OCTOBER)
    rows = [count("4264", at, 100.0, 5.0) for at in hours]
    rows += [count("376", at, 100.0 if number in (0, 5, 9) else None, None) for number, at in enumerate(hours)]
    rows += [count("5672", at, None, None) for at in hours[3:9]]
    fill(lake, [row for row in rows if row["hour_start_at"] not in (hours[7], hours[20])])
    assert build(lake, select=ROAD).has_passed
    found = {row["arc_id"]: row for row in read(lake, "sensor_health")}
    assert (found["4264"]["longest_gap_hours"], found["4264"]["dead_since"]) == (1, None)
    assert found["376"]["longest_gap_hours"] == 4  # hours 1 to 4; hours 6 to 8, one of them missing, are three
    assert (found["376"]["last_value_at"], found["376"]["dead_since"]) == (hours[9], hours[10])
    assert found["376"]["null_flow_share"] == pytest.approx(1 - 3 / (len(hours) - 2))
    assert (found["5672"]["longest_gap_hours"], found["5672"]["dead_since"]) == (None, hours[3])


def test_counts_of_an_arc_whose_description_is_in_quarantine_stay_in_the_zones(lake: Lake) -> None:
    rows = [count(arc, at, 100.0, 10.0) for arc in ("4264", "376") for at in hours_of(OCTOBER)[:24]]
    fill(lake, rows, ["4264"])
    assert build(lake, select=ROAD).has_passed
    found = {row["zone"]: row for row in read(lake, "zone_daily")}
    assert {zone: (row["vehicles_counted"], row["arcs"]) for zone, row in found.items()} == {
        "Paris 8e": (2400.0, 1),
        "unknown": (2400.0, 1),
    }


def test_congestion_is_told_in_runs_that_end_at_midnight_and_at_unknown_hours(lake: Lake) -> None:
    start = dt.datetime(2023, 10, 3, 20, tzinfo=PARIS).astimezone(dt.UTC)
    occupancies = [10.0, 30.0, 50.0, 40.0, 35.0, 29.9, 31.0, None, 60.0]  # from 20 to 4 o'clock
    rows = [count("4264", start + number * HOUR, 100.0, one) for number, one in enumerate(occupancies)]
    fill(lake, rows, ["4264"])
    assert build(lake, select=ROAD).has_passed
    found = [
        (row["day"].day, row["first_local_hour"], row["hours"], row["occupancy_mean"], row["ended_at"])
        for row in read(lake, "congestion_hours")
    ]
    assert found == [
        (3, 21, 3, 40.0, start + 4 * HOUR),
        (4, 0, 1, 35.0, start + 5 * HOUR),
        (4, 2, 1, 31.0, start + 7 * HOUR),
        (4, 4, 1, 60.0, start + 9 * HOUR),
    ]


BY_MONTH = [table for table in MARTS.values() if table.partition_by == "month"]


def test_a_day_of_a_month_builds_its_month_whole_and_no_other(built: tuple[Lake, list[Row]], lake: Lake) -> None:
    _, rows = built
    fill(lake, rows)
    assert build(lake, select=ROAD).has_passed
    before = {table.name: lake.table(table).read() for table in MARTS.values()}
    for month in (MARCH, OCTOBER):
        lake.table(COUNTS_HOURLY).replace(stored(COUNTS_HOURLY, []), [month])
    outcome = build(lake, "2023-10-15", "2023-10-15", ROAD)
    assert outcome.has_passed, outcome.error
    assert {mart.relation: list(mart.rows) for mart in outcome.marts if None not in mart.rows} == {
        table.relation: ["2023-10-01"] for table in BY_MONTH
    }
    for table in BY_MONTH:
        held = lake.table(table).read()
        assert held == before[table.name].filter(pc.less(before[table.name]["month"], OCTOBER)), table.relation
        assert lake.ledger.latest(table.relation, "committed")["2023-10-01"].kept_rows == 0


def test_a_range_of_days_of_bikes_names_the_months_of_the_road(lake: Lake) -> None:
    fill(lake, irregular_counts(OCTOBER, 3)[:500])
    assert build(lake, "2023-09-30", "2023-10-02", ROAD).has_passed
    for table in BY_MONTH:
        assert sorted(lake.ledger.latest(table.relation, "committed"), key=str) == ["2023-09-01", "2023-10-01"]
    tested = {one.partition for one in lake.ledger.latest_checks() if one.relation == MARTS["axis_hourly"].relation}
    assert tested == {"2023-09-01", "2023-10-01"}
