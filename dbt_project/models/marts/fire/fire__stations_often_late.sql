-- Stations by how often the pump that they sent, where it was the first to arrive, took longer than the target: over
-- the last year of the lake, so that a station which has closed drops out. The ranking goes by the lower end of the
-- 95 % interval of the share, so that a handful of calls puts no station on top.
-- How much longer its pumps take than those of all stations over the same straight distance is the mean distance from
-- one line, of seconds by metres, through the calls of all: worked out from sums of whole numbers, which are exact.
-- A pump whose call lies more than 10 km from its station was under way elsewhere: 20 of 30,428 in early 2017, some
-- there within 4 s, that flatten the line from 70 to 65 s per km and move a small station's mean by a minute.
{%- set late_seconds, farthest_m = pump_targets()['first'], 10000 %}
with firsts as (
    select
        day,
        first_pump_station as station,
        first_pump_attendance_seconds as seconds,
        easting_m,
        northing_m
    from {{ ref('fire__calls') }}
    where
        first_pump_station is not null
        and first_pump_attendance_seconds is not null
        and month > (select max(month) from {{ ref('fire__calls') }}) - interval 1 year
),

measured as (
    select
        firsts.station,
        firsts.day,
        firsts.seconds,
        round(sqrt(
            (firsts.easting_m - stations.easting_m) ** 2 + (firsts.northing_m - stations.northing_m) ** 2
        ))::bigint as distance_m
    from firsts
    left join {{ source('fire_interim', 'fire__stations') }} as stations
        on firsts.station = stations.station
        and firsts.day >= stations.valid_from
        and (stations.valid_to is null or firsts.day < stations.valid_to)
),

placed as (
    select
        station,
        day,
        seconds,
        case when distance_m <= {{ farthest_m }} then distance_m end as metres
    from measured
),

sums as (
    select
        station,
        count(*)::integer as timed,
        count(*) filter (seconds > {{ late_seconds }})::integer as late,
        {{ median_where_enough('seconds') }} as attendance_median_seconds,
        {{ median_where_enough('metres') }} as distance_median_m,
        count(metres) as n,
        sum(metres) as sx,
        sum(seconds) filter (metres is not null) as sy,
        sum(metres * metres) as sxx,
        sum(metres * seconds) as sxy,
        sum(seconds * seconds) filter (metres is not null) as syy,
        min(day) as first_day,
        max(day) as last_day
    from placed
    group by station
),

-- seconds = at_once + by_metre * metres, over the calls of all stations
line as (
    select
        by_metre,
        (sy - by_metre * sx) / nullif(n, 0) as at_once,
        late_share_of_all
    from (
        select
            n,
            sx,
            sy,
            {{ slope_of_sums() }} as by_metre,
            late_share_of_all
        from (
            select
                sum(n) as n,
                sum(sx) as sx,
                sum(sy) as sy,
                sum(sxx) as sxx,
                sum(sxy) as sxy,
                sum(late) / sum(timed) as late_share_of_all
            from sums
        )
    )
),

shares as (
    select
        *,
        timed >= {{ var('min_timed') }} as is_enough,
        n >= {{ var('min_timed') }} as is_enough_placed,
        late / timed as late_share,
        {{ share_at_least('(late / timed)', 'timed') }} as late_share_at_least,
        sy / nullif(n, 0) - at_once - by_metre * sx / nullif(n, 0) as longer_seconds,
        -- variance of what lies between the calls and the line, from the same sums
        (syy - sy * sy / n::double) - 2 * by_metre * (sxy - sx * sy / n::double)
            + by_metre ** 2 * (sxx - sx * sx / n::double) as squares
    from sums
    cross join line
)

select
    case when is_enough then row_number() over (order by is_enough desc, late_share_at_least desc, station) end::integer
        as late_rank,
    station,
    timed,
    late,
    case when is_enough then late_share end as late_share,
    case when is_enough then late_share_at_least end as late_share_at_least,
    late_share_of_all,
    case when is_enough then late_share_at_least > late_share_of_all end as is_often_late,
    attendance_median_seconds,
    n::integer as placed,
    distance_median_m,
    case when is_enough_placed then longer_seconds end as longer_than_all_seconds,
    -- greatest() takes a null for the least there is
    case when is_enough_placed and squares is not null then sqrt(greatest(squares, 0) / (n - 1) / n) end
        as longer_than_all_error_seconds,
    first_day,
    last_day
from shares
order by late_rank nulls last, station
