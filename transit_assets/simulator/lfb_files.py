"""The London Fire Brigade's files as it writes them: CSV in UTF-8 without quotes where none are needed.

Columns, order and habits are those of the published files: `NULL` beside empty cells, whole numbers with `.0`, blanks
after a kind of place, no exact place nor postcode of a dwelling. Instants of mobilisations are GMT, as the brigade's
own dictionary has it; a call's date and time are London's.
"""

from collections.abc import Sequence
from datetime import date
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transit_assets.simulator.fire import NO_DELAY, Calls, Vehicles
from transit_assets.simulator.london import local_of, london, proper_case
from transit_assets.simulator.noise import Floats, Ints, uniform
from transit_assets.simulator.premises import FALSE_ALARM, FIRE, GROUPS, SERVICES, SPECIAL, kinds

INCIDENT_HEADER = (
    "IncidentNumber,DateOfCall,CalYear,TimeOfCall,HourOfCall,IncidentGroup,StopCodeDescription,SpecialServiceType,"
    "PropertyCategory,PropertyType,AddressQualifier,Postcode_full,Postcode_district,UPRN,USRN,IncGeo_BoroughCode,"
    "IncGeo_BoroughName,ProperCase,IncGeo_WardCode,IncGeo_WardName,IncGeo_WardNameNew,Easting_m,Northing_m,"
    "Easting_rounded,Northing_rounded,Latitude,Longitude,FRS,IncidentStationGround,FirstPumpArriving_AttendanceTime,"
    "FirstPumpArriving_DeployedFromStation,SecondPumpArriving_AttendanceTime,SecondPumpArriving_DeployedFromStation,"
    "NumStationsWithPumpsAttending,NumPumpsAttending,PumpCount,PumpMinutesRounded,Notional Cost (£),NumCalls\n"
)
MOBILISATION_HEADER = (
    "IncidentNumber,CalYear,HourOfCall,ResourceMobilisationId,Resource_Code,PerformanceReporting,DateAndTimeMobilised,"
    "DateAndTimeMobile,DateAndTimeArrived,TurnoutTimeSeconds,TravelTimeSeconds,AttendanceTimeSeconds,DateAndTimeLeft,"
    "DateAndTimeReturned,DeployedFromStation_Code,DeployedFromStation_Name,DeployedFromLocation,PumpOrder,"
    "PlusCode_Code,PlusCode_Description,DelayCodeId,DelayCode_Description\n"
)
_UNPLACED = "NOT GEO-CODED"
_UNPLACED_CODE = "E00000000"
_BORDER = "OverTheBorder"
_QUALIFIERS = (
    "Correct incident location",
    "Within same building",
    "In street outside gazetteer location",
    "On land associated with building",
    "In street close to gazetteer location",
    "Open land/water - nearest gazetteer location",
)
_QUALIFIER_SHARES = ((0.72, 0.96, 0.97, 1.0, 1.0), (0.03, 0.04, 0.62, 0.66, 0.9), (0.1, 0.12, 0.42, 0.68, 0.8))
_STOPS = (
    "Primary Fire",
    "Secondary Fire",
    "AFA",
    "False alarm - Good intent",
    "False alarm - Malicious",
    "Special Service",
    "Chimney Fire",
)
_DELAY_WORDS = {
    3: "At drills when mobilised",
    5: "Address incomplete/wrong",
    6: "Appliance/Equipment defect",
    7: "Arrived but held up - Other reason",
    8: "Traffic calming measures",
    9: '"Traffic, roadworks, etc"',
    10: "Weather conditions",
    11: "Mob/Radio problems when mobilised",
    12: "Not held up",
    13: "On outside duty when mobilised",
}
_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_COST_OF_AN_HOUR = 388
_TWICE = 0.002
_MISSING = "NULL"


def incidents_csv(seed: int, calls: Calls, vehicles: Vehicles) -> bytes:
    """The lines of calls, without the header."""
    day, number = calls.day, calls.number
    is_dwelling = kinds().is_dwelling[calls.kind] == 1
    luck = lambda stream: uniform(seed, f"lfb/{stream}", day, number)  # noqa: E731  one draw per call
    local = local_of(calls.called_at)
    minutes = _pump_minutes(calls, vehicles)
    is_counted = luck("counted") >= 0.002
    columns = [
        _incident_number(calls),
        _date(local, "%d %b %Y"),
        _date(local, "%Y"),
        _clock(local),
        _text(local % _DAY // 3600),
        _pick(GROUPS, calls.group),
        _pick(_STOPS, _stop(calls, luck("stop"))),
        _pick((*SERVICES, _MISSING), np.where(calls.group == SPECIAL, calls.service, len(SERVICES))),
        _pick(kinds().category, calls.kind),
        _pick([f"{name} " for name in kinds().type], calls.kind),
        _pick(_QUALIFIERS, _qualifier(calls, luck("address"))),
        *_addresses(calls, is_dwelling, luck("door")),
        *_areas(calls),
        *_places(calls, is_dwelling),
        _pick(("London", _BORDER), calls.is_over_the_border.astype(np.int64)),
        _pick((*london().station, _BORDER), np.where(calls.is_over_the_border, len(london().station), calls.ground)),
        *_pump(calls, vehicles, 1, ""),
        *_pump(calls, vehicles, 2, _MISSING),
        _float(np.where(is_counted, _stations_attending(calls, vehicles), np.nan)),
        _float(np.where(is_counted, calls.pumps, np.nan)),
        _text(calls.pumps + (luck("relief") < 0.04)),
        _float(np.where(minutes > 0, minutes, np.nan)),
        _float(np.where(minutes > 0, np.ceil(minutes * _COST_OF_AN_HOUR / 60), np.nan)),
        _float(np.where(luck("calls") < 0.001, np.nan, 1 + np.floor(0.35 / (luck("many") + 0.08)))),
    ]
    return _lines(columns)


def mobilisations_csv(seed: int, calls: Calls, vehicles: Vehicles) -> bytes:
    """The lines of vehicles sent, without the header; a few records are there twice."""
    again = np.flatnonzero(uniform(seed, "lfb/twice", vehicles.id) < _TWICE)
    order = np.sort(np.concatenate([np.arange(len(vehicles)), again]))
    sent = vehicles.take(order)
    local = local_of(calls.called_at)[sent.call]
    is_running = np.isnan(sent.turnout)
    turnout = np.where(is_running, 0, sent.turnout).astype(np.int64)
    arrived = sent.mobilised_at + sent.attendance
    left = arrived + sent.left_after
    said = uniform(seed, "lfb/said", sent.id)
    is_away = is_running | (uniform(seed, "lfb/away", sent.id) < 0.04)
    code = np.where(sent.delay == NO_DELAY, 0, sent.delay)
    words = ["", *(_DELAY_WORDS.get(number, "") for number in range(1, max(_DELAY_WORDS) + 1))]
    columns = [
        pc.take(_incident_number(calls), pa.array(sent.call)),
        _date(local, "%Y"),
        _text(local % _DAY // 3600),
        _text(sent.id),
        _joined(_pick(london().code, sent.station), _text(sent.pump)),
        _text(sent.order),
        _stamp(sent.mobilised_at),
        _stamp(sent.mobilised_at + turnout, unless=is_running),
        _stamp(arrived),
        _float(sent.turnout),
        _float(sent.travel),
        _text(sent.attendance),
        _stamp(left, unless=said < 0.017),
        _stamp(left + sent.returned_after, unless=said < 0.635),
        _pick(london().code, sent.station),
        _pick(london().station, sent.station),
        _pick(("Home Station", "Other Station"), is_away.astype(np.int64)),
        _text(sent.order),
        _pick(("Initial", "rca"), is_running.astype(np.int64)),
        _pick(("Initial Mobilisation", "Running Call"), is_running.astype(np.int64)),
        _pick(["", *(str(number) for number in range(1, max(_DELAY_WORDS) + 1))], code),
        _pick(words, code),
    ]
    return _lines(columns)


def stations_csv() -> bytes:
    """Where the stations are, header and all."""
    city = london()
    rows = [
        f"{name},{east:.2f},{north:.2f}\n"
        for name, east, north in zip(city.station, city.easting.tolist(), city.northing.tolist(), strict=True)
    ]
    return "".join(["Station_Name,Easting,Northing\n", *rows]).encode()


def _lines(columns: Sequence[pa.Array]) -> bytes:
    rows = pc.binary_join_element_wise(*columns[:-1], pc.binary_join_element_wise(columns[-1], "\n", ""), ",")
    # The texts of an array lie one after the other, so that its last buffer is the file.
    size = pc.sum(pc.binary_length(rows)).as_py() or 0
    return rows.buffers()[2].slice(0, size).to_pybytes() if size else b""


def _pick(words: Sequence[str], index: Ints) -> pa.Array:
    return pc.take(pa.array(list(words), pa.string()), pa.array(index))


def _text(values: NDArray[np.generic]) -> pa.Array:
    return pc.cast(pa.array(values), pa.string())


def _float(values: Floats, missing: str = "") -> pa.Array:
    """Whole numbers as `12.0`, NaN as what stands for it."""
    is_known = ~np.isnan(values)
    whole = _joined(_text(np.where(is_known, values, 0).astype(np.int64)), ".0")
    return pc.if_else(pa.array(is_known), whole, missing)


def _joined(*parts: "pa.Array | str") -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")


def _stamp(seconds: Ints, unless: NDArray[np.bool_] | None = None) -> pa.Array:
    """Clock times, given as seconds since 1970, as `01/07/2025 00:13:07`; nothing where they are not known."""
    found = pc.binary_join_element_wise(_date(seconds, "%d/%m/%Y"), _clock(seconds), " ")
    return found if unless is None else pc.if_else(pa.array(unless), "", found)


def _date(seconds: Ints, form: str) -> pa.Array:
    days, place = np.unique(seconds // _DAY, return_inverse=True)
    return _pick([f"{date.fromordinal(_EPOCH + day):{form}}" for day in days.tolist()], place)


def _clock(seconds: Ints) -> pa.Array:
    return pc.take(_clocks(), pa.array(seconds % _DAY))


@cache
def _clocks() -> pa.Array:
    """Every second of a day: taken from a list, times of a year's file are written in a tenth of the time."""
    return pa.array([f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}" for at in range(_DAY)])


def _incident_number(calls: Calls) -> pa.Array:
    """`000008-01012018`: the number within the day, and the day."""
    number = pc.utf8_lpad(_text(calls.number), 6, "0")
    return _joined(number, "-", _date(calls.day * _DAY, "%d%m%Y"))


def _stop(calls: Calls, luck: Floats) -> Ints:
    is_building = (kinds().is_outdoor[calls.kind] + kinds().is_vehicle[calls.kind]) == 0
    fire = np.where(luck < np.where(is_building, 0.94, 0.12), 0, 1)
    fire = np.where(is_building & (luck > 0.997), _STOPS.index("Chimney Fire"), fire)
    alarm = np.where(luck < np.where(is_building, 0.82, 0.0), 2, np.where(luck < 0.97, 3, 4))
    return np.select([calls.group == FIRE, calls.group == FALSE_ALARM], [fire, alarm], _STOPS.index("Special Service"))


def _qualifier(calls: Calls, luck: Floats) -> Ints:
    where = kinds().is_vehicle[calls.kind] + 2 * kinds().is_outdoor[calls.kind]
    return (luck[:, None] >= np.array(_QUALIFIER_SHARES)[where]).sum(axis=1)


def _addresses(calls: Calls, is_dwelling: NDArray[np.bool_], luck: Floats) -> list[pa.Array]:
    """Postcode, its district, property and street: of a dwelling the district and the street alone."""
    city = london()
    ward = city.ward_of(calls.ground, calls.easting, calls.northing)
    prefixes = _pick([city.postcodes[borough] for borough in city.borough.tolist()], calls.ground)
    district = _joined(prefixes, _text(1 + ward % 19))
    letters = [f" {number}{one}{two}" for number in range(1, 10) for one in "ABDEFGHJ" for two in "LNPQRSTU"]
    full = _joined(district, _pick(letters, (luck * len(letters)).astype(np.int64)))
    property_ = np.where(is_dwelling, 0, 10_000_000_000 + (luck * 9e10).astype(np.int64))
    street = 20_400_000 + ward * 100 + (luck * 100).astype(np.int64)
    return [
        pc.if_else(pa.array(is_dwelling), "", full),
        district,
        _float(np.where(luck < 0.075, np.nan, property_)),
        _float(np.where(luck < 0.086, np.nan, street)),
    ]


def _areas(calls: Calls) -> list[pa.Array]:
    """Borough and ward, codes and names; a call beyond London has none."""
    city = london()
    borough = np.where(calls.is_over_the_border, len(city.boroughs), city.borough[calls.ground])
    wards = city.wards
    ward = city.ward_of(calls.ground, calls.easting, calls.northing)
    ward = np.where(calls.is_over_the_border, len(wards), ward)
    unplaced = _UNPLACED.capitalize()
    codes = [f"E{5_013_000 + number:08}" for number in range(len(wards))]
    return [
        _pick([*city.borough_codes, _UNPLACED_CODE], borough),
        _pick([*(name.upper() for name in city.boroughs), _UNPLACED], borough),
        _pick([*map(proper_case, city.boroughs), unplaced], borough),
        _pick([*codes, _UNPLACED_CODE], ward),
        _pick([*(name.upper() for name in wards), unplaced], ward),
        _pick([*wards, unplaced], ward),
    ]


def _places(calls: Calls, is_dwelling: NDArray[np.bool_]) -> list[pa.Array]:
    """The place: exact but for dwellings, as the middle of its 100 m, and in degrees."""
    exact = [_float(np.where(is_dwelling, np.nan, values)) for values in (calls.easting, calls.northing)]
    rounded = [_text(values // 100 * 100 + 50) for values in (calls.easting, calls.northing)]
    # A plane around the middle of London, right to a hundred metres: readers take the rounded place.
    latitude = 51.5033 + (calls.northing - 180_000) / 111_260
    longitude = -0.1280 + (calls.easting - 530_000) / 69_420
    degrees = [pc.if_else(pa.array(is_dwelling), "", _text(np.round(values, 10))) for values in (latitude, longitude)]
    return [*exact, *rounded, *degrees]


def _pump(calls: Calls, vehicles: Vehicles, order: int, missing: str) -> list[pa.Array]:
    """Attendance time and station of the vehicle that arrived in this order."""
    chosen = vehicles.order == order
    seconds, station = np.full(len(calls), np.nan), np.full(len(calls), len(london().station))
    seconds[vehicles.call[chosen]] = vehicles.attendance[chosen]
    station[vehicles.call[chosen]] = vehicles.station[chosen]
    return [_float(seconds, missing), _pick((*london().station, missing), station)]


def _stations_attending(calls: Calls, vehicles: Vehicles) -> Floats:
    pairs = np.unique(vehicles.call * len(london().station) + vehicles.station)
    found = np.bincount(pairs // len(london().station), minlength=len(calls))
    return np.where(calls.is_timed, found, 1).astype(np.float64)


def _pump_minutes(calls: Calls, vehicles: Vehicles) -> Floats:
    """Minutes of all vehicles at the place, rounded up to quarters of an hour."""
    found = np.bincount(vehicles.call, weights=vehicles.left_after / 60.0, minlength=len(calls))
    return np.ceil(found / 15.0) * 15.0
