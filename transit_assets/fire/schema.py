"""The tables of the fire: calls of the London Fire Brigade (LFB), the vehicles sent, and the stations they come from.

A month is the London month of the call; its partition is named by its first day (`2017-03-01`). Of records that share
a key the later payload beats an earlier one, and a later record of one payload an earlier one. Times of the files are
London's; instants are UTC. Of the two hours between 01:00 and 02:00 at the end of October the first is meant.

Where a call was is told to 50 metres only: postcodes, property numbers (UPRN), street numbers (USRN) and exact
coordinates stay in the landing (see docs/privacy.md).
"""

import pyarrow as pa

from transit_assets.lake import UTC_INSTANT, Column, Rule, Table
from transit_assets.learning.schema import drift, forecasts, live_scores, no_forecasts, underestimates

INCIDENT_SOURCES = ("lfb_incidents_csv", "lfb_incidents_xlsx", "lfb_incidents_parquet")
MOBILISATION_SOURCES = ("lfb_mobilisations_csv", "lfb_mobilisations_xlsx", "lfb_mobilisations_parquet")
STATION_SOURCES = ("lfb_stations_csv", "incidents")
INCIDENT_GROUPS = ("Fire", "False Alarm", "Special Service")
TARGET_SECONDS = (360, 480)
"""Within how many seconds the first and the second vehicle are to arrive, on average: the brigade's own targets."""

_MONTH = Column("month", pa.date32(), "First day of the London month of the call.", is_nullable=False)
_INCIDENT_NUMBER = Column(
    "incident_number",
    pa.string(),
    "The brigade's number of the call, as text: `235138081`, or `000008-01012018` with the day in it.",
    is_nullable=False,
    source="IncidentNumber",
)
_PAYLOAD = Column(
    "payload_sha256", pa.string(), "Hash of the payload that said so, in `raw.fetches`.", is_nullable=False
)
_CALLED_AT_SOURCE = "DateOfCall, TimeOfCall"


def _pump(which: str, source: str) -> tuple[Column, Column]:
    return (
        Column(
            f"{which}_pump_attendance_seconds",
            pa.int32(),
            f"From its mobilisation to the arrival of the {which} pump; cut at 1,200 by the provider; null where none "
            "arrived or none was timed. Each pump counts from its own mobilisation.",
            unit="s",
            minimum=0,
            maximum=1_200,
            source=f"{source}_AttendanceTime",
        ),
        Column(
            f"{which}_pump_station",
            pa.string(),
            f"Station from which the pump that arrived {which} was sent. Known afterwards, and partly an outcome.",
            source=f"{source}_DeployedFromStation",
        ),
    )


INCIDENTS = Table(
    layer="interim",
    domain="fire",
    name="incidents",
    description="One call that the brigade attended: when, where to 50 metres, what it turned out to be, who came.",
    key=("incident_number",),
    partition_by="month",
    columns=(
        _MONTH,
        _INCIDENT_NUMBER,
        Column("called_at", UTC_INSTANT, "When the call was taken.", is_nullable=False, source=_CALLED_AT_SOURCE),
        Column(
            "incident_group",
            pa.string(),
            "What it turned out to be; written afterwards. Null in a few rows.",
            values=INCIDENT_GROUPS,
            source="IncidentGroup",
        ),
        Column("stop_code", pa.string(), "The same in detail; written afterwards.", source="StopCodeDescription"),
        Column(
            "special_service_type",
            pa.string(),
            "Kind of special service; written afterwards, null for fires and false alarms.",
            source="SpecialServiceType",
        ),
        Column("property_category", pa.string(), "Kind of place (`Dwelling`).", source="PropertyCategory"),
        Column("property_type", pa.string(), "Kind of place in detail.", source="PropertyType"),
        Column(
            "address_qualifier",
            pa.string(),
            "How well the address that was found fits; written afterwards.",
            source="AddressQualifier",
        ),
        Column("postcode_district", pa.string(), "Outer half of the postcode (`SW11`).", source="Postcode_district"),
        Column("borough_code", pa.string(), "GSS code of the borough.", source="IncGeo_BoroughCode"),
        Column(
            "borough",
            pa.string(),
            "Borough (`Kensington and Chelsea`); null where the call could not be placed.",
            source="IncGeo_BoroughName",
        ),
        Column("ward_code", pa.string(), "GSS code of the ward, of its year.", source="IncGeo_WardCode"),
        Column("ward", pa.string(), "Ward, by its newer name where two are given.", source="IncGeo_WardNameNew"),
        Column(
            "easting_m",
            pa.int32(),
            "OSGB36 easting of the place, rounded to 50 m by the provider.",
            unit="m",
            minimum=480_000,
            maximum=580_000,
            source="Easting_rounded",
        ),
        Column(
            "northing_m",
            pa.int32(),
            "OSGB36 northing of the place, rounded to 50 m by the provider.",
            unit="m",
            minimum=130_000,
            maximum=230_000,
            source="Northing_rounded",
        ),
        Column("latitude", pa.float64(), "Of the rounded place, WGS 84.", unit="degrees", minimum=51.0, maximum=52.0),
        Column("longitude", pa.float64(), "Of the rounded place, WGS 84.", unit="degrees", minimum=-1.0, maximum=0.8),
        Column(
            "is_over_the_border",
            pa.bool_(),
            "True where the call lies outside Greater London.",
            source="FRS",
        ),
        Column(
            "station_ground",
            pa.string(),
            "Station in whose ground the place lies (`Battersea`).",
            source="IncidentStationGround",
        ),
        *_pump("first", "FirstPumpArriving"),
        *_pump("second", "SecondPumpArriving"),
        Column(
            "stations_attending",
            pa.int32(),
            "Stations whose pumps attended.",
            minimum=0,
            source="NumStationsWithPumpsAttending",
        ),
        Column("pumps_attending", pa.int32(), "Pumps that attended.", minimum=0, source="NumPumpsAttending"),
        Column("pump_count", pa.int32(), "Pumps in all, later ones included.", minimum=0, source="PumpCount"),
        Column(
            "pump_minutes",
            pa.int32(),
            "Time of all pumps at the place, as the provider rounds it: up to the hour in older files.",
            unit="min",
            minimum=0,
            source="PumpMinutesRounded, PumpHoursRoundUp",
        ),
        Column(
            "notional_cost_gbp",
            pa.float64(),
            "What the attendance is said to cost.",
            unit="£",
            source="Notional Cost (£)",
        ),
        Column("calls", pa.int32(), "Calls taken about the incident.", minimum=0, source="NumCalls"),
        Column("source", pa.string(), "Format of the payload.", is_nullable=False, values=INCIDENT_SOURCES),
        _PAYLOAD,
    ),
    rules=(
        Rule(
            "month_of_call",
            "date_trunc('month', timezone('Europe/London', called_at))::DATE = month",
            "a call stands in its London month",
        ),
        Rule(
            "coordinates_together",
            "(easting_m IS NULL) = (northing_m IS NULL)",
            "easting and northing are both known or both unknown",
        ),
    ),
    owner="fire",
)

MOBILISATIONS = Table(
    layer="interim",
    domain="fire",
    name="mobilisations",
    description="One vehicle sent to one call: when it was told, left, arrived, and from which station. Where only the "
    "call's own record is at hand, its first and second pump give a row each, marked as derived.",
    key=("mobilisation_id",),
    partition_by="month",
    columns=(
        _MONTH,
        Column(
            "mobilisation_id",
            pa.string(),
            "The brigade's ResourceMobilisationId; of a derived row `<incident_number>/1` or `/2`.",
            is_nullable=False,
            source="ResourceMobilisationId",
        ),
        _INCIDENT_NUMBER,
        Column(
            "is_derived",
            pa.bool_(),
            "True where the row was made of an incident's first or second pump: station and attendance time only.",
            is_nullable=False,
        ),
        Column("resource_code", pa.string(), "Call sign: `H271`, the first pump of H27.", source="Resource_Code"),
        Column(
            "performance_reporting",
            pa.int32(),
            "The order by which it counts (1 first).",
            source="PerformanceReporting",
        ),
        Column(
            "mobilised_at",
            UTC_INSTANT,
            "When the crew was told. The files say neither London time nor UTC: the hour of the call beside it tells.",
            source="DateAndTimeMobilised",
        ),
        Column("mobile_at", UTC_INSTANT, "When the vehicle left.", source="DateAndTimeMobile"),
        Column("arrived_at", UTC_INSTANT, "When it arrived.", source="DateAndTimeArrived"),
        Column("left_at", UTC_INSTANT, "When it left the place.", source="DateAndTimeLeft"),
        Column("returned_at", UTC_INSTANT, "When it was back.", source="DateAndTimeReturned"),
        Column(
            "turnout_seconds",
            pa.int32(),
            "From being told to leaving; null for a vehicle that was already under way.",
            unit="s",
            minimum=0,
            source="TurnoutTimeSeconds",
        ),
        Column(
            "travel_seconds", pa.int32(), "From leaving to arriving.", unit="s", minimum=0, source="TravelTimeSeconds"
        ),
        Column(
            "attendance_seconds",
            pa.int32(),
            "From being told to arriving; cut at 1,200 by the provider.",
            unit="s",
            minimum=0,
            maximum=1_200,
            is_nullable=False,
            source="AttendanceTimeSeconds",
        ),
        Column(
            "station_code",
            pa.string(),
            "Code of the station it was sent from (`H27`).",
            source="DeployedFromStation_Code",
        ),
        Column("station", pa.string(), "Station it was sent from.", source="DeployedFromStation_Name"),
        Column(
            "deployed_from",
            pa.string(),
            "Whether it stood at its own station.",
            values=("Home Station", "Other Station"),
            source="DeployedFromLocation",
        ),
        Column("pump_order", pa.int32(), "Which one to arrive it was (1 first).", minimum=1, source="PumpOrder"),
        Column("plus_code", pa.string(), "Why it was sent: `Initial`, `rca` (running call), …", source="PlusCode_Code"),
        Column(
            "delay_code",
            pa.int32(),
            "What held it up (`delay_reason`); written afterwards, mostly null.",
            source="DelayCodeId",
        ),
        Column("delay_reason", pa.string(), "The same in words.", source="DelayCode_Description"),
        Column(
            "source",
            pa.string(),
            "Format of the payload.",
            is_nullable=False,
            values=(*MOBILISATION_SOURCES, *INCIDENT_SOURCES),
        ),
        _PAYLOAD,
    ),
    rules=(
        Rule(
            "attendance_is_turnout_and_travel",
            "abs(attendance_seconds - turnout_seconds - travel_seconds) <= 1",
            "attendance is turnout and travel together, to a second",
        ),
        Rule(
            "told_about_its_month",
            "timezone('Europe/London', mobilised_at)::DATE BETWEEN month AND month + INTERVAL 31 DAY",
            "a vehicle is told in the month of the call, or in the night after it",
        ),
        Rule("leaves_after_told", "mobile_at >= mobilised_at", "a vehicle leaves after it was told to"),
        Rule("arrives_after_told", "arrived_at >= mobilised_at", "a vehicle arrives after it was told to go"),
        Rule(
            "derived_or_timed",
            "is_derived OR mobilised_at IS NOT NULL",
            "only a row derived from an incident has no time of mobilisation",
        ),
    ),
    owner="fire",
)

STATIONS = Table(
    layer="interim",
    domain="fire",
    name="stations",
    description="One fire station over one period in which it stood at one place.",
    key=("station", "valid_from"),
    columns=(
        Column("station", pa.string(), "Name, as calls and mobilisations have it (`Battersea`).", is_nullable=False),
        Column("valid_from", pa.date32(), "First London day of the period.", is_nullable=False),
        Column(
            "valid_to",
            pa.date32(),
            "Day after the last one; null while it stands. Ten stations closed on 9 January 2014.",
        ),
        Column("station_code", pa.string(), "Code in mobilisations (`H27`); null where none is at hand."),
        Column("easting_m", pa.float64(), "OSGB36 easting.", unit="m", minimum=480_000, maximum=580_000),
        Column("northing_m", pa.float64(), "OSGB36 northing.", unit="m", minimum=130_000, maximum=230_000),
        Column("latitude", pa.float64(), "WGS 84.", unit="degrees", minimum=51.0, maximum=52.0),
        Column("longitude", pa.float64(), "WGS 84.", unit="degrees", minimum=-1.0, maximum=0.8),
        Column("borough", pa.string(), "Borough it stands in, where a file says."),
        Column(
            "source",
            pa.string(),
            "Who says where it stands: a file of stations, or, where none names it, the middle (median) of the calls "
            "in its ground.",
            is_nullable=False,
            values=STATION_SOURCES,
        ),
    ),
    rules=(
        Rule("validity_in_order", "valid_from < valid_to", "a period ends after it begins"),
        Rule(
            "coordinates_together",
            "(easting_m IS NULL) = (northing_m IS NULL)",
            "easting and northing are both known or both unknown",
        ),
    ),
    owner="fire",
)

TABLES = (INCIDENTS, MOBILISATIONS, STATIONS)

FORECASTS, NO_FORECASTS = forecasts("fire"), no_forecasts("fire")
LIVE_SCORES, DRIFT = live_scores("fire"), drift("fire")
MODEL_TABLES = (FORECASTS, NO_FORECASTS, LIVE_SCORES, DRIFT)
UNDERESTIMATES = underestimates("fire", "120 s")
EXTRA_TABLES = (UNDERESTIMATES,)
"""Written with each evaluation of a model that warns: by a training, and by `transit evaluate fire`."""

MODELS = {
    "fire_attendance_at_call": "Seconds until the first pump arrives, as known when the call is taken.",
    "fire_attendance_at_mobilisation": "Seconds until the first pump arrives, once its station is known.",
    "fire_within_360_at_call": "Probability that the first pump arrives within 360 s, as known at the call.",
    "fire_within_360_at_mobilisation": "Probability that the first pump arrives within 360 s, its station known.",
    "fire_pumps": "How many pumps will attend, 1 to 5 (5 and more), as known when the call is taken.",
}
