with days as (
    select
        station_code,
        count(*) as days_observed,
        count(*) filter (empty_share > 0) as days_empty,
        {{ weighted_by_coverage('empty_share') }} as empty_share,
        {{ weighted_by_coverage('full_share') }} as full_share,
        max(day) filter (empty_share > 0) as last_empty_day,
        min(day) as first_day,
        max(day) as last_day
    from {{ ref('bikes__station_daily') }}
    where empty_share is not null
    group by station_code
),

stations as (
    select station_code, name, zone, latitude, longitude
    from {{ source('bikes_interim', 'bikes__stations') }}
    where valid_to is null
)

select
    row_number() over (order by days.empty_share desc, station_code)::integer as empty_rank,
    station_code,
    stations.name,
    stations.zone,
    stations.latitude,
    stations.longitude,
    days.empty_share,
    days.full_share,
    days.days_empty::integer as days_empty,
    days.days_observed::integer as days_observed,
    days.last_empty_day,
    days.first_day,
    days.last_day
from days
left join stations using (station_code)
where days.empty_share > 0
order by empty_rank
