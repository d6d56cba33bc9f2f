-- Every two stations at which a train was observed, in the order of the line: announced minutes may be out of order, and
-- of such a pair nothing is told. A train runs on one of the two northern branches.
with calls as (
    select
        *,
        row_number() over (
            partition by service_date, journey_id
            order by case direction when 'north' then -line_order else line_order end
        ) as place
    from {{ ref('rail__passings') }}
    where line_order is not null and direction <> 'unknown' and not is_cancelled
)

select
    origins.service_date,
    origins.journey_id,
    origins.train_number,
    origins.mission,
    origins.direction,
    origins.station as origin,
    destinations.station as destination,
    (destinations.place - origins.place - 1)::integer as stops_between,
    origins.passed_at as departed_at,
    destinations.passed_at as arrived_at,
    {{ paris_hour('origins.passed_at') }} as local_hour,
    date_diff('second', origins.passed_at, destinations.passed_at)::integer as seconds,
    case
        when origins.scheduled_at <= destinations.scheduled_at
            then date_diff('second', origins.scheduled_at, destinations.scheduled_at)
    end::integer as scheduled_seconds,
    origins.uncertainty_seconds + destinations.uncertainty_seconds as uncertainty_seconds
from calls as origins
inner join calls as destinations
    on origins.service_date = destinations.service_date
    and origins.journey_id = destinations.journey_id
    and origins.direction = destinations.direction
    and origins.place < destinations.place
where
    origins.passed_at < destinations.passed_at
    and not (
        origins.branch in ('airport', 'mitry') and destinations.branch in ('airport', 'mitry')
        and origins.branch <> destinations.branch
    )
order by origins.service_date, origins.journey_id, origins.station, destinations.station
