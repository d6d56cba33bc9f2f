-- A headway ends with the train that ends it, and belongs to the hour of that train. It is observed where this train and
-- the one before it were: between two that were, a third may have passed unobserved, but not unannounced, as a train is
-- announced hours ahead. The night between two service dates is none.
with announced as (
    select
        service_date,
        station,
        direction,
        {{ hour_start_at('time_at') }} as hour_start_at,
        row_number() over trains > 1 as has_one_before,
        date_diff('second', lag(passed_at) over trains, passed_at) as headway
    from {{ ref('rail__passings') }}
    where is_announced and not is_cancelled and direction <> 'unknown' and time_at is not null
    window trains as (partition by service_date, station, direction order by time_at, journey_id)
),

-- A train that was cancelled left a gap in the timetable that is no lack of observation.
cancelled as (
    select
        service_date,
        station,
        direction,
        {{ hour_start_at('coalesce(scheduled_at, time_at)') }} as hour_start_at,
        count(*) as trains_cancelled
    from {{ ref('rail__passings') }}
    where is_cancelled and direction <> 'unknown' and coalesce(scheduled_at, time_at) is not null
    group by all
),

-- A timetable that knows none of the trains of the date is of another service: nothing is held against it.
known_dates as (
    select distinct service_date
    from {{ ref('rail__passings') }}
    where is_announced and trip_id is not null
),

timetable as (
    select
        service_date,
        station,
        direction,
        trip_id,
        stop_sequence,
        coalesce(departure_at, arrival_at) as call_at
    from {{ source('rail_interim', 'rail__scheduled_calls') }}
    where {{ is_built_now('service_date') }} and station is not null and direction is not null
),

scheduled as (
    select
        service_date,
        station,
        direction,
        {{ hour_start_at('call_at') }} as hour_start_at,
        date_diff('second', lag(call_at) over trains, call_at) as headway
    from timetable
    where call_at is not null
    window trains as (partition by service_date, station, direction order by call_at, trip_id, stop_sequence)
),

observed_hours as (
    select
        service_date,
        station,
        direction,
        hour_start_at,
        count(*) filter (has_one_before) as announced_headways,
        count(headway) as headways,
        avg(headway) as headway_mean,
        {{ expected_wait('headway') }} as wait
    from announced
    group by service_date, station, direction, hour_start_at
),

scheduled_hours as (
    select
        service_date,
        station,
        direction,
        hour_start_at,
        count(headway) as scheduled_headways,
        avg(headway) as scheduled_headway_mean,
        {{ expected_wait('headway') }} as scheduled_wait
    from scheduled
    group by service_date, station, direction, hour_start_at
),

hours as (
    select
        service_date,
        station,
        direction,
        hour_start_at,
        coalesce(headways, 0) as headways,
        greatest(
            coalesce(announced_headways, 0),
            case
                when known_dates.service_date is null then 0
                else coalesce(scheduled_headways, 0) - coalesce(trains_cancelled, 0)
            end
        ) as expected_headways,
        coalesce(trains_cancelled, 0) as trains_cancelled,
        headway_mean,
        wait,
        coalesce(scheduled_headways, 0) as scheduled_headways,
        scheduled_headway_mean,
        scheduled_wait,
        known_dates.service_date is not null as has_timetable
    from observed_hours
    full join scheduled_hours using (service_date, station, direction, hour_start_at)
    left join cancelled using (service_date, station, direction, hour_start_at)
    left join known_dates using (service_date)
),

covered as (
    select
        *,
        headways / nullif(expected_headways, 0) as coverage
    from hours
)
{%- set least = var('min_headways') %}
{%- set excess = 'case when has_timetable and scheduled_headways >= ' ~ least ~ ' then wait - scheduled_wait end' %}

select
    service_date,
    station,
    direction,
    hour_start_at,
    {{ paris_hour('hour_start_at') }} as local_hour,
    headways::integer as headways,
    expected_headways::integer as expected_headways,
    coverage,
    trains_cancelled::integer as trains_cancelled,
    {{ where_observed('headway_mean', 'headways', least=least) }} as headway_mean_seconds,
    {{ where_observed('wait', 'headways', least=least) }} as expected_wait_seconds,
    scheduled_headways::integer as scheduled_headways,
    case when scheduled_headways >= {{ least }} then scheduled_headway_mean end as scheduled_headway_mean_seconds,
    case when scheduled_headways >= {{ least }} then scheduled_wait end as scheduled_wait_seconds,
    {{ where_observed(excess, 'headways', least=least) }} as excess_wait_seconds
from covered
order by service_date, station, direction, hour_start_at
