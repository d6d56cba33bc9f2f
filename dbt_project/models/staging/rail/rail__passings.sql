-- What is known of each train at each station on the service dates being built. `passed_at` is when it was there, where
-- that was observed; an announced minute behaves like a departure, so it is held against the scheduled departure, and
-- against the arrival where the train ends.
select
    events.service_date,
    events.journey_id,
    events.trip_id,
    events.train_number,
    events.mission,
    coalesce(events.direction, 'unknown') as direction,
    events.station,
    stations.line_order,
    stations.branch,
    events.time_at,
    case when events.provenance = 'observed' then events.observed_at end as passed_at,
    case when events.provenance = 'observed' then events.uncertainty_seconds end as uncertainty_seconds,
    coalesce(events.scheduled_departure_at, events.scheduled_arrival_at) as scheduled_at,
    case
        when events.provenance = 'observed' and events.predicted_departure_at >= events.predicted_arrival_at
            then date_diff('second', events.predicted_arrival_at, events.predicted_departure_at)
    end as dwell_seconds,
    date_diff('second', events.scheduled_arrival_at, events.scheduled_departure_at) as scheduled_dwell_seconds,
    events.observations > 0 as is_announced,
    events.is_cancelled
from {{ source('rail_interim', 'rail__stop_events') }} as events
left join {{ ref('rail__stations') }} as stations using (station)
where {{ is_built_now('events.service_date') }}
