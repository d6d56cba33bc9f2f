-- The usual day of each ground, over the last year in which it had calls: a month has two calls an hour.
with lasting as (
    select
        station_ground,
        max(month) as last_month
    from {{ ref('fire__calls') }}
    group by station_ground
)

select
    station_ground,
    is_weekend,
    local_hour,
    {{ attendance() }},
    min(day) as first_day,
    max(day) as last_day
from {{ ref('fire__calls') }}
inner join lasting using (station_ground)
where month > last_month - interval 1 year
group by station_ground, is_weekend, local_hour
order by station_ground, is_weekend, local_hour
