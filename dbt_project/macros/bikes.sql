{#- What the marts of bikes have in common. A "state" is what a station held from one moment until another. -#}

{% macro bike_measures() -%} {{ return(['bikes', 'mechanical', 'ebike', 'docks_free']) }} {%- endmacro %}

{#- Statistics of one station over groups of its states, over the time in which they are observed. Bikes and free docks
    are known in every observed state, their split into mechanical and e-bikes is not. -#}
{% macro sums_of_states() -%}
    {%- set observed_us = 'observed_until_us - from_us' -%}
    count(*) filter (is_observed) as states,
    coalesce(sum({{ observed_us }}), 0)::bigint as observed_us,
    coalesce(sum({{ observed_us }}) filter (bikes = 0), 0)::bigint as empty_us,
    coalesce(sum({{ observed_us }}) filter (docks_free = 0), 0)::bigint as full_us
    {%- for measure in bike_measures() %},
    coalesce(sum({{ observed_us }}) filter ({{ measure }} is not null), 0)::bigint as {{ measure }}_us,
    avg({{ measure }}) filter (is_observed) as {{ measure }}_mean,
    sum({{ measure }} * ({{ observed_us }})) filter (is_observed)
        / sum({{ observed_us }}) filter (is_observed and {{ measure }} is not null) as {{ measure }}_time_weighted_mean,
    min({{ measure }}) filter (is_observed) as {{ measure }}_min,
    max({{ measure }}) filter (is_observed) as {{ measure }}_max
    {%- endfor %}
{%- endmacro %}

{#- Shares of the period of which the station was observed, and each measure known. -#}
{% macro coverage_of(length_us) -%}
    observed_us / {{ length_us }} as coverage
    {%- for measure in bike_measures() %},
    {{ measure }}_us / {{ length_us }} as {{ measure }}_coverage
    {%- endfor %}
{%- endmacro %}

{#- Columns of the statistics, each null where its measure is known for less than the set share of the period. -#}
{% macro statistics_where_covered() -%}
    {%- for measure in bike_measures() %}
    {%- for statistic in ['mean', 'time_weighted_mean', 'min', 'max'] %}
    case when {{ measure }}_coverage >= {{ var('min_coverage') }} then {{ measure }}_{{ statistic }} end
        as {{ measure }}_{{ statistic }},
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{#- Mean of a statistic over the hours or days that have it, each weighing as much as the share of it observed. -#}
{% macro weighted_by_coverage(statistic) -%}
    (sum({{ exact(statistic ~ ' * coverage') }})
        / sum({{ exact('coverage') }}) filter ({{ statistic }} is not null))::double
{%- endmacro %}

{#- The usual week: one row for each hour of the week of which something was polled. Statistics are over the hours that
    have them, each weighing as much as the share of it that was observed. -#}
{% macro week_profile(hourly, entity) -%}
select
    {{ entity }},
    isodow(day)::integer as weekday,
    local_hour
    {%- for measure in bike_measures() %},
    {{ weighted_by_coverage(measure ~ '_mean') }} as {{ measure }}_mean,
    {{ weighted_by_coverage(measure ~ '_time_weighted_mean') }} as {{ measure }}_time_weighted_mean,
    min({{ measure }}_min) as {{ measure }}_min,
    max({{ measure }}_max) as {{ measure }}_max
    {%- endfor %},
    {{ weighted_by_coverage('empty_share') }} as empty_share,
    {{ weighted_by_coverage('full_share') }} as full_share,
    (sum({{ exact('coverage') }}) / count(*))::double as coverage,
    count(*)::integer as hours,
    count(empty_share)::integer as hours_observed,
    min(day) as first_day,
    max(day) as last_day
from {{ hourly }}
group by all
order by {{ entity }}, weekday, local_hour
{%- endmacro %}
