-- One row is one run of congested hours of one arc within one Paris day; an hour that is not congested, unknown or
-- missing ends it, and so does midnight.
with congested as (
    select
        *,
        epoch_us(hour_start_at) // {{ hour_us() }}
            - row_number() over (partition by arc_id, day order by hour_start_at) as run
    from {{ ref('road__hours') }}
    where is_congested
)

select
    month,
    day,
    arc_id,
    min(hour_start_at) as started_at,
    max(hour_start_at) + interval 1 hour as ended_at,
    arg_min(local_hour, hour_start_at) as first_local_hour,
    count(*)::integer as hours,
    {{ exact_mean('occupancy_percent') }} as occupancy_mean,
    max(occupancy_percent) as occupancy_max,
    {{ exact_mean('flow_veh_per_hour') }} as flow_mean
from congested
group by month, day, arc_id, run
order by month, arc_id, started_at
