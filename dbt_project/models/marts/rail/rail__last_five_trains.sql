-- Of the last service dates: a pair that no train has run for a month has no last trains. An announced minute may lie
-- two minutes ahead of the last observation; such a train had not arrived.
with newest as (
    select max(last_seen_at) as as_of
    from {{ source('rail_interim', 'rail__stop_events') }}
),

ranked as (
    select
        travels.*,
        newest.as_of,
        row_number() over (
            partition by travels.origin, travels.destination
            order by travels.arrived_at desc, travels.departed_at desc, travels.service_date desc, travels.journey_id
        )::integer as train_rank
    from {{ ref('rail__observed_travel_times') }} as travels
    cross join newest
    where
        travels.arrived_at <= newest.as_of
        and travels.service_date > {{ last_service_date(ref('rail__observed_travel_times')) }} - {{ var('last_days') }}
    qualify train_rank <= 5
),

pairs as (
    select
        origin,
        destination,
        count(*)::integer as trains,
        avg(seconds) as mean_seconds,
        quantile_cont(seconds, 0.5) as median_seconds
    from ranked
    group by origin, destination
)

select
    ranked.origin,
    origins.station_name as origin_name,
    ranked.destination,
    destinations.station_name as destination_name,
    ranked.train_rank,
    ranked.service_date,
    ranked.journey_id,
    ranked.train_number,
    ranked.mission,
    ranked.direction,
    ranked.stops_between,
    ranked.departed_at,
    ranked.arrived_at,
    ranked.seconds,
    ranked.scheduled_seconds,
    ranked.uncertainty_seconds,
    pairs.trains,
    case when pairs.trains = 5 then pairs.mean_seconds end as mean_seconds,
    case when pairs.trains = 5 then pairs.median_seconds end as median_seconds,
    ranked.as_of
from ranked
inner join pairs using (origin, destination)
inner join {{ ref('rail__stations') }} as origins
    on ranked.origin = origins.station
inner join {{ ref('rail__stations') }} as destinations
    on ranked.destination = destinations.station
order by ranked.origin, ranked.destination, ranked.train_rank
