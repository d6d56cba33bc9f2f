"""Small payloads in the brigade's own form, for the tests of the fire."""

import hashlib
import io
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from transit_assets.fire.clean.formats import decode_archive
from transit_assets.fire.clean.incidents import incidents
from transit_assets.fire.clean.mobilisations import mobilisations
from transit_assets.fire.clean.records import Landed
from transit_assets.fire.schema import INCIDENTS, MOBILISATIONS
from transit_assets_tests.ruled import Ruled, ruled

NOON = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
PRIVATE = ("SW11 4LB", "100021491527", "21401491", "528652", "176831", "51.4758117319", "-0.1488944358")

_CALL = {
    "IncidentNumber": "000008-01012018",
    "DateOfCall": "01 Jan 2018",
    "CalYear": "2018",
    "TimeOfCall": "12:00:37",
    "HourOfCall": "12",
    "IncidentGroup": "Special Service",
    "StopCodeDescription": "Special Service",
    "SpecialServiceType": "RTC",
    "PropertyCategory": "Road Vehicle",
    "PropertyType": "Car ",
    "AddressQualifier": "In street close to gazetteer location",
    "Postcode_full": "SW11 4LB",
    "Postcode_district": "SW11",
    "UPRN": "100021491527.0",
    "USRN": "21401491.0",
    "IncGeo_BoroughCode": "E09000020",
    "IncGeo_BoroughName": "KENSINGTON AND CHELSEA",
    "ProperCase": "Kensington And chelsea",
    "IncGeo_WardCode": "E05014010",
    "IncGeo_WardName": "Battersea Park",
    "IncGeo_WardNameNew": "Battersea Park",
    "Easting_m": "528652.0",
    "Northing_m": "176831.0",
    "Easting_rounded": "528650",
    "Northing_rounded": "176850",
    "Latitude": "51.4758117319",
    "Longitude": "-0.1488944358",
    "FRS": "London",
    "IncidentStationGround": "Battersea",
    "FirstPumpArriving_AttendanceTime": "319.0",
    "FirstPumpArriving_DeployedFromStation": "Battersea",
    "SecondPumpArriving_AttendanceTime": "342.0",
    "SecondPumpArriving_DeployedFromStation": "Clapham",
    "NumStationsWithPumpsAttending": "2.0",
    "NumPumpsAttending": "2.0",
    "PumpCount": "2",
    "PumpMinutesRounded": "60.0",
    "Notional Cost (£)": "255.0",
    "NumCalls": "1.0",
}
_SENT = {
    "IncidentNumber": "000008-01012018",
    "CalYear": "2018",
    "HourOfCall": "12",
    "ResourceMobilisationId": "38426",
    "Resource_Code": "H271",
    "PerformanceReporting": "1",
    "DateAndTimeMobilised": "01/01/2018 12:02:27",
    "DateAndTimeMobile": "01/01/2018 12:03:27",
    "DateAndTimeArrived": "01/01/2018 12:07:46",
    "TurnoutTimeSeconds": "60.0",
    "TravelTimeSeconds": "259.0",
    "AttendanceTimeSeconds": "319",
    "DateAndTimeLeft": "01/01/2018 12:16:46",
    "DateAndTimeReturned": "NULL",
    "DeployedFromStation_Code": "H27",
    "DeployedFromStation_Name": "Battersea",
    "DeployedFromLocation": "Home Station",
    "PumpOrder": "1",
    "PlusCode_Code": "Initial",
    "PlusCode_Description": "Initial Mobilisation",
    "DelayCodeId": "",
    "DelayCode_Description": "",
}


def call(**said: Any) -> dict[str, Any]:
    """One row of an incident file."""
    return _CALL | said


def sent(mobilised: str | None = None, **said: Any) -> dict[str, Any]:
    """One row of a mobilisation file; of a time told it arrives 319 s later."""
    if mobilised is None:
        return _SENT | said
    at = datetime.strptime(mobilised, "%d/%m/%Y %H:%M:%S")
    clock = {"Mobilised": 0, "Mobile": 60, "Arrived": 319, "Left": 900}
    told = {f"DateAndTime{name}": f"{at + timedelta(seconds=s):%d/%m/%Y %H:%M:%S}" for name, s in clock.items()}
    return _SENT | told | {"CalYear": str(at.year), "HourOfCall": str(at.hour)} | said


def csv(*rows: Mapping[str, Any], encoding: str = "utf-8") -> bytes:
    """Rows as a CSV with the columns of the first one."""
    lines = [list(rows[0]), *([row[name] for name in rows[0]] for row in rows)]
    return ("\r\n".join(",".join("" if value is None else str(value) for value in line) for line in lines)).encode(
        encoding
    )


def workbook(**sheets: list[list[Any]]) -> bytes:
    """An XLSX with sheets of rows."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def months(payload: bytes) -> dict[str, pa.Table]:
    """A payload's records by London month."""
    found: dict[str, list[pa.Table]] = {}
    for month, rows in decode_archive(io.BytesIO(payload)):
        found.setdefault(month, []).append(rows)
    return {month: pa.concat_tables(rows).combine_chunks() for month, rows in found.items()}


def landed(*payloads: bytes | Path) -> dict[date, list[Landed]]:
    """Payloads as the landing gives them, in the order in which they are heard."""
    found: dict[date, list[Landed]] = {}
    for number, payload in enumerate(payloads):
        content = payload if isinstance(payload, bytes) else payload.read_bytes()
        for month, rows in months(content).items():
            sha256, at = hashlib.sha256(content).hexdigest(), NOON + timedelta(minutes=number)
            one = Landed(sha256, at, rows["source"][0].as_py(), rows)
            found.setdefault(date.fromisoformat(month), []).append(one)
    return found


def calls(*payloads: bytes | Path) -> dict[str, Ruled]:
    """The calls of every month of some payloads, ruled on."""
    return {str(month): ruled(INCIDENTS, incidents(month, found)) for month, found in landed(*payloads).items()}


def vehicles(*payloads: bytes | Path) -> dict[str, Ruled]:
    """The vehicles of every month of some payloads, ruled on."""
    return {str(month): ruled(MOBILISATIONS, mobilisations(month, found)) for month, found in landed(*payloads).items()}
