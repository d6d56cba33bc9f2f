"""`interim.rail__stop_events`: when each train was at each station, as far as observations tell.

A passing is the last announced minute, kept when it lies between 2 minutes before and 2.1 minutes after the train's
last sighting, and the train is neither cancelled nor still on show when the polls end. A train that vanishes earlier
(the collector was out, or it was taken off) has a last prediction and no passing. Trains that left stay on show with
`is_at_stop`: what is shown of them after their time is no sighting, though it may bring their last minute.

A scheduled trip is found by its identifier in the reference of the train, else by its number where one trip and one
train of the date have it. A scheduled call without any observation is an event too, and says so.
"""

from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from transit_assets.lake.engine import prepare
from transit_assets.quality.cleaned import Cleaned, candidate_schema
from transit_assets.rail.schema import STOP_EVENTS
from transit_assets.rail.stations import STATIONS

BEFORE_SECONDS, AFTER_SECONDS = 120, 126
"""How far before and after its last sighting an announced minute is taken for the passing."""
ON_SHOW_SECONDS = 120
"""A train sighted so shortly before the polls end was on show when they ended: a poll may fail."""

MINUTE_SECONDS, INSTANT_SECONDS = 60, 1
"""To how many seconds polls of 2022 and SIRI say their times."""
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

_QUERY = f"""
WITH said AS (
    SELECT *,
        coalesce(expected_departure_at, expected_arrival_at) AS announced_at,
        -- None is said of a train that was cancelled, so nothing is compared with null.
        coalesce(is_at_stop AND coalesce(expected_departure_at, expected_arrival_at) < observed_at, false) AS has_left
    FROM predicted
), calls AS (
    SELECT journey_id, station,
        arg_max(train_number, observed_at) AS train_number,
        arg_max(mission, observed_at) AS mission,
        arg_max(direction, observed_at) AS direction,
        arg_max(destination, observed_at) AS destination,
        arg_max(aimed_arrival_at, observed_at) AS aimed_arrival_at,
        arg_max(aimed_departure_at, observed_at) AS aimed_departure_at,
        arg_max(expected_arrival_at, observed_at) AS predicted_arrival_at,
        arg_max(expected_departure_at, observed_at) AS predicted_departure_at,
        arg_max(announced_at, observed_at) AS announced_at,
        arg_max(is_cancelled, observed_at) AS is_cancelled,
        arg_max(has_left, observed_at) AS has_left,
        arg_max(source, observed_at) AS source,
        min(observed_at) AS first_seen_at,
        coalesce(max(observed_at) FILTER (NOT has_left), max(observed_at)) AS last_seen_at,
        bool_and(has_left) AS was_never_coming,
        count(*) AS observations
    FROM said
    GROUP BY ALL
), polls AS (
    SELECT DISTINCT station, observed_at FROM predicted
), next_of_station AS (
    SELECT station, observed_at, lead(observed_at) OVER (PARTITION BY station ORDER BY observed_at) AS next_at
    FROM polls
), next_of_any AS (
    SELECT observed_at, lead(observed_at) OVER (ORDER BY observed_at) AS next_at
    FROM (SELECT DISTINCT observed_at FROM polls)
), judged AS (
    SELECT calls.*,
        CASE
            WHEN is_cancelled THEN 'cancelled'
            WHEN NOT has_left AND last_seen_at >= $until::TIMESTAMPTZ - INTERVAL {ON_SHOW_SECONDS} SECOND
                THEN 'on_show_at_end'
            WHEN announced_at > last_seen_at + INTERVAL {AFTER_SECONDS} SECOND THEN 'vanished_early'
            WHEN was_never_coming OR announced_at < last_seen_at - INTERVAL {BEFORE_SECONDS} SECOND THEN 'lingered'
            WHEN announced_at IS NULL THEN 'no_observation'
            ELSE 'last_announced'
        END AS rule,
        -- Where a station shows no train any more, the next poll of any other tells that somebody looked.
        coalesce(at_station.next_at, anywhere.next_at, $until::TIMESTAMPTZ) AS next_at
    FROM calls
    LEFT JOIN next_of_station AS at_station
        ON at_station.station = calls.station AND at_station.observed_at = calls.last_seen_at
    LEFT JOIN next_of_any AS anywhere ON anywhere.observed_at = calls.last_seen_at
), trains AS (
    SELECT journey_id, any_value(train_number) AS train_number,
        nullif(regexp_extract(lower(journey_id), '{_UUID}'), '') AS reference
    FROM calls
    GROUP BY journey_id
), trips AS (
    SELECT trip_id, any_value(train_number) AS train_number,
        nullif(regexp_extract(lower(trip_id), '{_UUID}'), '') AS reference
    FROM scheduled
    GROUP BY trip_id
), numbered_trains AS (
    SELECT train_number, any_value(journey_id) AS journey_id FROM trains GROUP BY train_number HAVING count(*) = 1
), numbered_trips AS (
    SELECT train_number, any_value(trip_id) AS trip_id FROM trips GROUP BY train_number HAVING count(*) = 1
), by_reference AS (
    SELECT trains.journey_id, min(trips.trip_id) AS trip_id FROM trains JOIN trips USING (reference) GROUP BY ALL
), found AS (
    SELECT trains.journey_id, coalesce(by_reference.trip_id, numbered_trips.trip_id) AS trip_id
    FROM trains
    LEFT JOIN by_reference USING (journey_id)
    LEFT JOIN numbered_trains USING (journey_id)
    LEFT JOIN numbered_trips ON numbered_trips.train_number = numbered_trains.train_number
), of_trip AS (
    -- Two trains may claim one trip: each has its calls.
    SELECT coalesce(found.journey_id, scheduled.trip_id) AS train, scheduled.*
    FROM scheduled LEFT JOIN found USING (trip_id)
    WHERE scheduled.station IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY train, station ORDER BY stop_sequence) = 1
), joined AS (
    SELECT
        coalesce(judged.journey_id, of_trip.train) AS journey_id,
        coalesce(judged.station, of_trip.station) AS station,
        coalesce(of_trip.trip_id, found.trip_id) AS trip_id,
        coalesce(judged.train_number, of_trip.train_number) AS train_number,
        coalesce(judged.mission, of_trip.mission) AS mission,
        coalesce(judged.direction, of_trip.direction) AS direction,
        judged.destination,
        coalesce(of_trip.arrival_at, judged.aimed_arrival_at) AS scheduled_arrival_at,
        coalesce(of_trip.departure_at, judged.aimed_departure_at) AS scheduled_departure_at,
        judged.predicted_arrival_at,
        judged.predicted_departure_at,
        judged.first_seen_at,
        judged.last_seen_at,
        CASE WHEN judged.rule = 'last_announced' THEN judged.announced_at END AS observed_at,
        judged.announced_at,
        coalesce(judged.rule, 'no_observation') AS rule,
        CASE WHEN judged.rule = 'last_announced' THEN CAST(ceil(
            (CASE judged.source WHEN 'transilien_csv' THEN {MINUTE_SECONDS} ELSE {INSTANT_SECONDS} END
                + epoch(judged.next_at) - epoch(judged.last_seen_at)) / 2
        ) AS INTEGER) END AS uncertainty_seconds,
        coalesce(judged.observations, 0) AS observations,
        coalesce(judged.is_cancelled, false) AS is_cancelled,
        judged.source
    FROM judged
    LEFT JOIN found USING (journey_id)
    FULL JOIN of_trip ON of_trip.train = judged.journey_id AND of_trip.station = judged.station
), timed AS (
    SELECT *,
        coalesce(observed_at, announced_at, scheduled_departure_at, scheduled_arrival_at) AS time_at,
        CASE
            WHEN observed_at IS NOT NULL THEN 'observed'
            WHEN announced_at IS NOT NULL THEN 'predicted'
            ELSE 'scheduled'
        END AS provenance
    FROM joined
), ordered AS (
    -- Places rise to the south. A single station, or one time for all, has no slope.
    SELECT journey_id,
        CASE sign(regr_slope(line_order, epoch(time_at))) WHEN -1 THEN 'north' WHEN 1 THEN 'south' END
            AS direction_by_order
    FROM timed JOIN places USING (station)
    GROUP BY journey_id
    HAVING count(DISTINCT station) > 1
)
SELECT $date::DATE AS service_date, timed.* REPLACE (coalesce(direction, direction_by_order) AS direction),
    direction_by_order, NULL::INTEGER AS row_number, NULL::VARCHAR AS problem
FROM timed LEFT JOIN ordered USING (journey_id)
ORDER BY journey_id, station
"""


def stop_events(
    service_date: date,
    predicted: pa.Table,
    scheduled: pa.Table,
    observed_until: datetime | None = None,
    fingerprint: str | None = None,
) -> Cleaned:
    """The events of one service date from its rows of `PREDICTED_CALLS` and `SCHEDULED_CALLS`.

    `observed_until` is when stations were last asked (default: when a train was last seen).
    """
    values: dict[str, Any] = {"date": service_date, "until": observed_until}
    with duckdb.connect(config={"threads": 2}) as connection:
        prepare(connection, is_s3=False)
        connection.register("predicted", predicted)
        connection.register("scheduled", scheduled)
        connection.register("places", _places())
        if observed_until is None:
            values["until"] = connection.execute("SELECT max(observed_at) FROM predicted").fetchall()[0][0]
        found = connection.execute(_QUERY, values).to_arrow_table()
    schema = candidate_schema(STOP_EVENTS.schema)
    rows = pa.table([found[field.name].cast(field.type) for field in schema], schema=schema)
    return Cleaned(service_date.isoformat(), rows, rows.num_rows, fingerprint=fingerprint)


def _places() -> pa.Table:
    """The order of the stations from the north."""
    return pa.table({"station": [one.uic for one in STATIONS], "line_order": [one.order for one in STATIONS]})
