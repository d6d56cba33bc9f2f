-- Over the arcs that measured something in the hour: a mean over arcs is not wrong where some of them are silent, as one
-- over half a day would be, and in many zones most are. How many there were stands beside it.
with arcs as (
    select
        month,
        zone,
        count(*)::integer as arcs
    from {{ ref('road__zone_arcs') }}
    group by month, zone
),

sums as (
    select
        hours.month,
        hours.day,
        zones.zone,
        hours.hour_start_at,
        hours.local_hour,
        sum({{ exact('flow_veh_per_hour') }})::double as flow_total,
        {{ exact_mean('flow_veh_per_hour') }} as flow_mean,
        {{ exact_mean('occupancy_percent') }} as occupancy_mean,
        count(flow_veh_per_hour)::integer as arcs_seen,
        count(occupancy_percent)::integer as arcs_with_occupancy,
        count(*) filter (is_congested)::integer as arcs_congested
    from {{ ref('road__hours') }} as hours
    inner join {{ ref('road__zone_arcs') }} as zones using (month, arc_id)
    group by all
)

select
    month,
    day,
    zone,
    hour_start_at,
    local_hour,
    flow_total,
    flow_mean,
    occupancy_mean,
    arcs_congested / nullif(arcs_with_occupancy, 0) as congested_share,
    arcs,
    arcs_seen,
    arcs_with_occupancy,
    arcs_congested,
    arcs_seen / arcs as coverage
from sums
inner join arcs using (month, zone)
order by month, zone, hour_start_at
