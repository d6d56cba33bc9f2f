"""The tables of the road: what permanent counters of Paris measured, hour by hour, and the arcs they stand on.

A month is the Paris month in which an hour starts; its partition is named by its first day (`2023-10-01`). The
provider's `t_1h` is the END of the hour, in Paris time; here an hour is named by its start. Of sources that share
a key (arc_id, hour_start_at) an export or an answer of the API beats a history extract, the later payload an earlier
one, and a later record of one payload an earlier one. Instants are UTC.
"""

import pyarrow as pa

from transit_assets.lake import UTC_INSTANT, Column, Rule, Table
from transit_assets.learning.schema import drift, forecasts, live_scores, no_forecasts

SOURCES = ("history_csv", "export_csv", "ods_v21", "ods_parquet")
LEVELS = ("fluid", "pre_saturated", "saturated", "blocked", "unknown")
LEVEL_BANDS = (15.0, 30.0, 50.0)
"""Occupancy (%) from which traffic is pre-saturated, saturated, blocked; the provider's own bands."""
ARC_STATES = ("open", "closed", "invalid", "unknown")
ARC_ID_PATTERN = r"[0-9]{1,6}"

_MONTH = Column("month", pa.date32(), "First day of the Paris month in which the hour starts.", is_nullable=False)
_ARC_ID = Column(
    "arc_id",
    pa.string(),
    "The provider's number of the arc (`4264`): one direction of one stretch of a street.",
    is_nullable=False,
    source="iu_ac",
)
_PAYLOAD = Column(
    "payload_sha256", pa.string(), "Hash of the payload that said so, in `raw.fetches`.", is_nullable=False
)
_SOURCE = Column("source", pa.string(), "Format of the payload.", is_nullable=False, values=SOURCES)
_ARC_ID_SHAPE = Rule("arc_id_shape", f"regexp_full_match(arc_id, '{ARC_ID_PATTERN}')", "arc_id is a whole number")

_NAME = Column("name", pa.string(), "Name of the arc; spellings change between sources.", source="libelle")
_NODES = (
    Column("upstream_node_id", pa.string(), "Node where traffic enters the arc.", source="iu_nd_amont"),
    Column("upstream_node_name", pa.string(), "Name of that node.", source="libelle_nd_amont"),
    Column("downstream_node_id", pa.string(), "Node where traffic leaves the arc.", source="iu_nd_aval"),
    Column("downstream_node_name", pa.string(), "Name of that node.", source="libelle_nd_aval"),
)
_PLACE = (
    Column(
        "latitude",
        pa.float64(),
        "Middle of the arc, WGS 84; null where no source says (history extracts do not).",
        unit="degrees",
        minimum=48.5,
        maximum=49.2,
        source="geo_point_2d",
    ),
    Column(
        "longitude",
        pa.float64(),
        "Middle of the arc, WGS 84.",
        unit="degrees",
        minimum=1.9,
        maximum=2.9,
        source="geo_point_2d",
    ),
    Column(
        "geometry",
        pa.string(),
        "The line from the upstream to the downstream node, as GeoJSON geometry; null where no source says.",
        source="geo_shape",
    ),
    Column(
        "bearing_degrees",
        pa.float64(),
        "Direction of traffic: from the first to the last point of the line, clockwise from north.",
        unit="degrees",
        minimum=0,
        maximum=360,
    ),
)
_TOGETHER = Rule(
    "coordinates_together",
    "(latitude IS NULL) = (longitude IS NULL)",
    "latitude and longitude are both known or both unknown",
)

COUNTS_HOURLY = Table(
    layer="interim",
    domain="road",
    name="counts_hourly",
    description="What the counter of one arc measured in one hour; both figures null where it measured nothing.",
    key=("arc_id", "hour_start_at"),
    partition_by="month",
    columns=(
        _MONTH,
        _ARC_ID,
        Column(
            "hour_start_at",
            UTC_INSTANT,
            "First instant of the hour, UTC; `t_1h`, its end, less one hour. Of the two hours that end at 02:00 on the "
            "last Sunday of October the provider gives the second only.",
            is_nullable=False,
            source="t_1h",
        ),
        Column(
            "flow_veh_per_hour",
            pa.float64(),
            "Vehicles that passed in the hour; null where the counter was silent.",
            unit="veh/h",
            minimum=0,
            maximum=20_000,
            source="q",
        ),
        Column(
            "occupancy_percent",
            pa.float64(),
            "Share of the hour in which a vehicle stood over the counter; null where it was silent.",
            unit="%",
            minimum=0,
            maximum=100,
            source="k",
        ),
        Column(
            "level",
            pa.string(),
            "Level of traffic as the provider gives it; null where it gives none.",
            values=LEVELS,
            source="etat_trafic",
        ),
        Column(
            "level_of_occupancy",
            pa.string(),
            "Level by the bands of occupancy: below 15 % fluid, 30 % pre-saturated, 50 % saturated, else blocked; "
            "unknown without occupancy.",
            is_nullable=False,
            values=LEVELS,
        ),
        Column(
            "arc_state",
            pa.string(),
            "State of the arc. `invalid` is the usual one (32 to 100 % of rows) and says nothing of the figures.",
            values=ARC_STATES,
            source="etat_barre",
        ),
        _SOURCE,
        _PAYLOAD,
    ),
    rules=(
        _ARC_ID_SHAPE,
        Rule(
            "hour_is_whole",
            "epoch_us(hour_start_at) % 3600000000 = 0",
            "an hour starts at a full hour",
        ),
        Rule(
            "month_of_hour",
            "date_trunc('month', timezone('Europe/Paris', hour_start_at))::DATE = month",
            "an hour stands in the Paris month in which it starts",
        ),
    ),
    owner="road",
)

ARC_DESCRIPTIONS = Table(
    layer="interim",
    domain="road",
    name="arc_descriptions",
    description="One arc as the last record of one Paris month describes it; an export goes before a history extract.",
    key=("arc_id",),
    partition_by="month",
    columns=(_MONTH, _ARC_ID, _NAME, *_NODES, *_PLACE, _SOURCE, _PAYLOAD),
    rules=(_ARC_ID_SHAPE, _TOGETHER),
    owner="road",
)

ARCS = Table(
    layer="interim",
    domain="road",
    name="arcs",
    description="One arc over one period of months in which its name and nodes did not change.",
    key=("arc_id", "valid_from"),
    columns=(
        _ARC_ID,
        Column("valid_from", pa.date32(), "First day of the first Paris month so described.", is_nullable=False),
        Column("valid_to", pa.date32(), "First day of the month that describes it otherwise; null while it holds."),
        _NAME,
        *_NODES,
        *_PLACE,
        Column(
            "zone",
            pa.string(),
            "Arrondissement (`Paris 8e`) in which the middle of the arc lies; null where its place is unknown or "
            "outside Paris.",
        ),
    ),
    rules=(
        _ARC_ID_SHAPE,
        _TOGETHER,
        Rule("validity_in_order", "valid_from < valid_to", "a period ends after it begins"),
    ),
    owner="road",
)

TABLES = (COUNTS_HOURLY, ARC_DESCRIPTIONS, ARCS)

FORECASTS, NO_FORECASTS = forecasts("road"), no_forecasts("road")
LIVE_SCORES, DRIFT = live_scores("road"), drift("road")
MODEL_TABLES = (FORECASTS, NO_FORECASTS, LIVE_SCORES, DRIFT)
MODELS = {
    "road_flow": "Vehicles per hour on an arc in the hour ahead (the median, with an 80 % interval).",
    "road_occupancy": "Occupancy of an arc in the hour ahead (the median, with an 80 % interval).",
    "road_level": "Level of traffic on an arc in the hour ahead.",
}
