-- How far each counter can be trusted, over all that the lake holds of it. A gap is a run of hours without a value,
-- whether the provider gave a null or nothing at all; what comes after the last value is no gap but `dead_since`.
with hours as (
    select
        arc_id,
        hour_start_at,
        flow_veh_per_hour is null as has_no_flow,
        occupancy_percent is null as has_no_occupancy,
        coalesce(flow_veh_per_hour, occupancy_percent) is not null as has_value
    from {{ ref('road__axis_hourly') }}
),

latest as (
    select max(hour_start_at) as hour_start_at
    from hours
),

gaps as (
    select
        arc_id,
        (epoch_us(hour_start_at) - epoch_us(lag(hour_start_at) over (partition by arc_id order by hour_start_at)))
            // {{ hour_us() }} - 1 as gap_hours
    from hours
    where has_value
),

longest as (
    select
        arc_id,
        coalesce(max(gap_hours), 0)::integer as longest_gap_hours
    from gaps
    group by arc_id
),

sums as (
    select
        arc_id,
        count(*)::integer as hours,
        count(*) filter (has_no_flow) / count(*) as null_flow_share,
        count(*) filter (has_no_occupancy) / count(*) as null_occupancy_share,
        min(hour_start_at) as first_hour_start_at,
        max(hour_start_at) as last_hour_start_at,
        max(hour_start_at) filter (has_value) as last_value_at
    from hours
    group by arc_id
),

arcs as (
    select
        arc_id,
        name,
        zone
    from {{ source('road_interim', 'road__arcs') }}
    where valid_to is null
)

select
    sums.arc_id,
    arcs.name,
    arcs.zone,
    sums.hours,
    sums.null_flow_share,
    sums.null_occupancy_share,
    longest.longest_gap_hours,
    sums.first_hour_start_at,
    sums.last_hour_start_at,
    sums.last_value_at,
    case
        when sums.last_value_at is null then sums.first_hour_start_at
        when sums.last_value_at < latest.hour_start_at - interval {{ var('dead_after_hours') }} hour
            then sums.last_value_at + interval 1 hour
    end as dead_since
from sums
cross join latest
left join longest using (arc_id)
left join arcs using (arc_id)
order by sums.arc_id
