-- The arcs that were described in each month being built, with the zone in which they lie; `unknown` where nothing
-- tells their place, so that zones add up to the city.
select
    described.month,
    described.arc_id,
    coalesce(arcs.zone, 'unknown') as zone
from {{ source('road_interim', 'road__arc_descriptions') }} as described
left join {{ source('road_interim', 'road__arcs') }} as arcs
    on arcs.arc_id = described.arc_id
    and described.month >= arcs.valid_from
    and (arcs.valid_to is null or described.month < arcs.valid_to)
where {{ is_built_now('described.month') }}
