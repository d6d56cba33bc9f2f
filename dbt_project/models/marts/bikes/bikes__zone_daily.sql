with sums as (
    select
        day,
        zone,
        max(stations) as stations,
        max(stations_observed) as stations_observed,
        sum({{ exact('coverage') }}) as covered_hours,
        sum({{ exact('empty_share * coverage') }}) / sum({{ exact('coverage') }}) filter (empty_share is not null)
            as empty_share,
        sum({{ exact('full_share * coverage') }}) / sum({{ exact('coverage') }}) filter (full_share is not null)
            as full_share
        {%- for measure in bike_measures() %},
        sum({{ exact(measure ~ '_mean') }}) / count({{ measure }}_mean) as {{ measure }}_mean,
        sum({{ exact(measure ~ '_time_weighted_mean') }}) / count({{ measure }}_time_weighted_mean)
            as {{ measure }}_time_weighted_mean,
        min({{ measure }}_min) as {{ measure }}_min,
        max({{ measure }}_max) as {{ measure }}_max
        {%- endfor %}
    from {{ ref('bikes__zone_hourly') }}
    where {{ is_built_now() }}
    group by day, zone
),

shares as (
    select *, least((covered_hours / ({{ day_length_us('day') }} // {{ hour_us() }}))::double, 1) as coverage
    from sums
)

select
    day,
    zone,
    {{- statistics_if('coverage >= ' ~ var('min_coverage')) }}
    case when coverage >= {{ var('min_coverage') }} then empty_share::double end as empty_share,
    case when coverage >= {{ var('min_coverage') }} then full_share::double end as full_share,
    coverage,
    stations,
    stations_observed
from shares
order by day, zone
