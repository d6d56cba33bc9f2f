-- The bikes and free docks of a whole zone: at each instant the sum over the stations that have the statistic for the
-- hour. Between its observations a station holds its last known counts, before the first one those of the first, so
-- a station that falls silent does not look like bikes that leave. Every hour that was polled has its row.
with described as (
    select day, station_code, coalesce(zone, 'unknown') as zone
    from {{ source('bikes_interim', 'bikes__station_information') }}
    where {{ is_built_now() }}
),

zones as (
    select day, zone, count(*) as stations
    from described
    group by day, zone
),

polled as (
    select
        hourly.day,
        described.zone,
        hourly.station_code,
        epoch_us(hourly.hour_start_at) // {{ hour_us() }} as hour,
        {%- for measure in bike_measures() %}
        hourly.{{ measure }}_mean is not null as has_{{ measure }},
        {%- endfor %}
        hourly.coverage,
        hourly.empty_share,
        hourly.full_share
    from {{ ref('bikes__station_hourly') }} as hourly
    inner join described using (day, station_code)
    where {{ is_built_now('hourly.day') }}
),

station_hours as (
    select
        day,
        zone,
        hour,
        count(empty_share) as stations_observed,
        sum({{ exact('coverage') }}) as observed_hours,
        {%- for measure in bike_measures() %}
        sum({{ exact('coverage') }}) filter (has_{{ measure }}) as {{ measure }}_hours,
        {%- endfor %}
        {{ weighted_by_coverage('empty_share') }} as empty_share,
        {{ weighted_by_coverage('full_share') }} as full_share
    from polled
    group by day, zone, hour
),

-- What each station with statistics held from each of its observations on. An hour is of one day, so station and hour
-- name its states; bikes and free docks are known in every observed state, so only their split is looked for.
held as (
    select
        polled.day,
        polled.zone,
        polled.station_code,
        polled.hour,
        states.from_us,
        states.bikes,
        states.docks_free
        {%- for measure in ['mechanical', 'ebike'] %},
        case when has_{{ measure }} then coalesce(
            last_value(states.{{ measure }} ignore nulls) over so_far,
            first_value(states.{{ measure }} ignore nulls) over from_here
        ) else 0 end as {{ measure }}
        {%- endfor %}
    from {{ ref('bikes__station_hour_states') }} as states
    inner join polled using (day, station_code, hour)
    where states.is_observed and polled.empty_share is not null
    window
        so_far as (
            partition by polled.station_code, polled.hour order by states.from_us
            rows between unbounded preceding and current row
        ),
        from_here as (
            partition by polled.station_code, polled.hour order by states.from_us
            rows between current row and unbounded following
        )
),

steps as (
    select
        day,
        zone,
        hour,
        row_number() over in_order = 1 as is_first,
        from_us
        {%- for measure in bike_measures() %},
        {{ measure }} - lag({{ measure }}, 1, 0) over in_order as {{ measure }}
        {%- endfor %}
    from held
    window in_order as (partition by station_code, hour order by from_us)
),

changes as (
    select
        day,
        zone,
        hour,
        case when is_first then hour * {{ hour_us() }} else from_us end as at_us
        {%- for measure in bike_measures() %},
        sum({{ measure }})::integer as {{ measure }}
        {%- endfor %}
    from steps
    group by all
),

totals as (
    select
        day,
        zone,
        hour,
        lead(at_us, 1, (hour + 1) * {{ hour_us() }}) over in_order - at_us as in_force_us
        {%- for measure in bike_measures() %},
        (sum({{ measure }}) over in_order)::bigint as {{ measure }}
        {%- endfor %}
    from changes
    window in_order as (partition by zone, hour order by at_us rows between unbounded preceding and current row)
),

statistics as (
    select
        day,
        zone,
        hour
        {%- for measure in bike_measures() %},
        avg({{ measure }}) as {{ measure }}_mean,
        sum({{ measure }} * in_force_us) / {{ hour_us() }} as {{ measure }}_time_weighted_mean,
        min({{ measure }})::integer as {{ measure }}_min,
        max({{ measure }})::integer as {{ measure }}_max
        {%- endfor %}
    from totals
    group by day, zone, hour
),

shares as (
    select
        *,
        make_timestamptz(hour * {{ hour_us() }}) as hour_start_at,
        (observed_hours / stations)::double as coverage
        {%- for measure in bike_measures() %},
        ({{ measure }}_hours / stations)::double as {{ measure }}_coverage
        {%- endfor %}
    from station_hours
    left join statistics using (day, zone, hour)
    inner join zones using (day, zone)
)

select
    day,
    zone,
    hour_start_at,
    hour(timezone('Europe/Paris', hour_start_at))::integer as local_hour,
    {{- statistics_where_covered() }}
    case when bikes_coverage >= {{ var('min_coverage') }} then empty_share end as empty_share,
    case when bikes_coverage >= {{ var('min_coverage') }} then full_share end as full_share,
    coverage,
    stations::integer as stations,
    stations_observed::integer as stations_observed
from shares
order by day, zone, hour_start_at
