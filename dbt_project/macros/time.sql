{#- Instants and lengths as whole microseconds: sums of integers are exact, so the order of rows cannot change them. -#}

{% macro hour_us() -%} 3600000000 {%- endmacro %}

{#- Minutes as microseconds; 36 of them are too many for an INT32. -#}
{% macro minutes_us(minutes) -%} {{ minutes }}::bigint * 60000000 {%- endmacro %}

{#- First instant of a Paris day; a day has 23, 24 or 25 hours. -#}
{% macro day_start_at(day) -%} timezone('Europe/Paris', ({{ day }})::timestamp) {%- endmacro %}

{% macro day_start_us(day) -%} epoch_us({{ day_start_at(day) }}) {%- endmacro %}

{% macro day_length_us(day) -%} ({{ day_start_us(day ~ ' + 1') }} - {{ day_start_us(day) }}) {%- endmacro %}

{#- Day of a city, and hour on the clock there, in which an instant lies. -#}
{% macro local_day(at, zone) -%} timezone('{{ zone }}', {{ at }})::date {%- endmacro %}

{% macro local_hour(at, zone) -%} hour(timezone('{{ zone }}', {{ at }}))::integer {%- endmacro %}

{% macro paris_day(at) -%} {{ local_day(at, 'Europe/Paris') }} {%- endmacro %}

{% macro paris_hour(at) -%} {{ local_hour(at, 'Europe/Paris') }} {%- endmacro %}

{% macro london_day(at) -%} {{ local_day(at, 'Europe/London') }} {%- endmacro %}

{% macro london_hour(at) -%} {{ local_hour(at, 'Europe/London') }} {%- endmacro %}

{#- Hours of a Paris day: 23, 24 or 25. -#}
{% macro day_hours(day) -%} ({{ day_length_us(day) }} // {{ hour_us() }})::integer {%- endmacro %}

{#- A fraction that is summed: with nine decimals the sum is exact, whatever the order of the rows. -#}
{% macro exact(value) -%} ({{ value }})::decimal(18, 9) {%- endmacro %}
