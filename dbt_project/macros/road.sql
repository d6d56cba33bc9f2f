{#- What the marts of the road have in common. -#}

{#- Mean of what is known, from a sum that is exact whatever the order of the rows. -#}
{% macro exact_mean(value) -%} (sum({{ exact(value) }}) / count({{ value }}))::double {%- endmacro %}

{#- Quartiles and median of a measure, one column each. -#}
{% macro quartiles(value, name) -%}
    quantile_cont({{ value }}, 0.25) as {{ name }}_first_quartile,
    quantile_cont({{ value }}, 0.5) as {{ name }}_median,
    quantile_cont({{ value }}, 0.75) as {{ name }}_third_quartile
{%- endmacro %}
