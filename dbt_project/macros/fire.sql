{#- What the marts of the fire have in common. A share or a median of a handful of vehicles says little: with ten, chance
    alone moves a median of attendance by 50 s and a share by 0.15. -#}

{#- Seconds within which each pump is to arrive: the brigade's targets, as in `transit_assets/fire/schema.py`. -#}
{% macro pump_targets() -%} {{ return({'first': 360, 'second': 480}) }} {%- endmacro %}

{#- A statistic where at least `min_timed` rows have the value that it is made of, else null. -#}
{% macro where_enough(statistic, value) -%}
    case when count({{ value }}) >= {{ var('min_timed') }} then {{ statistic }} end
{%- endmacro %}

{#- Median of whole numbers, and their mean, which is exact whatever the order of the rows. -#}
{% macro median_where_enough(value) -%}
    {{ where_enough('quantile_cont(' ~ value ~ ', 0.5)', value) }}
{%- endmacro %}

{% macro mean_where_enough(value) -%} {{ where_enough('avg(' ~ value ~ ')', value) }} {%- endmacro %}

{#- Calls of a group, and how long their first and second pumps took. -#}
{% macro attendance() -%}
    count(*)::integer as calls,
    {%- for pump, target in pump_targets().items() %}
    {%- set seconds = pump ~ '_pump_attendance_seconds' %}
    {%- if pump == 'second' %}
    count(*) filter (has_second_pump)::integer as second_pump_calls,
    {%- endif %}
    count({{ seconds }})::integer as {{ pump }}_pump_timed,
    count({{ seconds }}) / nullif({{ 'count(*)' if pump == 'first' else 'count(*) filter (has_second_pump)' }}, 0)
        as {{ pump }}_pump_coverage,
    {{ mean_where_enough(seconds) }} as {{ pump }}_pump_mean_seconds,
    {{ median_where_enough(seconds) }} as {{ pump }}_pump_median_seconds,
    {{ where_enough('quantile_cont(' ~ seconds ~ ', 0.9)', seconds) }} as {{ pump }}_pump_p90_seconds,
    {{ where_enough('avg((' ~ seconds ~ ' <= ' ~ target ~ ')::integer)', seconds) }}
        as {{ pump }}_pump_within_{{ target }}_share {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Lower end of the 95 % interval of a share of so many (Wilson's): high only where many say so. -#}
{% macro share_at_least(share, number) -%}
    {%- set z = 1.959964 -%}
    ({{ share }} + {{ z ** 2 / 2 }} / {{ number }}
        - {{ z }} * sqrt({{ share }} * (1 - {{ share }}) / {{ number }} + {{ z ** 2 / 4 }} / {{ number }} ** 2))
        / (1 + {{ z ** 2 }} / {{ number }})
{%- endmacro %}

{#- Of a row of the sums `n`, `sx`, `sy`, `sxx` and `sxy`, whole numbers all: the slope of the line through its points.
    Sums of whole numbers are exact, so the order of the rows cannot change it. -#}
{% macro slope_of_sums() -%}
    (n * sxy - sx * sy)::double / nullif(n * sxx - sx * sx, 0)::double
{%- endmacro %}
