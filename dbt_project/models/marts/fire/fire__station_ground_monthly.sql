select
    month,
    station_ground,
    {{ attendance() }}
from {{ ref('fire__calls') }}
where {{ is_built_now('month') }}
group by month, station_ground
order by month, station_ground
