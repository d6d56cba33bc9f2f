{#- What the marts of bikes have in common. A "state" is what a station held from one moment until another. -#}

{% macro bike_measures() -%} {{ return(['mechanical', 'ebike', 'docks_free']) }} {%- endmacro %}

{#- Statistics of one station over groups of its states; `in_force_us` is how long a state held within the group. -#}
{% macro sums_of_states(in_force_us) -%}
    count(*) filter (is_observed) as states,
    coalesce(sum({{ in_force_us }}) filter (is_observed), 0)::bigint as observed_us,
    coalesce(sum({{ in_force_us }}) filter (is_observed and bikes = 0), 0)::bigint as empty_us,
    coalesce(sum({{ in_force_us }}) filter (is_observed and docks_free = 0), 0)::bigint as full_us
    {%- for measure in bike_measures() %},
    avg({{ measure }}) filter (is_observed) as {{ measure }}_mean,
    sum({{ measure }} * ({{ in_force_us }})) filter (is_observed)
        / sum({{ in_force_us }}) filter (is_observed) as {{ measure }}_time_weighted_mean,
    min({{ measure }}) filter (is_observed) as {{ measure }}_min,
    max({{ measure }}) filter (is_observed) as {{ measure }}_max
    {%- endfor %}
{%- endmacro %}

{#- Columns of the statistics, null where less than the set share of the period was observed. -#}
{% macro statistics_if(condition) -%}
    {%- for measure in bike_measures() %}
    {%- for statistic in ['mean', 'time_weighted_mean', 'min', 'max'] %}
    case when {{ condition }} then {{ measure }}_{{ statistic }} end as {{ measure }}_{{ statistic }},
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{#- The usual week: one row for each hour of the week, over all hours that have statistics. Each hour weighs as much
    as the share of it that was observed. -#}
{% macro week_profile(hourly, entity) -%}
select
    {{ entity }},
    isodow(day)::integer as weekday,
    local_hour
    {%- for measure in bike_measures() %},
    (sum({{ exact(measure ~ '_mean * coverage') }}) / sum({{ exact('coverage') }}))::double as {{ measure }}_mean,
    (sum({{ exact(measure ~ '_time_weighted_mean * coverage') }}) / sum({{ exact('coverage') }}))::double
        as {{ measure }}_time_weighted_mean,
    min({{ measure }}_min) as {{ measure }}_min,
    max({{ measure }}_max) as {{ measure }}_max
    {%- endfor %},
    (sum({{ exact('empty_share * coverage') }}) / sum({{ exact('coverage') }}))::double as empty_share,
    (sum({{ exact('full_share * coverage') }}) / sum({{ exact('coverage') }}))::double as full_share,
    (sum({{ exact('coverage') }}) / count(*))::double as coverage,
    count(*)::integer as hours,
    min(day) as first_day,
    max(day) as last_day
from {{ hourly }}
where empty_share is not null
group by all
order by {{ entity }}, weekday, local_hour
{%- endmacro %}
