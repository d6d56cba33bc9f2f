-- The usual week of each arc, over the last year in which it measured anything.
with lasting as (
    select
        arc_id,
        max(month) as last_month
    from {{ ref('road__axis_hourly') }}
    where coalesce(flow_veh_per_hour, occupancy_percent) is not null
    group by arc_id
)

select
    arc_id,
    isodow(day)::integer as weekday,
    local_hour,
    {{ quartiles('flow_veh_per_hour', 'flow') }},
    {{ quartiles('occupancy_percent', 'occupancy') }},
    count(*)::integer as hours,
    count(flow_veh_per_hour)::integer as hours_observed,
    min(day) as first_day,
    max(day) as last_day
from {{ ref('road__axis_hourly') }}
inner join lasting using (arc_id)
where month > last_month - interval 1 year and month <= last_month
group by all
order by arc_id, weekday, local_hour
