"""Calls of the fire brigade, and vehicles sent to them, as the interim tables hold them."""

import datetime as dt
import random
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from transit_assets.fire.schema import INCIDENTS, MOBILISATIONS, STATIONS
from transit_assets.lake import Lake, Period, Table

LONDON = ZoneInfo("Europe/London")
MARCH, OCTOBER, EMPTY, LONG_AGO = (dt.date(*day) for day in ((2017, 3, 1), (2017, 10, 1), (2017, 6, 1), (2015, 5, 1)))
MOVED = dt.date(2016, 1, 1)  # until then each station stood elsewhere
CLOSED = "Belsize"  # its calls are of two years before
GROUNDS = {  # ground: borough, ward, easting, northing of its station
    "Battersea": ("Wandsworth", "E05000626", 527_261, 175_827),
    "Clapham": ("Lambeth", "E05000416", 529_300, 175_400),
    "Ruislip": ("Hillingdon", "E05000338", 509_800, 187_300),
    None: (None, None, None, None),
}
REASONS = {5: "Address incomplete/wrong", 9: "Traffic, roadworks, etc", 12: "Not held up"}

Row = dict[str, Any]


def month_of(at: dt.datetime) -> dt.date:
    return at.astimezone(LONDON).date().replace(day=1)


def call(number: str, at: dt.datetime, ground: str | None, first: int | None, **more: Any) -> Row:
    """One row of `incidents`; the ground's own pump came first."""
    borough, ward, easting, northing = GROUNDS.get(ground, GROUNDS[None])
    return {
        "month": month_of(at),
        "incident_number": number,
        "called_at": at,
        "borough": borough,
        "borough_code": borough and f"code of {borough}",
        "ward_code": ward,
        "ward": ward and f"ward {ward}",
        "station_ground": ground,
        "easting_m": easting,
        "northing_m": northing,
        "first_pump_attendance_seconds": first,
        "first_pump_station": None if first is None else ground,
        "pumps_attending": None if first is None else 1,
        "source": "lfb_incidents_csv",
        "payload_sha256": "0" * 64,
    } | more


def vehicle(number: str, incident: Row, attendance: int, **more: Any) -> Row:
    """One row of `mobilisations`, sent half a minute after the call was taken and gone for good."""
    sent = incident["called_at"] + dt.timedelta(seconds=30)
    return {
        "month": incident["month"],
        "mobilisation_id": number,
        "incident_number": incident["incident_number"],
        "is_derived": False,
        "mobilised_at": sent,
        "arrived_at": sent + dt.timedelta(seconds=attendance),
        "attendance_seconds": attendance,
        "station": incident["station_ground"],
        "source": "lfb_mobilisations_csv",
        "payload_sha256": "0" * 64,
    } | more


def instants_of(month: dt.date, chance: random.Random, number: int) -> list[dt.datetime]:
    """Instants of a London month at random, its first second, its last, and those around a change of the clock."""
    start, end = (
        dt.datetime.combine(day, dt.time(), LONDON).astimezone(dt.UTC) for day in (month, Period.MONTH.after(month))
    )
    change = {MARCH: dt.datetime(2017, 3, 26, 1, tzinfo=dt.UTC), OCTOBER: dt.datetime(2017, 10, 29, 1, tzinfo=dt.UTC)}
    turn, second = change.get(month, start + (end - start) / 2), dt.timedelta(seconds=1)
    chosen = [start + second * chance.randrange(int((end - start).total_seconds())) for _ in range(number)]
    return [*chosen, start, end - second, turn - second, turn, turn + dt.timedelta(minutes=59)]


def irregular_calls(month: dt.date, seed: int, number: int = 900) -> list[Row]:
    """Calls without a time, a place or a ground; with a second pump, timed or not; a first pump sent from afar."""
    chance = random.Random(seed)
    rows = []
    for serial, at in enumerate(instants_of(month, chance, number)):
        ground = chance.choices([*GROUNDS], [40, 30, 25, 5])[0]
        first = chance.randrange(60, 700) + (200 if ground == "Ruislip" else 0) if chance.random() < 0.9 else None
        row = call(f"{month:%y%m}-{serial}", at, ground, first)
        if row["easting_m"]:
            row["easting_m"] += chance.randrange(-60, 60) * 50
            row["northing_m"] += chance.randrange(-60, 60) * 50
        if first is not None and chance.random() < 0.4:
            is_timed = chance.random() < 0.8
            row["second_pump_attendance_seconds"] = chance.randrange(100, 900) if is_timed else None
            row["pumps_attending"] = chance.choice([1, None]) if is_timed and chance.random() < 0.1 else 2
        if first is not None and chance.random() < 0.2:
            row["first_pump_station"] = chance.choice([one for one in GROUNDS if one])
        rows.append(row)
    return rows


def irregular_vehicles(calls: Iterable[Row], seed: int) -> list[Row]:
    """Records with times that are missing or out of order, reasons of delay, and rows derived from incidents."""
    chance = random.Random(seed)
    rows = []
    for incident in calls:
        first = incident["first_pump_attendance_seconds"]
        if first is None:
            continue
        row = vehicle(f"{incident['incident_number']}/1", incident, first, station=incident["first_pump_station"])
        if chance.random() < 0.2:
            rows.append(row | {"is_derived": True, "mobilised_at": None, "arrived_at": None})
            continue
        turnout = min(first, 80) if chance.random() < 0.9 else None
        sent = row["mobilised_at"]
        row |= {
            "turnout_seconds": turnout,
            "travel_seconds": None if turnout is None else first - turnout,
            "left_at": sent + dt.timedelta(seconds=chance.randrange(900, 5000)) if chance.random() < 0.95 else None,
            "returned_at": sent + dt.timedelta(seconds=chance.randrange(-60, 8000)) if chance.random() < 0.3 else None,
            "station_code": f"code of {row['station']}" if row["station"] else None,
            "deployed_from": chance.choice(["Home Station", "Home Station", "Other Station", None]),
        }
        code = chance.choices([None, 0, 5, 9, 12], [60, 5, 1, 20, 14])[0]
        row |= {"delay_code": code, "delay_reason": REASONS.get(code) if code else None}
        rows.append(row)
    return rows


def stored(table: Table, rows: Iterable[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=table.schema)


def fill(lake: Lake, calls: Sequence[Row], vehicles: Sequence[Row] = (), empty: Sequence[dt.date] = ()) -> None:
    """Interim tables of the months of these rows, and of some in which nothing happened."""
    months = sorted({*(row["month"] for row in calls), *empty})
    lake.table(INCIDENTS).replace(stored(INCIDENTS, calls), months)
    lake.table(MOBILISATIONS).replace(stored(MOBILISATIONS, vehicles), months)
    made = {"source": "lfb_stations_csv", "valid_from": MOVED}
    known = [
        made | {"station": name, "easting_m": easting, "northing_m": northing}
        for name, (_, _, easting, northing) in GROUNDS.items()
        if name
    ]
    known += [one | {"valid_from": LONG_AGO, "valid_to": MOVED, "easting_m": 520_000.0} for one in known]
    lake.table(STATIONS).rebuild(lambda: stored(STATIONS, known))
