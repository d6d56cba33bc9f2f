-- Of the trains that the provider told of, at the stations that were asked: a train that calls at none of them cannot be
-- told of. How many that is of those scheduled is known where it tells of any of them: where none of its trains is found
-- in the timetable, that one is of another service.
with calls_where_asked as (
    select *
    from {{ ref('rail__passings') }}
    qualify bool_or(is_announced) over (partition by service_date, station)
),

journeys as (
    select
        service_date,
        journey_id,
        min(direction) as direction,
        bool_or(trip_id is not null) as is_scheduled,
        bool_or(is_announced) as is_announced,
        count(*) filter (is_announced) as calls,
        count(*) filter (is_announced and is_cancelled) as calls_cancelled
    from calls_where_asked
    group by service_date, journey_id
),

sums as (
    select
        service_date,
        direction,
        count(*) filter (is_announced)::integer as trains,
        count(*) filter (is_announced and calls_cancelled = calls)::integer as trains_cancelled,
        count(*) filter (calls_cancelled between 1 and calls - 1)::integer as trains_cancelled_in_part,
        sum(calls)::integer as calls,
        sum(calls_cancelled)::integer as calls_cancelled,
        count(*) filter (is_scheduled)::integer as scheduled_trains,
        count(*) filter (is_scheduled and is_announced)::integer as scheduled_trains_announced
    from journeys
    group by service_date, direction
),

covered as (
    select
        *,
        case when scheduled_trains_announced > 0 then scheduled_trains_announced / scheduled_trains end as coverage
    from sums
)

select
    service_date,
    direction,
    trains,
    trains_cancelled,
    trains_cancelled_in_part,
    calls,
    calls_cancelled,
    scheduled_trains,
    scheduled_trains_announced,
    coverage,
    {{ where_observed('trains_cancelled / trains', 'trains', 'coalesce(coverage, 1)') }} as trains_cancelled_share,
    {{ where_observed('calls_cancelled / calls', 'trains', 'coalesce(coverage, 1)') }} as calls_cancelled_share
from covered
order by service_date, direction
