with sums as (
    select
        day,
        zone,
        max(stations) as stations,
        max(stations_observed) as stations_observed,
        sum({{ exact('coverage') }}) as covered_hours,
        {{ weighted_by_coverage('empty_share') }} as empty_share,
        {{ weighted_by_coverage('full_share') }} as full_share
        {%- for measure in bike_measures() %},
        sum({{ exact('coverage') }}) filter ({{ measure }}_mean is not null) as {{ measure }}_hours,
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
    {%- set hours = '(' ~ day_length_us('day') ~ ' // ' ~ hour_us() ~ ')' %}
    select
        *,
        least((covered_hours / {{ hours }})::double, 1) as coverage
        {%- for measure in bike_measures() %},
        ({{ measure }}_hours / {{ hours }})::double as {{ measure }}_coverage
        {%- endfor %}
    from sums
)

select
    day,
    zone,
    {{- statistics_where_covered() }}
    case when bikes_coverage >= {{ var('min_coverage') }} then empty_share end as empty_share,
    case when bikes_coverage >= {{ var('min_coverage') }} then full_share end as full_share,
    coverage,
    stations,
    stations_observed
from shares
order by day, zone
