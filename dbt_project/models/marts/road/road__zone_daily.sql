with seen as (
    select
        hours.month,
        hours.day,
        zones.zone,
        count(distinct hours.arc_id) filter (hours.flow_veh_per_hour is not null)::integer as arcs_seen
    from {{ ref('road__hours') }} as hours
    inner join {{ ref('road__zone_arcs') }} as zones using (month, arc_id)
    group by all
),

sums as (
    select
        month,
        day,
        zone,
        sum({{ exact('flow_total') }})::double as vehicles_counted,
        (sum({{ exact('flow_total') }}) / nullif(sum(arcs_seen), 0))::double as flow_mean,
        max(flow_mean) as flow_peak,
        (sum({{ exact('occupancy_mean * arcs_with_occupancy') }}) / nullif(sum(arcs_with_occupancy), 0))::double
            as occupancy_mean,
        sum(arcs_congested) / nullif(sum(arcs_with_occupancy), 0) as congested_share,
        count(flow_mean)::integer as hours_observed,
        any_value(arcs) as arcs,
        sum(arcs_seen) as arc_hours
    from {{ ref('road__zone_hourly') }}
    where {{ is_built_now('month') }}
    group by month, day, zone
)

select
    month,
    day,
    zone,
    vehicles_counted,
    flow_mean,
    flow_peak,
    occupancy_mean,
    congested_share,
    hours_observed,
    arcs,
    arcs_seen,
    arc_hours / (arcs * {{ day_hours('day') }}) as coverage
from sums
inner join seen using (month, day, zone)
order by month, day, zone
