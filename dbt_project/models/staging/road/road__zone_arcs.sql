-- The arcs that were described or counted in each month being built, with the zone in which they lie; `unknown` where
-- nothing tells their place, so that zones add up to the city. A description that is in quarantine costs no counts.
with heard_of as (
    select
        month,
        arc_id
    from {{ source('road_interim', 'road__arc_descriptions') }}
    where {{ is_built_now('month') }}
    union
    select
        month,
        arc_id
    from {{ source('road_interim', 'road__counts_hourly') }}
    where {{ is_built_now('month') }}
)

select
    heard_of.month,
    heard_of.arc_id,
    coalesce(arcs.zone, 'unknown') as zone
from heard_of
left join {{ source('road_interim', 'road__arcs') }} as arcs
    on heard_of.arc_id = arcs.arc_id
    and heard_of.month >= arcs.valid_from
    and (arcs.valid_to is null or heard_of.month < arcs.valid_to)
