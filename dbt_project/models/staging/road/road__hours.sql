-- What each counter measured in each hour of the months being built, by the Paris day and the hour on the clock there.
-- The level is the provider's; where it gives none, or `unknown`, that of the occupancy.
select
    month,
    {{ paris_day('hour_start_at') }} as day,
    arc_id,
    hour_start_at,
    {{ paris_hour('hour_start_at') }} as local_hour,
    flow_veh_per_hour,
    occupancy_percent,
    coalesce(nullif(level, 'unknown'), level_of_occupancy) as level,
    arc_state,
    occupancy_percent >= {{ var('congested_from_percent') }} as is_congested
from {{ source('road_interim', 'road__counts_hourly') }}
where {{ is_built_now('month') }}
