"""The tables of bikes: Vélib' stations and what they held, as Opendatasoft and the operator's GBFS say.

A day is the Paris day of the poll, not of the report: one poll repeats what stations said up to years
ago. Of sources that share a key (station_code, reported_at) the later poll wins; a report time given by
the provider beats a poll time that stands in for one. Instants are UTC.
"""

import pyarrow as pa

from transit_assets.lake import UTC_INSTANT, Column, Rule, Table
from transit_assets.learning.schema import drift, forecasts, live_scores, no_forecasts

SOURCES = (
    "gbfs",
    "opendatasoft_v1",
    "opendatasoft_v21",
    "opendatasoft_csv",
    "opendatasoft_parquet",
    "snapshot_parquet",
    "binned_parquet",
)
STATION_CODE_PATTERN = r"[0-9]{4,5}(_[a-z]+)?|record:[0-9a-f]{40}"

_COUNT_MAXIMUM = 1000  # the largest counter in eight years of recordings is 105; event stations hold a few hundred
_INT = pa.int32()

_DAY = Column("day", pa.date32(), "Paris day of the poll.", is_nullable=False)
_STATION_CODE = Column(
    "station_code",
    pa.string(),
    "The operator's public station number, 4 or 5 digits (`10003`), with a suffix at a few relay stations; "
    "`record:<id>` where a collector dropped the number and Opendatasoft's record id stands for it.",
    is_nullable=False,
    source="stationcode, stationCode, recordid",
)
_PAYLOAD = Column(
    "payload_sha256", pa.string(), "Hash of the payload that first said so, in `raw.fetches`.", is_nullable=False
)
_STATION_CODE_SHAPE = Rule(
    "station_code_shape",
    f"regexp_full_match(station_code, '{STATION_CODE_PATTERN}')",
    "station_code is 4 or 5 digits, or a record id",
)


def _count(name: str, description: str, source: str, unit: str) -> Column:
    return Column(name, _INT, description, unit=unit, minimum=0, maximum=_COUNT_MAXIMUM, source=source)


_BIKES = _count(
    "bikes", "Bikes ready to rent, both kinds; null where unknown.", "numbikesavailable, num_bikes_available", "bikes"
)
_MECHANICAL = _count("mechanical", "Mechanical bikes ready to rent; null where unknown.", "mechanical", "bikes")
_EBIKE = _count("ebike", "E-bikes ready to rent; null where unknown.", "ebike", "bikes")
_DOCKS_FREE = _count(
    "docks_free",
    "Docks that take a bike; null where unknown. With broken docks and bikes, bikes + docks_free is less than "
    "capacity in about 59 % of rows, and more (overflow) in 1 %.",
    "numdocksavailable, num_docks_available",
    "docks",
)
_CAPACITY = _count(
    "capacity", "Docks the station is said to have; 0 and 1 occur; null where unknown.", "capacity", "docks"
)
_FLAGS = (
    Column("is_installed", pa.bool_(), "The station is in service; null where unknown.", source="is_installed"),
    Column("is_renting", pa.bool_(), "Bikes can be taken; null where unknown.", source="is_renting"),
    Column("is_returning", pa.bool_(), "Bikes can be returned; null where unknown.", source="is_returning"),
)
_IS_STALE = Column(
    "is_stale",
    pa.bool_(),
    "The report was more than an hour old already at the first poll of the day that gave it (`first_polled_at`).",
    is_nullable=False,
)
_REPORTED_AT = Column(
    "reported_at",
    UTC_INSTANT,
    "When the station last reported; the poll's instant where the source gives no report time.",
    is_nullable=False,
    source="duedate, last_reported",
)
_REPORTED_AT_PROVENANCE = Column(
    "reported_at_provenance",
    pa.string(),
    "`provider`: the source gave the report time; `poll`: the poll's instant stands in for it.",
    is_nullable=False,
    values=("provider", "poll"),
)
_POLLED_AT = Column(
    "polled_at",
    UTC_INSTANT,
    "Last poll of the day that gave this report. For a file without poll times: its own update instant, else its "
    "latest report.",
    is_nullable=False,
)
_SOURCE = Column("source", pa.string(), "Format of the payload.", is_nullable=False, values=SOURCES)

_NAME = Column("name", pa.string(), "Public name of the station.", source="name")
_LATITUDE = Column("latitude", pa.float64(), "WGS 84.", unit="degrees", minimum=48.5, maximum=49.2, source="lat")
_LONGITUDE = Column("longitude", pa.float64(), "WGS 84.", unit="degrees", minimum=1.9, maximum=2.9, source="lon")
_COMMUNE = Column(
    "commune",
    pa.string(),
    "Commune as the provider names it; null where it does not.",
    source="nom_arrondissement_communes",
)
_INSEE_CODE = Column(
    "insee_code",
    pa.string(),
    "INSEE code of the commune; null where the provider gives none.",
    source="code_insee_commune",
)
_ZONE = Column(
    "zone",
    pa.string(),
    "Arrondissement (`Paris 12e`) or commune (`Vincennes`) for statistics; null where nothing tells it.",
)
_ZONE_PROVENANCE = Column(
    "zone_provenance",
    pa.string(),
    "`provider`: the commune it names; `station_code`: the numbering (the thousands are the arrondissement).",
    values=("provider", "station_code"),
)

STATION_STATUS = Table(
    layer="interim",
    domain="bikes",
    name="station_status",
    description="One report of one station: what it held, as the polls of one Paris day gave it.",
    key=("station_code", "reported_at"),
    partition_by="day",
    columns=(
        _DAY,
        _STATION_CODE,
        _REPORTED_AT,
        _POLLED_AT,
        Column("first_polled_at", UTC_INSTANT, "First poll of the day that gave this report.", is_nullable=False),
        _BIKES,
        _MECHANICAL,
        _EBIKE,
        _DOCKS_FREE,
        _CAPACITY,
        *_FLAGS,
        _IS_STALE,
        _REPORTED_AT_PROVENANCE,
        _SOURCE,
        _PAYLOAD,
    ),
    rules=(
        _STATION_CODE_SHAPE,
        Rule(
            "reported_at_not_after_poll",
            "reported_at <= first_polled_at + INTERVAL 1 HOUR",
            "a station does not report more than an hour after the first poll that gives the report",
        ),
        Rule(
            "reported_at_since_opening",
            "reported_at >= TIMESTAMPTZ '2017-01-01 00:00:00+00'",
            "no report is older than the present network",
        ),
        Rule("polls_in_order", "first_polled_at <= polled_at", "the first poll of a report is not after the last"),
    ),
    owner="bikes",
)

STATION_INFORMATION = Table(
    layer="interim",
    domain="bikes",
    name="station_information",
    description="One station as it was described on one Paris day: name, place, capacity, zone.",
    key=("station_code",),
    partition_by="day",
    columns=(
        _DAY,
        _STATION_CODE,
        _NAME,
        _LATITUDE,
        _LONGITUDE,
        _CAPACITY,
        _COMMUNE,
        _INSEE_CODE,
        Column(
            "gbfs_station_id",
            pa.int64(),
            "The operator's internal identifier, up to 19 thousand million; not the station code, and not stable.",
            source="station_id",
        ),
        _ZONE,
        _ZONE_PROVENANCE,
        _PAYLOAD,
    ),
    rules=(
        _STATION_CODE_SHAPE,
        Rule(
            "coordinates_together",
            "(latitude IS NULL) = (longitude IS NULL)",
            "latitude and longitude are both known or both unknown",
        ),
    ),
    owner="bikes",
)

STATIONS = Table(
    layer="interim",
    domain="bikes",
    name="stations",
    description="One station over one period in which its description did not change.",
    key=("station_code", "valid_from"),
    columns=(
        _STATION_CODE,
        Column("valid_from", pa.date32(), "First Paris day so described.", is_nullable=False),
        Column("valid_to", pa.date32(), "Paris day from which it is described otherwise; null while it holds."),
        Column(
            "first_station_code",
            pa.string(),
            "Code under which a station of this name was first seen within 150 m: codes are not stable over the years.",
            is_nullable=False,
        ),
        _NAME,
        _LATITUDE,
        _LONGITUDE,
        _CAPACITY,
        _COMMUNE,
        _INSEE_CODE,
        _ZONE,
        _ZONE_PROVENANCE,
    ),
    rules=(
        _STATION_CODE_SHAPE,
        Rule("validity_in_order", "valid_from < valid_to", "a period ends after it begins"),
    ),
    owner="bikes",
)

STATION_LATEST = Table(
    layer="interim",
    domain="bikes",
    name="station_latest",
    description="One station as it was last heard of: live state with name and place.",
    key=("station_code",),
    columns=(
        _STATION_CODE,
        _NAME,
        _ZONE,
        _LATITUDE,
        _LONGITUDE,
        _REPORTED_AT,
        Column("polled_at", UTC_INSTANT, "Last poll that gave this report.", is_nullable=False),
        _BIKES,
        _MECHANICAL,
        _EBIKE,
        _DOCKS_FREE,
        _CAPACITY,
        *_FLAGS,
        Column(
            "is_stale",
            pa.bool_(),
            "The report was more than an hour old at the last poll that gave it.",
            is_nullable=False,
        ),
        _REPORTED_AT_PROVENANCE,
        _SOURCE,
    ),
    rules=(_STATION_CODE_SHAPE,),
    owner="bikes",
)

TABLES = (STATION_STATUS, STATION_INFORMATION, STATIONS, STATION_LATEST)

FORECASTS, NO_FORECASTS = forecasts("bikes"), no_forecasts("bikes")
LIVE_SCORES, DRIFT = live_scores("bikes"), drift("bikes")
MODEL_TABLES = (FORECASTS, NO_FORECASTS, LIVE_SCORES, DRIFT)
MODELS = {
    "bikes_full": "Probability that a station is full, with no free dock, in half an hour and in an hour.",
    "bikes_empty": "Probability that a station is empty, without a bike, in half an hour and in an hour.",
    "bikes_available": "Bikes that a station will hold in an hour (the median, with an 80 % interval).",
}
