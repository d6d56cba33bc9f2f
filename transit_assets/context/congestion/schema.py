"""The table of the congestion: one row per place and hour.

A month is the UTC month in which an hour starts; its partition is named by its first day. Of records that share a key
(place, hour_start_at) a figure of the hour beats one of the whole day, the later file an earlier one, and a later
record of one file an earlier one. Instants are UTC.
"""

import pyarrow as pa

from transit_assets.context.places import PLACES
from transit_assets.lake import UTC_INSTANT, Column, Rule, Table

RESOLUTIONS = ("day", "hour")
"""What a figure is of, the coarser first."""
SOURCES = ("congestion_csv", "tomtom_days_json", "tomtom_hours_json")

CONGESTION_HOURLY = Table(
    layer="interim",
    domain="congestion",
    name="hourly",
    description="How congested the roads of one place were in one hour. There is no feed: the rows are those of files "
    "that were imported, and none without them.",
    key=("place", "hour_start_at"),
    partition_by="month",
    columns=(
        Column("month", pa.date32(), "First day of the UTC month in which the hour starts.", is_nullable=False),
        Column(
            "place",
            pa.string(),
            "City, by its name here.",
            is_nullable=False,
            values=tuple(place.name for place in PLACES),
        ),
        Column(
            "hour_start_at",
            UTC_INSTANT,
            "First instant of the hour.",
            is_nullable=False,
            source="UpdateTime, hour_start_at, date, day",
        ),
        Column(
            "congestion_percent",
            pa.float64(),
            "By how much longer a trip takes than on free roads: 35 is 35 % longer.",
            unit="%",
            is_nullable=False,
            minimum=0,
            maximum=1000,
            source="TrafficIndexLive, congestion, congestion_percent",
        ),
        Column(
            "resolution",
            pa.string(),
            "`hour` where the figure is of the hour; `day` where it is that of the local day, told for each of its "
            "hours.",
            is_nullable=False,
            values=RESOLUTIONS,
        ),
        Column(
            "known_at",
            UTC_INSTANT,
            "From when it could be known: the end of the hour or local day that it is of. When the file was published "
            "is not recorded.",
            is_nullable=False,
        ),
        Column("fetched_at", UTC_INSTANT, "When the file landed.", is_nullable=False),
        Column("source", pa.string(), "Format of the file.", is_nullable=False, values=SOURCES),
        Column("payload_sha256", pa.string(), "Hash of the file, in `raw.fetches`.", is_nullable=False),
    ),
    rules=(
        Rule("hour_is_whole", "date_trunc('hour', hour_start_at) = hour_start_at", "an hour starts at a full hour"),
        Rule(
            "month_of_hour",
            "date_trunc('month', timezone('UTC', hour_start_at))::DATE = month",
            "an hour stands in the UTC month in which it starts",
        ),
        Rule("known_after_it_began", "known_at > hour_start_at", "a figure is known after its hour"),
    ),
    owner="congestion",
)
