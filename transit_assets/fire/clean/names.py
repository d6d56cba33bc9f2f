"""What the columns of the brigade's files are called, over the years and in the snake case of people who kept them.

Postcode_full, UPRN, USRN, Easting_m, Northing_m, Latitude and Longitude are not here: what could point to a home is
never read, so it cannot reach a table, a quarantine or a message.
"""

from collections.abc import Mapping, Sequence

from transit_assets.feeds.tables import renamed
from transit_assets.fire.clean.errors import UnknownFormat


def _known(official: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {alias.lower(): own for own, aliases in official.items() for alias in (own, *aliases)}


INCIDENTS = _known(
    {
        "incident_number": ["IncidentNumber", "ï»¿IncidentNumber"],  # a byte order mark read as Windows text
        "date_of_call": ["DateOfCall"],
        "time_of_call": ["TimeOfCall"],
        "incident_group": ["IncidentGroup"],
        "stop_code": ["StopCodeDescription", "stop_code_description"],
        "special_service_type": ["SpecialServiceType"],
        "property_category": ["PropertyCategory"],
        "property_type": ["PropertyType"],
        "address_qualifier": ["AddressQualifier"],
        "postcode_district": ["Postcode_district"],
        "borough_code": ["IncGeo_BoroughCode"],
        "borough_name": ["IncGeo_BoroughName"],
        "proper_case": ["ProperCase"],
        "ward_code": ["IncGeo_WardCode"],
        "ward_name": ["IncGeo_WardName"],
        "ward_name_new": ["IncGeo_WardNameNew"],
        "easting_rounded": [],
        "northing_rounded": [],
        "frs": [],
        "station_ground": ["IncidentStationGround", "incident_station_ground"],
        "first_pump_attendance_seconds": [
            "FirstPumpArriving_AttendanceTime",
            "first_pump_arriving_attendance_time",
        ],
        "first_pump_station": [
            "FirstPumpArriving_DeployedFromStation",
            "first_pump_arriving_deployed_from_station",
        ],
        "second_pump_attendance_seconds": [
            "SecondPumpArriving_AttendanceTime",
            "second_pump_arriving_attendance_time",
        ],
        "second_pump_station": [
            "SecondPumpArriving_DeployedFromStation",
            "second_pump_arriving_deployed_from_station",
        ],
        "stations_attending": ["NumStationsWithPumpsAttending", "num_stations_with_pumps_attending"],
        "pumps_attending": ["NumPumpsAttending", "num_pumps_attending"],
        "pump_count": ["PumpCount"],
        "pump_minutes": ["PumpMinutesRounded", "pump_minutes_rounded"],
        "pump_hours": ["PumpHoursRoundUp", "pump_hours_round_up"],
        "notional_cost_gbp": ["Notional Cost (£)", "Notional Cost (Â£)", "NotionalCost", "notional_cost"],
        "calls": ["NumCalls", "num_calls"],
    }
)
MOBILISATIONS = _known(
    {
        "incident_number": ["IncidentNumber", "ï»¿IncidentNumber"],  # a byte order mark read as Windows text
        "hour_of_call": ["HourOfCall"],
        "mobilisation_id": ["ResourceMobilisationId", "resource_mobilisation_id"],
        "resource_code": ["Resource_Code", "ResourceCode"],
        "performance_reporting": ["PerformanceReporting"],
        "mobilised_at": ["DateAndTimeMobilised", "date_and_time_mobilised"],
        "mobile_at": ["DateAndTimeMobile", "date_and_time_mobile"],
        "arrived_at": ["DateAndTimeArrived", "date_and_time_arrived"],
        "left_at": ["DateAndTimeLeft", "date_and_time_left"],
        "returned_at": ["DateAndTimeReturned", "date_and_time_returned"],
        "turnout_seconds": ["TurnoutTimeSeconds", "turnout_time_seconds"],
        "travel_seconds": ["TravelTimeSeconds", "travel_time_seconds"],
        "attendance_seconds": ["AttendanceTimeSeconds", "attendance_time_seconds"],
        "station_code": ["DeployedFromStation_Code", "deployed_from_station_code"],
        "station": ["DeployedFromStation_Name", "deployed_from_station_name"],
        "deployed_from": ["DeployedFromLocation", "deployed_from_location"],
        "pump_order": ["PumpOrder"],
        "plus_code": ["PlusCode_Code", "PlusCode"],
        "delay_code": ["DelayCodeId", "delay_code_id"],
        "delay_reason": ["DelayCode_Description", "delay_code_description"],
    }
)
STATIONS = _known(
    {
        "station": ["Station_Name", "Station name"],
        "easting_m": ["Easting"],
        "northing_m": ["Northing"],
        "borough": ["BoroughName"],
        "is_closed": ["Closed"],
    }
)

# Without these a file is not what it looks like; any other column may be missing and is null.
_NEEDED = {
    "incidents": {
        "incident_number": "IncidentNumber",
        "date_of_call": "DateOfCall",
        "time_of_call": "TimeOfCall",
        "incident_group": "IncidentGroup",
        "easting_rounded": "Easting_rounded",
        "northing_rounded": "Northing_rounded",
        "station_ground": "IncidentStationGround",
        "first_pump_attendance_seconds": "FirstPumpArriving_AttendanceTime",
        "first_pump_station": "FirstPumpArriving_DeployedFromStation",
    },
    "mobilisations": {
        "incident_number": "IncidentNumber",
        "hour_of_call": "HourOfCall",
        "mobilisation_id": "ResourceMobilisationId",
        "mobilised_at": "DateAndTimeMobilised",
        "attendance_seconds": "AttendanceTimeSeconds",
        "station": "DeployedFromStation_Name",
    },
    "stations": {"station": "Station_Name", "easting_m": "Easting", "northing_m": "Northing"},
}
_ALL = {"incidents": INCIDENTS, "mobilisations": MOBILISATIONS, "stations": STATIONS}
_LOOKS_LIKE = 0.5  # share of the needed columns from which a file without the others is called incomplete


def kind_of(header: Sequence[str], seen: str) -> tuple[str, dict[str, str]]:
    """What a header is of (`incidents`, `mobilisations`, `stations`), and its known columns with our own names.

    Raises UnknownFormat, which names the columns that are missing where most of the needed ones are there.
    """
    shares = {kind: len(_own(header, known) & set(_NEEDED[kind])) / len(_NEEDED[kind]) for kind, known in _ALL.items()}
    kind = max(shares, key=lambda kind: shares[kind])
    if shares[kind] < _LOOKS_LIKE:
        raise UnknownFormat(seen)
    named = renamed(header, _ALL[kind])
    missing = [official for own, official in _NEEDED[kind].items() if own not in named.values()]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise UnknownFormat(f"{kind} without the column{plural} {', '.join(missing)}")
    return kind, named


def _own(header: Sequence[str], known: Mapping[str, str]) -> set[str]:
    return {known[name.strip().lower()] for name in header if name.strip().lower() in known}
