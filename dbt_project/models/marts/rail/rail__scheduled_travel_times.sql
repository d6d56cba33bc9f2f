-- By the timetables of the last service dates, every train of every date once. Trains that serve other stops in between
-- are kept apart: one that serves none of eleven takes half the time of one that serves all.
with calls as (
    select
        service_date,
        trip_id,
        direction,
        station,
        arrival_at,
        departure_at,
        row_number() over (partition by service_date, trip_id order by stop_sequence) as place
    from {{ source('rail_interim', 'rail__scheduled_calls') }}
    where
        service_date > {{ last_service_date(source('rail_interim', 'rail__scheduled_calls')) }} - {{ var('last_days') }}
),

dates as (
    select
        dates.service_date,
        case
            when coalesce(days.is_public_holiday, false) or isodow(dates.service_date) = 7 then 'sunday_or_holiday'
            when isodow(dates.service_date) = 6 then 'saturday'
            else 'weekday'
        end as day_type
    from (select distinct service_date from calls) as dates
    left join {{ source('calendar_interim', 'calendar__days') }} as days
        on dates.service_date = days.day
        and days.country = 'FR'
        and days.region = 'Paris'
),

travels as (
    select
        origins.station as origin,
        destinations.station as destination,
        origins.direction,
        dates.day_type,
        {{ paris_hour('origins.departure_at') }} as local_hour,
        destinations.place - origins.place - 1 as stops_between,
        date_diff('second', origins.departure_at, destinations.arrival_at) as seconds,
        origins.service_date
    from calls as origins
    inner join calls as destinations
        on origins.service_date = destinations.service_date
        and origins.trip_id = destinations.trip_id
        and origins.place < destinations.place
    inner join dates
        on origins.service_date = dates.service_date
    where
        origins.station <> destinations.station
        and origins.direction is not null
        and origins.departure_at <= destinations.arrival_at
)

select
    origin,
    destination,
    direction,
    day_type,
    local_hour,
    stops_between::integer as stops_between,
    avg(seconds) as mean_seconds,
    quantile_cont(seconds, 0.5) as median_seconds,
    min(seconds)::integer as min_seconds,
    max(seconds)::integer as max_seconds,
    count(*)::integer as trains,
    count(distinct service_date)::integer as dates,
    min(service_date) as first_date,
    max(service_date) as last_date
from travels
group by origin, destination, direction, day_type, local_hour, stops_between
order by origin, destination, direction, day_type, local_hour, stops_between
