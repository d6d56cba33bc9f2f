-- The bikes and free docks of a whole zone: at each instant the sum over the stations that have statistics for the
-- hour. Between its observations a station holds its last known counts, before the first one those of the first, so
-- a station that falls silent does not look like bikes that leave.
with described as (
    select day, station_code, zone
    from {{ source('bikes_interim', 'bikes__station_information') }}
    where {{ is_built_now() }} and zone is not null
),

zones as (
    select day, zone, count(*) as stations
    from described
    group by day, zone
),

counted as (
    select
        hourly.day,
        described.zone,
        hourly.station_code,
        epoch_us(hourly.hour_start_at) // {{ hour_us() }} as hour,
        hourly.coverage,
        hourly.empty_share,
        hourly.full_share
    from {{ ref('bikes__station_hourly') }} as hourly
    inner join described using (day, station_code)
    where {{ is_built_now('hourly.day') }} and hourly.empty_share is not null
),

station_hours as (
    select
        day,
        zone,
        hour,
        count(*) as stations_observed,
        sum({{ exact('coverage') }}) as observed_hours,
        sum({{ exact('empty_share * coverage') }}) as empty_hours,
        sum({{ exact('full_share * coverage') }}) as full_hours
    from counted
    group by day, zone, hour
),

steps as (
    select
        counted.day,
        counted.zone,
        counted.hour,
        row_number() over in_order = 1 as is_first,
        states.from_us
        {%- for measure in bike_measures() %},
        states.{{ measure }} - coalesce(lag(states.{{ measure }}) over in_order, 0) as {{ measure }}
        {%- endfor %}
    from {{ ref('bikes__station_hour_states') }} as states
    inner join counted using (day, station_code, hour)
    where states.is_observed
    window in_order as (partition by counted.day, counted.station_code, counted.hour order by states.from_us)
),

changes as (
    select
        day,
        zone,
        hour,
        case when is_first then hour * {{ hour_us() }} else from_us end as at_us
        {%- for measure in bike_measures() %},
        sum({{ measure }}) as {{ measure }}
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
    window in_order as (partition by day, zone, hour order by at_us)
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
    from station_hours
    inner join statistics using (day, zone, hour)
    inner join zones using (day, zone)
)

select
    day,
    zone,
    hour_start_at,
    hour(timezone('Europe/Paris', hour_start_at))::integer as local_hour,
    {{- statistics_if('coverage >= ' ~ var('min_coverage')) }}
    case when coverage >= {{ var('min_coverage') }} then (empty_hours / observed_hours)::double end as empty_share,
    case when coverage >= {{ var('min_coverage') }} then (full_hours / observed_hours)::double end as full_share,
    coverage,
    stations::integer as stations,
    stations_observed::integer as stations_observed
from shares
order by day, zone, hour_start_at
