select
    month,
    day,
    arc_id,
    hour_start_at,
    local_hour,
    flow_veh_per_hour,
    occupancy_percent,
    level,
    arc_state
from {{ ref('road__hours') }}
order by month, arc_id, hour_start_at
