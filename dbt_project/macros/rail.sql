{#- What the marts of the rail have in common. Observed figures are made of passings of provenance `observed` alone. -#}

{#- From how many seconds on a traveller is late for the authority (Île-de-France Mobilités, contracts with SNCF and
    RATP): five minutes to the second, at the station where he gets off; with a cancelled train he is late. -#}
{% macro late_from_seconds() -%} 300 {%- endmacro %}

{#- The ETA Accuracy Benchmark (Transit, 2024): minutes until the train is there, the last excluded, and by how many
    seconds it may be earlier and later than was said, both included. -#}
{% macro eta_bands() -%}
    {{ return([(0, 3, 30, 90), (3, 6, 60, 150), (6, 10, 60, 210), (10, 15, 90, 270)]) }}
{%- endmacro %}

{#- A statistic where at least so many rows were observed, which are at least the set share of what there was. -#}
{% macro where_observed(statistic, number, coverage='coverage', least=none) -%}
    case when {{ number }} >= {{ least or var('min_timed') }} and {{ coverage }} >= {{ var('min_coverage') }}
        then {{ statistic }} end
{%- endmacro %}

{#- Mean time until the next train of one who comes at any moment: E[h²] / 2E[h], from sums of whole seconds. -#}
{% macro expected_wait(headway) -%}
    sum({{ headway }} * {{ headway }}) / nullif(2 * sum({{ headway }}), 0)
{%- endmacro %}

{#- First instant of the hour of an instant; the clock of Paris differs from UTC by whole hours. -#}
{% macro hour_start_at(at) -%} date_trunc('hour', {{ at }}) {%- endmacro %}

{#- The last service date of a table. Not its maximum: where a table is one file, DuckDB 1.5.5 fails on that of a column
    that stands in the path alone (duckdb#25629, mended in the next release). -#}
{% macro last_service_date(relation) -%}
    (select service_date from {{ relation }} order by service_date desc limit 1)
{%- endmacro %}
