"""The tables of the rail: RER B as scheduled (GTFS), as predicted (SIRI Lite and polls like it), and as it ran.

A service date is the day a train belongs to: one that runs past midnight stays on the date it began, and so do the
observations of it. Dates are of Paris, instants UTC. A station is named by its UIC code (`87271007`, Gare du Nord);
`interim.rail__stops` has its names and its identifiers in each feed. Of records that share a key the later payload
beats an earlier one, and a later record of one payload an earlier one.
"""

import pyarrow as pa

from transit_assets.alerts.schema import alert_deliveries, alerts
from transit_assets.lake import UTC_INSTANT, Column, Rule, Table
from transit_assets.learning.schema import drift, forecasts, live_scores, no_forecasts

DIRECTIONS = ("north", "south")
"""North: to Mitry-Claye or the airport. South: to Paris and beyond."""
PREDICTION_SOURCES = ("transilien_csv", "siri_json")
DISRUPTION_SOURCES = ("disruptions_bulk", "general_message", "line_reports")
ALERT_KINDS = ("disruption", "travel_time")
"""Of what the provider says, and of what is forecast."""
PROVENANCES = ("observed", "predicted", "scheduled")

_SERVICE_DATE = Column(
    "service_date", pa.date32(), "Service date of the train, of Paris; it may run past midnight.", is_nullable=False
)
_STATION = Column(
    "station", pa.string(), "UIC code of the station (`87271007`); null for a stop that is none of the line's."
)
_KEY_STATION = Column("station", pa.string(), "UIC code of the station (`87271007`).", is_nullable=False)
_DIRECTION = Column(
    "direction",
    pa.string(),
    "By the parity of the last digit of the train number: even south, odd north; where no number is known, by its "
    "destination, else by the order of its stops.",
    values=DIRECTIONS,
)
_TRAIN_NUMBER = Column("train_number", pa.string(), "Number of the train as travellers see it (`PITO44`, `147347`).")
_MISSION = Column("mission", pa.string(), "Four letters that tell the train's stops (`PITO`).")
_PAYLOAD = Column(
    "payload_sha256", pa.string(), "Hash of the payload that said so, in `raw.fetches`.", is_nullable=False
)

STOPS = Table(
    layer="interim",
    domain="rail",
    name="stops",
    description="One stop of one version of the schedule, and the station of the line that it is.",
    key=("feed_version", "stop_id"),
    columns=(
        Column("feed_version", pa.string(), "SHA-256 of the GTFS zip.", is_nullable=False),
        Column("valid_from", pa.date32(), "First service date for which this version is used.", is_nullable=False),
        Column("valid_to", pa.date32(), "Service date after the last one; null while none replaces it."),
        Column("stop_id", pa.string(), "GTFS identifier.", is_nullable=False, source="stops.stop_id"),
        Column("stop_name", pa.string(), "Name in the feed.", source="stops.stop_name"),
        Column(
            "location_type",
            pa.int32(),
            "0 stop, 1 station, 2 entrance, 3 node, 4 boarding area.",
            minimum=0,
            maximum=4,
            source="stops.location_type",
        ),
        Column("parent_station", pa.string(), "Station that it belongs to.", source="stops.parent_station"),
        Column("latitude", pa.float64(), "WGS 84.", unit="degrees", minimum=-90, maximum=90, source="stops.stop_lat"),
        Column(
            "longitude", pa.float64(), "WGS 84.", unit="degrees", minimum=-180, maximum=180, source="stops.stop_lon"
        ),
        _STATION,
        Column("station_name", pa.string(), "Name of that station here, the same in all feeds; null where it is none."),
        Column(
            "line_order",
            pa.int32(),
            "Its place on the line from the north; the two branches share no place.",
            minimum=1,
        ),
        Column("branch", pa.string(), "Part of the line.", values=("airport", "mitry", "trunk", "south")),
    ),
    owner="rail",
)

SCHEDULED_CALLS = Table(
    layer="interim",
    domain="rail",
    name="scheduled_calls",
    description="One call of one scheduled trip on one service date, by the version of the schedule then in force.",
    key=("trip_id", "stop_sequence"),
    partition_by="service_date",
    columns=(
        _SERVICE_DATE,
        Column("trip_id", pa.string(), "GTFS identifier.", is_nullable=False, source="trips.trip_id"),
        Column("route_id", pa.string(), "GTFS identifier of the line.", is_nullable=False, source="trips.route_id"),
        _TRAIN_NUMBER,
        _MISSION,
        Column("headsign", pa.string(), "As shown on the train.", source="trips.trip_headsign"),
        _DIRECTION,
        Column(
            "direction_id", pa.int32(), "The feed's own, 0 or 1.", minimum=0, maximum=1, source="trips.direction_id"
        ),
        Column(
            "stop_sequence",
            pa.int32(),
            "Place in the trip, rising.",
            is_nullable=False,
            minimum=0,
            source="stop_times.stop_sequence",
        ),
        Column("stop_id", pa.string(), "GTFS identifier.", is_nullable=False, source="stop_times.stop_id"),
        _STATION,
        Column(
            "arrival_at",
            UTC_INSTANT,
            "Scheduled arrival: noon of the service date less twelve hours, plus the time of the feed, which may be "
            "past 24:00:00. Null where the feed gives none (GTFS: interpolated calls).",
            source="stop_times.arrival_time",
        ),
        Column("departure_at", UTC_INSTANT, "Scheduled departure, likewise.", source="stop_times.departure_time"),
        Column("feed_version", pa.string(), "SHA-256 of the GTFS zip.", is_nullable=False),
        _PAYLOAD,
    ),
    rules=(Rule("departs_after_arriving", "departure_at >= arrival_at", "a train does not depart before it arrives"),),
    owner="rail",
)

PREDICTED_CALLS = Table(
    layer="interim",
    domain="rail",
    name="predicted_calls",
    description="One observation: what the provider said at one instant of one train at one station.",
    key=("observed_at", "station", "journey_id"),
    partition_by="service_date",
    columns=(
        _SERVICE_DATE,
        Column("observed_at", UTC_INSTANT, "When the provider was asked.", is_nullable=False),
        Column("recorded_at", UTC_INSTANT, "When the provider last changed it; polls of 2022 do not say."),
        _KEY_STATION,
        Column("stop_ref", pa.string(), "Identifier of the stop as sent (`STIF:StopPoint:Q:41087:`)."),
        Column(
            "journey_id",
            pa.string(),
            "The train on its service date: the provider's reference, else its number.",
            is_nullable=False,
        ),
        Column("line", pa.string(), "Line as the provider names it; null where it names none.", source="LineRef"),
        _TRAIN_NUMBER,
        _MISSION,
        _DIRECTION,
        Column("destination", pa.string(), "UIC code, or the provider's reference, of the last stop."),
        Column("aimed_arrival_at", UTC_INSTANT, "Arrival by the timetable of the day.", source="AimedArrivalTime"),
        Column("aimed_departure_at", UTC_INSTANT, "Departure by it.", source="AimedDepartureTime"),
        Column("expected_arrival_at", UTC_INSTANT, "Arrival as predicted then.", source="ExpectedArrivalTime"),
        Column(
            "expected_departure_at",
            UTC_INSTANT,
            "Departure as predicted then; of polls of 2022 the minute on show, which behaves like a departure.",
            source="ExpectedDepartureTime, date",
        ),
        Column("is_real_time", pa.bool_(), "False where the minute on show was the timetable's (`T`).", source="mode"),
        Column(
            "is_at_stop", pa.bool_(), "True while it stands there, and for trains that left.", source="VehicleAtStop"
        ),
        Column("status", pa.string(), "As sent (`onTime`, `delayed`, `Retardé`).", source="DepartureStatus, etat"),
        Column("is_cancelled", pa.bool_(), "True where it was said not to run.", is_nullable=False),
        Column("platform", pa.string(), "Platform, where told.", source="ArrivalPlatformName"),
        Column("source", pa.string(), "Format of the payload.", is_nullable=False, values=PREDICTION_SOURCES),
        _PAYLOAD,
    ),
    rules=(
        Rule(
            "expected_departs_after_arriving",
            "expected_departure_at >= expected_arrival_at",
            "a train does not depart before it arrives",
        ),
        Rule(
            "has_a_time",
            "is_cancelled OR coalesce(expected_departure_at, expected_arrival_at, aimed_departure_at, "
            "aimed_arrival_at) IS NOT NULL",
            "an observation of a train that runs has a time",
        ),
    ),
    owner="rail",
)

STOP_EVENTS = Table(
    layer="interim",
    domain="rail",
    name="stop_events",
    description="One train at one station on one service date: when it was to be there, was last said to be, and was.",
    key=("journey_id", "station"),
    partition_by="service_date",
    columns=(
        _SERVICE_DATE,
        Column("journey_id", pa.string(), "The train, as in `rail__predicted_calls`.", is_nullable=False),
        Column("trip_id", pa.string(), "The scheduled trip that it is; null where none was found."),
        _TRAIN_NUMBER,
        _MISSION,
        _DIRECTION,
        Column(
            "direction_by_order",
            pa.string(),
            "Direction by the order of its stops; null with fewer than two.",
            values=DIRECTIONS,
        ),
        Column("destination", pa.string(), "As in `rail__predicted_calls`, last said."),
        _KEY_STATION,
        Column("scheduled_arrival_at", UTC_INSTANT, "By the schedule, or the day's timetable as sent."),
        Column("scheduled_departure_at", UTC_INSTANT, "Likewise."),
        Column("predicted_arrival_at", UTC_INSTANT, "As last predicted."),
        Column("predicted_departure_at", UTC_INSTANT, "As last predicted."),
        Column("first_seen_at", UTC_INSTANT, "First observation of it here."),
        Column("last_seen_at", UTC_INSTANT, "Last observation of it here before it left, else the last one."),
        Column(
            "observed_at",
            UTC_INSTANT,
            "When it was there: its last announced minute, where that lies between 2 minutes before and 2.1 minutes "
            "after its last sighting, it was not cancelled, and it was off show before the polls ended. Else null.",
        ),
        Column(
            "time_at",
            UTC_INSTANT,
            "The best that is known: observed, else last predicted, else scheduled.",
        ),
        Column("provenance", pa.string(), "Which of the three `time_at` is.", is_nullable=False, values=PROVENANCES),
        Column(
            "rule",
            pa.string(),
            "How the passing was inferred, or why it was not.",
            is_nullable=False,
            values=(
                "last_announced",
                "cancelled",
                "vanished_early",
                "lingered",
                "on_show_at_end",
                "no_observation",
            ),
        ),
        Column(
            "uncertainty_seconds",
            pa.int32(),
            "Half the width of what the passing may differ by: the step of the announced minute and the gap of polls.",
            unit="s",
            minimum=0,
        ),
        Column("observations", pa.int32(), "Observations it was made of.", unit="rows", is_nullable=False, minimum=0),
        Column("is_cancelled", pa.bool_(), "True where it was last said not to run.", is_nullable=False),
        Column("source", pa.string(), "Format of its observations; null for a train that was only scheduled."),
    ),
    owner="rail",
)

DISRUPTION_SIGHTINGS = Table(
    layer="interim",
    domain="rail",
    name="disruption_sightings",
    description="One disruption of the line as one answer of the provider showed it; an answer without any gives one "
    "row without a disruption, so that silence and quiet are told apart.",
    key=("observed_at", "source", "disruption_id"),
    partition_by="service_date",
    columns=(
        Column("service_date", pa.date32(), "Paris day of the answer.", is_nullable=False),
        Column("observed_at", UTC_INSTANT, "When the provider was asked.", is_nullable=False),
        Column("updated_at", UTC_INSTANT, "When the provider last changed the whole feed.", source="lastUpdatedDate"),
        Column(
            "disruption_id",
            pa.string(),
            "The provider's; a change makes a new one. Empty where the line has none.",
            is_nullable=False,
            source="disruptions.id",
        ),
        Column("last_update_at", UTC_INSTANT, "When it was last changed.", source="lastUpdate"),
        Column("cause", pa.string(), "`TRAVAUX`, `PERTURBATION`, `INFORMATION`, as sent."),
        Column("severity", pa.string(), "`BLOQUANTE`, `PERTURBEE`, `INFORMATION`, as sent."),
        Column("effect", pa.string(), "Of line reports: `NO_SERVICE`, `SIGNIFICANT_DELAYS`, …"),
        Column("title", pa.string(), "Title."),
        Column("message", pa.string(), "Message, without HTML."),
        Column("tags", pa.list_(pa.string()), "Tags."),
        Column("lines", pa.list_(pa.string()), "Lines that it touches, as sent (`line:IDFM:C01743`)."),
        Column("stops", pa.list_(pa.string()), "Stops and stop areas that it touches, as sent."),
        Column(
            "periods",
            pa.list_(pa.struct([("begin_at", UTC_INSTANT), ("end_at", UTC_INSTANT)])),
            "When it applies.",
        ),
        Column("is_active", pa.bool_(), "Whether it applied at that instant; null without a disruption."),
        Column("source", pa.string(), "Format of the answer.", is_nullable=False, values=DISRUPTION_SOURCES),
        _PAYLOAD,
    ),
    # An answer that failed is one record put aside: hours of them are an outage of the provider, and no reason to
    # refuse what it said before and after.
    max_quarantined_share=0.9,
    owner="rail",
)

DISRUPTIONS = Table(
    layer="interim",
    domain="rail",
    name="disruptions",
    description="One version of one disruption of the line, from when to when it was on show.",
    key=("disruption_id", "last_update_at"),
    columns=(
        *(
            next(column for column in DISRUPTION_SIGHTINGS.columns if column.name == name)
            for name in ("disruption_id", "last_update_at")
        ),
        Column("first_seen_at", UTC_INSTANT, "First answer that showed it.", is_nullable=False),
        Column("last_seen_at", UTC_INSTANT, "Last answer that showed it.", is_nullable=False),
        Column("sightings", pa.int32(), "Answers that showed it.", unit="rows", is_nullable=False, minimum=1),
        *(
            next(column for column in DISRUPTION_SIGHTINGS.columns if column.name == name)
            for name in (
                "cause",
                "severity",
                "effect",
                "title",
                "message",
                "tags",
                "lines",
                "stops",
                "periods",
                "source",
            )
        ),
    ),
    owner="rail",
)

TABLES = (STOPS, SCHEDULED_CALLS, PREDICTED_CALLS, STOP_EVENTS, DISRUPTION_SIGHTINGS, DISRUPTIONS)

FORECASTS, NO_FORECASTS = forecasts("rail"), no_forecasts("rail")
LIVE_SCORES, DRIFT = live_scores("rail"), drift("rail")
MODEL_TABLES = (FORECASTS, NO_FORECASTS, LIVE_SCORES, DRIFT)
MODELS = {
    "rail_travel_time": "Minutes that the next train from one station to another will take.",
    "rail_delay": "Minutes by which a train will be late at a station downstream.",
}

ALERTS, ALERT_DELIVERIES = alerts("rail", ALERT_KINDS), alert_deliveries("rail")
ALERT_TABLES = (ALERTS, ALERT_DELIVERIES)
