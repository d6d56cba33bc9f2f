with sums as (
    select
        month,
        day,
        arc_id,
        sum({{ exact('flow_veh_per_hour') }})::double as vehicles_counted,
        {{ exact_mean('flow_veh_per_hour') }} as flow_mean,
        max(flow_veh_per_hour) as flow_peak,
        arg_max(hour_start_at, (flow_veh_per_hour, -epoch_us(hour_start_at)))
            filter (flow_veh_per_hour is not null) as peak_hour_start_at,
        {{ exact_mean('occupancy_percent') }} as occupancy_mean,
        max(occupancy_percent) as occupancy_max,
        count(flow_veh_per_hour)::integer as hours_observed,
        count(occupancy_percent)::integer as hours_with_occupancy,
        count(*) filter (is_congested)::integer as hours_congested
    from {{ ref('road__hours') }}
    group by month, day, arc_id
),

shares as (
    select
        *,
        hours_observed / {{ day_hours('day') }} as coverage,
        hours_with_occupancy / {{ day_hours('day') }} as occupancy_coverage
    from sums
)

select
    month,
    day,
    arc_id,
    vehicles_counted,
    case when coverage >= {{ var('min_coverage') }} then flow_mean end as flow_mean,
    case when coverage >= {{ var('min_coverage') }} then flow_peak end as flow_peak,
    case when coverage >= {{ var('min_coverage') }} then peak_hour_start_at end as peak_hour_start_at,
    case when occupancy_coverage >= {{ var('min_coverage') }} then occupancy_mean end as occupancy_mean,
    case when occupancy_coverage >= {{ var('min_coverage') }} then occupancy_max end as occupancy_max,
    hours_observed,
    hours_with_occupancy,
    hours_congested,
    coverage
from shares
order by month, day, arc_id
