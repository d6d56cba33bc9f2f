{#- What is true of every table of attendance: parts are no more than their whole, shares are shares, medians lie below
    the ninetieth percentile, and nothing is told of too few. Null passes: unknown is not wrong. -#}
{% test attendance_is_in_order(model) %}
select * from {{ model }}
where first_pump_timed > calls or second_pump_timed > second_pump_calls or second_pump_calls > calls
  {%- for pump, target in pump_targets().items() %}
  or not {{ pump }}_pump_coverage between 0 and 1
  or not {{ pump }}_pump_within_{{ target }}_share between 0 and 1
  or {{ pump }}_pump_median_seconds > {{ pump }}_pump_p90_seconds
  {%- for statistic in ['mean_seconds', 'median_seconds', 'p90_seconds', 'within_' ~ target ~ '_share'] %}
  or ({{ pump }}_pump_{{ statistic }} is null) != ({{ pump }}_pump_timed < {{ var('min_timed') }})
  {%- endfor %}
  {%- endfor %}
{% endtest %}
